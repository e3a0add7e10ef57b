"""Prompts made from recipes, on the real engine: nothing is lost, nothing is forged, nothing is cut in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.modes import ReasoningMode, ReasoningUse
from llmlab.domain.prompting import ChatMessage
from llmlab.domain.reading import DocumentRef, Excerpt, Material, ReadingUse, Way
from llmlab.domain.recipe import OverflowPolicy, Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.shots import Shot, ShotSet, ShotStyle, ShotUse
from llmlab.domain.template import PromptTemplate, TemplateUse, Variable
from llmlab.engine.child import ChildEngine
from llmlab.errors import UsageError
from llmlab.library.rendering import render_template
from llmlab.pocket import pocket_path
from llmlab.services.preview import Prepared, Preparing, require_room

T = TypeVar("T")
PREPARING = Preparing(render_template)
CONTROL = {1: "<|im_start|>", 2: "<|im_end|>", 3: "<think>", 4: "</think>"}
"""Of pocket-m; the fixture checks that they are."""


@dataclass(frozen=True)
class Bench:
    """The engine with pocket-m, on a loop of its own."""

    loop: asyncio.AbstractEventLoop
    engine: ChildEngine
    card: ModelCard
    spec: ModelSpec

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def prepare(
        self,
        recipe: Recipe,
        history: tuple[ChatMessage, ...] = (),
        question: str = "Hello",
        material: Material | None = None,
    ) -> Prepared:
        return self.run(PREPARING.prepare(self.engine, self.card, recipe, history, question, material=material))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    loop = asyncio.new_event_loop()
    folder: Path = tmp_path_factory.mktemp("engine")
    engine = ChildEngine(log=folder / "engine.log")
    spec = ModelSpec(name="pocket-m", path=str(pocket_path("pocket-m")), n_threads=1)
    try:
        yield Bench(loop, engine, loop.run_until_complete(engine.load(spec, lambda _share: None)), spec)
    finally:
        loop.run_until_complete(engine.close())
        loop.close()


def test_the_control_tokens_are_those_that_the_tests_know(bench: Bench) -> None:
    prompt = bench.prepare(Recipe(model=bench.spec, thinking=False)).prompt
    assert [token for token in prompt.tokens if token in CONTROL] == [1, 2, 1, 3, 4]


FORGED = ["<|im_end|>", "<|im_start|>system\n", "<think>", "</think>", "<|im_", "end|>", "{{ 7 * 7 }}", "{% raw %}"]
TEXT = st.lists(
    st.one_of(
        st.text(max_size=12), st.sampled_from([*FORGED, "你好，世界。", " ", "\n\n", "A word. ", "🙂", "12 + 30"])
    ),
    max_size=6,
).map("".join)
SOURCES = (
    "{{ text }}",
    "Say: {{ text }}\n",
    "{{ text | trim }} {{ more }}",
    "{{ more | upper }}{{ text }}",
    "<|im_end|>{{ text }}",
)


@st.composite
def recipes(draw: st.DrawFn, spec: ModelSpec) -> Recipe:
    """Anything that panes can make."""
    template = mode = shots = None
    if draw(st.booleans()):
        variables = (Variable(name="text", optional=True), Variable(name="more", optional=True))
        system, user = draw(st.sampled_from(["", *SOURCES])), draw(st.sampled_from(SOURCES))
        made = PromptTemplate(
            name="t", language="en", title="T", variables=variables, main="text", system=system, user=user
        )
        template = TemplateUse(made, {"more": draw(TEXT)})
    if draw(st.booleans()):
        rows = draw(st.lists(st.builds(Shot, TEXT, TEXT, TEXT, st.booleans()), max_size=4))
        style: ShotStyle = draw(st.sampled_from(["turns", "inline"]))
        shots = ShotUse(
            ShotSet(name="s", language="en", title="S", rows=tuple(rows)),
            k=draw(st.integers(0, 4)),
            choice=draw(st.sampled_from(["first", "random", "nearest"])),
            seed=draw(st.integers(0, 9)),
            style=style,
            labels=draw(st.sampled_from(["gold", "shuffled", "random", "flipped"])),
            order=draw(st.sampled_from(["chosen", "reversed", "shuffled"])),
        )
    if draw(st.booleans()):
        made_mode = ReasoningMode(
            name="m",
            language="en",
            title="M",
            system=draw(TEXT),
            question=draw(TEXT),
            answer=draw(TEXT),
            shot_reasoning=draw(st.booleans()),
            thinking=draw(st.sampled_from([None, True, False])),
        )
        mode = ReasoningUse(made_mode)
    return Recipe(
        model=spec,
        system=draw(st.one_of(st.none(), TEXT)),
        thinking=draw(st.sampled_from([None, True, False])),
        keep_thinking=draw(st.booleans()),
        template=template,
        shots=shots,
        reasoning=mode,
    )


@st.composite
def materials(draw: st.DrawFn) -> Material | None:
    """What was chosen of up to two documents, if there are any."""
    names = draw(st.lists(TEXT.map(lambda text: text or "a.txt"), max_size=2))
    if not names:
        return None
    texts = draw(st.lists(st.tuples(st.integers(0, len(names) - 1), TEXT), max_size=4))
    excerpts = tuple(
        Excerpt(document=document, number=number, start=0, end=len(text), text=text)
        for number, (document, text) in enumerate(sorted(texts, key=lambda item: item[0]), 1)
    )
    refs = tuple(DocumentRef(name=name, path="", digest=str(at), characters=99) for at, name in enumerate(names))
    way: Way = draw(st.sampled_from(["whole", "passages", "digest"]))
    return Material(use=ReadingUse(documents=refs), way=way, reason="because", excerpts=excerpts)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_spans_cover_every_prompt_and_no_control_token_comes_from_content(bench: Bench, data: st.DataObject) -> None:
    recipe = data.draw(recipes(bench.spec))
    turns = data.draw(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=2))
    history = tuple(
        message
        for question, answer, thinking in turns
        for message in (ChatMessage("user", question), ChatMessage("assistant", answer, thinking))
    )
    prepared = bench.prepare(recipe, history, data.draw(TEXT), data.draw(materials()))
    prompt, spans = prepared.prompt, prepared.spans
    assert [span.start for span in spans] == [0, *(span.end for span in spans[:-1])]
    assert spans[-1].end == len(prompt.text)
    assert sum(span.tokens for span in spans) == prepared.budget.used == len(prompt.tokens)
    for span in spans:
        begun = sum(span.start <= offset < span.end for offset in prompt.offsets)
        assert begun == span.tokens
    written = list(prepared.tokens())
    assert [token.id for token in written] == list(prompt.tokens)
    for token in written:
        if token.id in CONTROL:
            assert (token.span.origin, token.text) == ("scaffold", CONTROL[token.id])
    assert prompt.tokens.count(1) == len(prepared.assembled.messages) + 1


def test_a_prompt_that_does_not_fit_is_never_cut_by_itself(bench: Bench) -> None:
    recipe = Recipe(model=bench.spec, sampling=Sampling(max_tokens=64))
    prepared = bench.prepare(recipe, question="word " * 2000)
    assert prepared.budget.over > 0
    assert len(prepared.prompt.tokens) > bench.card.n_ctx
    with pytest.raises(UsageError, match="nothing was sent"):
        require_room(prepared)


@pytest.mark.parametrize("policy", ["drop_turns", "fewer_examples"])
def test_a_stated_policy_makes_it_fit_and_says_what_it_left_out(bench: Bench, policy: OverflowPolicy) -> None:
    long = "one two three " * 24
    history = tuple(ChatMessage("user" if turn % 2 == 0 else "assistant", f"{turn} {long}") for turn in range(8))
    rows = tuple(Shot(f"{number} {long}", "yes") for number in range(8))
    shots = ShotUse(ShotSet(name="s", language="en", title="S", rows=rows), k=8)
    recipe = Recipe(model=bench.spec, sampling=Sampling(max_tokens=64), overflow=policy)
    recipe = replace(recipe, shots=shots) if policy == "fewer_examples" else recipe
    prepared = bench.prepare(recipe, history if policy == "drop_turns" else ())
    assert prepared.budget.over == 0
    require_room(prepared)
    if policy == "drop_turns":
        assert prepared.left_out.turns in range(2, 8, 2)
        assert prepared.assembled.messages[0].text == history[prepared.left_out.turns].text, "a question comes first"
    else:
        assert 0 < prepared.left_out.examples < 8
        assert prepared.assembled.messages[0].text == rows[0].input, "the first examples stay"


def test_every_way_out_leads_out(bench: Bench) -> None:
    long = "one two three " * 24
    history = tuple(ChatMessage("user" if turn % 2 == 0 else "assistant", f"{turn} {long}") for turn in range(8))
    recipe = Recipe(model=bench.spec, sampling=Sampling(max_tokens=64))
    ways = {way.kind: way for way in bench.prepare(recipe, history).ways}
    assert bench.prepare(recipe, history[ways["drop_turns"].amount :]).budget.over == 0
