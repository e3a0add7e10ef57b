"""Documents in the lab: opened by every way there is, shown with what the prompt holds, their quotes checked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input, OptionList, Static

from llmlab import words
from llmlab.domain.recipe import Recipe
from llmlab.engine.protocol import Engine
from llmlab.engine.scripted import Hold, Reply, Script
from llmlab.errors import ModelError
from llmlab.paths import Paths
from llmlab.services.open_document import Counted, OpenDocument
from llmlab.tui.documents import Held
from llmlab.tui.panes.document_reader import DocumentReader
from llmlab.tui.panes.documents import DocumentsPane, EncodingPicker
from llmlab.tui.panes.path_picker import PathPicker
from llmlab.tui.widgets.completion import Completion
from llmlab.tui.widgets.document_line import DocumentLine
from tests.services.test_vectors import Bench
from tests.tui.laboratory import Laboratory, laboratory

FILLER = "Nothing of note happened on that day, and the rain fell on the roofs of the town. " * 12
NOVEL = "".join(
    f"Chapter {number}\n\n{FILLER}\n\nThe key number {number} lies under the oak.\n\n" for number in range(1, 60)
)
NOTES = "The answer stands here: forty-two, and not forty-three."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with documents."""
    (tmp_path / "novel.txt").write_text(NOVEL, encoding="utf-8")
    (tmp_path / "my notes.md").write_text(NOTES, encoding="utf-8")
    (tmp_path / "old.txt").write_bytes("那年的钥匙藏在树下。".encode("gb18030"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def held(lab: Laboratory) -> list[Held]:
    return list(lab.bench.documents.values.all)


async def opened(lab: Laboratory, *names: str) -> None:
    """Wait until these documents are read, and counted."""
    await lab.until(lambda: [one.name for one in held(lab)] == list(names) and not lab.bench.documents.values.busy)


async def closed_recipe(lab: Laboratory, name: str) -> Recipe:
    """A recipe with a document, which is open no more."""
    await lab.command(f"/read {name}")
    await opened(lab, name)
    recipe = lab.bench.desk.recipe()
    await lab.command("/read off")
    await lab.until(lambda: held(lab) == [])
    return recipe


async def pane_of(lab: Laboratory) -> DocumentsPane:
    await lab.pilot.press("f12")
    await lab.until(lambda: isinstance(lab.app.screen, DocumentsPane))
    await lab.pilot.pause()
    pane = lab.app.screen
    assert isinstance(pane, DocumentsPane)
    return pane


def sent(lab: Laboratory) -> list[str]:
    """Every question that the engine was given."""
    return [message.text for prompt in lab.engines[0].prompts for message in prompt if message.role == "user"]


def line(lab: Laboratory) -> str:
    return lab.screen.query_one(DocumentLine).render().plain


def text_of(pane: DocumentsPane, name: str) -> str:
    return str(pane.query_one(f"#documents-{name}", Static).render())


def reason(lab: Laboratory) -> str:
    """Why the documents are read as they are."""
    material = lab.bench.documents.values.material
    return material.reason if material is not None else ""


def listed(pane: DocumentsPane) -> str:
    options = pane.query_one(OptionList)
    return "\n".join(str(options.get_option_at_index(index).prompt) for index in range(options.option_count))


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
async def test_a_document_is_read_shown_and_asked_about(paths: Paths, folder: Path, size: tuple[int, int]) -> None:
    async with laboratory(paths, Reply(("fine",)), size=size) as lab:
        await lab.command("/read novel.txt")
        await opened(lab, "novel.txt")
        lab.composer.set_draft("Where is key number 7?")
        await lab.until(lambda: "→ passages" in line(lab))
        pane = await pane_of(lab)
        await lab.until(lambda: "59 chapters" in listed(pane) and "× the window" in listed(pane))
        assert "auto" in text_of(pane, "way")
        assert "in the prompt" in text_of(pane, "title")
        reader = pane.query_one(DocumentReader)
        used = reader.view.spans("used")
        assert any("The key number 7 lies" in NOVEL[start:end] for start, end in used)
        assert sum(end - start for start, end in used) < len(NOVEL) / 2
        await lab.pilot.press("]")
        first, last = reader.view.in_view
        assert any(first <= start < last for start, _ in used)
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is lab.screen)
        await lab.ask("Where is key number 7?")
        assert any("The key number 7 lies under the oak." in text for text in sent(lab))
        assert all('<document name="novel.txt">' in text for text in sent(lab) if "key number 7 lies" in text)


async def test_a_file_in_a_message_is_completed_read_and_named(paths: Paths, folder: Path) -> None:
    async with laboratory(paths, Reply(("fine",))) as lab:
        lab.composer.focus()
        await lab.pilot.press(*"what is in ", "at", "m", "y")
        completion = lab.screen.query_one(Completion)
        await lab.until(lambda: completion.open)
        await lab.pilot.press("enter")
        assert lab.composer.text == 'what is in @"my notes.md" '
        await lab.pilot.press("question_mark", "enter")
        await lab.until(lambda: lab.texts[:1] == ["what is in my notes.md ?"] and not lab.bench.desk.answering)
        assert [one.name for one in held(lab)] == ["my notes.md"]
        assert any(NOTES in text for text in sent(lab))


async def test_a_message_that_only_names_files_opens_them_and_sends_nothing(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        await lab.command("@novel.txt")
        await opened(lab, "novel.txt")
        assert lab.texts == []
        assert lab.composer.text == ""


async def test_what_cannot_be_read_is_told_and_the_message_comes_back(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        await lab.command("what does @old.txt say?")
        await lab.until(lambda: any("old.txt cannot be read" in toast for toast in lab.toasts))
        await lab.until(lambda: lab.composer.text == "what does @old.txt say?")
        assert held(lab) == []
        assert lab.texts == []


@pytest.mark.parametrize("written", ["{path}", "'{path}'", "file://{path}", "{escaped}"])
async def test_a_dragged_file_is_a_document(paths: Paths, folder: Path, written: str) -> None:
    path = str(folder / "my notes.md")
    pasted = written.format(path=path, escaped=path.replace(" ", "\\ ")).replace(
        " ", "%20" if "file:" in written else " "
    )
    async with laboratory(paths) as lab:
        lab.composer.set_draft("see ")
        lab.composer.post_message(events.Paste(pasted))
        await opened(lab, "my notes.md")
        assert lab.composer.text == f'see @"{path}" '


async def test_a_pasted_text_that_looks_like_a_path_stays_text(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        lab.composer.post_message(events.Paste("/etc/absent/file and more"))
        await lab.until(lambda: lab.composer.text == "/etc/absent/file and more")
        await lab.pilot.pause(0.05)
        assert lab.composer.text == "/etc/absent/file and more"
        assert held(lab) == []


async def test_a_folder_stands_for_its_files(paths: Paths, folder: Path) -> None:
    (folder / "old.txt").unlink()
    async with laboratory(paths) as lab:
        await lab.command("/read .")
        await opened(lab, "my notes.md", "novel.txt")
        await lab.command("/read off")
        await lab.until(lambda: held(lab) == [] and lab.bench.desk.reading is None)


async def test_the_pane_opens_recodes_and_removes(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        pane = await pane_of(lab)
        assert "No document is open" in text_of(pane, "way")
        await lab.pilot.press("a")
        await lab.until(
            lambda: isinstance(lab.app.screen, PathPicker) and lab.app.screen.query_one(OptionList).option_count
        )
        await lab.pilot.press(*"old")
        await lab.until(lambda: lab.app.screen.query_one(OptionList).option_count == 1)
        await lab.pilot.press("enter")
        await lab.until(lambda: "old.txt cannot be read" in text_of(pane, "problem"))
        await lab.pilot.press("a")
        await lab.until(lambda: isinstance(lab.app.screen, PathPicker))
        lab.app.screen.query_one(Input).value = str(folder / "no")
        await lab.until(lambda: lab.app.screen.query_one(OptionList).option_count == 1)
        await lab.pilot.press("tab", "enter")
        await opened(lab, "novel.txt")
        await lab.pilot.press("e")
        await lab.until(lambda: isinstance(lab.app.screen, EncodingPicker))
        options = lab.app.screen.query_one(OptionList)
        assert options.highlighted == 1
        options.highlighted = 2
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.documents.opened[-1] == ("novel.txt", "gb18030"))
        await opened(lab, "novel.txt")
        await lab.pilot.press("w")
        await lab.until(lambda: lab.bench.desk.reading is not None and lab.bench.desk.reading.way == "whole")
        await lab.pilot.press("W", "plus", "plus", "plus", "minus")
        use = lab.bench.desk.reading
        assert use is not None
        assert (use.way, use.k) == ("auto", 2)
        await lab.pilot.press("x")
        await lab.until(lambda: lab.bench.desk.reading is None)
        assert listed(pane) == ""


async def test_search_in_the_text(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/read novel.txt")
        await opened(lab, "novel.txt")
        pane = await pane_of(lab)
        reader = pane.query_one(DocumentReader)
        await lab.pilot.press("slash", *"number", "space", *"3", "enter")
        await lab.until(lambda: len(reader.view.found) == 11 and not reader.view.searching)
        assert reader.view.has_focus
        await lab.pilot.press("n", "n")
        assert reader.view.place == 2
        await lab.until(lambda: "3 of 11" in str(reader.query_one("#reader-count", Static).render()))
        assert "Chapter 31" in str(reader.query_one("#reader-place", Static).render())


async def test_esc_stops_opening_in_the_lab_and_in_the_pane(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        lab.documents.gate.clear()
        await lab.command("/read novel.txt")
        await lab.until(lambda: "novel.txt is being read" in line(lab))
        await lab.pilot.press("escape")
        await lab.until(lambda: held(lab) == [])
        await lab.command("what is @novel.txt")
        await lab.until(lambda: "novel.txt is being read" in line(lab))
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.composer.text == "what is @novel.txt")
        await lab.command("/read novel.txt")
        pane = await pane_of(lab)
        await lab.until(lambda: "is being read, 50%" in listed(pane))
        await lab.pilot.press("escape")
        await lab.until(lambda: held(lab) == [])
        assert lab.app.screen is pane
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is lab.screen)
        lab.documents.gate.set()
        assert lab.toasts == []


async def test_reading_anew_that_is_stopped_leaves_the_document(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/read novel.txt")
        await opened(lab, "novel.txt")
        lab.documents.gate.clear()
        lab.bench.documents.read_anew(folder / "novel.txt", "gb18030")
        assert lab.bench.documents.stop()
        lab.documents.gate.set()
        await opened(lab, "novel.txt")
        assert held(lab)[0].encoding == ""
        assert lab.bench.desk.reading is not None


async def test_esc_in_the_pane_lets_counting_rest_and_asking_goes_on(
    paths: Paths, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = asyncio.Event()

    async def slowly(self: OpenDocument, engine: Engine, model: str, enough: int | None = None) -> Counted:
        if enough is None:
            await counting.wait()
        return await count(self, engine, model, enough)

    count = OpenDocument.count
    monkeypatch.setattr(OpenDocument, "count", slowly)
    async with laboratory(paths, Reply(("fine",))) as lab:
        await lab.command("/read novel.txt")
        await lab.until(lambda: [one.phase for one in held(lab)] == ["counting"])
        pane = await pane_of(lab)
        await lab.until(lambda: "counting tokens" in listed(pane))
        await lab.pilot.press("escape")
        await lab.until(lambda: "counting tokens" not in listed(pane))
        assert lab.app.screen is pane
        assert not lab.bench.documents.values.busy
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is lab.screen)
        counting.set()
        await lab.ask("Where is key number 7?")
        assert any("The key number 7 lies" in text for text in sent(lab))


async def test_why_no_prompt_can_be_made_is_told_in_the_pane(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/read novel.txt")
        await opened(lab, "novel.txt")
        await lab.command("/reading digest")
        pane = await pane_of(lab)
        await lab.until(lambda: "There is no digest of novel.txt" in text_of(pane, "way"))
        await lab.pilot.press("w")
        await lab.until(lambda: "There is no digest" not in text_of(pane, "way"))


ANSWER = (
    "It says “The key number 7 lies under the oak.” and “The key number 8 lies under the elm.”, "
    "and “a dragon guards all of the keys in the mountain” too. It is dangerous to go there alone."
)


async def test_quotes_are_checked_under_the_answer_and_lead_to_their_place(paths: Paths, folder: Path) -> None:
    async with laboratory(paths, Reply((ANSWER,)), size=(140, 45)) as lab:
        await lab.command("/read novel.txt")
        await opened(lab, "novel.txt")
        await lab.ask("Where are the keys number 7 and number 8?")
        transcript = lab.transcript

        def rows() -> str:
            return "\n".join(transcript.render_line(y).text.rstrip() for y in range(transcript.size.height))

        await lab.until(lambda: "3 quotes: 1 exact, 1 near, 1 not in the document" in rows())
        assert "✗ “a dragon guards" in rows()
        assert "✓ “The key number 7 lies under the oak.” novel.txt, Chapter 7" in rows()
        assert "[+elm+]" in rows()
        assert "? no quote for: It is dangerous" in rows()
        await lab.command("/read off")
        await lab.pilot.press("alt+up", "q")
        await lab.until(lambda: isinstance(lab.app.screen, DocumentsPane))
        pane = lab.app.screen
        assert isinstance(pane, DocumentsPane)
        reader = pane.query_one(DocumentReader)
        await lab.until(lambda: reader.view.spans("quote"))
        (start, end), *_ = reader.view.spans("quote")
        assert NOVEL[start:end].startswith("The key number 7 lies under the oak")
        shown = reader.view.in_view
        assert shown[0] <= start < shown[1]
        await lab.pilot.press("q")
        await lab.until(lambda: "quote 2 of 2" in text_of(pane, "quote"))
        assert "number 8" in NOVEL[slice(*reader.view.spans("quote")[0])]


async def test_a_chat_without_documents_has_no_quotes_to_show(paths: Paths) -> None:
    async with laboratory(paths, Reply(("fine",))) as lab:
        await lab.ask("hello")
        await lab.pilot.press("alt+up", "q")
        await lab.until(lambda: any("without documents" in toast for toast in lab.toasts))


async def test_a_recipe_that_is_taken_brings_its_documents(paths: Paths, folder: Path) -> None:
    async with laboratory(paths) as lab:
        lab.bench.recipes.take_recipe(await closed_recipe(lab, "novel.txt"))
        await opened(lab, "novel.txt")
        lab.documents.kept.clear()
        await lab.command("/read off")
        await lab.until(lambda: held(lab) == [])


async def test_the_pane_in_chinese_in_a_small_terminal(paths: Paths, folder: Path) -> None:
    words.use_language("zh")
    async with laboratory(paths, size=(80, 24), settings='language = "zh"\n') as lab:
        await lab.command("/read novel.txt")
        await opened(lab, "novel.txt")
        pane = await pane_of(lab)
        await lab.until(lambda: "59 章" in listed(pane))
        assert "文档" in text_of(pane, "title")
        assert pane.query_one(DocumentReader).size.height >= 8
        assert pane.query_one(DocumentReader).view.size.width >= 76


async def test_an_answer_that_says_that_it_is_not_there_is_told_as_a_refusal(paths: Paths, folder: Path) -> None:
    async with laboratory(paths, Reply(("I don't know. The text does not say who the mayor is.",))) as lab:
        await lab.command("/read novel.txt")
        await opened(lab, "novel.txt")
        await lab.ask("Who is the mayor?")
        transcript = lab.transcript

        def rows() -> str:
            return "\n".join(transcript.render_line(y).text.rstrip() for y in range(transcript.size.height))

        await lab.until(lambda: "∅ says that the text does not hold the answer" in rows())
        assert "without one" not in rows()


async def test_passages_are_embedded_beside_the_screen_and_what_is_found_is_shown(paths: Paths, folder: Path) -> None:
    hold = Hold()
    bench = Bench(paths.cache, script=Script(load_hold=hold), patience=0.0)
    novel = NOVEL + "A feline slept under the table.\n\n" + NOVEL
    (folder / "novel.txt").write_text(novel, encoding="utf-8")
    async with laboratory(paths, size=(140, 45), vectors=bench.vectors()) as lab:
        await lab.command("/read novel.txt")
        await lab.until(lambda: [one.embedded for one in held(lab)] == [0.0])
        pane = await pane_of(lab)
        await lab.until(
            lambda: "embedding 0%" in listed(pane) and "by their words alone for now" in text_of(pane, "way")
        )
        hold.gate.set()
        await lab.until(lambda: "BM25 + embeddings (meanings)" in text_of(pane, "way"))
        assert "embedding" not in listed(pane)
        await lab.pilot.press("f12")
        lab.composer.set_draft("Where did the cat sleep?")
        start = novel.index("A feline")
        await lab.until(
            lambda: (
                (material := lab.bench.documents.values.material) is not None
                and any(part.start <= start < part.end for part in material.excerpts)
            )
        )


async def test_an_embedding_model_that_fails_is_told_once(paths: Paths, folder: Path) -> None:
    bench = Bench(paths.cache, script=Script(load_error=ModelError("It is damaged.")))
    async with laboratory(paths, vectors=bench.vectors()) as lab:
        await lab.command("/read novel.txt")
        await opened(lab, "novel.txt")
        await lab.until(lambda: any("It is damaged." in toast for toast in lab.toasts))
        for draft in ("Who?", "Where?"):
            lab.composer.set_draft(draft)
            await lab.until(lambda: "; BM25" in reason(lab))
        assert sum("It is damaged." in toast for toast in lab.toasts) == 1
        assert len(bench.failures) == 1
