"""The transcript: a whole chat in one widget, drawn row by row, so that its length costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from time import monotonic
from typing import ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.message import Message as Notice
from textual.reactive import var
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer

from llmlab.domain.generation import Turn
from llmlab.domain.messages import Message
from llmlab.domain.terminal import visible
from llmlab.services.quotes import CheckedAnswer
from llmlab.tui.markup.lines import Line
from llmlab.tui.widgets.transcript_colours import Colourist
from llmlab.tui.widgets.transcript_entry import Entry
from llmlab.tui.widgets.transcript_marks import code_of
from llmlab.tui.widgets.transcript_paint import Painter
from llmlab.tui.widgets.transcript_roll import Place
from llmlab.tui.widgets.transcript_view import RollView

_FRAME: Final = 0.08
"""Seconds between two repaints of a growing answer, at least."""
_GRACE: Final = 0.06
"""How much longer what has come waits for the next change: painted with it, both are one repaint of the screen."""
_SHARE: Final = 5
"""A repaint is followed by a pause at least this many times as long as it took."""
_LONGEST: Final = 0.2
"""Seconds after which it is repainted in any case: what waits has to be laid out once anyway."""
_NO_VERSIONS: Final = (1, 1)


class Transcript(RollView):
    """Shows the messages of a chat and the one that is selected."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "toggle_thinking", show=False, id="transcript.fold"),
    ]

    thinking_shown: var[bool] = var(False)
    """All thinking is unfolded."""

    class MessageSelected(Notice):
        """The user has selected a message, or none."""

        def __init__(self, transcript: Transcript, message_id: str | None) -> None:
            """`message_id` is selected now."""
            self.transcript = transcript
            self.message_id = message_id
            super().__init__()

        @property
        def control(self) -> Transcript:
            """The transcript."""
            return self.transcript

    def __init__(
        self,
        welcome: Sequence[str] | Callable[[], Sequence[str]] = (),
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - the name Textual gives it
        classes: str | None = None,
    ) -> None:
        """An empty transcript; `welcome` are Markdown lines for an empty chat, or what gives them."""
        super().__init__(Colourist(self, self._coloured), name=name, id=id, classes=classes)
        self._welcome = welcome
        self._index: dict[str, int] = {}
        self._selected: str | None = None
        self._pending: dict[str, tuple[Message, Turn | None]] = {}
        self._checks: dict[str, CheckedAnswer] = {}
        self._due = 0.0
        self._painted_s = 0.0
        self._flush_timer: Timer | None = None

    # What is shown

    def show(self, path: tuple[Message, ...], versions: Mapping[str, tuple[int, int]]) -> None:
        """Show the messages of a chat; those that are shown already keep their layout.

        Args:
            path: first to last.
            versions: message id -> which version it is, counted from 1, and how many there are.
        """
        self._pending.clear()
        self.quiet = True
        old = self.roll.entries
        anchor = self.top_place
        anchor_id = old[anchor.entry].message.id if old else ""
        same_chat = bool(path) and path[0].id in self._index
        begun = bool(path) and path[-1].id not in self._index and path[-1].state == "writing"
        follow = self.near_end or not same_chat or begun
        entries: list[Entry] = []
        for message in path:
            version = versions.get(message.id, _NO_VERSIONS)
            if message.id in self._index:
                entry = old[self._index[message.id]]
                entry.renew(message, version, entry.turn if message == entry.message else None)
            else:
                entry = self._new_entry(message, version)
            entries.append(entry)
        self.roll.replace_entries(entries)
        self._index = {entry.message.id: index for index, entry in enumerate(entries)}
        if self._selected not in self._index:
            self._selected = None
        if not self.is_attached:
            return
        self.screen.clear_selection()
        if follow or anchor_id not in self._index:
            self.go_to_end()
        else:
            self.keep(anchor._replace(entry=self._index[anchor_id]))
        self.refresh()
        self.measure_later()

    def update_message(self, message: Message, turn: Turn | None = None) -> None:
        """Show a message that has changed or is new at the end; one that grows is painted 12 times a second at most.

        Args:
            message: the message with its text so far.
            turn: how its answer is coming along, as long as it does.
        """
        self._pending[message.id] = (message, turn)
        wait = self._due - monotonic()
        if wait <= 0 or message.id not in self._index:
            self._flush()
        elif self._flush_timer is None:
            self._flush_timer = self.set_timer(wait + _GRACE, self._flush)

    def retell(self) -> None:
        """Speak the language in use."""
        follow, place = self.near_end, self.top_place
        for entry in self.roll.entries:
            entry.retell()
        self._rearrange(0, place, follow)

    @property
    def selected_message(self) -> str | None:
        """Id of the message under the cursor."""
        return self._selected

    def marked_message(self) -> str | None:
        """Id of the message under the cursor."""
        return self._selected

    def select_message(self, message_id: str | None) -> None:
        """Put the cursor on a message and bring it into view; `None`, or one that is not shown, takes it away."""
        chosen = message_id if message_id in self._index else None
        if chosen == self._selected:
            return
        self._selected = chosen
        self.refresh()
        if chosen is not None:
            self.bring_into_view(self._index[chosen])
        self.post_message(self.MessageSelected(self, chosen))

    def copy_text(self, message_id: str) -> str:
        """The text of a message as it was written, safe for a terminal, without blanks at the ends of lines.

        Raises:
            KeyError: no such message is shown.
        """
        text = visible(self.roll.entries[self._index[message_id]].message.text.replace("\r\n", "\n"))
        return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")

    def render_empty(self, y: int, painter: Painter) -> Strip:
        """A row of the view when there is no message: what an empty chat shows."""
        lines = welcome_lines(tuple(self._welcome() if callable(self._welcome) else self._welcome), self.roll.width)
        row = y - max((self.size.height - len(lines)) // 3, 0)
        return painter.strip(lines[row], "plain", None) if 0 <= row < len(lines) else painter.blank()

    # Keys and clicks

    def action_toggle_thinking(self) -> None:
        """Fold or unfold the thinking of the selected message, else of the last one that has any."""
        entries = self.roll.entries
        index = self._index.get(self._selected or "")
        if index is None:
            thoughts = (index for index in reversed(range(len(entries))) if entries[index].folds)
            index = next(thoughts, None)
        if index is not None:
            self._fold([index], lambda entry: entry.toggle_thinking())

    def watch_thinking_shown(self, shown: bool) -> None:
        """Fold or unfold all thinking."""
        self._fold(range(len(self.roll.entries)), lambda entry: entry.fold_all(shown))

    def on_click(self, event: events.Click) -> None:
        """Select the message under the pointer; a click on its thinking folds it."""
        found = self.roll.find(self.scroll_offset.y + event.y)
        if found is None or self.text_selection is not None:
            return
        if found.place.section == 1 and found.entry.folds and event.chain == 1:
            self._fold([found.place.entry], lambda entry: entry.toggle_thinking())
        self.select_message(found.entry.message.id)

    def text_select_all(self) -> None:
        """Select the text of the message under the cursor, else of the whole chat."""
        index = self._index.get(self._selected or "")
        if index is None:
            super().text_select_all()
            return
        start, end = Place(index, 0, 0), Place(index + 1, 0, 0)
        self.screen.selections = {self: Selection(Offset(0, code_of(start)), Offset(0, code_of(end)))}

    def _fold(self, indices: Sequence[int], change: Callable[[Entry], bool]) -> None:
        follow, anchor = self.near_end, self.top_place
        changed = [index for index in indices if change(self.roll.entries[index])]
        if changed:
            self._rearrange(changed[0], anchor, follow)

    def _rearrange(self, first: int, place: Place, follow: bool) -> None:
        """Messages from `first` on have other rows: show `place` at the top again, or the end."""
        self.roll.changed(first)
        self.screen.clear_selection()
        if follow:
            self.go_to_end()
        else:
            self.keep(place)
        self.refresh()

    def show_check(self, message_id: str, checked: CheckedAnswer) -> None:
        """Show under an answer what was found of its quotes; an answer that is not drawn yet shows it once it is."""
        self._checks[message_id] = checked
        if message_id in self._index:
            self._fold([self._index[message_id]], lambda entry: entry.check(checked))

    # An answer that grows

    def _new_entry(self, message: Message, version: tuple[int, int], turn: Turn | None = None) -> Entry:
        entry = Entry(message, version, turn)
        entry.fold_all(self.thinking_shown)
        checked = self._checks.get(message.id)
        if checked is not None and checked.text == message.text:
            entry.check(checked)
        return entry

    def _flush(self) -> None:
        """Show what has come since the last time."""
        if self._flush_timer is not None:
            self._flush_timer.stop()
            self._flush_timer = None
        started = monotonic()
        pending, self._pending = self._pending, {}
        for message, turn in pending.values():
            self._take(message, turn)
        now = monotonic()
        spent = now - started + self.painting_s - self._painted_s
        self._painted_s = self.painting_s
        self._due = now + min(max(_FRAME, _SHARE * spent), _LONGEST)

    def _take(self, message: Message, turn: Turn | None) -> None:
        self.quiet = turn is None or turn.ended
        follow = self.near_end
        index = self._index.get(message.id)
        if index is None:
            self._index[message.id] = len(self.roll.entries)
            self.roll.append(self._new_entry(message, _NO_VERSIONS, turn))
            if follow or len(self.roll.entries) == 1:
                self.go_to_end()
            self.refresh()
            return
        entry = self.roll.entries[index]
        anchor = self.top_place
        changed = self.roll.renew(index, message, entry.version, turn)
        if changed is None:
            return
        self.refresh_rows(changed.first, self.roll.height + 1 if changed.moved else changed.last)
        if not changed.moved:
            return
        if follow:
            self.go_to_end()
        else:
            self.keep(anchor)

    def _coloured(self, code: str) -> None:
        self.roll.recolour(code)
        self.refresh()


@lru_cache(maxsize=2)
def welcome_lines(welcome: tuple[str, ...], width: int) -> list[Line]:
    """Lines of Markdown as rows; every row of the view asks for them."""
    if not welcome:
        return []
    # Imported with the first Markdown there is: the screen's first frame does not wait for the parser.
    from llmlab.tui.markup.blocks import block_lines

    return block_lines("\n".join(welcome), width)
