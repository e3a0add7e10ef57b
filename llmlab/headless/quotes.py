"""What an answer over documents quotes, on the command line: told below it, and as part of its object."""

from __future__ import annotations

from collections.abc import Iterator

from llmlab.domain.document_words import place_in_words
from llmlab.domain.terminal import visible_line
from llmlab.headless.reading import anchor_as_object
from llmlab.services.quotes import CheckedAnswer, CheckedQuote, counted_in_words, only_asked
from llmlab.words import say


def checked_in_words(checked: CheckedAnswer) -> Iterator[str]:
    """A line for all, one for each quote, and one for each claim without any; one line for a refusal."""
    if checked.missing:
        yield say("Quotes cannot be checked: the text of {name} is kept no more.", name=checked.missing)
        return
    if checked.refusal:
        yield say("∅ says that the text does not hold the answer")
        return
    if not (checked.quotes or checked.unquoted):
        return
    yield counted_in_words(checked)
    if checked.quotes:
        yield from map(_quote_in_words, checked.quotes)
        yield from (f"? {say('no quote for: ')}{visible_line(claim)}" for claim in checked.unquoted)


def _quote_in_words(quote: CheckedQuote) -> str:
    """A mark, the quote, and where it stands; of one that is near the difference."""
    text = visible_line(quote.text)
    if quote.document is None:
        return f"✗ “{text}” {only_asked() if quote.asked else say('not in the document')}"
    if quote.verdict == "near":
        marks = {"added": "[+{}+]", "missing": "[-{}-]", "same": "{}"}
        text = visible_line("".join(marks[change.kind].format(change.text) for change in quote.changes))
    elsewhere = say(", not in the passage that it names") if quote.misplaced else ""
    where = f"{visible_line(quote.document.name)}, {place_in_words(quote.document, quote.start)}"
    return f"{'✓' if quote.verdict == 'exact' else '≈'} “{text}” {where}{elsewhere}"


def checked_as_object(checked: CheckedAnswer) -> dict[str, object]:
    """What `--json` prints of it."""
    return {
        "quotes": [_quote_as_object(quote) for quote in checked.quotes],
        "unquoted": list(checked.unquoted),
        "refusal": checked.refusal,
        "missing": checked.missing or None,
    }


def _quote_as_object(quote: CheckedQuote) -> dict[str, object]:
    document = quote.document
    page = document.page_at(quote.start) if document else None
    return {
        "text": quote.text,
        "verdict": quote.verdict,
        "changes": [{"kind": change.kind, "text": change.text} for change in quote.changes],
        "document": document.name if document else None,
        **anchor_as_object(page, document.line_at(quote.start) if document else None),
        "start": quote.start if document else None,
        "end": quote.end if document else None,
        "misplaced": quote.misplaced,
        "asked": quote.asked,
    }
