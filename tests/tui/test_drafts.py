"""What is being written and was not sent yet: kept with its chat, there again after a restart."""

from __future__ import annotations

import pytest

from llmlab.paths import Paths
from llmlab.store.chats import ChatStore
from llmlab.tui.start import Wish
from tests.tui.laboratory import laboratory


async def test_each_chat_keeps_what_is_being_written_in_it(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("a")
        first = lab.bench.desk.chat.id
        await lab.pilot.press(*"half")
        await lab.pilot.press("ctrl+n")
        await lab.until(lambda: lab.bench.desk.chat.id != first and lab.composer.draft == "")
        await lab.pilot.press(*"new")
        await lab.bench.open_chat(first)
        await lab.until(lambda: lab.composer.draft == "half")
        await lab.pilot.press("alt+up", "e")
        await lab.until(lambda: lab.bench.answers.editing)
        await lab.pilot.press("ctrl+n")
        await lab.until(lambda: lab.composer.draft == "new" and not lab.bench.answers.editing)
        await lab.bench.open_chat(first)
        await lab.until(lambda: lab.composer.draft == "half")


async def test_what_was_being_written_is_there_again_after_a_restart(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.pilot.press(*"new")
        await lab.until(lambda: lab.composer.draft == "new")
    async with laboratory(paths) as lab:
        await lab.until(lambda: lab.composer.draft == "new")
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.texts == ["new", "Hello there."] and not lab.bench.desk.answering)
        await lab.pilot.press(*"half")
        await lab.until(lambda: lab.composer.draft == "half")
    async with laboratory(paths, wish=Wish(resume=True)) as lab:
        await lab.until(lambda: lab.texts == ["new", "Hello there."] and lab.composer.draft == "half")
        await lab.pilot.press("ctrl+n")
        await lab.until(lambda: lab.texts == [] and lab.composer.draft == "")


async def test_what_is_typed_before_a_draft_is_back_stays_behind_it(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stored() -> dict[str, str]:
        return {"": "half"}

    async with laboratory(paths) as lab:
        monkeypatch.setattr(lab.services.chats.drafts, "all", stored)
        lab.composer.set_draft("typed")
        lab.bench.drafts.begin()
        await lab.until(lambda: lab.composer.draft == "half\ntyped")


async def test_a_message_that_was_sent_is_no_draft_any_more(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("a")
    store = ChatStore(paths.database)
    assert store.drafts.all() == {}
    store.close()
