"""What an answer came from, by keys alone."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from textual.widgets import Label, Static

from llmlab.domain.card import card_of
from llmlab.domain.sampling import Sampling
from llmlab.engine.scripted import Reply, Script
from llmlab.paths import Paths
from llmlab.services.again import Rerun
from llmlab.tui.screens.card import CardScreen
from tests.support.fake_worker import card as model_card
from tests.tui.laboratory import Laboratory, laboratory, spec

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def card(lab: Laboratory) -> str:
    """The card that is shown."""
    return str(lab.app.screen.query_one("#card", Static).content)


def verdict(lab: Laboratory) -> str:
    """What became of it."""
    return str(lab.app.screen.query_one("#verdict", Label).content)


async def test_the_card_is_shown_copied_and_run_again(paths: Paths) -> None:
    script = Script(replies=(Reply(("same",)), Reply(("same",)), Reply(("other",))))
    async with laboratory(paths, script=script) as lab:
        await lab.pilot.press("h", "i", "enter")
        await lab.until(lambda: "same" in lab.texts and not lab.bench.desk.answering)
        await lab.pilot.press("alt+up", "i")
        await lab.until(lambda: isinstance(lab.app.screen, CardScreen))
        assert 'model = "one"' in card(lab)
        await lab.until(lambda: "# file_sha256: The model file cannot be read" in card(lab))
        await lab.pilot.press("y")
        await lab.until(lambda: verdict(lab) == "Copied.")
        assert lab.app.clipboard.startswith("# other work in the same batch")
        await lab.pilot.press("r")
        await lab.until(lambda: verdict(lab).startswith("Same"))
        await lab.pilot.press("r")
        await lab.until(lambda: verdict(lab).startswith("Different from character 1 on: …other"))
        await lab.pilot.press("escape")
        await lab.until(lambda: not isinstance(lab.app.screen, CardScreen))


async def test_an_edited_answer_says_so_and_a_continued_one_runs_from_where_it_went_on(paths: Paths) -> None:
    script = Script(replies=(Reply(("one two",)), Reply((" five",)), Reply((" five",)), Reply((" six",))))
    async with laboratory(paths, script=script) as lab:
        await lab.ask("hi")
        await lab.pilot.press("alt+up", "e")
        await lab.until(lambda: lab.composer.draft == "one two")
        lab.composer.set_draft("one four")
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.texts == ["hi", "one four"])
        await lab.pilot.press("i")
        await lab.until(lambda: isinstance(lab.app.screen, CardScreen))
        assert card(lab).startswith("# Edited by hand: 4 of 8 characters")
        await lab.pilot.press("r")
        await lab.until(lambda: "edited by hand" in verdict(lab))
        await lab.pilot.press("escape")
        await lab.until(lambda: not isinstance(lab.app.screen, CardScreen))
        await lab.pilot.press("c")
        await lab.until(lambda: lab.texts == ["hi", "one four five"] and not lab.bench.desk.answering)
        await lab.pilot.press("i")
        await lab.until(lambda: isinstance(lab.app.screen, CardScreen))
        assert "# Continued: this is generation 2, which went on from 8 characters" in card(lab)
        await lab.pilot.press("r")
        await lab.until(lambda: verdict(lab).startswith("Same"))
        await lab.pilot.press("r")
        await lab.until(lambda: verdict(lab).startswith("Different from character 10 on: …one four six"))


async def test_the_hash_of_the_whole_file_comes_when_it_is_there(paths: Paths) -> None:
    loop = asyncio.get_running_loop()
    made: asyncio.Future[str] = loop.create_future()
    told = card_of(
        spec("one"), replace(model_card(spec("one")), file_mark="ab"), Sampling(), (1, 2), reused=0, recipe=""
    )

    async def hashed() -> str:
        return await asyncio.shield(made)

    async def again(stop: asyncio.Event) -> Rerun:
        raise AssertionError

    async with laboratory(paths) as lab:
        await lab.app.push_screen(CardScreen(told, again, hashed))
        await lab.until(lambda: "# file_sha256: the hash of the whole file is being computed" in card(lab))
        made.set_result("cd" * 32)
        await lab.until(lambda: f'file_mark = "ab"\nfile_sha256 = "{"cd" * 32}"\n' in card(lab))
        await lab.pilot.press("y")
        await lab.until(lambda: "cdcd" in lab.app.clipboard)
        assert tomllib.loads(lab.app.clipboard)["file_sha256"] == "cd" * 32
