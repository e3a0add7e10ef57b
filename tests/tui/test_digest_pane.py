"""A digest made in the lab: what it takes is told first, every note is shown and kept, esc stops it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Label, Static

from llmlab.engine.scripted import Fail, Hold, Reply, Script
from llmlab.paths import Paths
from llmlab.services.notes import digest_in
from llmlab.tui.panes.digest import DigestPane
from llmlab.tui.panes.documents import DocumentsPane
from tests.services.test_digest import MEASURING
from tests.tui.laboratory import Laboratory, laboratory
from tests.tui.test_documents import NOVEL, held, opened, pane_of, text_of

QUICK = Reply(("It is noted.",))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a novel."""
    (tmp_path / "novel.txt").write_text(NOVEL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def digest_pane(lab: Laboratory) -> DigestPane:
    """The pane, opened from that of the documents."""
    await lab.command("/read novel.txt")
    await opened(lab, "novel.txt")
    await pane_of(lab)
    await lab.pilot.press("d")
    await lab.until(lambda: isinstance(lab.app.screen, DigestPane))
    pane = lab.app.screen
    assert isinstance(pane, DigestPane)
    return pane


def said(pane: DigestPane, name: str) -> str:
    return str(pane.query_one(f"#digest-{name}", Label if name == "keys" else Static).render())


async def test_what_it_takes_then_the_notes_then_the_digest(paths: Paths, folder: Path) -> None:
    async with laboratory(paths, script=Script(n_ctx=1024, replies=(QUICK,)), size=(140, 45)) as lab:
        pane = await digest_pane(lab)
        await lab.until(lambda: "tokens to read, at most" in said(pane, "told"))
        assert not paths.digests.exists()
        await lab.pilot.press("enter")
        await lab.until(lambda: "The notes are in" in said(pane, "told"))
        assert said(pane, "note") == "It is noted."
        document = held(lab)[0].document
        assert document is not None
        assert digest_in(paths.digests, document) == "It is noted."
        await lab.pilot.press("enter")
        await lab.until(lambda: isinstance(lab.app.screen, DocumentsPane))


async def test_the_other_way_is_measured_anew(paths: Paths, folder: Path) -> None:
    async with laboratory(paths, script=Script(n_ctx=1024, replies=(QUICK,))) as lab:
        pane = await digest_pane(lab)
        await lab.until(lambda: "enter begins" in said(pane, "keys"))
        assert "map: " in said(pane, "told")
        await lab.pilot.press("w")
        await lab.until(lambda: "refine: " in said(pane, "told") and "enter begins" in said(pane, "keys"))
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, DocumentsPane))
        assert not paths.digests.exists()


async def test_esc_stops_it_and_enter_goes_on(paths: Paths, folder: Path) -> None:
    hold = Hold()
    replies = (*(QUICK,) * MEASURING, QUICK, QUICK, Reply((hold, "Late.")))
    async with laboratory(paths, script=Script(n_ctx=1024, replies=replies)) as lab:
        pane = await digest_pane(lab)
        await lab.until(lambda: "enter begins" in said(pane, "keys"))
        await lab.pilot.press("enter")
        await lab.until(hold.reached.is_set)
        await lab.until(lambda: len(list(paths.digests.rglob("*.md"))) == 2)
        await lab.pilot.press("escape")
        await lab.until(lambda: "what was noted is kept" in said(pane, "told"))
        assert lab.app.screen is pane
        hold.gate.set()
        await lab.pilot.press("enter")
        await lab.until(lambda: "2 more were answered in an earlier run" in said(pane, "told"))
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, DocumentsPane))


async def test_a_failure_is_told_and_can_be_tried_again(paths: Paths, folder: Path) -> None:
    replies = (*(QUICK,) * MEASURING, Reply((Fail("Out of memory."),)))
    async with laboratory(paths, script=Script(n_ctx=1024, replies=replies)) as lab:
        pane = await digest_pane(lab)
        await lab.until(lambda: "enter begins" in said(pane, "keys"))
        await lab.pilot.press("enter")
        await lab.until(lambda: "Out of memory." in said(pane, "problem"))
        assert "enter goes on" in said(pane, "keys")


async def test_none_is_begun_while_an_answer_is_written(paths: Paths, folder: Path) -> None:
    hold = Hold()
    async with laboratory(paths, Reply(("a", hold, "b")), size=(140, 45)) as lab:
        await lab.command("/read novel.txt")
        await opened(lab, "novel.txt")
        await lab.command("Where is key number 7?")
        await lab.until(hold.reached.is_set)
        pane = await pane_of(lab)
        await lab.pilot.press("d")
        await lab.until(lambda: "An answer is being written" in text_of(pane, "problem"))
        assert lab.app.screen is pane
        hold.gate.set()
        await lab.until(lambda: not lab.bench.desk.answering)


async def test_a_command_makes_it_of_the_document_that_it_names(paths: Paths, folder: Path) -> None:
    (folder / "other.txt").write_text("Another text.", encoding="utf-8")
    async with laboratory(paths, script=Script(n_ctx=1024, replies=(QUICK,))) as lab:
        await lab.command("/digest")
        await lab.until(lambda: any("No document is open" in toast for toast in lab.toasts))
        await lab.command("/read .")
        await opened(lab, "novel.txt", "other.txt")
        await lab.command("/digest")
        await lab.until(lambda: any("Open are: novel.txt, other.txt" in toast for toast in lab.toasts))
        await lab.command("/digest other")
        await lab.until(lambda: isinstance(lab.app.screen, DigestPane))
        pane = lab.app.screen
        assert isinstance(pane, DigestPane)
        await lab.until(lambda: "enter begins" in said(pane, "keys"))
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is lab.screen)
