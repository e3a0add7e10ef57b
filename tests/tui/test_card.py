"""What an answer came from, by keys alone."""

from __future__ import annotations

from textual.widgets import Label, Static

from llmlab.engine.scripted import Reply, Script
from llmlab.paths import Paths
from llmlab.tui.screens.card import CardScreen
from tests.tui.laboratory import laboratory


async def test_the_card_is_shown_copied_and_run_again(paths: Paths) -> None:
    script = Script(replies=(Reply(("same",)), Reply(("same",)), Reply(("other",))))
    async with laboratory(paths, script=script) as lab:
        await lab.pilot.press("h", "i", "enter")
        await lab.until(lambda: "same" in lab.texts and not lab.bench.desk.answering)
        await lab.pilot.press("alt+up", "i")
        await lab.until(lambda: isinstance(lab.app.screen, CardScreen))
        screen = lab.app.screen
        assert 'model = "one"' in str(screen.query_one("#card", Static).content)

        def verdict() -> str:
            return str(screen.query_one("#verdict", Label).content)

        await lab.pilot.press("y")
        await lab.until(lambda: verdict() == "Copied.")
        assert lab.app.clipboard.startswith("# other work in the same batch")
        await lab.pilot.press("r")
        await lab.until(lambda: verdict().startswith("Same"))
        await lab.pilot.press("r")
        await lab.until(lambda: verdict().startswith("Different from character 1 on: …other"))
        await lab.pilot.press("escape")
        await lab.until(lambda: not isinstance(lab.app.screen, CardScreen))
