"""A prompt that does not fit: what a policy does to it, and each way out as an act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Label, OptionList

from llmlab.domain.budget import LeftOut
from llmlab.engine.scripted import Reply, Script
from llmlab.paths import Paths
from llmlab.tui.panes.recipe_view import RecipeView
from llmlab.tui.panes.ways_out import WaysOut
from tests.tui.laboratory import Laboratory, ShelfDouble, laboratory, spec

WIDE = (130, 40)
ROWS = 'title = "Rows"\n' + "".join(f'[[rows]]\ninput = "in{n}"\noutput = "out{n}"\n' for n in range(6))


def words(name: str, count: int = 10) -> str:
    """`count` words of their own, a token each."""
    return " ".join(f"{name}{number}" for number in range(count))


def small(window: int = 64) -> ShelfDouble:
    """A model with a small window, trained for more."""
    return ShelfDouble([replace(spec("one"), n_ctx=window)])


def recipe(lab: Laboratory) -> str:
    """The recipe as it is drawn."""
    return lab.screen.query_one(RecipeView).render().plain


def sent(lab: Laboratory) -> Sequence[int]:
    """The tokens of the last request."""
    return lab.engines[-1].requests[-1].tokens


def holds(lab: Laboratory, name: str) -> bool:
    """The last request holds the second of the words of this name."""
    return lab.engines[-1].tokenise(f" {name}1")[0] in sent(lab)


async def refused(lab: Laboratory, text: str) -> WaysOut:
    """The picker that opens when `text` is sent."""
    lab.composer.set_draft(text)
    await lab.pilot.press("enter")
    await lab.until(lambda: isinstance(lab.app.screen, WaysOut))
    await lab.pilot.pause()
    shown = lab.app.screen
    assert isinstance(shown, WaysOut)
    return shown


def offered(picker: WaysOut) -> list[str]:
    options = picker.query_one(OptionList)
    return [str(options.get_option_at_index(place).prompt) for place in range(options.option_count)]


async def full(lab: Laboratory) -> None:
    """Two turns, after which a third does not fit."""
    await lab.ask(words("a"))
    await lab.ask(words("b"))


def own_rows(paths: Paths) -> None:
    path = paths.config / "prompts" / "shots" / "rows.en.toml"
    path.parent.mkdir(parents=True)
    path.write_text(ROWS, encoding="utf-8")


# Policies


async def test_the_oldest_turns_are_left_out_where_that_is_the_policy_and_it_is_told(paths: Paths) -> None:
    async with laboratory(paths, shelf=small(), size=WIDE) as lab:
        await full(lab)
        await lab.command("/overflow turns")
        await lab.until(lambda: lab.bench.desk.overflow == "drop_turns")
        await lab.ask(words("c"))
        assert [name for name in "abc" if holds(lab, name)] == ["b", "c"]
        origin = lab.bench.desk.path[-1].origin
        assert origin is not None
        assert origin.left_out == LeftOut(turns=2)
        await lab.until(lambda: "oldest turns left out" in recipe(lab))
        transcript = lab.transcript
        drawn = [transcript.render_line(y).text for y in range(transcript.size.height)]
        assert any("left out: 2 messages" in line for line in drawn)


async def test_fewer_examples_are_shown_where_that_is_the_policy(paths: Paths) -> None:
    own_rows(paths)
    async with laboratory(paths, shelf=small(), size=WIDE) as lab:
        await lab.command("/shots rows:4")
        await lab.until(lambda: lab.bench.desk.shots)
        await lab.command("/overflow examples")
        await lab.until(lambda: lab.bench.desk.overflow == "fewer_examples")
        await lab.ask(words("a"))
        answer = lab.bench.desk.path[-1]
        assert answer.origin is not None
        assert 0 < answer.origin.left_out.examples < 4
        assert lab.engines[-1].tokenise("out0")[0] in sent(lab)
        assert lab.engines[-1].tokenise("out3")[0] not in sent(lab)
        await lab.until(lambda: "fewer examples shown" in recipe(lab))


async def test_earlier_thinking_is_sent_again_only_where_it_is_to_be_remembered(paths: Paths) -> None:
    script = Script(replies=(Reply(("I wonder.", "</think>", "Yes.")),), opens_thinking=True)
    async with laboratory(paths, script=script, size=WIDE) as lab:
        await lab.ask("first")
        assert lab.bench.desk.path[-1].thinking == "I wonder."

        def thinking(question: str) -> list[str]:
            """What earlier answers of the prompt of `question` had thought."""
            prompt = next(one for one in reversed(lab.engines[0].prompts) if one[-1].text == question)
            return [message.thinking for message in prompt if message.role == "assistant"]

        await lab.ask("second")
        assert thinking("second") == [""]
        assert "Thoughts" not in recipe(lab)
        await lab.command("/remember on")
        await lab.until(lambda: lab.bench.desk.keep_thinking)
        await lab.ask("third")
        assert thinking("third") == ["I wonder.", "I wonder."]
        await lab.until(lambda: "earlier ones sent again" in recipe(lab))
        await lab.command("/remember off")
        await lab.until(lambda: not lab.bench.desk.keep_thinking)
        await lab.ask("fourth")
        assert thinking("fourth") == ["", "", ""]
        await lab.until(lambda: "Thoughts" not in recipe(lab))


# Ways out


async def test_a_message_that_does_not_fit_is_not_sent_and_the_ways_that_suffice_are_offered(paths: Paths) -> None:
    async with laboratory(paths, shelf=small()) as lab:
        await full(lab)
        asked = len(lab.engines[0].requests)
        picker = await refused(lab, words("c"))
        assert offered(picker) == [
            "leave out the oldest 2 messages (20 tokens)",
            "load the model again with a window of 256 tokens",
        ]
        assert "nothing was sent" in str(picker.query_one("#why", Label).render())
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is lab.screen)
        assert len(lab.engines[0].requests) == asked
        assert lab.composer.draft == words("c")
        assert lab.bench.desk.overflow == "ask"
        assert len(lab.engines) == 1


async def test_leaving_out_the_oldest_turns_is_picked_and_the_message_goes(paths: Paths) -> None:
    async with laboratory(paths, shelf=small()) as lab:
        await full(lab)
        await refused(lab, words("c"))
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.bench.desk.overflow == "drop_turns" and lab.app.screen is lab.screen)
        await lab.until(lambda: any("/overflow ask" in toast for toast in lab.toasts))
        await lab.pilot.press("enter")
        await lab.until(lambda: len(lab.texts) == 6 and not lab.bench.desk.answering)
        assert [name for name in "abc" if holds(lab, name)] == ["b", "c"]


async def test_a_larger_window_is_picked_and_the_model_is_loaded_with_it(paths: Paths) -> None:
    async with laboratory(paths, shelf=small()) as lab:
        await full(lab)
        await refused(lab, words("c"))
        await lab.pilot.press("down", "enter")
        await lab.until(lambda: len(lab.engines) == 2 and lab.services.host.state.phase == "ready")
        loaded = lab.engines[1].spec
        assert loaded is not None
        assert loaded.n_ctx == 256
        await lab.pilot.press("enter")
        await lab.until(lambda: len(lab.texts) == 6 and not lab.bench.desk.answering)
        assert [name for name in "abc" if holds(lab, name)] == ["a", "b", "c"]
        # It is still the model of its name at the next start.
        assert lab.bench.settings.current.last_model == "one"


async def test_fewer_examples_are_picked(paths: Paths) -> None:
    own_rows(paths)
    async with laboratory(paths, shelf=small()) as lab:
        await lab.command("/shots rows:4")
        await lab.until(lambda: lab.bench.desk.shots)
        picker = await refused(lab, words("a"))
        assert offered(picker)[0] == "show 3 examples (10 tokens less)"
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.bench.desk.shots and lab.bench.desk.shots.k == 3)
        await lab.until(lambda: lab.app.screen is lab.screen)
        await lab.pilot.press("enter")
        await lab.until(lambda: len(lab.texts) == 2 and not lab.bench.desk.answering)
        assert lab.bench.desk.overflow == "ask"


async def test_a_shorter_answer_is_named(paths: Paths) -> None:
    async with laboratory(paths, shelf=small(), size=WIDE) as lab:
        await lab.command("/set max_tokens 60")
        await lab.until(lambda: "too much by" in recipe(lab))
        await lab.command("/fit answer")
        await lab.until(lambda: (lab.bench.desk.sampling.max_tokens or 60) < 60)
        await lab.until(lambda: "too much by" not in recipe(lab))


@pytest.mark.parametrize(("name", "way"), [("passages", "passages"), ("stretched", "stretched")])
async def test_documents_are_read_in_another_way(paths: Paths, tmp_path: Path, name: str, way: str) -> None:
    text = tmp_path / "long.txt"
    text.write_text("\n\n".join(words(f"p{part}x", 40) + "." for part in range(20)), encoding="utf-8")
    async with laboratory(paths, script=Script(n_ctx=500), size=WIDE) as lab:
        await lab.command(f"/read {text}")
        documents = lab.bench.documents.values
        await lab.until(lambda: documents.all and not documents.busy)
        await lab.command("/reading whole")
        await lab.until(lambda: "too much by" in recipe(lab))
        await lab.command(f"/fit {name}")
        await lab.until(lambda: lab.bench.desk.reading and lab.bench.desk.reading.way == way)
        await lab.until(lambda: "too much by" not in recipe(lab))


async def test_the_ways_are_opened_by_a_key_and_taken_by_a_click(paths: Paths) -> None:
    async with laboratory(paths, shelf=small(), size=WIDE) as lab:
        await full(lab)
        lab.composer.set_draft(words("c"))
        await lab.until(lambda: "too much by" in recipe(lab))
        await lab.pilot.press("ctrl+o")
        await lab.until(lambda: isinstance(lab.app.screen, WaysOut))
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is lab.screen)
        lines = recipe(lab).splitlines()
        place = next(place for place, line in enumerate(lines) if line.startswith("→ leave out"))
        await lab.pilot.click(RecipeView, offset=(4, place))
        await lab.until(lambda: lab.bench.desk.overflow == "drop_turns")
        await lab.until(lambda: "left out: 2 messages" in recipe(lab))
        assert lab.composer.draft == words("c")


@pytest.mark.parametrize(
    ("argument", "told"),
    [("", "The prompt fits"), ("turns", "The prompt fits"), ("smaller", "turns, examples, answer")],
)
async def test_without_need_nothing_is_done(paths: Paths, argument: str, told: str) -> None:
    async with laboratory(paths) as lab:
        await lab.command(f"/fit {argument}")
        await lab.until(lambda: any(told in toast for toast in lab.toasts))
        assert lab.bench.desk.overflow == "ask"


async def test_a_way_that_does_not_suffice_is_refused_with_those_that_do(paths: Paths) -> None:
    async with laboratory(paths, shelf=small()) as lab:
        await lab.command("/set max_tokens 60")
        await lab.until(lambda: lab.bench.desk.sampling.max_tokens == 60)
        await lab.command("/fit turns")
        await lab.until(lambda: any("answer, window" in toast for toast in lab.toasts))
        assert lab.bench.desk.overflow == "ask"


async def test_where_nothing_suffices_the_refusal_is_told(paths: Paths) -> None:
    async with laboratory(paths, script=Script(n_ctx=64)) as lab:
        lab.composer.set_draft(words("a", 90))
        await lab.pilot.press("enter")
        await lab.until(lambda: any("nothing was sent" in toast for toast in lab.toasts))
        assert lab.app.screen is lab.screen
        await lab.pilot.press("ctrl+o")
        await lab.until(lambda: any("No single change" in toast for toast in lab.toasts))
