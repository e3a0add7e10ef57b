"""Digests within a run: each made once by the model that reads it, and counted to the trial that made it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from llmlab import wiring
from llmlab.documents.shelf import DocumentShelf
from llmlab.domain.document import Document
from llmlab.domain.experiment import Arm, Experiment, Item, ScorerUse, own_documents
from llmlab.domain.reading import ReadingUse
from llmlab.domain.sampling import Sampling
from llmlab.engine.scripted import Fail, Reply, Script
from llmlab.services.run_digests import RunDigests
from llmlab.services.runner import Runner
from tests.services.experiments import Laboratory
from tests.services.fixtures import Engines, recipe

TEXT = "The capital of Lomar is Zarth. " * 8


def experiment(*arms: str) -> Experiment:
    """One question about one document for each arm, read as its digest."""
    items = (Item(id="q", question="What is the capital of Lomar?", gold=("Zarth",), document=TEXT),)
    return Experiment(
        name="try",
        title="Try",
        arms=tuple(
            Arm(
                name=name,
                settings={"arm": name},
                recipe=replace(
                    recipe(name.split()[0]),
                    reading=ReadingUse(documents=(), way="digest"),
                    sampling=Sampling(temperature=float(at), max_tokens=20),
                ),
                items=items,
            )
            for at, name in enumerate(arms)
        ),
        scorers=(ScorerUse(kind="exact", name="exact", counts="flexible"),),
    )


async def run(lab: Laboratory, asked: Experiment, folder: Path) -> None:
    reader, digests = wiring.make_measuring(DocumentShelf(folder / "texts"), own_documents(asked))
    lab.preparing._reader = reader
    runner = Runner(lab.engines.host, lab.preparing, lab.store, digests)
    async for _ in runner.run(lab.job(asked), lab.stop, interval=0.0):
        pass
    await reader.close()


async def test_a_digest_is_made_once_for_a_document_and_its_words_are_read(tmp_path: Path) -> None:
    note, answer = Reply(("Zarth", " is", " it.")), Reply(("Zarth",))
    lab = Laboratory(tmp_path, Engines(Script(replies=(note, answer))))
    await run(lab, experiment("tiny a", "tiny b"), tmp_path)
    first, second = lab.results()
    assert (first.problem, second.problem) == ("", "")
    assert lab.asked == 3
    assert sorted(each.generated_tokens for each in (first, second)) == [1, 4], "who made it has its tokens"
    for result in (first, second):
        assert "Zarth is it." in result.prompt
        assert TEXT.strip() not in result.prompt


async def test_another_model_makes_its_own(tmp_path: Path) -> None:
    scripts = [Script(replies=(Reply((word,)), Reply(("Zarth",)))) for word in ("one", "two")]
    lab = Laboratory(tmp_path, Engines(*scripts))
    await run(lab, experiment("small a", "large a"), tmp_path)
    assert [result.problem for result in lab.results()] == ["", ""]
    assert [("one" in result.prompt, "two" in result.prompt) for result in lab.results()] == [
        (True, False),
        (False, True),
    ]


async def test_a_digest_that_fails_is_a_row_with_its_reason(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, Engines(Script(replies=(Reply((Fail("out of luck"),)), Reply(("x",))))))
    await run(lab, experiment("tiny a"), tmp_path)
    (result,) = lab.results()
    assert "out of luck" in result.problem


async def test_nothing_is_made_where_nothing_is_read_that_way() -> None:
    def get(_digest: str) -> Document:
        pytest.fail("no document is asked for")

    engines = Engines()
    spent = await RunDigests(get).make(engines.host, recipe(), asyncio.Event())
    assert (spent.tokens, spent.seconds, engines.made) == (0, 0.0, [])


async def test_documents_of_an_experiment_that_is_opened_later_are_found(tmp_path: Path) -> None:
    """The lab knows the documents of an experiment when it is chosen, and its reader long before."""
    own: dict[str, Document] = {}
    reader, digests = wiring.make_measuring(DocumentShelf(tmp_path), own)
    asked = experiment("tiny a")
    own.update(own_documents(asked))
    (document,) = own.values()
    lab = Laboratory(tmp_path, Engines(Script(replies=(Reply(("short",)), Reply(("Zarth",))))))
    lab.preparing._reader = reader
    async for _ in Runner(lab.engines.host, lab.preparing, lab.store, digests).run(lab.job(asked), lab.stop):
        pass
    assert digests.text_of(document) == "short"
    assert [result.problem for result in lab.results()] == [""]
    await reader.close()
