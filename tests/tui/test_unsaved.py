"""What was changed and not saved: quitting asks first."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Label, TextArea

from llmlab.paths import Paths
from llmlab.tui.panes.shot_parts import ShotDialog
from llmlab.tui.panes.template_editor import TemplateEditor
from llmlab.tui.screens.leaving import LeavingDialog
from tests.tui.laboratory import Laboratory, laboratory
from tests.tui.test_examples import inputs, own_file, pane
from tests.tui.test_templates import find, opened, problem


async def asked(lab: Laboratory) -> str:
    """Press ctrl+q; what the question names."""
    await lab.pilot.press("ctrl+q")
    await lab.until(lambda: isinstance(lab.app.screen, LeavingDialog))
    return "\n".join(str(label.render()) for label in lab.app.screen.query(Label))


async def ended(lab: Laboratory) -> None:
    await lab.until(lambda: lab.app._exit)


async def test_nothing_changed_ends_at_once(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.pilot.press("ctrl+q")
        await ended(lab)


async def edited_template(lab: Laboratory) -> TemplateEditor:
    shown = await opened(lab)
    await find(lab, shown, "titles.en")
    await lab.pilot.press("e")
    await lab.until(lambda: isinstance(lab.app.screen, TemplateEditor))
    editor = lab.app.screen
    assert isinstance(editor, TemplateEditor)
    return editor


async def test_a_template_being_edited_is_saved_or_kept_open(paths: Paths) -> None:
    saved = paths.config / "prompts" / "templates" / "titles.en.toml"
    async with laboratory(paths) as lab:
        editor = await edited_template(lab)
        area = editor.query_one(TextArea)
        good = area.text
        area.text = "nonsense"
        assert "titles.en.toml" in await asked(lab)
        # A second ctrl+q drops nothing either.
        await lab.pilot.press("ctrl+q")
        assert isinstance(lab.app.screen, LeavingDialog)
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is editor and lab.app.focused is area)
        await asked(lab)
        await lab.pilot.press("s")
        await lab.until(lambda: lab.app.screen is editor and problem(editor) != "")
        assert not lab.app._exit
        area.text = good.replace("Suggest", "Propose")
        await asked(lab)
        await lab.pilot.press("s")
        await ended(lab)
    assert "Propose" in saved.read_text(encoding="utf-8")


async def test_a_template_may_be_dropped(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        (await edited_template(lab)).query_one(TextArea).text = "nonsense"
        await asked(lab)
        await lab.pilot.press("d")
        await ended(lab)
    assert not (paths.config / "prompts" / "templates" / "titles.en.toml").exists()


async def changed_set(lab: Laboratory, paths: Paths) -> Path:
    file = own_file(paths)
    await lab.command("/shots kinds:3")
    await lab.until(lambda: lab.bench.desk.shots)
    await pane(lab)
    await lab.pilot.press("shift+down")
    assert inputs(lab) == ["leek", "apple", "pear"]
    await lab.pilot.press("escape")
    await lab.until(lambda: lab.app.screen is lab.screen)
    return file


async def test_a_changed_set_of_examples_is_saved(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        file = await changed_set(lab, paths)
        before = file.read_text(encoding="utf-8")
        assert "Kinds" in await asked(lab)
        assert file.read_text(encoding="utf-8") == before
        await lab.pilot.press("s")
        await ended(lab)
    text = file.read_text(encoding="utf-8")
    assert text.index("leek") < text.index("apple")


async def test_a_set_that_cannot_be_saved_keeps_the_lab_open(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        file = await changed_set(lab, paths)
        file.write_text(file.read_text(encoding="utf-8").replace("pear", "quince"), encoding="utf-8")
        await asked(lab)
        await lab.pilot.press("s")
        await lab.until(lambda: lab.toasts and "kinds" in lab.toasts[-1])
        assert not lab.app._exit
        assert "quince" in file.read_text(encoding="utf-8")


async def test_an_example_being_written_is_asked_for_by_escape_and_by_quitting(paths: Paths) -> None:
    own_file(paths)
    async with laboratory(paths) as lab:
        await lab.command("/shots kinds:3")
        await lab.until(lambda: lab.bench.desk.shots)
        shown = await pane(lab)
        await lab.pilot.press("a")
        await lab.until(lambda: isinstance(lab.app.screen, ShotDialog))
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is shown)
        await lab.pilot.press("a")
        await lab.until(lambda: isinstance(lab.app.screen, ShotDialog))
        await lab.pilot.press(*"plum", "tab", "tab", *"fruit")
        await lab.pilot.press("escape")
        await lab.until(lambda: isinstance(lab.app.screen, LeavingDialog))
        await lab.pilot.press("s")
        await lab.until(lambda: lab.app.screen is shown)
        assert "plum" in inputs(lab)
        await lab.pilot.press("a")
        await lab.until(lambda: isinstance(lab.app.screen, ShotDialog))
        await lab.pilot.press(*"sloe")
        assert "A new example" in await asked(lab)
        await lab.pilot.press("d")
        # The row is dropped; the set, which has changed, asks for itself.
        await lab.until(lambda: isinstance(lab.app.screen, LeavingDialog) and "Kinds" in str(
            [label.render() for label in lab.app.screen.query(Label)]))  # fmt: skip
        await lab.pilot.press("s")
        await ended(lab)
    text = (paths.config / "prompts" / "shots" / "kinds.en.toml").read_text(encoding="utf-8")
    assert "plum" in text
    assert "sloe" not in text
