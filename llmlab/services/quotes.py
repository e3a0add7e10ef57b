"""What answers quote, looked up in the documents that their prompts held."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from llmlab.domain.document import Document
from llmlab.domain.grounding import Change, Grounding, Numbered, Place, Quote, Source, Verdict, check
from llmlab.domain.messages import Message
from llmlab.domain.reading import DocumentRef, ReadingTold
from llmlab.errors import LlmlabError
from llmlab.services.reading import Reader
from llmlab.words import say
from llmlab.words.counts import claims_without_text, quotes_text

KEPT_SOURCES: Final = 4
"""Documents that stay ready to be searched."""


@dataclass(frozen=True, slots=True)
class CheckedQuote:
    """Something that an answer quotes."""

    text: str
    """As the answer has it."""
    verdict: Verdict
    changes: tuple[Change, ...] = ()
    """When it is near: where it differs from the document."""
    document: Document | None = None
    """Where it stands; `None` when it stands nowhere."""
    start: int = 0
    """Offset into the document's text."""
    end: int = 0
    misplaced: bool = False
    """It stands elsewhere than the answer says."""
    asked: bool = False
    """It stands in the question alone."""


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """An answer held against the documents."""

    text: str
    """Of the answer."""
    quotes: tuple[CheckedQuote, ...] = ()
    unquoted: tuple[str, ...] = ()
    """Sentences that claim something and quote nothing."""
    refusal: bool = False
    """It says that the text does not hold the answer, and nothing else."""
    missing: str = ""
    """Name of a document that cannot be looked at any more; nothing is checked then."""

    def count(self, verdict: Verdict) -> int:
        """Quotes that were judged so."""
        return sum(quote.verdict == verdict for quote in self.quotes)

    @property
    def found(self) -> tuple[CheckedQuote, ...]:
        """Quotes that stand somewhere."""
        return tuple(quote for quote in self.quotes if quote.document is not None)


class QuoteCheck:
    """Looks answers up once each, in a thread; documents are made ready to be searched when they are needed."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._sources: OrderedDict[str, Source] = OrderedDict()
        self._known: dict[str, CheckedAnswer] = {}
        """By the id of the message."""

    def known(self, message: Message) -> CheckedAnswer | None:
        """What was found before, if the answer is still the same."""
        found = self._known.get(message.id)
        return found if found is not None and found.text == message.text else None

    async def check(self, message: Message, question: str = "") -> CheckedAnswer | None:
        """An answer held against its documents; `None` when its prompt held none, or it is not finished.

        Args:
            message: the answer.
            question: what it answers.
        """
        told = message.origin.reading if message.origin else None
        if told is None or message.state == "writing" or not message.text.strip():
            return None
        if (known := self.known(message)) is not None:
            return known
        documents: list[Document] = []
        for ref in told.documents:
            try:
                documents.append(await self._reader.document(ref))
            except LlmlabError:
                # A text that is gone proves nothing, neither for the answer nor against it.
                return self._keep(message, CheckedAnswer(message.text, missing=ref.name))
        found = await asyncio.to_thread(self._look_up, message.text, documents, told, question)
        return self._keep(message, found)

    def _keep(self, message: Message, found: CheckedAnswer) -> CheckedAnswer:
        self._known[message.id] = found
        return found

    def _look_up(self, text: str, documents: Sequence[Document], told: ReadingTold, question: str) -> CheckedAnswer:
        sources = [self._source(document) for document in documents]
        numbered = [Numbered(one.number, Place(one.document, one.start, one.end)) for one in told.held if one.number]
        grounding = check(text, sources, numbered, question)
        named = [_named(document, ref) for document, ref in zip(documents, told.documents, strict=True)]
        quotes, unquoted = tuple(_quotes(text, grounding, named)), tuple(_unquoted(text, grounding))
        return CheckedAnswer(text, quotes, unquoted, grounding.refusal)

    def _source(self, document: Document) -> Source:
        source = self._sources.pop(document.digest, None) or Source(document.text)
        self._sources[document.digest] = source
        while len(self._sources) > KEPT_SOURCES:
            self._sources.popitem(last=False)
        return source


def _named(document: Document, ref: DocumentRef) -> Document:
    """A text that two files share, as the file that was asked about."""
    if (document.name, document.path) == (ref.name, ref.path):
        return document
    return Document(ref.name, ref.path, document.kind, document.text, document.pages, document.unit, digest=ref.digest)


def _quotes(text: str, grounding: Grounding, documents: Sequence[Document]) -> Iterator[CheckedQuote]:
    for quote in grounding.quotes:
        yield _checked(text[quote.start : quote.end], quote, documents)


def _checked(text: str, quote: Quote, documents: Sequence[Document]) -> CheckedQuote:
    place = quote.place
    if place is None:
        return CheckedQuote(text, quote.verdict, asked=quote.asked)
    return CheckedQuote(
        text, quote.verdict, quote.changes, documents[place.document], place.start, place.end, quote.misplaced
    )


def _unquoted(text: str, grounding: Grounding) -> Iterator[str]:
    for claim in grounding.unquoted:
        yield text[claim.start : claim.end].strip()


def counted_in_words(checked: CheckedAnswer) -> str:
    """How many quotes an answer has, by what became of them; of none, how many claims stand there without."""
    if not checked.quotes:
        return claims_without_text(len(checked.unquoted))
    exact, near, absent = (checked.count(verdict) for verdict in ("exact", "near", "absent"))
    parts = [quotes_text(len(checked.quotes), exact)]
    parts += [say("{count} near", count=near)] if near else []
    parts += [say("{count} not in the document", count=absent)] if absent else []
    return say(", ").join(parts)


def only_asked() -> str:
    """What is said of a quote that the question holds, and no document."""
    return say("not in the document: the question says it")
