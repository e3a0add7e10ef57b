"""What every scorer is, and what comes before any of them looks at a text."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from llmlab.domain.experiment import Item
from llmlab.domain.extraction import Extracted, extract
from llmlab.domain.modes import Extraction
from llmlab.domain.outcomes import Answer, Extractor, Scored
from llmlab.domain.scorers.abstaining import abstains
from llmlab.words import say

Need = Literal["", "choices", "likelihood", "judge"]
"""What the model has to be asked besides: how likely each choice is, how likely a text is, what a judge says."""


class Scorer(Protocol):
    """Judges one answer. Pure: the same item and answer always score the same."""

    @property
    def name(self) -> str:
        """What it is called in tables."""

    @property
    def needs(self) -> Need:
        """What `Answer` must hold besides the text."""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """What came of it, one value an extractor; the answer has a text."""


def judged(scorer: Scorer, item: Item, answer: Answer, place: str = "") -> tuple[Scored, ...]:
    """What `scorer` says; an answer that is none, or a scorer that raises, is an `error` with its reason.

    Args:
        scorer: anybody's code.
        item: what was asked.
        answer: what came of it.
        place: file and line of the scorer's table.
    """
    if answer.problem:
        return (Scored(scorer=scorer.name, outcome="error", why=answer.problem),)
    try:
        return scorer.score(item, answer)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the run goes on whatever anybody's code raises
        raised = _raised_at(error)
        reason = f"{type(error).__name__}: {error}"
        return (failure(scorer.name, f"{reason} ({raised})" if raised else reason, place),)


def failure(name: str, reason: str, place: str = "") -> Scored:
    """What is told of a scorer that gave no verdict.

    Args:
        name: of the scorer.
        reason: why.
        place: file and line of its table.
    """
    named = f"{name} ({place})" if place else name
    return Scored(
        scorer=name, outcome="error", why=say("The scorer {name} failed: {reason}", name=named, reason=reason)
    )


_CALLERS: Final = frozenset(str(Path(__file__).with_name(name)) for name in ("base.py", "own.py"))
"""Files that call a scorer, and are not where one is mended."""


def _raised_at(error: BaseException) -> str:
    """File and line where a scorer came to raise: its last line in the file in which it begins; empty within none."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename not in _CALLERS]
    last = next((one for one in reversed(frames) if one.filename == frames[0].filename), None)
    return f"{last.filename}:{last.lineno}" if last else ""


MARKS: Final = "*_`$~"
"""Marks of emphasis, which extraction leaves out."""
WHOLE: Final = Extraction()
SAID: Final = Extraction("after", marker="The answer is", take="line")
"""The flexible reading where the whole answer should be the final one: what it announces, else its last line."""


@dataclass(frozen=True, slots=True)
class Reader:
    """The two readings of an answer."""

    strict: Extraction | None = None
    """`None` is the rule of the reasoning mode that was on, else `fallback`."""
    fallback: Extraction = WHOLE
    resort: Callable[[str], Extracted | None] = lambda _text: None
    """Where the flexible reading looks when its rule finds nothing."""
    verbatim: bool = False
    """Marks of emphasis around an answer belong to it."""

    def found(self, answer: Answer, extractor: Extractor) -> Extracted | None:
        """The final answer; `None` where this reading finds none."""
        found = self._found(answer, extractor)
        return _with_marks(found, answer.text) if found and self.verbatim else found

    def _found(self, answer: Answer, extractor: Extractor) -> Extracted | None:
        rule = self.strict or answer.extraction or self.fallback
        if extractor == "strict":
            return extract(answer.text, rule, flexible=False)
        return extract(answer.text, SAID if rule.rule == "whole" else rule) or self.resort(answer.text)


def _with_marks(found: Extracted, text: str) -> Extracted:
    start, end = found.start, found.end
    while start > 0 and text[start - 1] in MARKS:
        start -= 1
    while end < len(text) and text[end] in MARKS:
        end += 1
    return Extracted(text[start:end], start, end, found.strict)


Verdict = tuple[float, str]
"""The figure of a final answer, 0 to 1, and why."""


def read_twice(
    scorer: Scorer, reader: Reader, item: Item, answer: Answer, verdict: Callable[[str], Verdict], passes: float = 1.0
) -> tuple[Scored, ...]:
    """An answer under both readings.

    An answer that admits not to know is right for an item that nobody can answer, and abstained for any other. One
    whose room ended is truncated, unless the reading finds a right answer in it.
    """
    return tuple(
        _reading(scorer, reader, item, answer, verdict, passes, extractor) for extractor in ("strict", "flexible")
    )


def _reading(
    scorer: Scorer,
    reader: Reader,
    item: Item,
    answer: Answer,
    verdict: Callable[[str], Verdict],
    passes: float,
    extractor: Extractor,
) -> Scored:
    found = reader.found(answer, extractor)
    if found is not None and item.answerable:
        value, why = verdict(found.text)
        if value >= passes:
            return _scored(scorer, extractor, "correct", value, found, why)
    if abstained := abstaining(scorer, item, answer, extractor):
        return abstained
    if answer.finish == "length" and (
        found is None or reader.found(answer, "strict") is None or _whole(reader, answer)
    ):
        return _scored(scorer, extractor, "truncated", 0.0, found, say("Its room ended before the answer did."))
    if found is None:
        return _scored(scorer, extractor, "unparsed", 0.0, None, say("No final answer was found."))
    if not item.answerable:
        return _scored(
            scorer, extractor, "wrong", 0.0, found, say("Nobody can know this, and it answers all the same.")
        )
    value, why = verdict(found.text)
    return _scored(scorer, extractor, "wrong", value, found, why)


def _whole(reader: Reader, answer: Answer) -> bool:
    return (reader.strict or answer.extraction or reader.fallback).rule == "whole"


def abstaining(scorer: Scorer, item: Item, answer: Answer, extractor: Extractor = "") -> Scored | None:
    """What an answer is that admits not to know; `None` for any other."""
    if not abstains(answer.text):
        return None
    if item.answerable:
        return _scored(scorer, extractor, "abstained", 0.0, None, say("It says that it does not know."))
    return _scored(scorer, extractor, "correct", 1.0, None, say("It says that it does not know, and nobody can."))


def cut_off(scorer: Scorer, answer: Answer, extractor: Extractor = "") -> Scored | None:
    """What an answer is whose room ended; `None` for any other."""
    if answer.finish != "length":
        return None
    return _scored(scorer, extractor, "truncated", 0.0, None, say("Its room ended before the answer did."))


def _scored(
    scorer: Scorer,
    extractor: Extractor,
    outcome: Literal["correct", "wrong", "unparsed", "truncated", "abstained"],
    value: float,
    found: Extracted | None,
    why: str,
) -> Scored:
    return Scored(
        scorer=scorer.name,
        extractor=extractor,
        outcome=outcome,
        value=value,
        found=found.text if found else "",
        start=found.start if found else 0,
        end=found.end if found else 0,
        why=why,
    )


def right_or_wrong(scorer: Scorer, right: bool, why: str, extractor: Extractor = "") -> Scored:
    """A plain verdict on the whole of an answer."""
    return _scored(scorer, extractor, "correct" if right else "wrong", float(right), None, why)


def measured(scorer: Scorer, value: float, why: str, passes: float | None = None, *, higher: bool = True) -> Scored:
    """A figure; right or wrong only where a bound is given."""
    if passes is None:
        return Scored(scorer=scorer.name, outcome="measured", value=value, why=why)
    right = value >= passes if higher else value <= passes
    return Scored(scorer=scorer.name, outcome="correct" if right else "wrong", value=value, why=why)
