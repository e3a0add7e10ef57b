"""How a prompt and its answer share the window, and the ways out when they do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from llmlab.domain.assembly import OriginSpan, SpanOrigin
from llmlab.domain.reading import Way

LEAST_ANSWER: Final = 16
"""Tokens that an answer needs at the very least for a prompt to be sent."""
LEAST_PASSAGES: Final = 256
"""Tokens that passages of documents need at the least to be worth it."""
MOST_STRETCH: Final = 8.0
"""Times the trained window beyond which stretching is refused."""
USUAL_ANSWER: Final = 512
"""Tokens set aside for an answer without a limit of its own, at most a quarter of the window."""
WINDOW_STEP: Final = 256
"""Windows are asked for in multiples of so many tokens, up to the trained one."""


@dataclass(frozen=True, slots=True)
class Section:
    """The tokens of one origin."""

    origin: SpanOrigin
    tokens: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What fills the window."""

    window: int
    """Tokens that it holds."""
    reserved: int
    """Tokens set aside for the answer."""
    sections: tuple[Section, ...]
    """In the order in which they first come in the prompt."""

    @property
    def used(self) -> int:
        """Tokens of the prompt."""
        return sum(section.tokens for section in self.sections)

    @property
    def left(self) -> int:
        """Tokens that neither the prompt nor the answer takes; 0 when they fill the window."""
        return max(0, self.window - self.used - self.reserved)

    @property
    def over(self) -> int:
        """Tokens by which prompt and set-aside answer exceed the window."""
        return max(0, self.used + self.reserved - self.window)

    @property
    def sendable(self) -> bool:
        """The window holds the prompt and at least the beginning of an answer."""
        return self.used + min(self.reserved, LEAST_ANSWER) <= self.window


def reserve(max_tokens: int | None, window: int) -> int:
    """Tokens set aside for an answer that may have `max_tokens`."""
    return min(USUAL_ANSWER, window // 4) if max_tokens is None else max_tokens


def budget_of(spans: Iterable[OriginSpan], window: int, max_tokens: int | None) -> Budget:
    """The budget of a prompt."""
    sizes: dict[SpanOrigin, int] = {}
    for span in spans:
        sizes[span.origin] = sizes.get(span.origin, 0) + span.tokens
    sections = tuple(Section(origin, tokens) for origin, tokens in sizes.items())
    return Budget(window, reserve(max_tokens, window), sections)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a stated policy took out of a prompt so that it fits."""

    turns: int = 0
    """Messages of the history, the oldest ones."""
    examples: int = 0

    def __bool__(self) -> bool:
        return bool(self.turns or self.examples)


WayKind = Literal["drop_turns", "fewer_examples", "shorter_answer", "larger_window", "passages", "stretch"]
"""What can be done about a prompt that does not fit."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """Something that would make a prompt fit."""

    kind: WayKind
    amount: int
    """Turns to leave out, examples to keep, tokens for the answer, for passages or of the window."""
    frees: int
    """Tokens that it gains."""


def ways_out(
    spans: Sequence[OriginSpan],
    budget: Budget,
    trained_window: int,
    *,
    way: Way | None = None,
    stretchable: bool = True,
) -> tuple[WayOut, ...]:
    """Each way by which the prompt would fit alone; empty when it fits already.

    Args:
        spans: the prompt by origin.
        budget: its budget.
        trained_window: tokens that the model was trained to read.
        way: how the documents in it are read; `None` without documents.
        stretchable: the window may be stretched beyond the trained one.
    """
    if not budget.over:
        return ()
    found = list(_ways_of_documents(spans, budget, trained_window, way, stretchable=stretchable))
    turns = _sizes(spans, "history")
    freed = 0
    for count, size in enumerate(turns, 1):
        freed += size
        # Questions leave with their answers: a history begins with a question.
        if freed >= budget.over and count % 2 == 0:
            found.append(WayOut("drop_turns", count, freed))
            break
    examples = _sizes(spans, "example")
    freed = 0
    for count, size in enumerate(reversed(examples), 1):
        freed += size
        if freed >= budget.over:
            found.append(WayOut("fewer_examples", len(examples) - count, freed))
            break
    room = budget.window - budget.used
    if room >= LEAST_ANSWER:
        found.append(WayOut("shorter_answer", room, budget.over))
    if (needed := _window_for(budget)) <= trained_window:
        rounded = -(-needed // WINDOW_STEP) * WINDOW_STEP
        found.append(WayOut("larger_window", min(rounded, trained_window), budget.over))
    return tuple(found)


def _window_for(budget: Budget) -> int:
    """Tokens of the smallest window that holds the prompt and what is set aside for its answer."""
    needed = budget.used + budget.reserved
    # What is usually set aside grows with the window.
    while budget.reserved == reserve(None, budget.window) and needed < budget.used + reserve(None, needed):
        needed = budget.used + reserve(None, needed)
    return needed


def _ways_of_documents(
    spans: Iterable[OriginSpan], budget: Budget, trained_window: int, way: Way | None, *, stretchable: bool
) -> Iterator[WayOut]:
    """Reading less of the documents, or all of them in a longer window."""
    if way is None or way == "passages":
        return
    documents = sum(span.tokens for span in spans if span.origin == "document" and span.index)
    room = budget.window - budget.reserved - (budget.used - documents)
    if documents and room >= LEAST_PASSAGES:
        yield WayOut("passages", room, documents - room)
    needed = _window_for(budget)
    if way == "whole" and stretchable and trained_window < needed <= trained_window * MOST_STRETCH:
        yield WayOut("stretch", needed, budget.over)


def _sizes(spans: Iterable[OriginSpan], origin: SpanOrigin) -> list[int]:
    """Tokens of each example or turn, in order, with what the chat template writes behind each of its messages."""
    sizes: dict[int, int] = {}
    inside = 0
    for span in spans:
        if span.origin == origin:
            inside = span.index
        elif span.origin != "scaffold":
            inside = 0
        if inside:
            sizes[inside] = sizes.get(inside, 0) + span.tokens
    return [sizes[index] for index in sorted(sizes)]
