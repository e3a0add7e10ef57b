"""Reasoning over a scripted engine: stages, the budget of thinking, votes, stopping in each, and honest figures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.extraction import Vote
from llmlab.domain.messages import Draft, Sample
from llmlab.domain.modes import BUDGET_MESSAGE, Extraction, ReasoningMode, ReasoningUse, Stage
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.engine.scripted import Die, Fail, Hold, Reply, Script, ScriptedEngine, Step
from llmlab.library.rendering import render_template
from llmlab.services.ask import Said, ask
from llmlab.services.preview import Preparing
from tests.services.fixtures import Engines, model

ANSWER_IS = Extraction("after", "The answer is", "value")


def mode(**values: object) -> ReasoningMode:
    given: dict[str, object] = {"name": "m", "language": "en", "title": "M", "extraction": ANSWER_IS}
    return ReasoningMode(**{**given, **values})  # type: ignore[arg-type]


def script(*replies: tuple[Step, ...] | Reply, **values: object) -> Script:
    made = tuple(reply if isinstance(reply, Reply) else Reply(reply) for reply in replies)
    return Script(replies=made, **values)  # type: ignore[arg-type]


class Bench:
    """One question at a time, asked of a scripted engine."""

    def __init__(self, script: Script) -> None:
        self.engines = Engines(script)
        self.stop = asyncio.Event()

    @property
    def engine(self) -> ScriptedEngine:
        return self.engines.made[0]

    async def values(self, use: ReasoningUse | None, **recipe: object) -> list[Said]:
        wanted = Recipe(**{"model": model(), "reasoning": use, "sampling": Sampling(seed=7), **recipe})  # type: ignore[arg-type]
        said = ask(self.engines.host, Preparing(render_template), wanted, "How many?", self.stop, interval=0.0)
        return [value async for value in said]

    async def last(self, use: ReasoningUse | None, **recipe: object) -> Said:
        values = await self.values(use, **recipe)
        assert [value.turn.ended for value in values] == [False] * (len(values) - 1) + [True]
        return values[-1]


@asynccontextmanager
async def bench(*replies: tuple[Step, ...] | Reply, **values: object) -> AsyncIterator[Bench]:
    made = Bench(script(*replies, **values))
    yield made
    await made.engines.host.close()


async def test_without_a_mode_an_answer_is_what_was_said() -> None:
    async with bench(("The", " answer", " is 5.")) as lab:
        said = await lab.last(None)
    assert (said.message.text, said.message.reasoned, said.settled) == ("The answer is 5.", None, True)
    assert said.turn.usage is not None
    assert said.turn.usage.generated == 3


async def test_the_final_answer_is_found_with_its_place() -> None:
    async with bench(("2 + 3 = 5\n", "The answer is 5.")) as lab:
        said = await lab.last(ReasoningUse(mode()))
    reasoned = said.message.reasoned
    assert reasoned is not None
    assert (reasoned.answer, reasoned.strict, reasoned.stages, reasoned.votes) == ("5", True, 1, ())
    assert said.message.text[reasoned.start : reasoned.end] == "5"


async def test_a_second_stage_goes_on_in_the_same_answer_from_its_tokens() -> None:
    two = mode(answer="Think. ", stages=(Stage("\nThe answer is", max_tokens=8),))
    async with bench((" one", " two"), (" 5", " apples")) as lab:
        said = await lab.last(ReasoningUse(two))
        first, second = lab.engine.requests
    assert said.message.text == "Think.  one two\nThe answer is 5 apples"
    assert said.message.reasoned is not None
    assert (said.message.reasoned.answer, said.message.reasoned.stages) == ("5", 2)
    assert second.tokens[: len(first.tokens) + 2] == (*first.tokens, *lab.engine.tokenise(" one two"))
    assert second.sampling.max_tokens == 8
    assert said.turn.usage is not None
    assert said.turn.usage.generated == 4
    assert said.turn.usage.prompt == len(first.tokens) + len(second.tokens)


async def test_a_stage_that_uses_all_of_its_tokens_is_no_cut() -> None:
    two = mode(stages=(Stage("\nThe answer is", max_tokens=1),))
    async with bench(("so",), (" 5", " and", " so", " on")) as lab:
        said = await lab.last(ReasoningUse(two))
    assert (said.turn.finish, said.message.text) == ("stop", "so\nThe answer is 5")


async def test_a_review_is_another_question_and_the_draft_stays() -> None:
    check = mode(stages=(Stage("Check it.", "question"),))
    async with bench(("The answer is 4.",), ("Wrong. The answer is 5.",)) as lab:
        values = await lab.values(ReasoningUse(check))
        asked = lab.engine.prompts[-1]
    said = values[-1]
    assert said.message.drafts == (Draft("The answer is 4.", "", "4"),)
    assert said.message.text == "Wrong. The answer is 5."
    assert said.message.reasoned is not None
    assert said.message.reasoned.answer == "5"
    assert [(message.role, message.text) for message in asked] == [
        ("user", "How many?"), ("assistant", "The answer is 4."), ("user", "Check it."),
    ]  # fmt: skip
    # Text that a review may replace is not printed as if it stood.
    assert not any(value.settled for value in values if value.message.text.startswith("The"))


async def test_a_review_that_names_no_answer_leaves_that_of_the_draft() -> None:
    check = mode(stages=(Stage("Check it.", "question"),))
    async with bench(("The answer is 4.",), ("All is well.",)) as lab:
        said = await lab.last(ReasoningUse(check))
    assert said.message.reasoned is not None
    assert (said.message.text, said.message.reasoned.answer) == ("All is well.", "4")
    assert (said.message.reasoned.start, said.message.reasoned.end, said.message.reasoned.strict) == (0, 0, False)


async def test_votes_are_drawn_in_one_request_and_the_first_of_the_winners_is_the_answer() -> None:
    texts = ("The answer is 4.", "So the answer is 5.", "no idea", "The answer is 5.0")
    async with bench(*((text,) for text in texts)) as lab:
        said = await lab.last(ReasoningUse(mode(votes=4, temperature=0.7)))
        (request,) = lab.engine.requests
    assert (request.samples, request.sampling.temperature, request.sampling.seed) == (4, 0.7, 7)
    reasoned = said.message.reasoned
    assert reasoned is not None
    assert said.message.text == "So the answer is 5."
    assert reasoned.votes == (Vote("5", 2), Vote("4", 1), Vote("no idea", 1))
    assert (reasoned.wanted, reasoned.cast, reasoned.silent) == (4, 4, 0)
    assert [sample.text for sample in reasoned.samples] == ["The answer is 4.", "no idea", "The answer is 5.0"]
    assert said.turn.usage is not None
    assert said.turn.usage.prompt == 4 * len(request.tokens)


async def test_the_temperature_of_the_user_holds_over_that_of_the_mode() -> None:
    async with bench(("5",)) as lab:
        await lab.last(ReasoningUse(mode(votes=2, temperature=0.7)), sampling=Sampling(seed=7, temperature=0.2))
        assert lab.engine.requests[0].sampling.temperature == 0.2


async def test_every_vote_goes_through_the_stages_of_its_mode() -> None:
    two = mode(votes=3, stages=(Stage("\nThe answer is"),))
    async with bench((" a",), (" b",), (" c",), (" 1",), (" 2",), (" 2",)) as lab:
        said = await lab.last(ReasoningUse(two))
        requests = lab.engine.requests
    assert [request.samples for request in requests] == [3, 1, 1, 1]
    assert len({request.sampling.seed for request in requests}) == 4
    assert said.message.text == " b\nThe answer is 2"
    assert said.message.reasoned is not None
    assert said.message.reasoned.votes == (Vote("2", 2), Vote("1", 1))


async def test_votes_that_ended_count_while_the_others_are_written() -> None:
    hold = Hold()
    async with bench(("The answer is 1.",), ("The", hold, " answer is 2.")) as lab:
        asking = asyncio.create_task(lab.values(ReasoningUse(mode(votes=2))))
        await asyncio.wait_for(hold.reached.wait(), 5)
        hold.gate.set()
        values = await asking
    tallies = [value.message.reasoned.votes for value in values if value.message.reasoned]
    assert (Vote("1", 1),) in tallies
    assert not any(value.settled for value in values[:-1])


async def test_thinking_beyond_its_budget_is_closed_and_goes_on_from_its_tokens() -> None:
    thinks = mode(thinking=True)
    async with bench((" one", " two", " three"), ("The answer is 5.",), opens_thinking=True) as lab:
        said = await lab.last(ReasoningUse(thinks, budget=2))
        first, second = lab.engine.requests
    assert first.sampling.max_tokens == 2
    assert second.tokens[: len(first.tokens) + 2] == (*first.tokens, *lab.engine.tokenise(" one two"))
    assert said.message.text == "The answer is 5."
    assert said.message.thinking == "one two" + BUDGET_MESSAGE.rstrip()
    assert said.message.reasoned is not None
    assert (said.message.reasoned.cut, said.message.reasoned.answer) == (1, "5")


async def test_thinking_within_its_budget_goes_on_as_if_nobody_had_looked() -> None:
    steps = (" one", "</think>", "The answer", " is 5.")
    async with bench(steps, (" Yes.",), opens_thinking=True) as lab:
        said = await lab.last(ReasoningUse(mode(thinking=True), budget=4))
        first, second = lab.engine.requests
    assert (said.message.thinking, said.message.text) == ("one", "The answer is 5. Yes.")
    assert len(second.tokens) == len(first.tokens) + 4
    assert second.sampling.max_tokens is None
    assert said.message.reasoned is not None
    assert said.message.reasoned.cut == 0


async def test_a_budget_never_lengthens_an_answer() -> None:
    steps = (" one", "</think>", " two", " three", " four")
    async with bench(steps, steps, opens_thinking=True) as lab:
        said = await lab.last(ReasoningUse(mode(thinking=True), budget=4), sampling=Sampling(seed=7, max_tokens=4))
        assert len(lab.engine.requests) == 1
    assert said.turn.finish == "length"


async def test_a_character_that_the_budget_cut_is_left_out() -> None:
    async with bench((" one", "\N{REPLACEMENT CHARACTER}"), (" 5",), opens_thinking=True) as lab:
        said = await lab.last(ReasoningUse(mode(thinking=True), budget=2))
    assert "\N{REPLACEMENT CHARACTER}" not in said.message.thinking


async def test_a_budget_of_nothing_is_no_thinking() -> None:
    async with bench(("5",), opens_thinking=True) as lab:
        await lab.last(ReasoningUse(mode(), budget=0))
        assert lab.engine.requests[0].sampling.max_tokens is None


async def test_a_shape_holds_for_the_last_stage_alone() -> None:
    async with bench(("so",), ('{"a": 1}',)) as lab:
        await lab.last(ReasoningUse(mode(stages=(Stage("\nJSON: "),))), schema="{}")
        assert [request.schema for request in lab.engine.requests] == [None, "{}"]


async def test_stopping_a_review_leaves_the_draft() -> None:
    hold = Hold()
    check = mode(stages=(Stage("Check it.", "question"),))
    async with bench(("The answer is 4.",), (hold, "Wrong.")) as lab:
        asking = asyncio.create_task(lab.values(ReasoningUse(check)))
        await asyncio.wait_for(hold.reached.wait(), 5)
        lab.stop.set()
        said = (await asking)[-1]
    assert (said.message.text, said.message.drafts, said.turn.finish) == ("The answer is 4.", (), "cancelled")


async def test_stopping_votes_counts_those_that_ended() -> None:
    hold = Hold()
    async with bench(("The answer is 4.",), ("The", hold)) as lab:
        asking = asyncio.create_task(lab.values(ReasoningUse(mode(votes=2))))
        await asyncio.wait_for(hold.reached.wait(), 5)
        lab.stop.set()
        said = (await asking)[-1]
    assert (said.message.text, said.turn.finish) == ("The answer is 4.", "cancelled")
    assert said.message.reasoned is not None
    assert said.message.reasoned.votes == (Vote("4", 1),)
    assert said.message.reasoned.samples == (Sample("The", "", ""),) or said.message.reasoned.samples[0].text == "The"


@pytest.mark.parametrize("step", [Fail("broken"), Die()])
async def test_a_failure_in_a_later_stage_keeps_what_was_said(step: Step) -> None:
    check = mode(stages=(Stage("Check it.", "question"),))
    async with bench(("The answer is 4.",), (step,)) as lab:
        said = await lab.last(ReasoningUse(check))
    assert (said.message.text, said.message.state) == ("The answer is 4.", "failed")
    assert said.turn.problem is not None


async def test_an_engine_that_dies_between_stages_is_told() -> None:
    two = mode(stages=(Stage("\nThe answer is"),))
    async with bench(("so", Die())) as lab:
        said = await lab.last(ReasoningUse(two))
    assert (said.message.text, said.message.state) == ("so", "failed")


TEXTS = st.sampled_from(["The answer is 1.", "The answer is 2.", "The answer is 3.", "", "hm"])


@given(st.lists(TEXTS, min_size=1, max_size=9))
def test_whatever_is_drawn_is_kept_and_counted_once(texts: list[str]) -> None:
    async def run() -> Said:
        async with bench(*((text,) for text in texts)) as lab:
            return await lab.last(ReasoningUse(mode(), votes=len(texts)))

    message = asyncio.run(run()).message
    reasoned = message.reasoned
    assert reasoned is not None
    kept = [message.text, *(sample.text for sample in reasoned.samples)]
    assert sorted(kept) == sorted(texts)
    if len(texts) > 1:
        assert reasoned.cast == len(texts)
    assert reasoned.answer == (reasoned.votes[0].answer if reasoned.votes else reasoned.answer)


def test_a_use_stays_within_what_can_be_drawn() -> None:
    assert replace(ReasoningUse(mode(votes=3)), votes=99).vote_count == 15
    assert ReasoningUse(mode(votes=3), votes=0).vote_count == 1
