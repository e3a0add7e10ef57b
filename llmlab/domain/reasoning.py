"""Telling thinking from answer in what a model writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Marks:
    """How a family of models fences its thinking."""

    open: str
    close: str
    tokens: tuple[str, ...]
    """The special tokens in them."""
    bridge: str = ""
    """What stands between the end of the thinking and the answer, where the family writes something there."""
    bare: str = ""
    """What an answer without thinking begins with, where the family writes something there."""

    @property
    def end(self) -> str:
        """What ends the thinking and begins the answer."""
        return self.close + self.bridge


THINK_OPEN: Final = "<think>"
THINK_CLOSE: Final = "</think>"
THINK: Final = Marks(THINK_OPEN, THINK_CLOSE, (THINK_OPEN, THINK_CLOSE))
"""Qwen, DeepSeek, GLM, Nemotron, the pocket models, and most others."""
HARMONY: Final = Marks(
    "<|channel|>analysis<|message|>",
    "<|end|>",
    ("<|channel|>", "<|message|>", "<|start|>", "<|end|>"),
    bridge="<|start|>assistant<|channel|>final<|message|>",
    bare="<|channel|>final<|message|>",
)
"""gpt-oss."""
MARKS: Final = (
    THINK,
    Marks("[THINK]", "[/THINK]", ("[THINK]", "[/THINK]")),  # Magistral
    Marks("<seed:think>", "</seed:think>", ("<seed:think>", "</seed:think>")),  # Seed-OSS
    Marks("<|channel>thought", "<channel|>", ("<|channel>", "<channel|>")),  # Gemma 4
    Marks("<|START_THINKING|>", "<|END_THINKING|>", ("<|START_THINKING|>", "<|END_THINKING|>")),  # Command
    HARMONY,
)
"""The families that are known, the most common first."""


def marks_of(template: str) -> Marks | None:
    """The fences that a chat template writes; `None` where it knows no thinking."""
    for marks in MARKS:
        # Where more than a mark stands between thinking and answer, the mark alone ends any turn.
        if marks.open in template or (not marks.bridge and marks.close in template):
            return marks
    return None


@dataclass(frozen=True, slots=True)
class Split:
    """What a model wrote, taken apart."""

    thinking: str
    answer: str
    open: bool
    """The thinking block has not been closed yet."""


def split_thinking(raw: str, *, in_thinking: bool = False, ended: bool = False, marks: Marks = THINK) -> Split:
    """`raw` taken apart at its thinking block, which only counts at the very beginning.

    Args:
        raw: what the model wrote so far.
        in_thinking: the prompt already opened the block.
        ended: nothing more will come; until then a tail that may become a mark is held back.
        marks: how the model fences its thinking.
    """
    body, start = raw, raw.lstrip()
    if start.startswith(marks.open):
        body = start[len(marks.open) :]
    elif not in_thinking:
        if not ended and _may_become(start, marks.open, marks.bare):
            return Split("", "", open=False)
        bare = bool(marks.bare) and start.startswith(marks.bare)
        return Split("", start[len(marks.bare) :] if bare else raw, open=False)
    thinking, closed, answer = body.partition(marks.close)
    if closed:
        return Split(thinking.strip(), _behind_bridge(answer, marks.bridge, ended=ended).lstrip("\n"), open=False)
    return Split((body if ended else _without_partial_mark(body, marks.close)).strip(), "", open=True)


def _may_become(text: str, *marks: str) -> bool:
    """Say whether `text` is the beginning of one of the marks."""
    return any(len(text) < len(mark) and mark.startswith(text) for mark in marks)


def _behind_bridge(answer: str, bridge: str, *, ended: bool) -> str:
    start = answer.lstrip()
    if bridge and start.startswith(bridge):
        return start[len(bridge) :]
    return "" if not ended and _may_become(start, bridge) else answer


def _without_partial_mark(text: str, mark: str) -> str:
    """`text` without a tail that may grow into `mark`."""
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:length]):
            return text[:-length]
    return text
