"""Reading a long text: marks, search, places, selection; a million characters are there at once."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from llmlab.domain.coverage import Span
from llmlab.tui.widgets.coverage_strip import CoverageStrip, strip_content
from llmlab.tui.widgets.text_search import MOST_FOUND
from llmlab.tui.widgets.text_view import TextView

LINE = "宝玉听了，便说：“今天的天气很好，我们去河边走走吧。”黛玉笑了，点点头。\n"
LONG = LINE * 28_000


class Reader(App[None]):
    """A view and its strip."""

    def __init__(self) -> None:
        super().__init__()
        self.moves = 0
        self.picked: list[int] = []

    def compose(self) -> ComposeResult:
        yield CoverageStrip()
        yield TextView(empty="nothing yet")

    def on_text_view_moved(self) -> None:
        self.moves += 1

    def on_coverage_strip_picked(self, event: CoverageStrip.Picked) -> None:
        self.picked.append(event.offset)

    @property
    def view(self) -> TextView:
        return self.query_one(TextView)

    def row(self, y: int) -> str:
        return self.view.render_line(y).text.rstrip()


async def until_idle(pilot: Pilot[None], view: TextView) -> None:
    while view.searching:
        await pilot.pause(0.005)


async def test_a_million_characters_are_shown_at_once_and_searched_beside_the_keys() -> None:
    assert len(LONG) > 1_000_000
    app = Reader()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        app.view.show(LONG)
        assert app.row(0) == "  宝玉听了，便说：“今天的天气很好，我们去河边走走吧。”黛玉"
        assert not app.view._rows.done
        app.view.find("点点头")
        assert app.view.searching
        await until_idle(pilot, app.view)
        assert len(app.view.found) == MOST_FOUND
        assert app.view.place == 0
        app.view.jump(len(LONG) - 2)
        assert app.view.in_view[1] >= len(LONG) - 2
        assert app.view._rows.done


async def test_search_begins_at_the_view_and_goes_round() -> None:
    app = Reader()
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.pause()
        text = "".join(f"line {number}\n" for number in range(200)) + "The  END of\nit"
        app.view.show(text)
        app.view.focus()
        app.view.jump(text.index("line 150"))
        app.view.find("LINE 1")
        await until_idle(pilot, app.view)
        here = app.view.spans("here")
        assert text[here[0][0] : here[0][1] + 2] == "line 147"
        await pilot.press("N")
        assert app.view.place == len(app.view.found) - 1 - (199 - 146)
        app.view.find("end of it")
        await until_idle(pilot, app.view)
        assert [text[start:end] for start, end in app.view.found] == ["END of\nit"]
        app.view.find("absent")
        await until_idle(pilot, app.view)
        assert app.view.found == []
        await pilot.press("n")
        assert app.view.place == -1


async def test_marks_are_seen_without_colours_and_nothing_steers_the_terminal() -> None:
    app = Reader()
    async with app.run_test(size=(40, 8)) as pilot:
        await pilot.pause()
        text = "first\nsecond \x1b[2J and\tmore\nthird"
        app.view.show(text, {"used": [(6, 9)]})
        assert [app.row(y) for y in range(4)] == ["  first", "▌ second ␛[2J and    more", "  third", ""]
        styles = {segment.text: segment.style for segment in app.view.render_line(1)}
        assert styles["sec"] != styles["ond ␛[2J and    more"]
        app.view.mark("used", [(0, 5)])
        assert app.row(0) == "▌ first"
        assert app.row(1)[0] == " "


async def test_an_empty_view_says_so_and_takes_every_key() -> None:
    app = Reader()
    async with app.run_test(size=(40, 8)) as pilot:
        await pilot.pause()
        assert app.row(0) == "  nothing yet"
        app.view.focus()
        await pilot.press("n", "N", "end", "home", "pagedown", "down", "up")
        app.view.find("x")
        await until_idle(pilot, app.view)
        app.view.jump(5)
        assert app.row(0) == "  nothing yet"


async def test_the_place_in_view_stays_when_the_width_changes() -> None:
    app = Reader()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        app.view.show(LONG)
        app.view.jump(500_000)
        before = app.view.in_view[0]
        await pilot.resize_terminal(90, 20)
        await pilot.pause()
        start, end = app.view._rows.span(app.view.scroll_offset.y)
        assert start <= before <= end


async def test_selected_text_is_that_of_the_document() -> None:
    app = Reader()
    async with app.run_test(size=(30, 8)) as pilot:
        await pilot.pause()
        text = "a sentence that is longer than a row\nand another"
        app.view.show(text)
        app.view.text_select_all()
        await pilot.pause()
        assert app.screen.get_selected_text() == text


@pytest.mark.parametrize(("view", "marked"), [((0, 10), [(0, 1)]), ((90, 100), [(9, 10)]), ((0, 100), [])])
def test_the_strip_marks_what_is_in_view(view: Span, marked: list[Span]) -> None:
    content = strip_content(100, [(20, 30)], 10, view)
    assert content.plain == "··█·······"
    assert [(span.start, span.end) for span in content.spans if span.style == "reverse"] == marked


async def test_a_click_on_the_strip_names_the_place() -> None:
    app = Reader()
    async with app.run_test(size=(50, 8)) as pilot:
        await pilot.pause()
        app.query_one(CoverageStrip).show(1_000, [])
        await pilot.click(CoverageStrip, offset=(25, 0))
        await pilot.pause()
        assert app.picked == [500]
