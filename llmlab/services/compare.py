"""One question under several recipes side by side."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, Literal

from llmlab.domain.budget import LeftOut
from llmlab.domain.card import Card
from llmlab.domain.model import ModelSpec
from llmlab.domain.prompting import ChatMessage
from llmlab.domain.reading import Material
from llmlab.domain.recipe import Recipe
from llmlab.errors import LlmlabError, UsageError
from llmlab.services.again import Answered, Rerun, run_again
from llmlab.services.cards import card_for
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing, require_room
from llmlab.services.ready import Ready, ready_engine
from llmlab.services.reasoned import Asking, Progress, reason
from llmlab.services.side_hosts import SideHosts
from llmlab.services.stopping import unless
from llmlab.words import say

MOST_ARMS: Final = 4

ArmState = Literal["waiting", "loading", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the recipes and its answer as far as it has come."""

    recipe: Recipe
    state: ArmState = "waiting"
    progress: Progress | None = None
    problem: LlmlabError | None = None
    left_out: LeftOut = field(default_factory=LeftOut)
    """What the recipe's policy took out of the prompt so that it fits."""
    card: Card | None = None
    """What the answer came from, once it has ended."""

    @property
    def ended(self) -> bool:
        """Nothing comes any more."""
        return self.state in ("done", "failed")

    @property
    def text(self) -> str:
        """What was said."""
        return self.progress.written.answer if self.progress else ""

    @property
    def thinking(self) -> str:
        """What was thought before."""
        return self.progress.written.thinking if self.progress else ""


