"""Documents brought into prompts, on the scripted engine: sizes are words."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from llmlab.domain.document import Document, digest_of
from llmlab.domain.model import ModelSpec, Rope
from llmlab.domain.prompting import ChatMessage
from llmlab.domain.reading import ReadingUse, WishedWay
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.engine.scripted import Script
from llmlab.errors import EngineError, ModelError, UsageError
from llmlab.library.rendering import render_template
from llmlab.services.ask import ask
from llmlab.services.compare import Comparing
from llmlab.services.host import EngineHost
from llmlab.services.preview import Prepared, Preparing, Preview, require_room
from llmlab.services.reading import Reader, ref_of
from llmlab.services.ready import Ready
from llmlab.services.side_hosts import SideHosts
from tests.services.fixtures import Engines, model

FILLER = "The weather is mild in spring. Many people visit the old market. The roads are wide and quiet. "
NEEDLE = "The capital of Karal is Moresk. "


def document(name: str, text: str) -> Document:
    return Document(name=name, path=f"/{name}", kind="text", text=text, digest=digest_of(text))


def filled(words: int, needle: str = NEEDLE, depth: float = 0.5) -> str:
    """A text of about so many words with `needle` in it."""
    times = words // len(FILLER.split())
    before = int(times * depth)
    return FILLER * before + needle + FILLER * (times - before)


@dataclass(frozen=True)
class Desk:
    """A reader over documents in memory, and engines whose models hold 1,000 words."""

    engines: Engines
    reader: Reader
    preparing: Preparing
    documents: tuple[Document, ...]

    @property
    def host(self) -> EngineHost:
        return self.engines.host

    def recipe(
        self, way: WishedWay = "auto", *, spec: ModelSpec | None = None, k: int | None = None, max_tokens: int = 50
    ) -> Recipe:
        reading = ReadingUse(documents=tuple(ref_of(each) for each in self.documents), way=way, k=k)
        return Recipe(model=spec or model(), reading=reading, sampling=Sampling(max_tokens=max_tokens))

    async def prepared(
        self, recipe: Recipe, question: str = "What is the capital of Karal?", history: Sequence[ChatMessage] = ()
    ) -> Prepared:
        return await self.preparing.prepare_for(await self.ready(recipe, question, history), history, question)

    async def ready(self, recipe: Recipe, question: str, history: Sequence[ChatMessage] = ()) -> Ready:
        return await self.preparing.ready(self.host, recipe, history, question)


def desk(
    *texts: str, most: int = 100_000, script: Script | None = None, patience: float | None = None, digest: str = ""
) -> Desk:
    documents = tuple(document(f"{place}.txt", text) for place, text in enumerate(texts))
    kept = {each.digest: each for each in documents}

    def get(digest: str) -> Document:
        if digest not in kept:
            raise UsageError("gone")
        return kept[digest]

    def largest(_spec: ModelSpec, wanted: int) -> int:
        return min(wanted, most)

    reader = Reader(lambda path: kept[path.name], get, largest, patience=patience, digest=lambda _: digest)
    engines = Engines(script or Script(n_ctx=1000))
    return Desk(engines, reader, Preparing(render_template, reader), documents)


async def test_a_document_that_fits_is_read_whole_and_counted_in_the_prompt() -> None:
    lab = desk(filled(300))
    prepared = await lab.prepared(lab.recipe())
    held = prepared.material
    assert held is not None
    assert (held.way, held.reason) == ("whole", "it fits the window")
    assert held.coverage[0].share == 1.0
    spans = [span for span in prepared.spans if span.origin == "document"]
    assert [span.index for span in spans] == [part.number for part in held.excerpts]
    assert held.tokens == sum(span.tokens for span in spans) > 300
    assert NEEDLE.strip() in prepared.prompt.text
    assert prepared.sent == ""
    require_room(prepared)


async def test_one_that_does_not_fit_gives_the_passages_the_question_is_about() -> None:
    lab = desk(filled(5000))
    prepared = await lab.prepared(lab.recipe())
    held = prepared.material
    assert held is not None
    assert held.way == "passages"
    assert "1,000" in held.reason
    assert any(NEEDLE.strip() in part.text for part in held.excerpts)
    assert [part.number for part in held.excerpts] == sorted(part.number for part in held.excerpts)
    assert 0.0 < held.coverage[0].share < 0.5
    assert not held.warnings
    require_room(prepared)
    assert all(f"[{part.number}] {part.text}" in prepared.prompt.text for part in held.excerpts)


async def test_passages_are_held_to_their_number_and_follow_what_was_asked_before() -> None:
    lab = desk(filled(3000) + "Its mayor is called Tessa. " + FILLER * 40)
    one = await lab.prepared(lab.recipe("passages", k=1))
    assert one.material is not None
    assert len(one.material.excerpts) == 1
    talk = (ChatMessage("user", "Who is mayor Tessa?"), ChatMessage("assistant", "I do not know."))
    later = await lab.prepared(lab.recipe("passages"), "And what of it?", talk)
    assert later.material is not None
    assert any("Tessa" in part.text for part in later.material.excerpts)


async def test_nothing_like_the_question_gives_the_beginning_and_says_so() -> None:
    lab = desk(filled(5000))
    prepared = await lab.prepared(lab.recipe("passages"), "xyzzy?")
    assert prepared.material is not None
    assert prepared.material.excerpts[0].number == 1
    assert "their beginning" in prepared.material.warnings[0]


async def test_one_of_many_documents_is_found_in_a_small_window() -> None:
    lab = desk(*(f"Note {number}. {FILLER}" for number in range(150)), NEEDLE, FILLER + "The end.")
    prepared = await lab.prepared(lab.recipe())
    assert prepared.material is not None
    assert any(part.document == 150 for part in prepared.material.excerpts)
    require_room(prepared)


async def test_numbers_go_on_from_document_to_document() -> None:
    lab = desk(filled(400, ""), filled(200))
    prepared = await lab.prepared(lab.recipe("whole", spec=replace(model(), n_ctx=900)))
    held = prepared.material
    assert held is not None
    numbers = [part.number for part in held.excerpts]
    assert numbers == list(range(1, len(numbers) + 1))
    assert {part.document for part in held.excerpts} == {0, 1}
    assert [span.index for span in prepared.spans if span.origin == "document"] == numbers


async def test_a_question_about_the_whole_stretches_the_window_and_a_place_goes_back() -> None:
    lab = desk(filled(2500))
    recipe = lab.recipe()
    prepared = await lab.prepared(recipe, "Summarise the story.")
    assert prepared.material is not None
    assert prepared.material.way == "stretched"
    assert "times the 1,000 tokens" in prepared.material.warnings[0]
    spec = prepared.recipe.model
    assert (spec.name, spec.rope.scaling, spec.rope.original_context) == ("tiny", "yarn", 1000)
    assert spec.n_ctx is not None
    assert prepared.budget.window == spec.n_ctx >= 2500
    require_room(prepared)
    made = len(lab.engines.made)
    again = await lab.prepared(recipe, "Give me an overview of it.")
    assert again.recipe.model == spec
    assert len(lab.engines.made) == made, "the window that was made is used again"
    assert (await lab.prepared(recipe)).recipe.model == recipe.model


async def test_a_longer_window_within_the_trained_one_is_made() -> None:
    lab = desk(filled(500))
    small = replace(model(), n_ctx=400)
    asked = await lab.prepared(lab.recipe("whole", spec=small))
    assert asked.recipe.model == replace(small, n_ctx=1000)
    assert asked.material is not None
    assert "which the model was trained for" in asked.material.reason
    auto = await lab.prepared(lab.recipe("auto", spec=small))
    assert auto.material is not None
    assert (auto.material.way, auto.recipe.model) == ("passages", small), "the table's window is the user's word"


async def test_without_memory_for_a_longer_window_passages_are_read() -> None:
    lab = desk(filled(2500), most=1000)
    prepared = await lab.prepared(lab.recipe(), "Summarise the story.")
    assert prepared.material is not None
    assert prepared.material.way == "passages"
    assert "cannot answer" in prepared.material.warnings[0]
    whole = await lab.prepared(lab.recipe("whole"))
    with pytest.raises(UsageError, match="nothing was sent") as caught:
        require_room(whole)
    assert "as passages" in caught.value.hint
    assert "stretched" in caught.value.hint


async def test_a_window_that_cannot_be_made_after_all_leaves_passages() -> None:
    lab = desk(filled(2500))
    good = Script(n_ctx=1000)
    engines = Engines(good, Script(n_ctx=1000, load_error=ModelError("no memory")), good)
    prepared = await replace(lab, engines=engines).prepared(lab.recipe(), "Summarise the story.")
    assert prepared.material is not None
    assert prepared.material.way == "passages"
    assert engines.host.state.phase == "ready"
    failing = Engines(good, Script(n_ctx=1000, load_error=ModelError("no memory")), good)
    with pytest.raises(ModelError, match="no memory"):
        await replace(lab, engines=failing).prepared(lab.recipe("stretched"))


async def test_a_window_without_room_says_so() -> None:
    lab = desk(filled(5000))
    with pytest.raises(UsageError, match="single passage"):
        await lab.prepared(lab.recipe("passages", max_tokens=990))


async def test_hand_made_positions_are_left_alone() -> None:
    spec = replace(model(), n_ctx=900, rope=Rope(scaling="linear", factor=2.0))
    lab = desk(filled(2500))
    prepared = await lab.prepared(lab.recipe("stretched", spec=spec))
    assert prepared.recipe.model == spec
    assert prepared.material is not None
    assert prepared.material.way == "whole"


async def test_a_document_that_is_gone_is_told() -> None:
    lab = desk(filled(100))
    recipe = replace(lab.recipe(), reading=ReadingUse(documents=(replace(ref_of(lab.documents[0]), digest="0" * 64),)))
    with pytest.raises(UsageError, match="gone"):
        await lab.prepared(recipe)


async def test_the_preview_never_loads_and_shows_the_window_that_would_be_made() -> None:
    lab = desk(filled(2500))
    preview = Preview(lab.host, lab.preparing)
    recipe = lab.recipe()
    assert await preview.prepared((), "Summarise it.", recipe) is None
    await lab.host.use(recipe.model)
    shown = await preview.prepared((), "Summarise it.", recipe)
    assert shown is not None
    assert shown.material is not None
    assert (shown.material.way, shown.budget.over, len(lab.engines.made)) == ("stretched", 0, 1)
    await lab.prepared(recipe, "Summarise it.")
    again = await preview.prepared((), "Summarise it.", recipe)
    assert again is not None
    assert again.budget == shown.budget


async def test_an_answer_tells_what_was_read() -> None:
    lab = desk(filled(5000))
    recipe = lab.recipe()
    answers = ask(lab.host, lab.preparing, recipe, "What is the capital of Karal?", asyncio.Event())
    last = [said async for said in answers][-1]
    assert last.message.origin is not None
    told = last.message.origin.reading
    assert told is not None
    assert (told.way, told.documents) == ("passages", recipe.reading.documents if recipe.reading else ())
    text = lab.documents[0].text
    assert any(NEEDLE.strip() in text[held.start : held.end] for held in told.held)


async def test_a_digest_stands_for_the_text_where_there_is_one() -> None:
    lab = desk(filled(2500), digest="It is about the weather.")
    about = await lab.prepared(lab.recipe(), "Summarise the story.")
    assert about.material is not None
    assert (about.material.way, about.material.coverage[0].share) == ("digest", 0.0)
    assert '<document name="0.txt">\nIt is about the weather.\n</document>' in about.prompt.text
    place = await lab.prepared(lab.recipe())
    assert place.material is not None
    assert place.material.way == "passages"
    asked = await lab.prepared(lab.recipe("digest"))
    assert "about the weather" in asked.prompt.text
    without = desk(filled(2500))
    with pytest.raises(UsageError, match=r"no digest of 0\.txt"):
        await without.prepared(without.recipe("digest"))


async def test_arms_that_read_the_same_text_in_different_ways_are_compared() -> None:
    lab = desk(filled(2500))
    recipes = [
        lab.recipe("passages"),
        lab.recipe("stretched"),
        replace(lab.recipe(), reading=None),
        lab.recipe("whole"),
    ]
    comparing = Comparing(SideHosts(lab.host, lambda: lab.host, lambda _spec: False), lab.preparing)
    question = "What is the capital of Karal?"
    arms = [arms async for arms in comparing.run(recipes, (), question, asyncio.Event())][-1]
    assert [arm.state for arm in arms] == ["done", "done", "done", "failed"]
    assert isinstance(arms[3].problem, UsageError)
    windows = [arm.recipe.model.n_ctx for arm in arms]
    assert windows[0] is windows[2] is None
    assert (windows[1] or 0) > 2500
    prompts = [prompt for engine in lab.engines.made for prompt in engine.prompts]
    assert any(NEEDLE.strip() in prompt[-1].text for prompt in prompts)


# In the background --------------------------------------------------------------------------------------------------


async def test_asking_does_not_wait_for_all_to_be_searched() -> None:
    lab = desk(filled(30_000, depth=0.0), patience=0.0)
    prepared = await lab.prepared(lab.recipe("passages"))
    assert prepared.material is not None
    assert lab.reader.readiness(ref_of(lab.documents[0]), model(), 1000).indexed < 1.0
    assert "could be searched by now" in prepared.material.warnings[0]


async def test_asking_about_several_waits_for_none_of_them() -> None:
    lab = desk(filled(30_000, depth=0.0), filled(30_000, "Its mayor is called Tessa. "), patience=0.0)
    prepared = await lab.prepared(lab.recipe("passages"))
    assert prepared.material is not None
    assert lab.reader.readiness(ref_of(lab.documents[0]), model(), 1000).indexed < 1.0
    assert "could be searched by now" in prepared.material.warnings[0]
    assert prepared.material.warnings[1] == f"Not searched yet: {lab.documents[1].name}."
    assert {part.document for part in prepared.material.excerpts} == {0}
    await lab.reader.close()


async def test_counting_goes_on_behind_and_survives_the_engine() -> None:
    lab = desk(filled(3000))
    ref = ref_of(lab.documents[0])
    assert lab.reader.readiness(ref, model(), 1000).indexed == 0.0
    engine, _ = await lab.host.engine_for(model())
    await lab.reader.prepare((ref,), engine, model(), 1000)
    await asyncio.wait(lab.reader._tasks)
    ready = lab.reader.readiness(ref, model(), 1000)
    assert ready.indexed == 1.0
    assert ready.counted.complete
    words = len(lab.documents[0].text.split())
    assert words < ready.counted.tokens < 1.1 * words
    other = model("other")
    lab.engines.made[0].die()
    await lab.reader.prepare((ref,), engine, other, 1000)
    await asyncio.wait(lab.reader._tasks)
    assert not lab.reader.readiness(ref, other, 1000).counted.complete
    await lab.reader.close()


async def test_counting_ends_once_it_is_known_that_nothing_will_do() -> None:
    lab = desk(filled(30_000))
    await lab.prepared(lab.recipe())
    known = lab.reader.readiness(ref_of(lab.documents[0]), model(), 1000).counted
    assert 1000 < known.tokens < 10_000
    lab.engines.made[0].die()
    with pytest.raises(EngineError):
        await lab.reader._open[lab.documents[0].digest, 400].count(lab.engines.made[0], model().path)
