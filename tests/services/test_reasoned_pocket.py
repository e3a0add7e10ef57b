"""Reasoning on the embedded model: steps find what a direct answer does not, votes and budgets read nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.modes import ReasoningUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.engine.child import ChildEngine
from llmlab.library.reasoning_files import ReasoningShelf
from llmlab.library.rendering import render_template
from llmlab.library.shipped import shipped_prompts_folder
from llmlab.paths import Paths
from llmlab.pocket import pocket_names, pocket_path
from llmlab.services.ask import Said, ask
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing

pytestmark = pytest.mark.skipif("pocket-m" not in pocket_names(), reason="the package holds no pocket-m")

PROBLEMS = (
    (
        "Ann has 12 apples. Ann buys 7 more. Ann gives away 4. Ann finds 8 more. How many apples does Ann have now?",
        "23",
    ),
    ("Tom has 5 books. Tom gets 9 more. Tom loses 3. Tom finds 6 more. How many books does Tom have now?", "17"),
    ("Mary has 18 coins. Mary sells 7. Mary buys 4 more. Mary gives away 2. How many coins does Mary have now?", "13"),
    ("Ben has 3 pens. Ben finds 11 more. Ben gives away 5. Ben gets 8 more. How many pens does Ben have now?", "17"),
)


class Pocket:
    """Asks the embedded model."""

    def __init__(self, paths: Paths) -> None:
        self.host = EngineHost(lambda: ChildEngine(log=paths.engine_log))
        self._modes = ReasoningShelf([shipped_prompts_folder()])
        self._spec = ModelSpec(name="pocket-m", path=str(pocket_path("pocket-m")), n_ctx=1024, n_threads=2)

    async def ask(
        self, question: str, mode: str, *, votes: int | None = None, budget: int | None = None, temperature: float = 0.0
    ) -> Said:
        use = ReasoningUse(self._modes.find(mode, "en"), votes, budget)
        sampling = Sampling(seed=5, temperature=temperature, max_tokens=120)
        recipe = Recipe(model=self._spec, reasoning=use, sampling=sampling)
        said = ask(self.host, Preparing(render_template), recipe, question, asyncio.Event())
        return [value async for value in said][-1]

    async def answer(self, question: str, mode: str) -> str:
        reasoned = (await self.ask(question, mode)).message.reasoned
        assert reasoned is not None
        return reasoned.answer


@pytest.fixture
async def pocket(paths: Paths) -> AsyncIterator[Pocket]:
    made = Pocket(paths)
    yield made
    await made.host.close()


async def test_steps_solve_what_a_direct_answer_does_not(pocket: Pocket) -> None:
    direct = [await pocket.answer(question, "direct") == right for question, right in PROBLEMS]
    steps = [await pocket.answer(question, "steps") == right for question, right in PROBLEMS]
    assert sum(direct) <= 1
    assert sum(steps) >= 3


async def test_votes_read_their_prompt_once(pocket: Pocket) -> None:
    question, right = PROBLEMS[0]
    said = await pocket.ask(question, "votes", votes=5, temperature=0.7)
    reasoned, usage = said.message.reasoned, said.turn.usage
    assert reasoned is not None
    assert usage is not None
    assert (reasoned.answer, reasoned.cast, len(reasoned.samples)) == (right, 5, 4)
    assert usage.prompt - usage.reused <= usage.prompt // 5 + 5
    assert usage.generated > 5 * 20


async def test_a_second_stage_reads_its_cue_alone(pocket: Pocket) -> None:
    said = await pocket.ask(PROBLEMS[0][0], "two-stage")
    usage, reasoned = said.turn.usage, said.message.reasoned
    assert usage is not None
    assert reasoned is not None
    assert said.message.text.startswith("Let's think step by step.\n")
    assert "\nTherefore, the answer is" in said.message.text
    # What the first stage wrote stays in memory but for its last token; beside it the cue is read.
    first = usage.prompt - usage.reused
    assert first <= (usage.prompt + 20) // 2


async def test_a_budget_of_thinking_closes_it(pocket: Pocket) -> None:
    said = await pocket.ask(PROBLEMS[0][0], "thinking-on", budget=6)
    reasoned = said.message.reasoned
    assert reasoned is not None
    assert reasoned.cut == 1
    assert "Considering the limited time" in said.message.thinking
    assert "</think>" not in said.message.thinking + said.message.text
    assert said.message.text.strip()
