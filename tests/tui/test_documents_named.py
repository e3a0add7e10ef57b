"""Documents that a message names, or that are dragged: what is told of them, and what becomes of the message."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from llmlab.documents.gathering import Gathered, gather
from llmlab.domain.document import Document, remark
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.engine.scripted import Reply
from llmlab.paths import Paths
from llmlab.services.quotes import CheckedAnswer, CheckedQuote
from llmlab.tui import documents
from llmlab.tui.documents import FileState, Held, state_of
from llmlab.tui.panes.document_words import document_lines
from llmlab.tui.panes.path_picker import PathPicker
from llmlab.tui.screens import document_hands
from llmlab.tui.widgets.transcript_quotes import quote_lines
from tests.tui.laboratory import Laboratory, laboratory
from tests.tui.test_documents import closed_recipe, held, opened, pane_of, sent, text_of

NOTES = "The answer stands here: forty-two."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a document, and with a folder that holds one that cannot be read."""
    (tmp_path / "notes.txt").write_text(NOTES, encoding="utf-8")
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "good.txt").write_text("A good paper.", encoding="utf-8")
    (tmp_path / "papers" / "old.txt").write_bytes("树下".encode("gb18030"))
    (tmp_path / "none").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rewrite(path: Path, text: str) -> None:
    """Give a file another text and another time."""
    before = path.stat().st_mtime_ns
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before + 10**9, before + 10**9))


async def asked(lab: Laboratory, text: str) -> None:
    """Send a message, and wait until it has its answer."""
    count = len(lab.texts)
    await lab.command(text)
    await lab.until(lambda: len(lab.texts) >= count + 2 and not lab.bench.desk.answering)


@pytest.mark.parametrize("name", ["字" * 120, "a" * 300])
async def test_a_name_longer_than_a_file_can_have_is_text(paths: Paths, folder: Path, name: str) -> None:
    async with laboratory(paths, Reply(("fine",))) as lab:
        await asked(lab, f"what is @{name} ?")
        assert lab.texts[0] == f"what is @{name} ?"


