"""The templates pane and what it leads to: by keys alone, in two languages, from 80x24 on."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input, Label, OptionList, TextArea

from llmlab import words
from llmlab.domain.modes import ReasoningUse
from llmlab.domain.shots import ShotUse
from llmlab.engine.scripted import Reply
from llmlab.paths import Paths
from llmlab.tui.panes.template_editor import TemplateEditor
from llmlab.tui.panes.template_field import MOST_ROWS, TextField
from llmlab.tui.panes.template_form import TemplateForm
from llmlab.tui.panes.templates import TemplatesPane
from llmlab.tui.screens.leaving import LeavingDialog
from llmlab.tui.screens.line import LineDialog
from llmlab.tui.widgets.pastes import FOLD_LINES
from tests.tui.laboratory import Laboratory, laboratory

MINE = """title = "Greet"
main = "who"
user = "Hello {{ who }}, {{ how }}"

[variables.who]
[variables.how]
"""


async def opened(lab: Laboratory) -> TemplatesPane:
    await lab.pilot.press("f6")
    await lab.until(lambda: isinstance(lab.app.screen, TemplatesPane) and bool(lab.app.screen.query(TemplateForm)))
    pane = lab.app.screen
    assert isinstance(pane, TemplatesPane)
    return pane


def pane_of(lab: Laboratory) -> TemplatesPane:
    return next(screen for screen in lab.app.screen_stack if isinstance(screen, TemplatesPane))


def field_of(pane: TemplatesPane, name: str) -> TextField:
    """The field of a variable of the kind text."""
    return next(field for field in pane.query(TextField) if field.name == name)


async def find(lab: Laboratory, pane: TemplatesPane, text: str) -> None:
    """Search, and go to the list with the only hit under the cursor."""
    await lab.pilot.press("slash", *text, "enter")
    await lab.until(lambda: shown(pane) is not None and pane.query_one(OptionList).option_count == 1)
    await lab.pilot.pause()


def shown(pane: TemplatesPane) -> str | None:
    forms = pane.query(TemplateForm)
    return forms.first().use.template.key if forms else None


def problem(pane: TemplatesPane | TemplateEditor) -> str:
    return str(pane.query_one("#problem", Label).render())


def recipe_parts(lab: Laboratory) -> tuple[ShotUse | None, ReasoningUse | None]:
    return lab.bench.desk.shots, lab.bench.desk.reasoning


def keys(pane: TemplatesPane) -> str:
    return str(pane.query_one("#keys", Label).render())


def write(paths: Paths, name: str, text: str) -> Path:
    path = paths.config / "prompts" / "templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_template_is_found_filled_and_used_by_keys(paths: Paths, size: tuple[int, int]) -> None:
    async with laboratory(paths, Reply(("fine",)), size=size) as lab:
        pane = await opened(lab)
        await find(lab, pane, "shorten.en")
        assert shown(pane) == "shorten.en"
        await lab.pilot.press("tab", "tab")
        field = lab.app.focused
        assert isinstance(field, Input)
        assert field.name == "percent"
        await lab.pilot.press("2", "5", "enter")
        await lab.until(lambda: lab.app.screen is lab.screen)
        use = lab.bench.desk.template
        assert use is not None
        assert dict(use.values) == {"percent": "25"}
        await lab.ask("A long text.")
        sent = [prompt[-1].text for prompt in lab.engines[0].prompts]
        assert any("about 25 percent" in text and "<text>\nA long text.\n</text>" in text for text in sent)
        await opened(lab)
        await lab.pilot.press("x")
        await lab.until(lambda: lab.bench.desk.template is None)


async def test_what_is_missing_at_sending_opens_the_pane_and_keeps_the_draft(paths: Paths) -> None:
    async with laboratory(paths, Reply(("fine",))) as lab:
        await lab.command("/t classify")
        await lab.until(lambda: lab.bench.desk.template is not None)
        lab.composer.set_draft("I love it")
        await lab.pilot.press("enter")
        await lab.until(lambda: isinstance(lab.app.screen, TemplatesPane))
        assert any("still needs: Labels" in toast for toast in lab.toasts)
        pane = pane_of(lab)
        await lab.until(lambda: shown(pane) == "classify.en")
        missing = [str(label.render()) for label in pane.query("Label.title.missing").results(Label)]
        assert [text.strip() for text in missing] == ["! Labels"]
        await lab.pilot.press("enter")
        await lab.until(lambda: isinstance(lab.app.focused, TextField) and lab.app.focused.name == "labels")
        await lab.pilot.press("g", "o", "o", "d", "enter")
        await lab.until(lambda: lab.app.screen is lab.screen)
        await lab.until(lambda: lab.composer.text == "I love it")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_paste_of_several_lines_into_a_variable_reaches_the_prompt(paths: Paths, size: tuple[int, int]) -> None:
    async with laboratory(paths, Reply(("fine",)), size=size) as lab:
        pane = await opened(lab)
        await find(lab, pane, "email-reply.en")
        field = field_of(pane, "points")
        field.focus()
        field.post_message(events.Paste("Monday is fine.\r\n  Bring the plan.\r\nThank you."))
        await lab.until(lambda: "Thank you." in field.text)
        await lab.until(lambda: field.size.height == 3)
        await lab.until(lambda: "ctrl+j new line" in keys(pane))
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.app.screen is lab.screen)
        # What was filled in stands in the form as it is, and looking at it changes nothing.
        pane = await opened(lab)
        await lab.until(lambda: shown(pane) == "email-reply.en")
        assert field_of(pane, "points").value == "Monday is fine.\n  Bring the plan.\nThank you."
        await lab.pilot.press("escape")
        await lab.ask("When do we meet?")
        written = "What I want to say: Monday is fine.\n  Bring the plan.\nThank you.\nTone:"
        assert any(written in message.text for prompt in lab.engines[0].prompts for message in prompt)


async def test_lines_are_written_in_a_variable_by_keys(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        pane = await opened(lab)
        await find(lab, pane, "email-reply.en")
        field = field_of(pane, "points")
        field.focus()
        await lab.pilot.press("a", "ctrl+j", "b", "shift+enter", "c", "tab")
        await lab.until(lambda: lab.app.focused is field_of(pane, "tone"))
        await lab.pilot.press("shift+tab", "enter")
        await lab.until(lambda: lab.app.screen is lab.screen)
        use = lab.bench.desk.template
        assert use is not None
        assert dict(use.values) == {"points": "a\nb\nc"}


async def test_a_long_paste_into_a_variable_is_kept_whole_behind_a_mark(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        pane = await opened(lab)
        await find(lab, pane, "compare-texts.en")
        form, field = pane.query_one(TemplateForm), field_of(pane, "second")
        field.focus()
        field.post_message(events.Paste("a line\n" * MOST_ROWS))
        await lab.until(lambda: form.use.values.get("second") == "a line\n" * MOST_ROWS)
        await lab.until(lambda: field.size.height == MOST_ROWS)
        field.clear()
        long = "a line\n" * FOLD_LINES
        field.post_message(events.Paste(long))
        await lab.until(lambda: form.use.values.get("second") == long)
        assert len(field.text) < 80
        await lab.pilot.press("backspace")
        await lab.until(lambda: field.text == "")
        await lab.until(lambda: "second" not in form.use.values)


async def test_a_file_variable_takes_a_path_and_tells_its_size(paths: Paths, tmp_path: Path) -> None:
    document = tmp_path / "d.txt"
    document.write_text("The cat sat.", encoding="utf-8")
    async with laboratory(paths) as lab:
        pane = await opened(lab)
        await find(lab, pane, "ask-text.en")
        form = pane.query_one(TemplateForm)
        field = next(one for one in form.query(Input) if one.name == "document")
        field.focus()
        field.value = str(tmp_path / "none.txt")
        await lab.pilot.press("enter")
        await lab.until(lambda: "cannot be read" in form.wrong)
        field.value = str(document)
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.app.screen is lab.screen)
        use = lab.bench.desk.template
        assert use is not None
        assert use.values["document"] == "The cat sat."


async def test_a_shipped_template_is_edited_as_a_copy_and_only_when_it_is_sound(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        pane = await opened(lab)
        await find(lab, pane, "titles.en")
        await lab.pilot.press("e")
        await lab.until(lambda: isinstance(lab.app.screen, TemplateEditor))
        editor = lab.app.screen
        assert isinstance(editor, TemplateEditor)
        area = editor.query_one(TextArea)
        good = area.text
        area.text = good.replace("{{ count }}", "{{ number }}")
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: "uses number, which is not among its variables" in problem(editor))
        area.text = good.replace("Suggest", "Propose")
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: lab.app.screen is pane)
        saved = paths.config / "prompts" / "templates" / "titles.en.toml"
        assert "Propose" in saved.read_text(encoding="utf-8")
        # Deleting the copy brings the shipped one back, undoing brings the copy back.
        await lab.until(lambda: shown(pane) == "titles.en" and "Saved" in problem(pane))
        await lab.pilot.press("delete")
        await lab.until(lambda: not saved.exists() and "u brings it back" in problem(pane))
        await lab.pilot.press("u")
        await lab.until(saved.exists)


async def test_changes_are_not_dropped_unasked(paths: Paths) -> None:
    saved = paths.config / "prompts" / "templates" / "titles.en.toml"
    async with laboratory(paths) as lab:
        pane = await opened(lab)
        await find(lab, pane, "titles.en")
        await lab.pilot.press("e")
        await lab.until(lambda: isinstance(lab.app.screen, TemplateEditor))
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is pane)
        await lab.pilot.press("e")
        await lab.until(lambda: isinstance(lab.app.screen, TemplateEditor))
        editor = lab.app.screen
        assert isinstance(editor, TemplateEditor)
        area = editor.query_one(TextArea)
        good = area.text
        area.text = good.replace("{{ count }}", "{{ number }}")
        # Stay: nothing is lost, the focus is where it was.
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, LeavingDialog))
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is editor and lab.app.focused is area)
        # Save what is wrong: the editor stays open with the reason.
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, LeavingDialog))
        await lab.pilot.press("s")
        await lab.until(lambda: "uses number" in problem(editor))
        assert not saved.exists()
        area.text = good.replace("Suggest", "Propose")
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, LeavingDialog))
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.app.screen is pane)
        assert "Propose" in saved.read_text(encoding="utf-8")
        await lab.until(lambda: shown(pane) == "titles.en" and "Saved" in problem(pane))
        await lab.pilot.press("e")
        await lab.until(lambda: isinstance(lab.app.screen, TemplateEditor))
        lab.app.screen.query_one(TextArea).text = "nonsense"
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, LeavingDialog))
        await lab.pilot.press("d")
        await lab.until(lambda: lab.app.screen is pane)
        assert "Propose" in saved.read_text(encoding="utf-8")


async def test_a_template_is_copied_renamed_and_shipped_ones_stay(paths: Paths) -> None:
    write(paths, "greet.en.toml", MINE)
    async with laboratory(paths) as lab:
        pane = await opened(lab)
        await find(lab, pane, "greet")
        await lab.pilot.press("r")
        await lab.until(lambda: isinstance(lab.app.screen, LineDialog))
        lab.app.screen.query_one(Input).value = "hail"
        await lab.pilot.press("enter")
        await lab.until(lambda: (paths.config / "prompts" / "templates" / "hail.en.toml").exists())
        assert not (paths.config / "prompts" / "templates" / "greet.en.toml").exists()
        await lab.until(lambda: lab.app.screen is pane)
        pane.query_one("#finding", Input).value = "quiz.en"
        pane.query_one(OptionList).focus()
        await lab.until(lambda: shown(pane) == "quiz.en")
        await lab.pilot.press("delete")
        await lab.until(lambda: "came with llmlab" in problem(pane))
        await lab.pilot.press("d")
        await lab.until(lambda: isinstance(lab.app.screen, LineDialog))
        await lab.pilot.press("enter")
        await lab.until(lambda: "There is quiz.en already." in problem(pane))


async def test_what_goes_well_with_a_template_is_put_on_and_taken_back_by_one_key(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/shots foo-bar:2")
        await lab.until(lambda: lab.bench.desk.shots is not None)
        before = lab.bench.desk.shots
        pane = await opened(lab)
        await find(lab, pane, "word-problem.zh")
        assert "s what goes well with it" in keys(pane)
        await lab.pilot.press("s")
        await lab.until(lambda: "s takes it back" in problem(pane))
        desk = lab.bench.desk
        assert desk.shots is not None
        assert desk.reasoning is not None
        assert (desk.shots.set.key, desk.shots.k, desk.reasoning.mode.key) == ("arithmetic.zh", 4, "steps.zh")
        assert desk.template is None
        # What it did is known when the pane is opened again.
        await lab.pilot.press("escape")
        pane = await opened(lab)
        await find(lab, pane, "word-problem.zh")
        assert "s as before" in keys(pane)
        await lab.pilot.press("s")
        await lab.until(lambda: "As it was" in problem(pane))
        assert recipe_parts(lab) == (before, None)
        # Changed by hand in between: it is put on anew, and that is what is taken back.
        await lab.pilot.press("s")
        await lab.until(lambda: desk.reasoning is not None)
        lab.bench.examples.put(None)
        await lab.pilot.press("s")
        await lab.until(lambda: recipe_parts(lab)[0] is not None)
        await lab.pilot.press("s")
        await lab.until(lambda: recipe_parts(lab)[0] is None)
        assert recipe_parts(lab)[1] is not None


async def test_a_template_that_is_chosen_tells_what_goes_well_with_it(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/t word-problem")
        await lab.until(lambda: lab.toasts and "Examples: arithmetic, Reasoning: steps; F6, then s" in lab.toasts[-1])
        assert recipe_parts(lab) == (None, None)
        # Told once, and not where it is on already or where there is nothing to tell.
        told = len(lab.toasts)
        await lab.command("/t word-problem")
        await lab.until(lambda: len(lab.toasts) == told + 1)
        await lab.command("/shots sentiment:2")
        await lab.until(lambda: lab.bench.desk.shots is not None)
        told = len(lab.toasts)
        for name in ("sentiment", "summarise"):
            await lab.command(f"/t {name}")
        await lab.until(lambda: len(lab.toasts) == told + 2)
        assert not any("goes well" in toast for toast in lab.toasts[told:])
        pane = await opened(lab)
        await find(lab, pane, "quiz.en")
        await lab.pilot.press("enter")
        await lab.until(lambda: "Reasoning: thinking-on" in lab.toasts[-1])


async def test_the_schema_of_a_template_holds_while_it_is_on(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/t extract-json")
        await lab.until(lambda: lab.bench.desk.template is not None)
        assert "organisations" in (lab.bench.desk.recipe().schema or "")
        await lab.command("/t off")
        await lab.until(lambda: lab.bench.desk.template is None)
        assert lab.bench.desk.recipe().schema is None


async def test_the_key_shows_only_where_something_is_suggested(paths: Paths) -> None:
    write(paths, "greet.en.toml", MINE)
    write(paths, "lost.en.toml", 'shots = "no-such-set"\nreasoning = "steps"\n' + MINE.replace("Greet", "Lost"))
    async with laboratory(paths) as lab:
        pane = await opened(lab)
        await find(lab, pane, "greet")
        assert "goes well" not in keys(pane)
        await lab.pilot.press("s")
        await find(lab, pane, "lost")
        await lab.pilot.press("s")
        await lab.until(lambda: "no-such-set" in problem(pane))
        assert recipe_parts(lab) == (None, None)


async def test_the_template_in_use_follows_its_file_and_survives_nonsense(paths: Paths) -> None:
    path = write(paths, "greet.en.toml", MINE)
    async with laboratory(paths) as lab:
        await lab.command("/t greet")
        await lab.until(lambda: lab.bench.desk.template is not None)
        path.write_text(MINE.replace("Hello", "Good morning to you,"), encoding="utf-8")
        await lab.bench.templates.look()
        use = lab.bench.desk.template
        assert use is not None
        assert use.template.user.startswith("Good morning")
        path.write_text(MINE + "[[", encoding="utf-8")
        await lab.bench.templates.look()
        assert lab.bench.desk.template == use
        assert f"{path}:" in lab.bench.templates.problems()[0]
        path.unlink()
        await lab.bench.templates.look()
        assert lab.bench.desk.template == use


async def test_the_form_speaks_chinese_and_offers_chinese_templates_first(paths: Paths) -> None:
    words.use_language("zh")
    async with laboratory(paths, size=(80, 24)) as lab:
        pane = await opened(lab)
        first = str(pane.query_one(OptionList).get_option_at_index(0).prompt)
        assert any(ord(character) > 0x2E80 for character in first)
        assert (shown(pane) or "").endswith(".zh")


async def test_without_an_editor_it_is_said(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    async with laboratory(paths) as lab:
        pane = await opened(lab)
        await lab.pilot.press("o")
        await lab.until(lambda: "$EDITOR names no editor" in problem(pane))
