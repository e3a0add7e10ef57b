"""What stands in a field that is written in: it is drawn as it is, so nothing in it may steer the terminal."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from llmlab.engine.scripted import Reply, Script
from llmlab.paths import Paths
from llmlab.tui.screens.line import LineDialog, TextDialog
from tests.tui.laboratory import laboratory

EVIL = "\x1b]2;title\x07one\x9b31m"
SHOWN = "␛]2;title␇one<U+009B>31m"


async def test_a_paste_into_any_field_steers_nothing(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.pilot.press("ctrl+k")
        search = lab.screen.query_one("#search", Input)
        await lab.until(lambda: search.has_focus)
        lab.app.post_message(events.Paste(EVIL))
        await lab.until(lambda: search.value)
        assert search.value == SHOWN


async def test_an_answer_that_is_changed_steers_nothing(paths: Paths) -> None:
    async with laboratory(paths, script=Script(replies=(Reply((EVIL + "\r\ntwo",)),))) as lab:
        await lab.ask("a")
        await lab.pilot.press("alt+up", "e")
        await lab.until(lambda: lab.composer.text)
        assert lab.composer.text == SHOWN + "\ntwo"


async def test_titles_and_system_prompts_that_are_changed_steer_nothing(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask(EVIL)
        assert lab.bench.desk.chat.title == EVIL
        await lab.command("/rename")
        await lab.until(lambda: isinstance(lab.app.screen, LineDialog))
        assert lab.app.screen.query_one(Input).value == SHOWN
        await lab.pilot.press("escape")
        lab.bench.desk.chat = await lab.services.chats.set_system(lab.bench.desk.chat, EVIL)
        await lab.command("/system")
        await lab.until(lambda: isinstance(lab.app.screen, TextDialog))
        assert lab.app.screen.query_one("TextArea").text == SHOWN  # type: ignore[attr-defined]


async def test_a_message_steers_nothing_whatever_it_names(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        lab.app.notify(EVIL, title=EVIL, markup=False)
        lab.bench.tell(EVIL)
        await lab.until(lambda: len(lab.toasts) == 2)
        assert lab.toasts == [f"{SHOWN}|{SHOWN}", f"|{SHOWN}"]
