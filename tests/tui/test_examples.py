"""The examples pane, and what makes examples out of a chat."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from textual.widgets import Input, Label, Select, TextArea

from llmlab.domain.shots import ShotUse
from llmlab.engine.scripted import Reply, Script
from llmlab.library.shipped import shipped_prompts_folder
from llmlab.library.shot_files import ShotShelf
from llmlab.paths import Paths
from llmlab.tui.panes.examples import ExamplesPane
from llmlab.tui.panes.shot_parts import ShotDialog, ShotSlider
from llmlab.tui.panes.shot_table import ShotTable, fitted
from tests.tui.laboratory import Laboratory, laboratory

KINDS = """
title = "Kinds"
[[rows]]
input = "apple"
output = "fruit"
[[rows]]
input = "leek"
output = "vegetable"
[[rows]]
input = "pear"
output = "fruit"
"""


def own_file(paths: Paths, name: str = "kinds.en.toml", text: str = KINDS) -> Path:
    path = paths.config / "prompts" / "shots" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, encoding="utf-8")
    if path.stat().st_mtime_ns <= before:
        os.utime(path, ns=(before + 1, before + 1))
    return path


def use_of(lab: Laboratory) -> ShotUse:
    use = lab.bench.desk.shots
    assert use is not None
    return use


def inputs(lab: Laboratory) -> list[str]:
    return [row.input for row in use_of(lab).set.rows]


async def pane(lab: Laboratory) -> ExamplesPane:
    """The pane, opened by its key."""
    await lab.pilot.press("f7")
    await lab.until(lambda: isinstance(lab.app.screen, ExamplesPane))
    shown = lab.app.screen
    assert isinstance(shown, ExamplesPane)
    await lab.until(lambda: shown.query_one(ShotTable).virtual_size.height > 0)
    return shown


def slider(lab: Laboratory) -> str:
    return lab.app.screen.query_one(ShotSlider).render().plain


def rows(lab: Laboratory) -> list[str]:
    """The rows of the table as they are painted."""
    table = lab.app.screen.query_one(ShotTable)
    return [table.render_line(y).text for y in range(table.size.height)]


async def test_the_slider_takes_effect_at_once_and_tells_the_price(paths: Paths) -> None:
    own_file(paths)
    async with laboratory(paths) as lab:
        await lab.command("/shots kinds:1")
        await lab.until(lambda: lab.bench.desk.shots)
        await pane(lab)
        await lab.pilot.press("right")
        await lab.until(lambda: "2 of 3" in slider(lab) and "+" in slider(lab))
        assert use_of(lab).k == 2
        assert rows(lab)[0].split()[:3] == ["1", "●", "apple"]
        assert "…" not in rows(lab)[0]
        await lab.pilot.press("left", "left")
        assert lab.bench.desk.shots is None
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is lab.screen)


async def test_examples_are_sent_before_the_question(paths: Paths) -> None:
    own_file(paths)
    async with laboratory(paths) as lab:
        await lab.command("/shots kinds:2")
        await lab.until(lambda: lab.bench.desk.shots)
        prepared = await lab.bench.desk.prepared("plum")
        assert prepared is not None
        assert [message.text for message in prepared.assembled.messages] == [
            "apple", "fruit", "leek", "vegetable", "plum"
        ]  # fmt: skip
        assert "Kinds" in lab.toasts[-1]
        await lab.command("/shots 0")
        await lab.until(lambda: lab.bench.desk.shots is None)
        await lab.command("/shots 3")
        await lab.until(lambda: lab.bench.desk.shots)
        await lab.command("/shots off")
        await lab.until(lambda: lab.bench.desk.shots is None)


@pytest.mark.parametrize(("wanted", "told"), [("kind:2", "kinds"), ("kinds:9", "3"), ("kinds:-1", "kinds")])
async def test_a_set_that_is_not_there_is_told(paths: Paths, wanted: str, told: str) -> None:
    own_file(paths)
    async with laboratory(paths) as lab:
        await lab.command(f"/shots {wanted}")
        await lab.until(lambda: lab.toasts)
        assert told in lab.toasts[-1]
        assert lab.bench.desk.shots is None


async def test_rows_are_switched_moved_deleted_and_brought_back(paths: Paths) -> None:
    own_file(paths)
    async with laboratory(paths) as lab:
        await lab.command("/shots kinds:3")
        await lab.until(lambda: lab.bench.desk.shots)
        shown = await pane(lab)
        await lab.pilot.press("shift+down")
        assert inputs(lab) == ["leek", "apple", "pear"]
        assert shown.query_one(ShotTable).cursor == 1
        await lab.pilot.press("space")
        assert [row.on for row in use_of(lab).set.rows] == [True, False, True]
        assert use_of(lab).k == 2
        await lab.pilot.press("d")
        assert inputs(lab) == ["leek", "pear"]
        await lab.pilot.press("u", "ctrl+z", "u", "u")
        assert inputs(lab) == ["apple", "leek", "pear"]
        assert "*" not in str(shown.query_one("#title", Label).render())


async def test_rows_are_added_and_edited_in_a_form_and_saved_to_the_users_folder(paths: Paths) -> None:
    file = own_file(paths)
    async with laboratory(paths, size=(80, 24)) as lab:
        await lab.command("/shots kinds:3")
        await lab.until(lambda: lab.bench.desk.shots)
        shown = await pane(lab)
        await lab.pilot.press("a")
        await lab.until(lambda: isinstance(lab.app.screen, ShotDialog))
        await lab.pilot.press("ctrl+s")
        assert isinstance(lab.app.screen, ShotDialog)
        await lab.pilot.press(*"plum", "tab", "tab", *"fruit", "ctrl+s")
        await lab.until(lambda: lab.app.screen is shown)
        assert inputs(lab) == ["apple", "plum", "leek", "pear"]
        assert shown.query_one(ShotTable).cursor == 1
        await lab.pilot.press("enter")
        await lab.until(lambda: isinstance(lab.app.screen, ShotDialog))
        lab.app.screen.query_one("#reasoning", TextArea).text = "It grows on a tree."
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: lab.app.screen is shown)
        assert file.read_text(encoding="utf-8") == KINDS
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: "plum" in file.read_text(encoding="utf-8"))
        saved = ShotShelf([paths.config / "prompts"]).find("kinds", "en")
        assert [(row.input, row.reasoning) for row in saved.rows][1] == ("plum", "It grows on a tree.")
        await lab.until(lambda: "Saved" in str(shown.query_one("#problem", Label).render()))
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: "Nothing" in str(shown.query_one("#problem", Label).render()))


async def test_controls_hold_at_once(paths: Paths) -> None:
    own_file(paths)
    async with laboratory(paths) as lab:
        await lab.command("/shots kinds:2")
        await lab.until(lambda: lab.bench.desk.shots)
        shown = await pane(lab)
        assert not shown.query_one("#seed").display
        wished = {"choice": "random", "order": "reversed", "style": "inline", "labels": "flipped"}
        for name, value in wished.items():
            shown.query_one(f"#{name}", Select).value = value
        await lab.until(lambda: all(getattr(use_of(lab), name) == value for name, value in wished.items()))
        assert shown.query_one("#seed").display
        shown.query_one("#seed", Input).value = "7"
        await lab.until(lambda: use_of(lab).seed == 7)
        shown.query_one("#set", Select).value = "antonyms.en"
        await lab.until(lambda: use_of(lab).set.name == "antonyms")
        assert (use_of(lab).seed, use_of(lab).style, use_of(lab).k) == (7, "inline", 2)


@pytest.mark.parametrize("style", ["turns", "inline"])
async def test_their_price_is_told_before_the_next_question_is_written(paths: Paths, style: str) -> None:
    own_file(paths)
    async with laboratory(paths) as lab:
        await lab.ask("Is a pear sweet?")
        await lab.until(lambda: len(lab.texts) == 2 and not lab.bench.desk.answering)
        await lab.command("/shots kinds:2")
        await lab.until(lambda: lab.bench.desk.shots)
        shown = await pane(lab)
        shown.query_one("#style", Select).value = style
        await lab.until(lambda: use_of(lab).style == style)
        slider = shown.query_one(ShotSlider)
        await lab.until(lambda: re.search(r"\+[1-9]\d* tokens", str(slider.render())))


async def test_the_nearest_to_what_is_being_written_are_shown(paths: Paths) -> None:
    own_file(paths)
    async with laboratory(paths) as lab:
        await lab.command("/shots kinds:1")
        await lab.until(lambda: lab.bench.desk.shots)
        lab.composer.set_draft("Is a pear sweet?")
        shown = await pane(lab)
        shown.query_one("#choice", Select).value = "nearest"
        await lab.until(lambda: rows(lab)[2].split()[0] == "1")
        assert rows(lab)[0].split()[0] == "●"


async def test_a_turn_becomes_an_example_of_the_set_in_use(paths: Paths) -> None:
    file = own_file(paths)
    async with laboratory(paths, script=Script(replies=(Reply(("a fruit",)), Reply(("a fruit",))))) as lab:
        await lab.command("/shots kinds:1")
        await lab.until(lambda: lab.bench.desk.shots)
        await lab.ask("What is a plum?")
        await lab.pilot.press("alt+up", "x")
        await lab.until(lambda: inputs(lab)[-1] == "What is a plum?")
        assert use_of(lab).set.rows[-1].output == "a fruit"
        assert file.read_text(encoding="utf-8") == KINDS
        await lab.until(lambda: "Kinds" in lab.toasts[-1])
        # Its question says the same, and it is not taken twice.
        await lab.pilot.press("alt+up", "x")
        await lab.until(lambda: "already" in lab.toasts[-1])
        assert len(inputs(lab)) == 4


async def test_with_no_set_in_use_a_turn_goes_to_the_users_own(paths: Paths) -> None:
    async with laboratory(paths, script=Script(replies=(Reply(("red",)), Reply(("blue",))))) as lab:
        await lab.command("/example")
        await lab.until(lambda: lab.toasts)
        assert "no answer" in lab.toasts[-1]
        await lab.ask("Colour of blood?")
        await lab.pilot.press("alt+up", "x")
        mine = paths.config / "prompts" / "shots" / "mine.en.toml"
        await lab.until(lambda: mine.exists() and "mine" not in lab.toasts[-1] and "saved" in lab.toasts[-1])
        await lab.pilot.press("alt+down")
        await lab.ask("Colour of the sky?")
        await lab.command("/example")
        await lab.until(lambda: "2" in lab.toasts[-1])
        saved = ShotShelf([paths.config / "prompts"]).find("mine", "en")
        assert [(row.input, row.output) for row in saved.rows] == [
            ("Colour of blood?", "red"), ("Colour of the sky?", "blue")
        ]  # fmt: skip
        assert lab.bench.desk.shots is None


async def test_a_file_that_changes_is_read_again_and_nonsense_leaves_the_last_good_state(paths: Paths) -> None:
    own_file(paths)
    async with laboratory(paths) as lab:
        await lab.command("/shots kinds:2")
        await lab.until(lambda: lab.bench.desk.shots)
        own_file(paths, text=KINDS + '[[rows]]\ninput = "fig"\noutput = "fruit"\n')
        await lab.until(lambda: inputs(lab)[-1] == "fig")
        told = len(lab.toasts)
        file = own_file(paths, text="nonsense")
        await lab.until(lambda: len(lab.toasts) > told)
        assert str(file) in lab.toasts[-1]
        assert inputs(lab)[-1] == "fig"


async def test_a_hundred_thousand_rows_are_opened(paths: Paths) -> None:
    text = "".join(f'{{"input": "row {number}", "output": "{number % 7}"}}\n' for number in range(100_000))
    own_file(paths, "many.en.jsonl", text)
    async with laboratory(paths) as lab:
        await lab.command("/shots many:2")
        await lab.until(lambda: lab.bench.desk.shots)
        shown = await pane(lab)
        await lab.until(lambda: "100,000" in slider(lab))
        await lab.pilot.press("end")
        assert shown.query_one(ShotTable).cursor == 99_999
        await lab.until(lambda: any("row 99999" in line for line in rows(lab)))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_ten_sets_are_shipped_and_good(language: str) -> None:
    shelf = ShotShelf([shipped_prompts_folder()])
    assert shelf.problems() == ()
    sets = [shots for shots in shelf.good() if shots.language == language]
    assert len(sets) >= 10
    for shots in sets:
        assert 12 <= len(shots.rows) <= 24
        assert shots.title
        assert shots.description
        assert len({row.input for row in shots.rows}) == len(shots.rows)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("abc", "abc  "), ("abcdef", "abcd…"), ("中文字", "中文…"), ("中文", "中文 "), ("a\nb", "a b  ")],
)
def test_a_text_is_fitted_into_cells(text: str, shown: str) -> None:
    assert fitted(text, 5) == shown
