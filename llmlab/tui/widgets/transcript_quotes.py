"""Under an answer: what it quotes and whether that stands in the documents, and what it claims without a quote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from llmlab.domain.document_words import place_in_words
from llmlab.domain.terminal import visible_line
from llmlab.services.quotes import CheckedAnswer, CheckedQuote, counted_in_words, only_asked
from llmlab.tui.markup.lines import Line, Look, Span
from llmlab.tui.markup.wrapping import flow
from llmlab.words import say

MOST_SHOWN: Final = 8
"""Quotes that have a line of their own, and claims."""
LONGEST: Final = 90
"""Characters of a quote or claim that are shown."""
_MUTED, _GOOD, _BAD, _WARNING = Look("muted"), Look("string"), Look("error"), Look("warning")


def quote_lines(checked: CheckedAnswer | None, width: int) -> list[Line]:
    """A line a quote, those that are not in the documents first, then the claims without one."""
    if checked is None:
        return []
    rows = [*_rows(checked)]
    hang: tuple[Span, ...] = (("  ", _MUTED),)
    lines = [line for row in rows for line in flow(row, width, rest=hang)]
    return [Line(line.spans, line.glue, line.lead, line.ground, chrome=True) for line in lines]


def _rows(checked: CheckedAnswer) -> Iterator[list[Span]]:
    if checked.missing:
        name = visible_line(checked.missing)
        yield [(say("Quotes cannot be checked: the text of {name} is kept no more.", name=name), _MUTED)]
        return
    if checked.refusal:
        yield [(say("∅ says that the text does not hold the answer"), _MUTED)]
        return
    if not checked.quotes:
        if checked.unquoted:
            yield [(f"! {counted_in_words(checked)}", _WARNING)]
        return
    keys = say("; q goes there") if checked.found else ""
    yield [(counted_in_words(checked) + keys, _MUTED)]
    ordered = sorted(checked.quotes, key=lambda quote: ("absent", "near", "exact").index(quote.verdict))
    for quote in ordered[:MOST_SHOWN]:
        yield _quote_row(quote)
    if len(ordered) > MOST_SHOWN:
        yield [(say("{count} more quotes", count=len(ordered) - MOST_SHOWN), _MUTED)]
    for claim in checked.unquoted[:MOST_SHOWN]:
        yield [("? ", _WARNING), (say("no quote for: "), _WARNING), (_short(claim), _MUTED)]
    if len(checked.unquoted) > MOST_SHOWN:
        yield [(say("{count} more claims without a quote", count=len(checked.unquoted) - MOST_SHOWN), _MUTED)]


def _quote_row(quote: CheckedQuote) -> list[Span]:
    """A mark, the quote, and where it stands; of one that is near the difference."""
    if quote.verdict == "absent" or quote.document is None:
        if quote.asked:
            return [("✗ ", _WARNING), (f"“{_short(quote.text)}” ", _MUTED), (only_asked(), _WARNING)]
        return [("✗ ", _BAD), (f"“{_short(quote.text)}” ", _BAD), (say("not in the document"), _BAD)]
    where = f"{visible_line(quote.document.name)}, {place_in_words(quote.document, quote.start)}"
    place: list[Span] = [(f" {where}", _MUTED)]
    if quote.misplaced:
        place.append((say(", not in the passage that it names"), _WARNING))
    if quote.verdict == "exact":
        return [("✓ ", _GOOD), (f"“{_short(quote.text)}”", _MUTED), *place]
    return [("≈ ", _WARNING), ("“", _MUTED), *_difference(quote), ("”", _MUTED), *place]


def _difference(quote: CheckedQuote) -> Iterator[Span]:
    """The quote with what it added as [+this+], what it left out as [-this-], and what is the same shortened."""
    for number, change in enumerate(quote.changes):
        text = _one_line(change.text)
        if change.kind == "added":
            yield f"[+{text}+]", _BAD
        elif change.kind == "missing":
            yield f"[-{text}-]", _GOOD
        else:
            yield _around(text, first=number == 0, last=number == len(quote.changes) - 1), _MUTED


def _one_line(text: str) -> str:
    """`text` on one line, a blank at either end kept."""
    line = visible_line(text)
    return f"{' ' * text[:1].isspace()}{line}{' ' * text[-1:].isspace()}" if line else " "


def _around(text: str, *, first: bool, last: bool) -> str:
    """What is the same, as much of it as stands next to a difference."""
    room = 24
    if len(text) <= 2 * room:
        return text
    if first:
        return f"…{text[-room:]}"
    return f"{text[:room]}…" if last else f"{text[:room]} … {text[-room:]}"


def _short(text: str) -> str:
    line = visible_line(text)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