class Comparing:
    """Answers one question under several recipes; nothing of it is stored.

    Recipes on one model run together: what their prompts share is read once. Models write one after another, in the
    order in which they first stand among the recipes, so that the speed of each is its own; where memory holds them all
    they stay loaded for the next question.
    """

    def __init__(self, hosts: SideHosts, preparing: Preparing) -> None:
        self._hosts = hosts
        self._preparing = preparing

    async def close(self) -> None:
        """End the engines of the models that were loaded beside the chat's."""
        await self._hosts.close()

    async def run_again(self, arm: Arm, history: Sequence[ChatMessage], question: str, stop: asyncio.Event) -> Rerun:
        """Ask for the answer of an arm again, exactly; not while others are written, whose model may have to go.

        Args:
            arm: with its card.
            history: what was said before, as it was sent.
            question: as it was typed.
            stop: set it to end the answer.

        Raises:
            UsageError: the arm does not say what its answer came from, or its prompt does not fit any more.
            LlmlabError: it cannot be asked.
        """
        card, turn = arm.card, arm.progress.turn if arm.progress else None
        if card is None or not card.recipe:
            raise UsageError(say("This answer does not say what it came from."))
        answered = Answered(
            card=card,
            history=tuple(history),
            question=question,
            text=arm.text,
            thinking=arm.thinking,
            stopped=turn is not None and turn.finish in (None, "cancelled"),
        )
        return await run_again(
            await unless(stop, self._hosts.host_for(arm.recipe.model)), self._preparing, answered, stop
        )

    async def run(
        self,
        recipes: Sequence[Recipe],
        history: Sequence[ChatMessage],
        question: str,
        stop: asyncio.Event,
        *,
        interval: float = 0.0,
    ) -> AsyncGenerator[tuple[Arm, ...], None]:
        """The answers as they grow; in the last value each is done or failed.

        Args:
            recipes: two to four.
            history: what was said before, as it was sent.
            question: as it was typed.
            stop: set it to end all of them with what was said.
            interval: seconds between two values at the least.

        Raises:
            UsageError: too many or too few recipes, or a template that is not filled.
        """
        if not 1 <= len(recipes) <= MOST_ARMS:
            raise UsageError(say("From one to {most} recipes can be compared.", most=MOST_ARMS))
        for recipe in recipes:
            self._preparing.require_filled(recipe, question)
        run = _Run(self._hosts, self._preparing, recipes, history, question, stop)
        task = asyncio.ensure_future(run.all())
        loop = asyncio.get_running_loop()
        try:
            while not task.done():
                due = loop.time() + interval
                news = asyncio.ensure_future(run.news.wait())
                await asyncio.wait({task, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if not task.done() and (pause := due - loop.time()) > 0:
                    await asyncio.wait({task}, timeout=pause)
                run.news.clear()
                if not task.done():
                    yield tuple(run.arms)
            task.result()
            yield tuple(run.arms)
        finally:
            task.cancel()
            await asyncio.wait({task})


class _Run:
    """One comparison in the making."""

    def __init__(
        self,
        hosts: SideHosts,
        preparing: Preparing,
        recipes: Sequence[Recipe],
        history: Sequence[ChatMessage],
        question: str,
        stop: asyncio.Event,
    ) -> None:
        self.arms = [Arm(recipe) for recipe in recipes]
        self.news = asyncio.Event()
        self._hosts, self._preparing, self._stop = hosts, preparing, stop
        self._history, self._question = history, question
        self._material: dict[int, Material | None] = {}
        # The same draw for all: what differs comes from the recipes.
        self._seed = secrets.randbelow(2**32 - 1)

    async def all(self) -> None:
        """Every arm, one model after another."""
        await self._read_documents()
        waiting = [place for place, arm in enumerate(self.arms) if arm.state != "failed"]
        for spec, places in _by_model([self.arms[place].recipe for place in waiting]):
            await self._on_model(spec, [waiting[place] for place in places])

    async def _read_documents(self) -> None:
        """Find out which windows the documents of the arms take: those of one window then run together."""
        for place, arm in enumerate(self.arms):
            if arm.recipe.reading is None:
                continue
            self._set(place, replace(arm, state="loading"))
            try:
                host = await unless(self._stop, self._hosts.host_for(arm.recipe.model))
                asked = self._preparing.ready(host, arm.recipe, self._history, self._question)
                ready = await unless(self._stop, asked)
            except LlmlabError as error:
                self._set(place, replace(arm, state="failed", problem=error))
                continue
            self._material[place] = ready.material
            self._set(place, replace(arm, recipe=ready.recipe, state="waiting"))

    async def _on_model(self, spec: ModelSpec, places: Sequence[int]) -> None:
        for place in places:
            self._set(place, replace(self.arms[place], state="loading"))
        try:
            host = await unless(self._stop, self._hosts.host_for(spec))
            ready = await unless(self._stop, ready_engine(host, self.arms[places[0]].recipe))
        except LlmlabError as error:
            for place in places:
                self._set(place, replace(self.arms[place], state="failed", problem=error))
            return
        runs = [asyncio.ensure_future(self._arm(place, host, ready)) for place in places]
        try:
            await asyncio.gather(*runs)
        finally:
            for run in runs:
                run.cancel()
            await asyncio.wait(runs)

    async def _arm(self, place: int, host: EngineHost, ready: Ready) -> None:
        recipe = self.arms[place].recipe
        try:
            preparing = self._preparing.prepare(
                ready.engine, ready.card, recipe, self._history, self._question, material=self._material.get(place)
            )
            prepared = await unless(self._stop, preparing)
            require_room(prepared)
        except LlmlabError as error:
            self._set(place, replace(self.arms[place], state="failed", problem=error))
            return
        self._set(place, replace(self.arms[place], left_out=prepared.left_out))
        sampling = recipe.complete_sampling(ready.card, self._seed)
        asking = Asking(ready=ready, prepared=prepared, sampling=sampling, stop=self._stop, interval=0.0)
        async with aclosing(reason(asking)) as values:
            async for value in values:
                ended = value.turn.ended
                state: ArmState = "failed" if value.turn.problem else "done" if ended else "running"
                usage = value.turn.usage
                card = card_for(asking, self._question, reused=usage.reused) if ended and usage else None
                arm = replace(self.arms[place], state=state, progress=value, problem=_problem(value), card=card)
                self._set(place, arm)
                if value.turn.problem:
                    host.notice_death(self.arms[place].problem or UsageError(value.turn.problem.what))

    def _set(self, place: int, arm: Arm) -> None:
        self.arms[place] = arm
        self.news.set()


def _problem(value: Progress) -> LlmlabError | None:
    problem = value.turn.problem
    return LlmlabError(problem.what, where=problem.where, hint=problem.hint) if problem else None


def _by_model(recipes: Sequence[Recipe]) -> Iterator[tuple[ModelSpec, list[int]]]:
    """The places of the recipes on each model, models in the order in which they first come."""
    first: list[ModelSpec] = []
    for recipe in recipes:
        if recipe.model not in first:
            first.append(recipe.model)
    places = sorted(range(len(recipes)), key=lambda place: first.index(recipes[place].model))
    for index, group in groupby(places, key=lambda place: first.index(recipes[place].model)):
        yield first[index], list(group)
