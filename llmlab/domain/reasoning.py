"""Telling thinking from answer in what a model writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

THINK_OPEN: Final = "<think>"
THINK_CLOSE: Final = "</think>"


@dataclass(frozen=True, slots=True)
class Split:
    """What a model wrote, taken apart."""

    thinking: str
    answer: str
    open: bool
    """The thinking block has not been closed yet."""


def split_thinking(raw: str, *, in_thinking: bool = False, ended: bool = False) -> Split:
    """`raw` taken apart at its thinking block, which only counts at the very beginning.

    Args:
        raw: what the model wrote so far.
        in_thinking: the prompt already opened the block.
        ended: nothing more will come; until then a tail that may become a tag is held back.
    """
    body = raw
    if not in_thinking:
        start = raw.lstrip()
        if not ended and len(start) < len(THINK_OPEN) and THINK_OPEN.startswith(start):
            return Split("", "", open=False)
        if not start.startswith(THINK_OPEN):
            return Split("", raw, open=False)
        body = start[len(THINK_OPEN) :]
    elif body.lstrip().startswith(THINK_OPEN):
        body = body.lstrip()[len(THINK_OPEN) :]
    thinking, closed, answer = body.partition(THINK_CLOSE)
    if closed:
        return Split(thinking.strip(), answer.lstrip("\n"), open=False)
    return Split((body if ended else _without_partial_tag(body)).strip(), "", open=True)


def _without_partial_tag(text: str) -> str:
    """`text` without a tail that may grow into the closing tag."""
    for length in range(min(len(THINK_CLOSE) - 1, len(text)), 0, -1):
        if text.endswith(THINK_CLOSE[:length]):
            return text[:-length]
    return text
