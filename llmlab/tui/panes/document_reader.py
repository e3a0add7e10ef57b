"""One document to read: its strip, its text with what the prompt holds of it marked, where one is, and a search."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from llmlab.domain.coverage import Span
from llmlab.domain.document import Document
from llmlab.domain.document_words import place_in_words
from llmlab.domain.terminal import visible_line
from llmlab.tui.widgets.coverage_strip import CoverageStrip
from llmlab.tui.widgets.text_marks import Mark
from llmlab.tui.widgets.text_search import MOST_FOUND
from llmlab.tui.widgets.text_view import TextView
from llmlab.words import say

POINTED: tuple[Mark, ...] = ("here", "quote")
"""Marks of what one looks at."""
WAIT = 0.15
"""Seconds without a key before what is typed is searched for."""


class DocumentReader(Vertical):
    """Shows a document; another takes its place at once, however long it is."""

    DEFAULT_CSS = """
    DocumentReader {
        & > CoverageStrip { margin: 0 1; }
        & > TextView { border-left: none; }
        & > #reader-foot { height: 1; background: $panel; }
        & #reader-place { width: 1fr; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
        & #reader-find { width: 30; border: none; height: 1; padding: 0 1; background: $boost; }
        & #reader-count { width: 22; padding: 0 1; color: $text-muted; text-align: right; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._document: Document | None = None
        self._used: tuple[Span, ...] = ()
        self._sought = ""
        self._patience: Timer | None = None

    def compose(self) -> ComposeResult:
        """The strip, the text, and a line below."""
        yield CoverageStrip()
        yield TextView(empty=say("The text of a document is shown here."))
        with Horizontal(id="reader-foot"):
            yield Static("", id="reader-place", markup=False)
            yield Static("", id="reader-count", markup=False)
            yield Input(placeholder=say("/ search"), id="reader-find", compact=True)

    @property
    def view(self) -> TextView:
        """The text."""
        return self.query_one(TextView)

    @property
    def document(self) -> Document | None:
        """What is shown."""
        return self._document

    def show(self, document: Document | None, used: Sequence[Span]) -> None:
        """Show a document with what the prompt holds of it; the one that is shown already stays where it is."""
        self._used = tuple(used)
        # Where everything is marked, nothing is.
        marked = () if document is not None and self._used == ((0, len(document.text)),) else self._used
        if document is not self._document:
            self._document = document
            self.view.empty = say("The text of a document is shown here.")
            self.view.show(document.text if document else "", {"used": marked})
            self._find()
        elif self.view.spans("used") != marked:
            self.view.mark("used", marked)
        self._tell()

    def go_to(self, spans: Sequence[Span]) -> None:
        """Mark what an answer quotes, and bring the first of it into view."""
        self.view.mark("quote", spans)
        if spans:
            self.view.jump(spans[0][0])

    def go_to_used(self, step: int) -> None:
        """Go to the stretch of the prompt after, or before, what is in view."""
        start, end = self.view.in_view
        if step > 0:
            following = (span for span in self._used if span[0] >= end)
        else:
            following = (span for span in reversed(self._used) if span[0] < start)
        span = next(following, None)
        if span is None and self._used:
            span = self._used[0 if step > 0 else -1]
        if span is not None:
            self.view.jump(span[0])

    def search(self) -> None:
        """Let the user type what to look for."""
        # At once: what is typed right behind the key belongs into the field.
        self.screen.set_focus(self.query_one("#reader-find", Input))

    @on(Input.Changed, "#reader-find")
    def _typed(self) -> None:
        if self._patience is not None:
            self._patience.stop()
        self._patience = self.set_timer(WAIT, self._find)

    def _find(self) -> None:
        wanted = self.query_one("#reader-find", Input).value
        if wanted != self._sought or not wanted:
            self.view.find(wanted)
        self._sought = wanted

    @on(Input.Submitted, "#reader-find")
    def _found(self) -> None:
        self._find()
        self.view.focus()

    @on(CoverageStrip.Picked)
    def _picked(self, event: CoverageStrip.Picked) -> None:
        self.view.jump(event.offset)
        self.view.focus()

    @on(TextView.Moved)
    def _tell(self) -> None:
        """Tell where one is, and how many places were found."""
        document, view = self._document, self.view
        strip, place = self.query_one(CoverageStrip), self.query_one("#reader-place", Static)
        count = self.query_one("#reader-count", Static)
        if document is None:
            strip.show(0, ())
            place.update("", layout=False)
            count.update("", layout=False)
            return
        strip.show(len(document.text), self._used, view.in_view)
        place.update(Content(visible_line(place_in_words(document, self._offset))), layout=False)
        count.update(self._count(), layout=False)

    @property
    def _offset(self) -> int:
        """What the search stands at, or an answer quotes, while it is in view; else the first character in view."""
        start, end = self.view.in_view
        places = (span[0] for mark in POINTED for span in self.view.spans(mark))
        return next((place for place in places if start <= place < end), start)

    def _count(self) -> str:
        view, found = self.view, len(self.view.found)
        if not self.query_one("#reader-find", Input).value.strip():
            return ""
        if view.searching:
            return say("{count:,} found…", count=found)
        if not found:
            return say("not found")
        more = "+" if found >= MOST_FOUND else ""
        return say("{place:,} of {count:,}{more}", place=view.place + 1, count=found, more=more)
