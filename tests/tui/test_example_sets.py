"""Example sets as files, in the examples pane: made, copied, renamed, deleted and brought back."""

from __future__ import annotations

import pytest
from textual.widgets import Input, Label, Select, TextArea

from llmlab import words
from llmlab.library.shipped import shipped_prompts_folder
from llmlab.library.shot_files import ShotShelf
from llmlab.paths import Paths
from llmlab.tui.panes.examples import ExamplesPane
from llmlab.tui.panes.shot_parts import ShotDialog
from llmlab.tui.screens.line import LineDialog
from tests.tui.laboratory import Laboratory, laboratory
from tests.tui.test_examples import KINDS, inputs, own_file, pane, use_of


async def named(lab: Laboratory, key: str, name: str) -> None:
    """Press a key of the pane, and answer with a name."""
    await lab.pilot.press(key)
    await lab.until(lambda: isinstance(lab.app.screen, LineDialog))
    lab.app.screen.query_one(Input).value = name
    await lab.pilot.press("enter")
    await lab.until(lambda: isinstance(lab.app.screen, ExamplesPane))


def told(shown: ExamplesPane) -> str:
    return str(shown.query_one("#problem", Label).render())


def chosen(shown: ExamplesPane) -> str:
    return str(shown.query_one("#set", Select).value)


async def using(lab: Laboratory, wanted: str) -> ExamplesPane:
    await lab.command(f"/shots {wanted}")
    await lab.until(lambda: lab.bench.desk.shots)
    return await pane(lab)


async def test_a_new_set_is_a_file_at_once_and_takes_rows(paths: Paths) -> None:
    async with laboratory(paths, size=(80, 24)) as lab:
        shown = await pane(lab)
        await named(lab, "n", "fruit")
        file = paths.config / "prompts" / "shots" / "fruit.en.toml"
        await lab.until(file.exists)
        await lab.until(lambda: chosen(shown) == "fruit.en" and str(file.name) in told(shown))
        await lab.pilot.press("a")
        await lab.until(lambda: isinstance(lab.app.screen, ShotDialog))
        lab.app.screen.query_one("#input", TextArea).text = "plum"
        lab.app.screen.query_one("#output", TextArea).text = "blue"
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: lab.app.screen is shown)
        await lab.pilot.press("right", "ctrl+s")
        await lab.until(lambda: "plum" in file.read_text(encoding="utf-8"))
        await lab.until(lambda: lab.bench.desk.shots)
        assert inputs(lab) == ["plum"]
        # It has no title but its name, and the title goes with that.
        await named(lab, "r", "stone fruit")
        await lab.until(lambda: chosen(shown) == "stone fruit.en")
        assert (use_of(lab).set.title, inputs(lab)) == ("stone fruit", ["plum"])


async def test_a_name_that_is_taken_is_told_and_escape_makes_none(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        shown = await using(lab, "antonyms:2")
        await named(lab, "n", "sentiment")
        await lab.until(lambda: "There is sentiment.en already." in told(shown))
        await lab.pilot.press("c")
        await lab.until(lambda: isinstance(lab.app.screen, LineDialog))
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is shown)
        assert not (paths.config / "prompts" / "shots").exists()
        assert (use_of(lab).set.key, use_of(lab).k) == ("antonyms.en", 2)


