"""What can be done with the reasoning of the next answers."""

from __future__ import annotations

from typing import Final

from llmlab.domain.modes import MOST_VOTES, ReasoningUse
from llmlab.errors import UsageError
from llmlab.tui.commands.lab import Lab
from llmlab.tui.panes.reasoning_words import reasoning_in_words
from llmlab.words import current_language, say

NONE: Final = "off"
"""What takes the mode away."""


async def reasoning(lab: Lab, argument: str) -> None:
    """Choose the reasoning mode by name, with its votes; shows the pane when none is given."""
    if not argument:
        chosen = await lab.pick_reasoning()
        if chosen is not None:
            _use(lab, chosen.use)
        return
    name, _, votes = argument.partition(" ")
    if name == NONE:
        _use(lab, None)
        return
    mode = await lab.modes.find(name, current_language())
    _use(lab, ReasoningUse(mode, votes=_votes(votes.strip())))


def _votes(text: str) -> int | None:
    if not text:
        return None
    if text.isdecimal() and 1 <= int(text) <= MOST_VOTES:
        return int(text)
    raise UsageError(say("/reason takes a mode and 1 to {most} votes, or off.", most=MOST_VOTES))


def _use(lab: Lab, use: ReasoningUse | None) -> None:
    lab.modes.use(use)
    lab.show_chat()
    words = reasoning_in_words(lab.desk.reasoning) or say("none")
    lab.tell(say("Reasoning: {mode}, from the next answer on.", mode=words))
    if use is not None and (remarks := lab.modes.remarks(use)):
        lab.tell("\n".join(remarks), severity="warning")