async def test_a_folder_without_a_file_is_told_and_the_message_comes_back(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        await lab.command("what is in @none ?")
        await lab.until(lambda: any("holds no file" in toast for toast in lab.toasts))
        await lab.until(lambda: lab.composer.text == "what is in @none ?")
        assert lab.texts == []


async def test_a_folder_in_which_one_file_cannot_be_read_is_asked_about(paths: Paths, folder: Path) -> None:
    async with laboratory(paths, Reply(("fine",))) as lab:
        await asked(lab, "what is in @papers ?")
        assert lab.texts[0] == "what is in papers ?"
        assert any("old.txt cannot be read" in toast for toast in lab.toasts)
        assert any("A good paper." in text for text in sent(lab))


async def test_of_many_files_that_cannot_be_read_the_first_are_told_and_the_rest_is_counted(
    paths: Paths, folder: Path
) -> None:
    for number in range(9):
        (folder / "papers" / f"old{number}.txt").write_bytes("树下".encode("gb18030"))
    async with laboratory(paths) as lab:
        lab.bench.documents.begin_all([folder / "papers"])
        await lab.until(lambda: any("7 more files cannot be read" in toast for toast in lab.toasts))
        assert sum("cannot be read." in toast for toast in lab.toasts) == 4
        await opened(lab, "good.txt")


async def test_what_of_a_folder_is_left_out_is_told(paths: Paths, folder: Path) -> None:
    (folder / "papers" / "old.txt").rename(folder / "papers" / "photo.png")
    async with laboratory(paths, Reply(("fine",))) as lab:
        await asked(lab, "what is in @papers ?")
        assert any("1 files that are no text were passed by" in toast for toast in lab.toasts)


async def test_a_folder_that_is_dragged_stands_for_its_files(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        lab.bench.documents.begin_all([folder / "papers"])
        await lab.until(lambda: any("old.txt cannot be read" in toast for toast in lab.toasts))
        await opened(lab, "good.txt")


async def test_esc_ends_the_gathering_of_a_folder(paths: Paths, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(wanted: list[str], limits: ReadingLimits) -> Gathered:
        begun.set()
        go_on.wait(20)
        return gather(wanted, limits)

    monkeypatch.setattr(document_hands, "gather", slow)
    async with laboratory(paths) as lab:
        lab.bench.documents.begin_all([folder / "papers"])
        await lab.until(begun.is_set)
        try:
            assert lab.bench.documents.stop()
        finally:
            go_on.set()
        await lab.until(lambda: not [one for one in lab.screen.workers if one.group == "gathering"])
        assert held(lab) == []
        assert not lab.bench.documents.stop()


async def test_the_disk_is_not_looked_at_where_keys_are_heard(
    paths: Paths, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []

    def looking(path: Path) -> FileState | None:
        looked.append(threading.current_thread() is threading.main_thread())
        return state_of(path)

    monkeypatch.setattr(documents, "state_of", looking)
    async with laboratory(paths) as lab:
        await lab.command("/read notes.txt")
        await opened(lab, "notes.txt")
        looked.clear()
        await lab.bench.documents.open_named("notes.txt")
        assert looked
        assert not any(looked)


async def test_a_document_that_changed_is_told_and_read_again_when_it_is_named(paths: Paths, folder: Path) -> None:
    async with laboratory(paths, Reply(("fine",)), Reply(("fine",)), Reply(("fine",))) as lab:
        await asked(lab, "what does @notes.txt say?")
        rewrite(folder / "notes.txt", "The answer is another one now.")
        await asked(lab, "and what else?")
        await lab.until(lambda: any("notes.txt has changed" in toast for toast in lab.toasts))
        assert not any("another one now" in text for text in sent(lab))
        await asked(lab, "what does @notes.txt say now?")
        assert any("another one now" in text for text in sent(lab))
        assert [one.name for one in held(lab)] == ["notes.txt"]
        assert sum("has changed" in toast for toast in lab.toasts) == 1


async def test_a_changed_document_that_cannot_be_read_keeps_the_message_back(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/read notes.txt")
        await opened(lab, "notes.txt")
        (folder / "notes.txt").write_bytes("树下的钥匙".encode("gb18030"))
        await lab.command("what does @notes.txt say?")
        await lab.until(lambda: lab.composer.text == "what does @notes.txt say?")
        assert lab.texts == []
        assert [one.document.text for one in held(lab) if one.document] == [NOTES]


async def test_a_document_whose_text_is_gone_can_be_opened_again(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        recipe = await closed_recipe(lab, "notes.txt")
        lab.documents.kept.clear()
        lab.bench.recipes.take_recipe(recipe)
        await lab.until(lambda: [one.phase for one in held(lab)] == ["failed"])
        await lab.command("/read notes.txt")
        await opened(lab, "notes.txt")
        assert held(lab)[0].document is not None


async def test_a_pattern_that_nothing_fits_is_told_in_the_pane(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        pane = await pane_of(lab)
        await lab.pilot.press("a")
        await lab.until(lambda: isinstance(lab.app.screen, PathPicker))
        lab.app.screen.query_one(Input).value = "nothing*.txt"
        await lab.until(lambda: lab.app.screen.query_one(OptionList).option_count == 0)
        await lab.pilot.press("enter")
        await lab.until(lambda: "No file matches the pattern" in text_of(pane, "problem"))


async def test_what_should_be_known_of_a_file_is_told_when_it_is_read(
    paths: Paths, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with laboratory(paths) as lab:
        really = lab.documents.open

        def open_cut(
            path: Path,
            encoding: str = "",
            *,
            progress: Callable[[float], None] = lambda _share: None,
            stop: threading.Event | None = None,
        ) -> Document:
            return replace(really(path, encoding, progress=progress, stop=stop), warnings=(remark("cut"),))

        monkeypatch.setattr(lab.documents, "open", open_cut)
        await lab.command("/read notes.txt")
        await lab.until(lambda: any("notes.txt|The last character is cut" in toast for toast in lab.toasts))


def test_every_remark_on_a_document_is_listed() -> None:
    notes = (remark("empty"), remark("cut"), remark("hidden", count=3), remark("control_tokens", count=2))
    one = Held(Path("a"), "a", document=Document("a", "a", "text", "x", warnings=notes))
    assert document_lines(one, None, 0, 60).plain.count("\n  ! ") == len(notes)


def test_a_quote_of_the_question_is_told_from_an_invention() -> None:
    quotes = (CheckedQuote("one two three four", "absent", asked=True), CheckedQuote("five six seven eight", "absent"))
    lines = ["".join(text for text, _ in line.spans) for line in quote_lines(CheckedAnswer("x", quotes), 100)]
    assert lines[0] == "2 quotes: 0 exact, 2 not in the document"
    assert lines[1] == "✗ “one two three four” not in the document: the question says it"
    assert lines[2] == "✗ “five six seven eight” not in the document"


async def test_how_windows_are_stretched_is_chosen_in_the_pane(paths: Paths, folder: Path) -> None:
    async with laboratory(paths, size=(140, 45)) as lab:
        await lab.command("/read notes.txt")
        await opened(lab, "notes.txt")
        pane = await pane_of(lab)
        assert "stretched by" not in text_of(pane, "way")
        await lab.pilot.press("s")
        await lab.until(lambda: "stretched by linear" in text_of(pane, "way"))
        assert lab.bench.desk.reading is not None
        assert lab.bench.desk.reading.stretching == "linear"
        await lab.pilot.press("s")
        await lab.until(lambda: "stretched by" not in text_of(pane, "way"))
