"""The reasoning pane and what it leads to: by keys alone, in two languages, from 80x24 on."""

from __future__ import annotations

import pytest
from textual.widgets import Input, Label, OptionList, Static

from llmlab.domain.extraction import Vote
from llmlab.domain.generation import Timing
from llmlab.domain.messages import Draft, Message, Origin, Reasoned, Sample, Text
from llmlab.engine.scripted import Hold, Reply
from llmlab.paths import Paths
from llmlab.tui.panes.reasoning import ReasoningPane
from llmlab.tui.widgets.transcript_reasoned import folded_samples, folded_texts, reasoned_lines
from tests.tui.laboratory import Laboratory, laboratory


async def opened(lab: Laboratory) -> ReasoningPane:
    await lab.pilot.press("f8")
    await lab.until(lambda: isinstance(lab.app.screen, ReasoningPane))
    await lab.pilot.pause()
    pane = lab.app.screen
    assert isinstance(pane, ReasoningPane)
    return pane


async def highlight(lab: Laboratory, pane: ReasoningPane, title: str) -> None:
    options = pane.query_one(OptionList)
    for _ in range(options.option_count):
        if title in str(options.get_option_at_index(options.highlighted or 0).prompt):
            return
        await lab.pilot.press("down")
    raise AssertionError(title)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_mode_is_chosen_by_keys_and_holds_for_the_next_answer(paths: Paths, size: tuple[int, int]) -> None:
    async with laboratory(paths, Reply(("2 + 3 = 5\n", "The answer is 5.")), size=size) as lab:
        pane = await opened(lab)
        await highlight(lab, pane, "Step by step")
        await lab.pilot.pause()
        assert "Let's think step by step." in str(pane.query_one("#does", Static).render())
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.bench.desk.reasoning is not None)
        await lab.ask("How many?")
        assert "How many?\n\nLet's think step by step." in [prompt[-1].text for prompt in lab.engines[0].prompts]
        reasoned = lab.bench.desk.path[-1].reasoned
        assert reasoned is not None
        assert (reasoned.mode, reasoned.answer) == ("steps.en", "5")
        await lab.until(lambda: any("Step by step" in toast for toast in lab.toasts))


async def test_escape_leaves_everything_as_it_was(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/reason steps")
        await lab.until(lambda: lab.bench.desk.reasoning is not None)
        pane = await opened(lab)
        await highlight(lab, pane, "Votes")
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is lab.screen)
        assert lab.bench.desk.reasoning is not None
        assert lab.bench.desk.reasoning.mode.name == "steps"


async def test_votes_and_budget_are_typed_and_what_cannot_be_is_told(paths: Paths) -> None:
    async with laboratory(paths, size=(80, 24)) as lab:
        pane = await opened(lab)
        await highlight(lab, pane, "Votes")
        pane.query_one("#votes", Input).focus()
        await lab.pilot.press("9", "9", "enter")
        await lab.pilot.pause()
        assert "99" in str(pane.query_one("#problem", Label).render())
        await lab.pilot.press("backspace", "backspace", "5", "tab", "6", "4", "enter")
        await lab.until(lambda: lab.bench.desk.reasoning is not None)
        use = lab.bench.desk.reasoning
        assert use is not None
        assert (use.mode.name, use.vote_count, use.thinking_budget) == ("votes", 5, 64)


async def test_what_a_mode_does_can_be_read_to_its_end(paths: Paths) -> None:
    async with laboratory(paths, size=(80, 24)) as lab:
        pane = await opened(lab)
        await highlight(lab, pane, "Self-check")
        await lab.pilot.pause()
        what = pane.query_one("#what")
        assert what.max_scroll_y > 0
        for _ in range(9):
            await lab.pilot.press("pagedown")
        await lab.pilot.pause()
        assert what.scroll_y == what.max_scroll_y