async def test_a_shipped_set_is_copied_with_what_was_not_saved_and_stays(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        shown = await using(lab, "antonyms:2")
        await lab.pilot.press("d")
        before = inputs(lab)
        await named(lab, "c", "opposites")
        await lab.until(lambda: chosen(shown) == "opposites.en")
        assert (use_of(lab).set.key, use_of(lab).k, inputs(lab)) == ("opposites.en", 2, before)
        saved = ShotShelf([paths.config / "prompts"]).find("opposites", "en")
        assert [row.input for row in saved.rows] == before
        assert not (paths.config / "prompts" / "shots" / "antonyms.en.toml").exists()
        shipped = ShotShelf([shipped_prompts_folder()]).find("antonyms", "en")
        assert len(shipped.rows) == len(before) + 1
        await lab.pilot.press("x")
        await lab.until(lambda: "u brings it back" in told(shown))


@pytest.mark.parametrize("key", ["r", "x"])
async def test_a_shipped_set_is_neither_renamed_nor_deleted(paths: Paths, key: str) -> None:
    async with laboratory(paths) as lab:
        shown = await using(lab, "antonyms:2")
        if key == "r":
            await named(lab, key, "opposites")
        else:
            await lab.pilot.press(key)
        await lab.until(lambda: "antonyms.en came with llmlab" in told(shown))
        assert (use_of(lab).set.key, use_of(lab).k) == ("antonyms.en", 2)


async def test_a_set_in_use_is_renamed_with_what_was_not_saved(paths: Paths) -> None:
    file = own_file(paths)
    async with laboratory(paths) as lab:
        shown = await using(lab, "kinds:2")
        await lab.pilot.press("shift+down")
        await named(lab, "r", "sorts")
        renamed = file.with_name("sorts.en.toml")
        await lab.until(renamed.exists)
        await lab.until(lambda: chosen(shown) == "sorts.en")
        assert not file.exists()
        assert renamed.read_text(encoding="utf-8") == KINDS
        assert (use_of(lab).set.key, use_of(lab).k) == ("sorts.en", 2)
        assert inputs(lab) == ["leek", "apple", "pear"]
        assert "*" in str(shown.query_one("#title", Label).render())
        await lab.pilot.press("u")
        assert inputs(lab) == ["apple", "leek", "pear"]
        # Nothing of the old name is left to be asked about.
        assert [draft.set.key for draft in lab.bench.examples.unsaved()] == []


async def test_a_deleted_set_is_sent_no_more_and_comes_back_as_it_was(paths: Paths) -> None:
    file = own_file(paths)
    async with laboratory(paths) as lab:
        shown = await using(lab, "kinds:2")
        await lab.pilot.press("shift+down", "x")
        await lab.until(lambda: not file.exists() and "u brings it back" in told(shown))
        assert chosen(shown) != "kinds.en"
        assert lab.bench.desk.shots is None
        await lab.pilot.press("u")
        await lab.until(lambda: file.exists() and chosen(shown) == "kinds.en")
        assert file.read_text(encoding="utf-8") == KINDS
        assert (use_of(lab).k, inputs(lab)) == (2, ["leek", "apple", "pear"])


async def test_a_set_that_was_deleted_a_while_ago_comes_back_behind_the_changes_of_another(paths: Paths) -> None:
    file = own_file(paths)
    async with laboratory(paths) as lab:
        shown = await using(lab, "kinds:2")
        await lab.pilot.press("x")
        await lab.until(lambda: not file.exists() and chosen(shown) != "kinds.en")
        await lab.pilot.press("d")
        await lab.until(lambda: "*" in str(shown.query_one("#title", Label).render()))
        await lab.pilot.press("u")
        await lab.until(lambda: "*" not in str(shown.query_one("#title", Label).render()))
        assert not file.exists()
        await lab.pilot.press("u")
        await lab.until(lambda: file.exists() and chosen(shown) == "kinds.en")


async def test_deleting_ones_own_brings_the_shipped_one_of_that_name_back(paths: Paths) -> None:
    file = own_file(paths, "antonyms.en.toml")
    async with laboratory(paths) as lab:
        shown = await using(lab, "antonyms:2")
        assert inputs(lab) == ["apple", "leek", "pear"]
        await lab.pilot.press("x")
        await lab.until(lambda: not file.exists() and "u brings it back" in told(shown))
        assert chosen(shown) == "antonyms.en"
        await lab.pilot.press("right")
        await lab.until(lambda: lab.bench.desk.shots)
        assert inputs(lab)[0] == "hot"


async def test_a_new_set_is_of_the_language_of_the_interface(paths: Paths) -> None:
    words.use_language("zh")
    async with laboratory(paths) as lab:
        shown = await pane(lab)
        await named(lab, "n", "水果")
        await lab.until(lambda: chosen(shown) == "水果.zh")
        made = ShotShelf([paths.config / "prompts"]).find("水果", "zh")
        assert (made.title, made.input_label, made.output_label) == ("水果", "输入：", "输出：")
