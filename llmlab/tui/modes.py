"""The reasoning modes of the lab: what their files hold, which one is in use, what of it can have an effect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from llmlab.domain.model import ModelCard
from llmlab.domain.modes import ReasoningMode, ReasoningUse
from llmlab.domain.shots import ShotUse
from llmlab.domain.terminal import visible_line
from llmlab.tui.desk import Desk
from llmlab.tui.services import Modes
from llmlab.words import say


class ReasoningModes:
    """Edits `desk.reasoning`. Files are read again when they change; one that is wrong leaves its last good state."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reading = asyncio.Lock()
        self._told: tuple[str, ...] = ()

    @property
    def _shelf(self) -> Modes:
        return self._desk.services.reasoning

    async def look(self) -> bool:
        """Read files that changed again; True when that changed the mode in use."""
        async with self._reading:
            if not await asyncio.to_thread(_reload, self._shelf):
                return False
        used = self._desk.reasoning
        self.use(used)
        return self._desk.reasoning != used

    def use(self, wanted: ReasoningUse | None) -> None:
        """Use a mode, as its file holds it now, from the next answer on; `None` takes it off."""
        self._desk.reasoning = replace(wanted, mode=self._fresh(wanted.mode)) if wanted is not None else None

    def _fresh(self, mode: ReasoningMode) -> ReasoningMode:
        """`mode` as it is now; one that was read from a place of its own is its own."""
        good = self._shelf.good()
        if Path(mode.source).parent not in {Path(one.source).parent for one in good}:
            return mode
        return next((one for one in good if one.key == mode.key), mode)

    async def find(self, wanted: str, language: str) -> ReasoningMode:
        """The mode of a name; raises as `Modes.find` does."""
        await self.look()
        return await asyncio.to_thread(self._shelf.find, wanted, language)

    async def all(self) -> tuple[ReasoningMode, ...]:
        """Those that can be used."""
        await self.look()
        return self._shelf.good()

    def problems(self) -> tuple[str, ...]:
        """What is wrong in the files, a text each."""
        return self._shelf.problems()

    def untold(self) -> tuple[str, ...]:
        """What is wrong in them and was not asked for yet."""
        told, self._told = self._told, self.problems()
        return tuple(problem for problem in self._told if problem not in told)

    @property
    def card(self) -> ModelCard | None:
        """The model that answers next; `None` until it is loaded."""
        state, spec = self._desk.services.host.state, self._desk.spec
        ready = state.phase == "ready" and spec is not None and state.model == spec.name
        return state.card if ready else None

    @property
    def can_think(self) -> bool:
        """The model may think before it answers; `False` only where it is known that it does not."""
        return self.card is None or self.card.can_think

    @property
    def switch_remark(self) -> str:
        """Why switching thinking on or off has no effect; empty where it may have one."""
        return _switch_remark(self.card)

    def remarks(self, use: ReasoningUse) -> tuple[str, ...]:
        """What of `use` has no effect with the model and the examples at hand, a sentence each."""
        return tuple(idle_parts(use, self.card, self._desk.shots))


def idle_parts(use: ReasoningUse, card: ModelCard | None, shots: ShotUse | None) -> Iterator[str]:
    """What of `use` has no effect, a sentence each.

    Args:
        use: a mode, with its votes and its budget.
        card: the model; `None` where it is not known yet, which is no reason for a remark.
        shots: the examples.
    """
    if use.thinking is not None and (remark := _switch_remark(card)):
        yield remark
    if use.thinking_budget and card is not None and not card.can_think:
        yield say("{model} has no thinking of its own that a budget could end.", model=visible_line(card.name))
    if use.mode.shot_reasoning:
        if shots is None or shots.k < 1:
            yield say("No examples are shown, so there are no steps to see; F7 shows some.")
        elif not _has_steps(shots):
            yield say("The examples of “{title}” have no steps to show.", title=visible_line(shots.set.title))


def _switch_remark(card: ModelCard | None) -> str:
    # A server may know a switch; what it does with it cannot be told from here.
    if card is None or card.can_think or card.host:
        return ""
    name = visible_line(card.name)
    return say("{model} has no thinking of its own: switching it on or off has no effect.", model=name)


def _has_steps(shots: ShotUse) -> bool:
    """Whether a row that may be shown has steps."""
    rows = [row for row in shots.set.rows if row.on]
    shown = rows[: shots.k] if shots.choice == "first" else rows
    return any(row.reasoning.strip() for row in shown)


def _reload(shelf: Modes) -> bool:
    if not shelf.changed_on_disk():
        return False
    shelf.reload()
    return True
