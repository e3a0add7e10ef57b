"""The documents pane: what is open, how it is read, what of it is in the prompt; its text with search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final, Protocol

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from llmlab.domain.coverage import Span
from llmlab.domain.document import Document
from llmlab.domain.reading import WAYS
from llmlab.domain.terminal import visible, visible_line
from llmlab.errors import DocumentError, UsageError
from llmlab.tui.documents import Documents, Held
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.panes.document_reader import DocumentReader
from llmlab.tui.panes.document_words import document_lines, problem_in_words, share_of_window, way_content
from llmlab.tui.panes.path_picker import PathPicker
from llmlab.tui.screens.key_first import KeyFirstScreen
from llmlab.words import say

ENCODINGS: Final = (
    "utf-8", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be",
    "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254", "windows-1255", "windows-1256",
    "windows-1257", "windows-1258", "koi8-r", "koi8-u", "big5-hkscs", "iso-2022-jp", "windows-874", "iso-8859-2",
    "ibm866", "macintosh",
)  # fmt: skip
"""What bytes can be read as."""
AUTO: Final = ""


_STYLE: Final = """
DocumentsPane {
    #documents-title { height: 1; padding: 0 1; background: $panel; color: $text-primary; text-style: bold; }
    #documents-columns { height: 1fr; }
    #documents-left { width: 50; border-right: solid $foreground 20%; }
    OptionList, OptionList:focus { height: 1fr; border: none; padding: 0; background: $background; }
    OptionList > .option-list--option-highlighted { background: $boost; color: $foreground; text-style: none; }
    OptionList:focus > .option-list--option-highlighted { background: $primary-muted; color: $foreground; }
    #documents-way { height: auto; max-height: 8; padding: 0 1; border-top: solid $foreground 20%; }
    #documents-quote {
        height: 1; padding: 0 1; color: $text-success; display: none; text-wrap: nowrap; text-overflow: ellipsis;
    }
    #documents-problem { height: auto; padding: 0 1; color: $text-error; display: none; }
    #documents-keys { height: 1; padding: 0 1; background: $panel; color: $text-muted; }
    DocumentReader { width: 1fr; }
}
DocumentsPane.-narrow {
    #documents-columns { layout: vertical; }
    #documents-left { width: 1fr; height: auto; max-height: 50%; border-right: none; }
    OptionList { height: auto; max-height: 9; }
    #documents-way { max-height: 3; border-top: none; color: $text-muted; }
    DocumentReader { height: 1fr; border-top: solid $foreground 20%; }
}
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A place in a document to show."""

    document: Document
    """It may be one that is not among the documents any more."""
    spans: Sequence[Span]
    quote: str
    """What an answer says that stands there."""


class Opener(Protocol):
    """`screens.document_hands.DocumentHands`."""

    async def open_named(self, typed: str) -> None:
        """Begin to open what was typed: a path, a folder, a pattern, or several paths.

        Raises:
            DocumentError: a folder or a pattern stands for no file.
        """

    def read_anew(self, path: Path, encoding: str) -> None:
        """Read an open document again, as another encoding; empty finds out."""

    async def make_digest(self, document: Document) -> None:
        """Tell what a digest takes, and make it if that is wanted.

        Raises:
            UsageError: none can be made now.
        """

    def rest(self) -> bool:
        """Open, index and count nothing any more; False when nothing of it went on."""
        ...


class EncodingPicker(ModalScreen[str | None]):
    """Gives the name of an encoding, empty for finding out; escape gives `None`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, now: str) -> None:
        super().__init__()
        self._now = now

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical(classes="dialog"):
            yield Label(say("Read its bytes as"), classes="dialog-title", markup=False)
            lines = [say("find out"), *ENCODINGS]
            yield OptionList(*(Option(Content(line)) for line in lines))
            yield Label(say("enter takes it, esc leaves it"), classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """Begin at the one in use."""
        options = self.query_one(OptionList)
        options.highlighted = ENCODINGS.index(self._now) + 1 if self._now in ENCODINGS else 0

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss((AUTO, *ENCODINGS)[event.option_index])


class DocumentsPane(KeyFirstScreen, Watched):
    """Every change holds at once; esc stops what is being read or counted, then leaves."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-broad")]  # noqa: RUF012 - Textual's own
    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f12", "leave", show=False, priority=True),
        Binding("a,o", "add", show=False),
        Binding("delete,x", "remove", show=False),
        Binding("w", "way(1)", show=False),
        Binding("W", "way(-1)", show=False),
        Binding("e", "encoding", show=False),
        Binding("d", "digest", show=False),
        Binding("s", "stretching", show=False),
        Binding("plus,equals_sign", "passages(1)", show=False),
        Binding("minus", "passages(-1)", show=False),
        Binding("slash", "search", show=False, priority=True),
        Binding("n", "found(1)", show=False),
        Binding("N", "found(-1)", show=False),
        Binding("left_square_bracket", "used(-1)", show=False),
        Binding("right_square_bracket", "used(1)", show=False),
        Binding("q", "quote(1)", show=False),
        Binding("Q", "quote(-1)", show=False),
    ]
    DEFAULT_CSS = _STYLE

    def __init__(self, documents: Documents, opener: Opener, places: Sequence[Shown] = ()) -> None:
        """Show the documents of the lab.

        Args:
            documents: keeps what is changed here.
            opener: opens documents beside the screen.
            places: what an answer quotes; the first is shown, `q` goes on to the next.
        """
        super().__init__()
        self._documents = documents
        self._opener = opener
        self._places = places
        self._place = 0
        self._guests = _guests(documents, places)
        self._at = Path(places[0].document.path) if places else None
        self._listed: tuple[Held, ...] = ()

    def compose(self) -> ComposeResult:
        """The list with the way of reading; the text beside it, or below."""
        yield Static("", id="documents-title", markup=False)
        with Horizontal(id="documents-columns"):
            with Vertical(id="documents-left"):
                yield OptionList(markup=False)
                yield Static("", id="documents-way", markup=False)
            yield DocumentReader()
        yield Static("", id="documents-quote", markup=False)
        yield Static("", id="documents-problem", markup=False)
        yield Static("", id="documents-keys", markup=False)

    def on_mount(self) -> None:
        """Show what there is; once it is laid out, the place to begin at."""
        self.refresh_documents()
        self.call_after_refresh(self._go_to_begin)

    def _go_to_begin(self) -> None:
        self.refresh_documents()
        self.action_quote(0)

    # What is shown

    def refresh_documents(self) -> None:
        """Show the documents as they are now."""
        if not self.is_mounted:
            return
        self._listed = (*self._documents.all, *self._guests)
        options = self.query_one(OptionList)
        width = max(20, options.scrollable_content_region.width - 1)
        lines = [self._line(held, width) for held in self._listed]
        paths = [held.path for held in self._listed]
        if options.option_count == len(lines):
            for place, line in enumerate(lines):
                options.replace_option_prompt_at_index(place, line)
        else:
            options.clear_options()
            options.add_options([Option(line) for line in lines])
            # What was added last is looked at.
            options.highlighted = paths.index(self._at) if self._at in paths else len(lines) - 1 if lines else None
        self._show_around()
        self._show_text()

    def _line(self, held: Held, width: int) -> Content:
        lines = document_lines(held, self._documents.coverage(held), self._documents.window, width)
        return lines + Content("\n") if self.has_class("-broad") else lines

    def _show_around(self) -> None:
        documents, width = self._documents, self.size.width - 2
        way = self.query_one("#documents-way", Static)
        if self._listed:
            way.update(way_content(documents.reading, documents.way, documents.material, documents.problem))
        else:
            way.update(say("No document is open: a opens one. In a message, @ names one; a dragged file is one, too."))
        title, window = say("Documents"), documents.window
        used = documents.material.tokens if documents.material is not None and self._listed else 0
        right = say("{count:,} tokens in the prompt, ", count=used) + share_of_window(used, window) if window else ""
        blanks = " " * max(1, width - cell_len(title) - cell_len(right))
        self.query_one("#documents-title", Static).update(f"{title}{blanks}{right}", layout=False)
        self.query_one("#documents-keys", Static).update(_keys(width), layout=False)

    def _show_text(self) -> None:
        held = self._held
        coverage = self._documents.coverage(held) if held else None
        document = held.document if held else None
        self.query_one(DocumentReader).show(document, coverage.stretches if coverage else ())

    @property
    def _held(self) -> Held | None:
        """The document under the cursor."""
        index = self.query_one(OptionList).highlighted
        return self._listed[index] if index is not None and index < len(self._listed) else None

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        held = self._held
        self._at = held.path if held else None
        self._show_text()

    @on(OptionList.OptionSelected)
    def _selected(self) -> None:
        self.query_one(DocumentReader).view.focus()

    def on_resize(self) -> None:
        """Lines are as wide as the list."""
        self.call_after_refresh(self.refresh_documents)

    def tell(self, problem: str) -> None:
        """Tell what went wrong; nothing takes it away."""
        label = self.query_one("#documents-problem", Static)
        label.update(visible(problem))
        label.display = bool(problem)

    # What is done

    def action_quote(self, step: int) -> None:
        """Go to the next thing that the answer quotes."""
        if not self._places:
            return
        self._place = (self._place + step) % len(self._places)
        place = self._places[self._place]
        paths = [held.path for held in self._listed]
        path = Path(place.document.path)
        if path in paths:
            self._at = path
            self.query_one(OptionList).highlighted = paths.index(path)
        reader = self.query_one(DocumentReader)
        self._show_text()
        reader.go_to(place.spans)
        reader.view.focus()
        many = {"place": self._place + 1, "count": len(self._places), "quote": visible_line(place.quote)}
        self.query_one("#documents-quote", Static).update(say("quote {place} of {count}: “{quote}”", **many))
        self.query_one("#documents-quote").display = True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters belong to a field that has the focus."""
        return action == "leave" or not isinstance(self.focused, Input)

    def action_leave(self) -> None:
        """One step back: out of the search, then what is being opened, then the pane."""
        if isinstance(self.focused, Input):
            self.query_one(DocumentReader).view.focus()
        elif not self._opener.rest():
            self.dismiss(None)

    def action_search(self) -> None:
        """Type what to look for in the text."""
        self.query_one(DocumentReader).search()

    def action_found(self, step: int) -> None:
        """Go to the next place that was found."""
        view = self.query_one(DocumentReader).view
        (view.action_next if step > 0 else view.action_previous)()

    def action_used(self, step: int) -> None:
        """Go to the next stretch of the text that is in the prompt."""
        self.query_one(DocumentReader).go_to_used(step)

    def action_add(self) -> None:
        """Open another document."""
        run_beside(self, self._pick, "pick", exclusive=True)

    async def _pick(self) -> None:
        folder = self._held.path.parent if self._held else Path.cwd()
        if path := await self.app.push_screen_wait(PathPicker(folder)):
            self._at = None
            self.tell("")
            try:
                await self._opener.open_named(path)
            except DocumentError as error:
                self.tell(problem_in_words(error))

    def action_remove(self) -> None:
        """Take the document out of the prompt."""
        if self._held is not None:
            self._documents.remove(self._held)

    def action_way(self, step: int) -> None:
        """Read all documents another way."""
        self._documents.read_by(WAYS[(WAYS.index(self._documents.way) + step) % len(WAYS)])

    def action_passages(self, step: int) -> None:
        """One passage more, or less, at most; less than one is as many as fit."""
        use = self._documents.reading
        if use is not None:
            self._documents.read_as(replace(use, k=max(0, (use.k or 0) + step) or None))

    def action_stretching(self) -> None:
        """Stretch windows the other way."""
        use = self._documents.reading
        if use is not None:
            self._documents.read_as(replace(use, stretching="linear" if use.stretching == "yarn" else "yarn"))

    def action_digest(self) -> None:
        """Make a digest of the document."""
        run_beside(self, self._digest, "pick", exclusive=True)

    async def _digest(self) -> None:
        if self._held is None or self._held.document is None:
            return
        self.tell("")
        try:
            await self._opener.make_digest(self._held.document)
        except UsageError as error:
            self.tell(problem_in_words(error))

    def action_encoding(self) -> None:
        """Read the file as another encoding."""
        run_beside(self, self._encode, "pick", exclusive=True)

    async def _encode(self) -> None:
        held = self._held
        if held is None or (held.document is not None and not held.document.encoding):
            self.tell(say("This format says itself how its text is encoded.") if held else "")
            return
        now = (held.encoding or (held.document.encoding if held.document else "")).lower()
        chosen = await self.app.push_screen_wait(EncodingPicker(now))
        if chosen is not None:
            self.tell("")
            self._opener.read_anew(held.path, chosen)


def _keys(width: int) -> str:
    """The keys, as many as there is room for."""
    most = say(
        "a open  x remove  w way  e encoding  d digest  +/- passages  / search  n N  [ ] in prompt  tab text  esc"
    )
    if cell_len(most) <= width:
        return most
    return say("a open  x remove  w way  e encoding  d digest  / search  [ ] in prompt  esc")


def _guests(documents: Documents, places: Sequence[Shown]) -> tuple[Held, ...]:
    """The documents of places that are not among the documents, each once."""
    known = {held.digest for held in documents.all}
    guests = {place.document.digest: place.document for place in places if place.document.digest not in known}
    return tuple(Held(Path(one.path), one.name, "ready", one) for one in guests.values())
