"""What an answer quotes, looked up in the documents: word for word, nearly so with the difference, or not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["exact", "near", "absent"]
"""It stands there, but for blanks, kinds of quotation marks and widths of characters; nearly so; it does not."""
ChangeKind = Literal["same", "added", "missing"]
"""In both; in the quote alone; in the document alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document says something."""

    document: int
    """Which of the documents, from 0."""
    start: int
    """Offset into its text, in characters."""
    end: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """What a `[number]` in an answer stands for."""

    number: int
    place: Place


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch in which a quote and the document agree or differ."""

    kind: ChangeKind
    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Something that an answer puts between quotation marks."""

    start: int
    """Offset into the answer, after the opening mark."""
    end: int
    """Offset of the closing mark."""
    verdict: Verdict
    place: Place | None = None
    """Where it was found; `None` when it is absent."""
    changes: tuple[Change, ...] = ()
    """When it is near: document and quote side by side, in order."""
    numbers: tuple[int, ...] = ()
    """The passages that the answer says it is from."""
    misplaced: bool = False
    """It was found, and in none of the passages that the answer says it is from."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer that says something."""

    start: int
    """Offset into the answer."""
    end: int
    quotes: tuple[int, ...] = ()
    """Which of the quotes stand in it, from 0; none is a claim that nothing was shown for."""
    numbers: tuple[int, ...] = ()
    """The passages that it names."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """An answer held against the documents."""

    quotes: tuple[Quote, ...]
    """In the order of the answer."""
    claims: tuple[Claim, ...]
    """In the order of the answer."""

    def count(self, verdict: Verdict) -> int:
        """How many quotes were judged so."""
        return sum(quote.verdict == verdict for quote in self.quotes)

    @property
    def unquoted(self) -> tuple[Claim, ...]:
        """The claims without a quote."""
        return tuple(claim for claim in self.claims if not claim.quotes)
