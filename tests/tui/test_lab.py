"""The chat screen, command by command."""

from __future__ import annotations

from llmlab.engine.scripted import Hold, Reply
from llmlab.paths import Paths
from tests.tui.laboratory import laboratory


async def test_a_sent_question_is_answered(paths: Paths) -> None:
    async with laboratory(paths, Reply(("Hello", " you"))) as lab:
        await lab.pilot.press("h", "i", "enter")
        await lab.until(lambda: lab.texts == ["hi", "Hello you"])
        assert lab.composer.text == ""
        assert lab.bench.desk.chat.title == "hi"
