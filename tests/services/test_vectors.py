"""Passages and examples found by vectors: in the background, from disk, and by words alone where that fails."""

from __future__ import annotations

import asyncio
import math
import threading
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from llmlab.domain.embedding import Embeddings
from llmlab.domain.model import ModelSpec
from llmlab.domain.reading import Material
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.engine.scripted import Hold, Script, ScriptedEngine
from llmlab.errors import EngineError, ModelError
from llmlab.library.rendering import render_template
from llmlab.services import vectors as service
from llmlab.services.host import EngineHost
from llmlab.services.nearest import ranked
from llmlab.services.preview import Preparing
from llmlab.services.reading import Reader, ref_of
from llmlab.services.vectors import BATCH, Vectors, halved, mean
from llmlab.store.vectors import VectorStore
from tests.services.fixtures import Engines, model
from tests.services.test_reading import FILLER, Desk, document

FELINE = "A feline was lying on the rug of the hall. "
QUESTION = "Did the cat sit in the market?"
LONGEST = 400
"""Characters that the embedding model of these tests reads."""


class Meanings(ScriptedEngine):
    """Knows that cats are felines: the first number of a vector counts them, the second everything else."""

    async def embed(self, texts: Sequence[str], progress: Callable[[int], None] = lambda _done: None) -> Embeddings:
        self.embedded.append(tuple(texts))
        if any(len(text) > LONGEST for text in texts):
            raise EngineError("A text is too long.")
        cats = [sum(word in text.lower() for word in ("cat", "feline")) for text in texts]
        vectors = tuple(array("f", (0.6, 0.8) if count else (0.0, 1.0)) for count in cats)
        return Embeddings(vectors, tuple(map(len, texts)), "mean")


