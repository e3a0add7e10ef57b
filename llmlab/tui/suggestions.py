"""What a template goes well with: its examples and its reasoning mode, put on and taken back. Knows no widget."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from llmlab.domain.modes import ReasoningMode, ReasoningUse
from llmlab.domain.shots import ShotUse
from llmlab.domain.template import PromptTemplate
from llmlab.domain.terminal import visible_line
from llmlab.tui.desk import Desk
from llmlab.tui.examples import Examples
from llmlab.tui.modes import ReasoningModes
from llmlab.tui.panes.reasoning_words import reasoning_in_words
from llmlab.tui.panes.recipe_words import shots_in_words
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class _Put:
    """What was put on last, and what stood there before."""

    template: str
    before: tuple[ShotUse | None, ReasoningUse | None]
    after: tuple[ShotUse | None, ReasoningUse | None]


class Suggestions:
    """Edits `desk.shots` and `desk.reasoning` together."""

    def __init__(self, desk: Desk, examples: Examples) -> None:
        self._desk = desk
        self._examples = examples
        self._put: _Put | None = None

    def is_on(self, template: PromptTemplate) -> bool:
        """What `template` suggests was put on by `toggle`, and nothing of it has been changed since."""
        put = self._put
        return put is not None and put.template == template.key and put.after == self._now

    def offered(self, template: PromptTemplate) -> str:
        """What `template` suggests and is not in use, in words; empty when nothing of it is left to put on."""
        shots, reasoning = self._now
        in_use = (shots.set.name if shots else "", reasoning.mode.name if reasoning else "")
        held = all(name in ("", now) for name, now in zip((template.shots, template.reasoning), in_use, strict=True))
        return "" if held else fitting_in_words(template)

    @property
    def _now(self) -> tuple[ShotUse | None, ReasoningUse | None]:
        return self._desk.shots, self._desk.reasoning

    async def toggle(self, template: PromptTemplate) -> str:
        """Put on what `template` suggests, or back what stood there before; what is on now, in a line.

        Raises:
            ConfigError: a set or mode that it names does not exist or cannot be used; nothing is changed.
        """
        if self._put is not None and self.is_on(template):
            (shots, self._desk.reasoning), self._put = self._put.before, None
            self._examples.put(shots)
            return say("As it was: examples {shots}, reasoning {mode}.", **self._words)
        before = self._now
        shots = await self._shots(template) if template.shots else before[0]
        reasoning = await self._reasoning(template) if template.reasoning else before[1]
        if (shots, reasoning) == before:
            return say("On already: examples {shots}, reasoning {mode}.", **self._words)
        self._desk.reasoning = reasoning
        self._examples.put(shots)
        self._put = _Put(template.key, before, self._now)
        told = say("Examples {shots}, reasoning {mode}, from the next answer on; s takes it back.", **self._words)
        idle = ReasoningModes(self._desk).remarks(reasoning) if reasoning and template.reasoning else ()
        return "\n".join((told, *idle))

    async def _shots(self, template: PromptTemplate) -> ShotUse | None:
        shelf = await self._examples.open()
        used = self._desk.shots
        named = await asyncio.to_thread(shelf.use, template.shots, template.language)
        if used is not None and used.set.key == named.set.key:
            return used
        return ShotUse(self._examples.draft(named.set).set, named.k)

    async def _reasoning(self, template: PromptTemplate) -> ReasoningUse | None:
        used = self._desk.reasoning
        mode = await asyncio.to_thread(self._mode, template)
        return used if used is not None and used.mode == mode else ReasoningUse(mode)

    def _mode(self, template: PromptTemplate) -> ReasoningMode:
        modes = self._desk.services.reasoning
        if modes.changed_on_disk():
            modes.reload()
        return modes.find(template.reasoning, template.language)

    @property
    def _words(self) -> dict[str, str]:
        shots, reasoning = self._now
        none = say("none")
        return {"shots": shots_in_words(shots) or none, "mode": reasoning_in_words(reasoning) or none}


def fitting_in_words(template: PromptTemplate) -> str:
    """The examples and the reasoning that go well with a template; empty when none are named."""
    pairs = ((say("Examples"), template.shots), (say("Reasoning"), template.reasoning))
    return ", ".join(f"{title}: {visible_line(name)}" for title, name in pairs if name)
