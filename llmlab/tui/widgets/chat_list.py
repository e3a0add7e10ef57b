"""The list of chats, and the search in their content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from llmlab.domain.messages import ChatSummary
from llmlab.domain.terminal import visible_line
from llmlab.tui.commands.table import bindings
from llmlab.words import say

SEARCH_PATIENCE = 0.15
"""Seconds without a key before a search begins."""
MATCH_OPEN, MATCH_CLOSE = "\x02", "\x03"


def chat_line(chat: ChatSummary, width: int) -> Content:
    """A chat as the list shows it in `width` cells: its title, and below it where a search matched."""
    title = Content(visible_line(chat.title) or say("untitled")).truncate(width, ellipsis=True)
    if not chat.snippet:
        return title
    return Content("\n").join([title, snippet_line(chat.snippet, width)])


def snippet_line(snippet: str, width: int) -> Content:
    """The place of a match in `width` cells, the match itself marked and always in sight."""
    head, *marked = snippet.split(MATCH_OPEN)
    before = _flat(head)
    room = width // 3
    if len(before) > room:
        before = "…" + before[len(before) - room :]
    parts = [Content.styled("  " + before, "$text-muted")]
    for piece in marked:
        match, _, rest = piece.partition(MATCH_CLOSE)
        parts += [Content.styled(_flat(match), "bold $text-warning"), Content.styled(_flat(rest), "$text-muted")]
    return Content("").join(parts).truncate(width, ellipsis=True)


def _flat(text: str) -> str:
    """Safe and on one line, blanks at its ends kept."""
    middle = visible_line(text)
    return (" " if text[:1].isspace() else "") + middle + (" " if middle and text[-1:].isspace() else "")


class Chats(OptionList):
    """The options; what can be done with the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("list"),
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]


class ChatList(Vertical):
    """Search above, chats below; says what was wished and leaves the doing to the screen."""

    DEFAULT_CSS = """
    ChatList { width: 30; background: $surface; }
    ChatList Input { margin: 0 1 1 1; background: $surface; }
    ChatList Input:focus { background: $boost; }
    ChatList Chats { height: 1fr; border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1; }
    ChatList Chats > .option-list--option { padding: 0 1 0 0; }
    """

    @dataclass
    class Opened(Message):
        """A chat was chosen."""

        chat_id: str

    @dataclass
    class Searched(Message):
        """Another text is searched for; empty is all chats."""

        text: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._shown: tuple[ChatSummary, ...] = ()
        self._open_id = ""
        self._patience: Timer | None = None

    def compose(self) -> ComposeResult:
        """Search and list."""
        yield Input(placeholder=say("search in all chats"), id="search", compact=True)
        yield Chats(id="chats", markup=False)

    @property
    def search(self) -> str:
        """What is searched for."""
        return self.query_one(Input).value

    @property
    def highlighted(self) -> tuple[str, str] | None:
        """Id and title of the chat under the cursor, while the list has the focus."""
        chats = self.query_one(Chats)
        if not chats.has_focus or chats.highlighted is None or chats.highlighted >= len(self._shown):
            return None
        chat = self._shown[chats.highlighted]
        return chat.id, chat.title

    def show(self, chats: Sequence[ChatSummary], open_id: str) -> None:
        """Show these chats; the cursor stays where it was, or goes to the open one."""
        if (tuple(chats), open_id) == (self._shown, self._open_id):
            return
        options = self.query_one(Chats)
        row = options.highlighted
        kept = self._shown[row].id if options.has_focus and row is not None and row < len(self._shown) else open_id
        self._shown, self._open_id = tuple(chats), open_id
        options.clear_options()
        options.add_options([Option(self._line(chat)) for chat in self._shown])
        places = {chat.id: place for place, chat in enumerate(self._shown)}
        options.highlighted = places.get(kept, min(row, len(places) - 1) if row is not None and places else None)

    def _line(self, chat: ChatSummary) -> Content:
        mark = Content.styled("▌", "$text-accent") if chat.id == self._open_id else Content(" ")
        return mark + chat_line(chat, max(8, self.size.width - 4))

    def begin_search(self, text: str) -> None:
        """Put the cursor into the search, `text` already typed."""
        field = self.query_one(Input)
        self.screen.set_focus(field)
        if text:
            field.value = text

    def focus_chats(self) -> None:
        """Put the cursor into the list."""
        self.screen.set_focus(self.query_one(Chats))

    def clear_search(self) -> bool:
        """Show all chats again; False when they were."""
        field = self.query_one(Input)
        searched = bool(field.value)
        field.value = ""
        return searched

    def retell(self) -> None:
        """Speak the language in use."""
        self.query_one(Input).placeholder = say("search in all chats")

    @on(Input.Changed)
    def _search_soon(self, event: Input.Changed) -> None:
        event.stop()
        if self._patience is not None:
            self._patience.stop()
        self._patience = self.set_timer(SEARCH_PATIENCE, lambda: self.post_message(self.Searched(self.search)))

    @on(Input.Submitted)
    def _to_list(self, event: Input.Submitted) -> None:
        event.stop()
        chats = self.query_one(Chats)
        if self._shown:
            self.screen.set_focus(chats)
            chats.highlighted = chats.highlighted or 0

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_index < len(self._shown):
            self.post_message(self.Opened(self._shown[event.option_index].id))