@dataclass
class Bench:
    """A service of vectors over `Meanings`."""

    folder: Path
    spec: ModelSpec | None = field(default_factory=lambda: model("meanings"))
    script: Script = field(default_factory=Script)
    patience: float | None = None
    room: bool = True
    engines: list[Meanings] = field(default_factory=list)
    told: list[tuple[int, int]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def vectors(self) -> Vectors:
        def start() -> Meanings:
            self.engines.append(Meanings(self.script))
            return self.engines[-1]

        return Vectors(
            lambda: self.spec,
            EngineHost(start),
            VectorStore(self.folder / "vectors.db"),
            lambda spec: spec.name.encode(),
            lambda spec: self.room,
            patience=self.patience,
            progress=lambda _model, done, count: self.told.append((done, count)),
            failed=lambda _spec, error: self.failures.append(error.what),
        )

    @property
    def embedded(self) -> list[str]:
        """Every text that an engine was given."""
        return [text for engine in self.engines for batch in engine.embedded for text in batch]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


TEXT = FILLER * 100 + FELINE + FILLER * 100


def desk(vectors: Vectors, *texts: str) -> Desk:
    documents = tuple(document(f"{place}.txt", text) for place, text in enumerate(texts or (TEXT,)))
    kept = {each.digest: each for each in documents}
    reader = Reader(
        lambda path: kept[path.name], kept.__getitem__, lambda _spec, wanted: wanted, vectors=vectors, patience=None
    )
    return Desk(Engines(Script(n_ctx=1000)), reader, Preparing(render_template, reader), documents)


async def material(lab: Desk, question: str = QUESTION) -> Material:
    prepared = await lab.prepared(lab.recipe("passages"), question)
    assert prepared.material is not None
    return prepared.material


async def test_passages_are_found_by_what_they_mean(bench: Bench) -> None:
    vectors = bench.vectors()
    lab = desk(vectors)
    held = await material(lab, "Where did the cat sit?")
    assert held.reason == "as it was asked for; BM25 + embeddings (meanings)"
    assert any(FELINE.strip() in part.text for part in held.excerpts)
    assert not held.warnings
    (engine,) = bench.engines
    assert engine.spec is not None
    assert engine.spec.purpose == "vectors"
    assert all(len(batch) <= BATCH for batch in engine.embedded)
    assert bench.told[-1][0] == bench.told[-1][1] > 4
    before = len(bench.embedded)
    await material(lab, "Is a cat here?")
    assert bench.embedded[before:] == ["Is a cat here?"], "passages are embedded once"
    await vectors.close()
    assert engine.closed


async def test_without_a_model_for_it_nothing_is_embedded(bench: Bench) -> None:
    bench.spec = None
    held = await material(desk(bench.vectors()))
    assert held.reason == "as it was asked for; BM25"
    assert not any(FELINE.strip() in part.text for part in held.excerpts)
    assert not held.warnings
    assert bench.engines == []


async def test_what_was_embedded_once_is_read_from_disk(bench: Bench) -> None:
    first = bench.vectors()
    await material(desk(first))
    await first.close()
    made = len(bench.embedded)
    again = bench.vectors()
    held = await material(desk(again, TEXT, "Another text of a few words. " * 3), "A cat?")
    await again.close()
    assert held.reason.endswith("BM25 + embeddings (meanings)")
    fresh = bench.embedded[made:]
    assert len(fresh) == 2, "the new document's one passage, and the question"
    bench.spec = model("others")
    other = bench.vectors()
    await material(desk(other))
    await other.close()
    assert len(bench.embedded) >= 2 * made, "another model has other vectors"


async def test_asking_does_not_wait_longer_than_patience(bench: Bench) -> None:
    hold = Hold()
    bench.script, bench.patience = Script(load_hold=hold), 0.0
    vectors = bench.vectors()
    lab = desk(vectors)
    held = await material(lab)
    assert held.reason.endswith("; BM25")
    assert held.warnings == ("Passages are found by their words alone for now: meanings has embedded 0% of them.",)
    await hold.reached.wait()
    ref = ref_of(lab.documents[0])
    assert lab.reader.readiness(ref, model(), 1000).embedded == 0.0
    hold.gate.set()
    vectors.patience = 60.0
    held = await material(lab)
    assert held.reason.endswith("BM25 + embeddings (meanings)")
    assert not held.warnings
    assert lab.reader.readiness(ref, model(), 1000).embedded == 1.0
    await vectors.close()


@pytest.mark.parametrize("room", [True, False])
async def test_a_model_that_fails_is_told_and_words_find_passages(
    bench: Bench, room: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if room:
        bench.script = Script(load_error=ModelError("It is damaged.", where="m.gguf"))
    bench.room = room
    vectors = bench.vectors()
    lab = desk(vectors)
    held = await material(lab)
    assert held.reason.endswith("; BM25")
    (warning,) = held.warnings
    assert warning.startswith("Passages and examples are found by their words alone: meanings cannot be used. ")
    assert ("It is damaged. (m.gguf)" if room else "Memory has no room") in warning
    tries = len(bench.engines)
    assert (await material(lab)).warnings == (warning,)
    assert (len(bench.engines), len(bench.failures)) == (tries, 1), "it is not tried with every question"
    vectors.resume()
    assert (await material(lab)).warnings == (warning,)
    assert len(bench.failures) == 1
    bench.script, bench.room = Script(), True
    monkeypatch.setattr("llmlab.services.vectors.RETRY", -1.0)
    assert (await material(lab)).reason.endswith("(meanings)")
    await vectors.close()


async def test_a_model_that_fails_is_tried_again_when_its_file_has_changed(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    bench.spec = ModelSpec(name="meanings", path=str(path))
    bench.script = Script(load_error=ModelError("There is no such file."))
    vectors = bench.vectors()
    lab = desk(vectors)
    assert (await material(lab)).warnings
    bench.script = Script()
    assert (await material(lab)).warnings
    path.write_bytes(b"GGUF")
    assert (await material(lab)).reason.endswith("(meanings)")
    await vectors.close()


async def test_an_engine_that_dies_is_told_and_words_find_passages(bench: Bench) -> None:
    vectors = bench.vectors()
    lab = desk(vectors)
    await material(lab)
    bench.engines[0].die()
    bench.script = Script(load_error=ModelError("It is gone."))
    held = await material(lab, "Which cat?")
    assert held.reason.endswith("; BM25")
    assert "It is gone." in held.warnings[0]
    await vectors.close()


async def test_a_rest_holds_until_something_new_is_prepared(bench: Bench) -> None:
    vectors = bench.vectors()
    lab = desk(vectors)
    lab.reader.pause()
    held = await material(lab)
    assert "0% of them" in held.warnings[0]
    assert bench.engines == []
    vectors.resume()
    assert (await material(lab)).reason.endswith("(meanings)")
    await vectors.close()


async def test_a_text_that_is_too_long_is_the_mean_of_its_parts(bench: Bench) -> None:
    vectors = bench.vectors()
    spec = model("meanings")
    long = "cat " * 100 + "dog " * 300
    one, two, three = [array("f", made) for made in await vectors.of(spec, ["cat", long, "dog"], lambda _done: None)]
    assert one.tolist() == pytest.approx([0.6, 0.8])
    assert three.tolist() == pytest.approx([0.0, 1.0])
    assert 0.0 < two[0] < 0.6
    assert math.hypot(*two) == pytest.approx(1.0)
    assert all(len(text) <= len(long) for text in bench.embedded)
    await vectors.close()


async def test_a_text_that_is_refused_to_the_last_part_is_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.services.test_vectors.LONGEST", -1)
    vectors = bench.vectors()
    with pytest.raises(EngineError, match="too long"):
        await vectors.of(model("meanings"), ["a" * 500], lambda _done: None)
    await vectors.close()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("short", []),
        ("a" * 80, ["a" * 40, "a" * 40]),
        ("a" * 30 + " " + "b" * 49, ["a" * 30, "b" * 49]),
        ("a" * 44 + " " + "b" * 35, ["a" * 44, "b" * 35]),
        ("字" * 100, ["字" * 50, "字" * 50]),
    ],
)
def test_a_text_is_halved_at_a_blank(text: str, parts: list[str]) -> None:
    assert halved(text) == parts


def test_a_mean_has_length_one() -> None:
    assert mean([[1.0, 0.0], [0.0, 1.0]]).tolist() == pytest.approx([math.sqrt(0.5)] * 2)
    assert mean([[1.0, 0.0], [-1.0, 0.0]]).tolist() == [0.0, 0.0]


async def test_not_all_is_there_before_questions_can_be_held_against_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, table = threading.Event(), service._table

    def late(vectors: Sequence[bytes]) -> object:
        gate.wait(30)
        return table(vectors)

    monkeypatch.setattr(service, "_table", late)
    bench.patience = 0.0
    vectors = bench.vectors()
    lab = desk(vectors)
    await material(lab)
    ref = ref_of(lab.documents[0])
    while not bench.told or bench.told[-1][0] < bench.told[-1][1]:
        await asyncio.to_thread(lambda: None)
    assert lab.reader.readiness(ref, model(), 1000).embedded == 0.99
    gate.set()
    vectors.patience = 60.0
    assert (await material(lab)).reason.endswith("(meanings)")
    await vectors.close()


ROWS = (Shot("Tea is hot", "no"), Shot("A feline", "yes"), Shot("The sea", "no"), Shot("My cat", "yes", on=False))
USE = ShotUse(ShotSet(name="s", language="en", title="S", rows=ROWS), k=2, choice="nearest")


async def test_the_nearest_examples_are_those_that_mean_the_same(bench: Bench) -> None:
    vectors = bench.vectors()
    use = await ranked(vectors, USE, "Does the cat purr at sea?")
    assert (use.ranked_by, use.unready) == ("meanings", False)
    assert use.places("Does the cat purr at sea?") == (1, 0)
    assert use.places("A feline") == (0, 2), "the question itself is no example"
    made = len(bench.embedded)
    await ranked(vectors, USE, "Another cat")
    assert bench.embedded[made:] == ["Another cat"]
    await vectors.close()


@pytest.mark.parametrize("use", [ShotUse(USE.set, k=2), ShotUse(USE.set, k=0, choice="nearest")])
async def test_who_does_not_ask_for_the_nearest_embeds_nothing(bench: Bench, use: ShotUse) -> None:
    assert await ranked(bench.vectors(), use, "cat") is use
    assert await ranked(None, USE, "cat") is USE
    assert await ranked(bench.vectors(), USE, " ") is USE
    assert bench.engines == []


async def test_examples_are_found_by_words_where_the_model_fails(bench: Bench) -> None:
    bench.script = Script(load_error=ModelError("It is damaged."))
    vectors = bench.vectors()
    use = await ranked(vectors, USE, "Is the sea warm?")
    assert (use.ranked, use.unready) == ((), True)
    assert use.places("Is the sea warm?")[0] == 2
    assert bench.failures == ["It is damaged."]
    await vectors.close()
