"""A digest on the scripted engine, whose tokens are words: every note is kept at once and asked for once."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from llmlab.domain.digest import DigestWay, Note
from llmlab.domain.document import Document, digest_of
from llmlab.engine.protocol import GenerationRequest
from llmlab.engine.scripted import Die, Fail, Hold, Reply, Script, ScriptedEngine
from llmlab.errors import LlmlabError, Stopped, StoreError, UsageError
from llmlab.services import digest_cost
from llmlab.services.digest import Digesting, DigestProgress
from llmlab.services.digest_requests import DigestPlan
from llmlab.services.notes import digest_in
from tests.services.fixtures import Engines, model

WINDOW = 1024
MEASURING = 2
"""Answers that are drawn to measure the speed."""


def document(words: int = 5000) -> Document:
    text = "".join(f"Word{place} of it is said. " for place in range(words // 5))
    return Document("book.txt", "/book.txt", "text", text, digest=digest_of(text))


class Desk:
    """Makes digests on scripted engines, and knows what was asked of them."""

    def __init__(self, folder: Path, *scripts: Script) -> None:
        self.folder = folder
        self.engines = Engines(*(replace(script, n_ctx=WINDOW) for script in scripts or (Script(),)))
        self.digesting = Digesting(self.engines.host, folder)
        self.stop = asyncio.Event()

    async def plan(self, text: Document | None = None, way: DigestWay = "map") -> DigestPlan:
        return await self.digesting.plan(text or document(), model(), way, self.stop)

    async def run(self, plan: DigestPlan) -> list[DigestProgress]:
        return [value async for value in self.digesting.run(plan, self.stop)]

    @property
    def engine(self) -> ScriptedEngine:
        return self.engines.made[-1]

    @property
    def asked(self) -> list[GenerationRequest]:
        """What was asked besides the measuring of the speed."""
        return [request for request in self.engine.requests if request.sampling.max_tokens not in (1, 16)]


def note(folder: Path, name: str) -> Path:
    """The only file of that name."""
    (path,) = folder.rglob(f"{name}-*.md")
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.name.rpartition("-")[0] for path in folder.rglob("*.md"))


async def test_notes_of_parts_then_notes_of_notes(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Script(replies=(Reply(("many ",) * 400),)))
    plan = await desk.plan()
    assert plan.cost.kept == 0
    assert plan.cost.parts == len(plan.parts) > 5
    values = await desk.run(plan)
    notes = [value.note for value in values]
    assert [note.task for note in notes[: len(plan.parts)]] == ["note"] * len(plan.parts)
    assert notes[-1].task == "final"
    assert values[-1].digest == notes[-1]
    assert all(value.digest is None for value in values[:-1])
    assert values[-1].done == values[-1].total == len(desk.asked)
    assert (notes[-1].first, notes[-1].last) == (1, len(plan.parts))
    assert (notes[-1].start, notes[-1].end) == (0, len(plan.document.text))
    # Every word of the document is read once, and no request is larger than its room.
    read = " ".join(" ".join(message.text for message in prompt) for prompt in desk.engine.prompts)
    assert all(f"Word{place} " in read for place in range(1000))
    assert all(len(request.tokens) + (request.sampling.max_tokens or 0) <= plan.sizes.room for request in desk.asked)


async def test_the_cost_is_what_it_comes_to(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Script(replies=(Reply(("word ",) * 400),)))
    plan = await desk.plan()
    await desk.run(plan)
    assert plan.cost.requests == len(desk.asked)
    first = sum(len(request.tokens) for request in desk.asked[: len(plan.parts)])
    assert plan.cost.prompt_tokens >= sum(len(request.tokens) for request in desk.asked) >= first
    assert plan.cost.answer_tokens == len(desk.asked) * plan.sizes.note


async def test_a_summary_that_part_after_part_is_worked_into(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Script(replies=(Reply(("So far.",)),)))
    plan = await desk.plan(way="refine")
    values = await desk.run(plan)
    assert [value.note.task for value in values] == ["note", *["refine"] * (len(plan.parts) - 1)]
    assert [value.note.last for value in values] == list(range(1, len(plan.parts) + 1))
    assert "So far." in desk.engine.prompts[-1][-1].text
    assert values[-1].digest is not None
    assert plan.cost.requests == len(desk.asked)


async def test_a_short_document_is_one_request(tmp_path: Path) -> None:
    for way in ("map", "refine"):
        desk = Desk(tmp_path / way)
        plan = await desk.plan(document(50), "map" if way == "map" else "refine")
        (value,) = await desk.run(plan)
        assert (value.note.task, value.note.text, value.digest) == ("whole", "Hello there.", value.note)


@pytest.mark.parametrize("way", ["map", "refine"])
async def test_nothing_is_asked_twice(tmp_path: Path, way: DigestWay) -> None:
    first = Desk(tmp_path)
    done = await first.run(await first.plan(way=way))
    again = Desk(tmp_path)
    plan = await again.plan(way=way)
    assert (plan.cost.kept, plan.cost.prompt_tokens, plan.cost.seconds) == (plan.cost.requests, 0, 0.0)
    assert plan.cost.requests == len(done)
    values = await again.run(plan)
    assert again.engine.requests == []
    assert [replace(value.note, kept=False) for value in values] == [value.note for value in done]
    other = Desk(tmp_path)
    changed = document(4995)
    assert (await other.plan(changed, way)).cost.kept == 0


async def test_a_part_that_changed_is_noted_anew_and_the_others_are_not(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    await first.run(await first.plan())
    note(tmp_path, "note-0003").unlink()
    again = Desk(tmp_path)
    plan = await again.plan()
    assert plan.cost.kept == len(plan.parts) - 1
    await again.run(plan)
    assert len(again.asked) == 1
    assert note(tmp_path, "note-0003").exists()


async def test_a_note_that_a_person_changed_counts(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    await first.run(await first.plan())
    path = note(tmp_path, "note-0002")
    path.write_text(path.read_text(encoding="utf-8").replace("Hello there.", "A better note."), encoding="utf-8")
    again = Desk(tmp_path)
    await again.run(await again.plan())
    assert "A better note." in again.engine.prompts[-1][-1].text
    assert len(again.asked) == 1


async def test_a_note_can_be_read(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    plan = await desk.plan()
    await desk.run(plan)
    written = note(plan.notes.folder, "note-0002").read_text(encoding="utf-8")
    part = plan.parts[1]
    assert written == (
        f"---\ndocument: book.txt\nsha256: {plan.document.digest}\nmodel: tiny\nparts: 2-2 / {len(plan.parts)}\n"
        f"characters: {part.start}-{part.end}\nline: 1\ncut: no\n---\n\nHello there.\n"
    )


@pytest.mark.parametrize("content", ["", "no head", "---\nhalf", "\udcff"])
async def test_a_damaged_note_is_none(tmp_path: Path, content: str) -> None:
    first = Desk(tmp_path)
    await first.run(await first.plan())
    path = note(tmp_path, "note-0001")
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    again = Desk(tmp_path)
    plan = await again.plan()
    await again.run(plan)
    assert "Hello there." in path.read_text(encoding="utf-8")


async def test_stopping_ends_at_once_and_keeps_what_was_noted(tmp_path: Path) -> None:
    hold = Hold()
    quick = Reply(("Noted.",))
    desk = Desk(tmp_path, Script(replies=(*(quick,) * MEASURING, quick, quick, Reply((hold, "Late.")))))
    plan = await desk.plan()
    notes: list[Note] = []

    async def stopped_after_two() -> None:
        async for value in desk.digesting.run(plan, desk.stop):
            notes.append(value.note)
            if len(notes) == 2:
                await hold.reached.wait()
                desk.stop.set()

    with pytest.raises(Stopped):
        await stopped_after_two()
    assert len(notes) == 2
    assert files(tmp_path) == ["note-0001", "note-0002"]
    again = Desk(tmp_path)
    assert (await again.plan()).cost.kept == 2


@pytest.mark.parametrize("step", [Fail("Out of memory."), Die()])
async def test_a_failure_is_told_and_what_was_noted_is_kept(tmp_path: Path, step: Fail | Die) -> None:
    quick = Reply(("Noted.",))
    desk = Desk(tmp_path, Script(replies=(*(quick,) * MEASURING, *(quick,) * 8, Reply((step,)))))
    plan = await desk.plan(document(10_000))
    assert len(plan.parts) > 9
    with pytest.raises(LlmlabError):
        await desk.run(plan)
    assert files(tmp_path) == [f"note-{number:04d}" for number in range(1, 9)]


async def test_no_engine_is_asked_for_a_blank_document_or_in_a_tiny_window(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="says nothing"):
        await Desk(tmp_path).plan(Document("a", "", "text", " \n", digest="0" * 64))
    desk = Desk(tmp_path)
    desk.engines = Engines(Script(n_ctx=128))
    desk.digesting = Digesting(desk.engines.host, tmp_path)
    with pytest.raises(UsageError, match="too small"):
        await desk.plan()


async def test_a_note_that_cannot_be_kept_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / document().digest[:16]).write_text("a file where the folder should be")
    desk = Desk(tmp_path)
    plan = await desk.plan()
    with pytest.raises(StoreError):
        await desk.run(plan)


async def test_thinking_is_no_note(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Script(replies=(Reply(("<think>Hm.</think>\n\nIt is so.",)),)))
    (value,) = await desk.run(await desk.plan(document(50)))
    assert value.note.text == "It is so."


async def test_cancelling_the_plan_stops_it(tmp_path: Path) -> None:
    hold = Hold()
    desk = Desk(tmp_path, Script(replies=(Reply((hold,)),)))
    planning = asyncio.ensure_future(desk.plan())
    await hold.reached.wait()
    desk.stop.set()
    with pytest.raises(Stopped):
        await planning


async def test_the_digest_that_was_finished_last_is_found_and_no_note_passes_for_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Script(replies=(Reply(("A note.",)),)))
    text = document()
    plan = await desk.plan(text)
    assert digest_in(tmp_path, text) == ""
    async with aclosing(desk.digesting.run(plan, desk.stop)) as values:
        await anext(values)
    assert digest_in(tmp_path, text) == ""
    await desk.run(plan)
    assert digest_in(tmp_path, text) == "A note."
    assert digest_in(tmp_path, document(words=50)) == ""
    refined = Desk(tmp_path / "other", Script(replies=(Reply(("Refined.",)),)))
    plan = await refined.plan(text, "refine")
    async with aclosing(refined.digesting.run(plan, refined.stop)) as values:
        await anext(values)
    assert digest_in(tmp_path / "other", text) == ""
    await refined.run(plan)
    assert digest_in(tmp_path / "other", text) == "Refined."


async def test_a_prompt_whose_state_was_kept_says_nothing_of_the_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    await desk.plan(document(50))
    assert len(desk.engine.requests) == MEASURING
    monkeypatch.setattr(digest_cost, "WARMING", 10_000)
    await desk.plan(document(50))
    kept, turned = (request.tokens for request in desk.engine.requests[-2:])
    assert turned != kept
    assert sorted(turned) == sorted(kept)