async def test_the_command_takes_a_mode_with_its_votes_or_takes_it_away(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/reason votes 3")
        await lab.until(lambda: lab.bench.desk.reasoning is not None)
        use = lab.bench.desk.reasoning
        assert use is not None
        assert use.vote_count == 3
        await lab.command("/reason stpes")
        await lab.until(lambda: any("steps" in toast for toast in lab.toasts))
        await lab.command("/reason votes 99")
        await lab.until(lambda: any("15" in toast for toast in lab.toasts))
        await lab.command("/reason off")
        await lab.until(lambda: lab.bench.desk.reasoning is None)


async def test_votes_replace_what_streamed_by_what_won(paths: Paths) -> None:
    texts = ("One.\n\nThe answer is 1.", "Two.\n\nThe answer is 2.", "Both.\n\nThe answer is 2.")
    async with laboratory(paths, *(Reply((text,)) for text in texts)) as lab:
        await lab.command("/reason votes 3")
        await lab.until(lambda: lab.bench.desk.reasoning is not None)
        await lab.ask("How many?")
        await lab.pilot.pause()
        rows = drawn(lab)
        assert "The answer is 2." in rows
        assert "The answer is 1." not in rows
        assert "3 votes: 2 ×2, 1 ×1" in rows
        await lab.pilot.press("ctrl+t")
        await lab.pilot.pause()
        assert "The answer is 1." in drawn(lab)


async def test_escape_stops_votes_and_keeps_those_that_ended(paths: Paths) -> None:
    hold = Hold()
    async with laboratory(paths, Reply(("The answer is 1.",)), Reply(("The", hold))) as lab:
        await lab.command("/reason votes 2")
        await lab.until(lambda: lab.bench.desk.reasoning is not None)
        lab.composer.set_draft("How many?")
        await lab.pilot.press("enter")
        await lab.until(lambda: hold.reached.is_set() and lab.bench.desk.answering)
        await lab.pilot.press("escape")
        await lab.until(lambda: not lab.bench.desk.answering)
        assert lab.texts == ["How many?", "The answer is 1."]


async def test_answering_again_tells_what_the_version_before_said(paths: Paths) -> None:
    async with laboratory(paths, Reply(("The answer is 1.",)), Reply(("The answer is 2.",))) as lab:
        await lab.command("/reason direct")
        await lab.until(lambda: lab.bench.desk.reasoning is not None)
        await lab.ask("How many?")
        await lab.pilot.press("alt+up", "r")
        await lab.until(lambda: lab.texts == ["How many?", "The answer is 2."] and not lab.bench.desk.answering)
        await lab.until(lambda: "version before said 1" in drawn(lab))


async def test_the_pane_speaks_chinese_and_offers_its_modes_first(paths: Paths) -> None:
    async with laboratory(paths, size=(80, 24)) as lab:
        lab.bench.change_settings(language="zh")
        pane = await opened(lab)
        options = pane.query_one(OptionList)
        assert "直接回答" in str(options.get_option_at_index(1).prompt)
        assert str(pane.query_one(".dialog-title", Label).render()) == "推理"


def drawn(lab: Laboratory) -> str:
    """What the transcript shows."""
    transcript = lab.transcript
    return "\n".join(transcript.render_line(y).text.rstrip() for y in range(transcript.size.height))


def message(reasoned: Reasoned, *parts: Draft, text: str = "The answer is 23.") -> Message:
    origin = Origin(model="m", timing=Timing(prefill_s=0.1, decode_s=0.1))
    return Message(
        id="a", parent="q", role="assistant", parts=(*parts, Text(text), reasoned), created=0.0, origin=origin
    )


def line(answer: Message) -> str:
    return "\n".join(line.text for line in reasoned_lines(answer, 120))


@pytest.mark.parametrize(
    ("reasoned", "parts", "told"),
    [
        (Reasoned(mode="m", title="Steps", answer="23"), (), "Steps · 0.20 s · final answer 23"),
        (Reasoned(mode="m.en"), (), "m.en · 0.20 s · no final answer found"),
        (
            Reasoned(mode="m", title="S", answer="23", strict=False),
            (),
            "S · 0.20 s · final answer, as far as can be told 23",
        ),
        (
            Reasoned(mode="m", title="V", answer="23", wanted=9, votes=(Vote("23", 6), Vote("22", 2)), silent=1),
            (),
            "V · 0.20 s · final answer 23 · 9 votes: 23 ×6, 22 ×2, none ×1",
        ),
        (
            Reasoned(mode="m", title="C", answer="23", before="19", cut=1),
            (Draft("It is 22.", "", "22"),),
            "C · 0.20 s · final answer 23 · draft said 22 · version before said 19 · thinking cut short",
        ),
    ],
)
def test_the_line_under_an_answer(reasoned: Reasoned, parts: tuple[Draft, ...], told: str) -> None:
    assert line(message(reasoned, *parts)) == told


def test_many_different_votes_are_counted_not_listed() -> None:
    votes = tuple(Vote(str(number), 1) for number in range(9))
    told = line(message(Reasoned(mode="m", answer="0", wanted=9, votes=votes)))
    assert "4 more" in told


def test_a_final_answer_never_steers_the_terminal() -> None:
    told = line(message(Reasoned(mode="m", answer="\x1b[2J23\n" + "x" * 500, title="\x1b]2;")))
    assert "\x1b" not in told
    assert len(told) < 200


def test_what_is_folded_holds_all_that_was_written() -> None:
    reasoned = Reasoned(mode="m", samples=(Sample("one", "hm"), Sample("two")))
    answer = message(reasoned, Draft("old", "thought", "4"))
    assert list(folded_texts(answer)) == [("draft: 4", "thought\n\nold")]
    assert folded_samples(answer) == ("2 other answers", "1. hm\n\none\n\n2. two")
