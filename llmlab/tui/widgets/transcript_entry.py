"""One message of the transcript as sections with rows: its frame, its thinking, and the blocks of its text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import accumulate
from typing import Protocol

from llmlab.domain.generation import Turn
from llmlab.domain.messages import Message
from llmlab.services.quotes import CheckedAnswer
from llmlab.tui.markup.code import Highlighter
from llmlab.tui.markup.lines import BLANK, Line, Look
from llmlab.tui.markup.pieces import MarkdownPieces, PlainPieces
from llmlab.tui.markup.wrapping import estimated_rows
from llmlab.tui.widgets import transcript_frame as frame
from llmlab.tui.widgets import transcript_reasoned as reasoned
from llmlab.tui.widgets.transcript_quotes import quote_lines
from llmlab.words import current_language

_THOUGHT = Look("thinking")


class Section(Protocol):
    """A run of rows that is laid out as one."""

    @property
    def exact(self) -> bool:
        """Its height is known, not guessed."""

    def height(self, width: int) -> int:
        """Rows it takes; a guess as long as it is not exact."""
        ...

    def rows(self, width: int, highlight: Highlighter) -> list[Line]:
        """Its rows."""
        ...

    def measure(self, width: int) -> None:
        """Make its height exact."""

    def know(self, height: int, width: int) -> None:
        """Take a height that was measured before."""

    def forget_rows(self) -> None:
        """Free the rows."""


class Fixed:
    """A few rows of the frame."""

    __slots__ = ("_make", "_rows", "_width", "key")

    def __init__(self, key: object, make: Callable[[int], list[Line]]) -> None:
        """Rows that `make` gives for a width; with an equal key they are the same rows."""
        self.key = key
        self._make = make
        self._width = -1
        self._rows: list[Line] = []

    @property
    def exact(self) -> bool:
        """Always."""
        return True

    def height(self, width: int) -> int:
        """Rows it takes."""
        return len(self._at(width))

    def rows(self, width: int, highlight: Highlighter) -> list[Line]:
        """Its rows."""
        return self._at(width)

    def measure(self, width: int) -> None:
        """It is exact already."""

    def know(self, height: int, width: int) -> None:
        """It is exact already."""

    def forget_rows(self) -> None:
        """They are few."""

    def _at(self, width: int) -> list[Line]:
        if width != self._width:
            self._width = width
            self._rows = self._make(width)
        return self._rows


class Entry:
    """A message in the transcript; nothing of it is laid out before somebody looks.

    A long chat has thousands of blocks, and the garbage collector looks at every object that lives. So a message that
    nobody looks at any more is closed: of its sections only their heights stay.
    """

    __slots__ = (
        "_all_unfolded", "_body", "_fixed", "_folded", "_known", "_sections", "_thoughts", "_tops", "_width",
        "checked", "message", "turn", "unfolded", "version",
    )  # fmt: skip

    def __init__(self, message: Message, version: tuple[int, int] = (1, 1), turn: Turn | None = None) -> None:
        """What is shown, which of how many versions it is, and how it comes along while it does."""
        self.message = message
        self.version = version
        self.turn = turn
        self.checked: CheckedAnswer | None = None
        """What it quotes, looked up in the documents."""
        self.unfolded: bool | None = None
        """Its thinking is shown; `None`: as that of all others."""
        self._all_unfolded = False
        self._body: MarkdownPieces | PlainPieces | None = None
        self._thoughts: PlainPieces | None = None
        self._folded: dict[str, PlainPieces] | None = None
        self._fixed: dict[str, Fixed] | None = None
        self._sections: list[Section] | None = None
        self._known: tuple[int, ...] = ()
        """While closed: the heights of its sections for `_width`, if they were exact."""
        self._tops: list[int] = []
        self._width = -1

    def renew(self, message: Message, version: tuple[int, int], turn: Turn | None) -> bool:
        """Show a changed message; returns whether anything changed."""
        if message == self.message and version == self.version and turn == self.turn:
            return False
        self.message, self.version, self.turn = message, version, turn
        self._changed()
        return True

    def check(self, checked: CheckedAnswer | None) -> bool:
        """Show what was found of its quotes; returns whether that changes anything."""
        if checked == self.checked:
            return False
        self.checked = checked
        self._changed()
        return True

    def retell(self) -> None:
        """The interface speaks another language now."""
        self._changed()

    def fold_all(self, unfolded: bool) -> bool:
        """Follow the fold of all thinking; returns whether that changes this message."""
        was = self.shows_thinking
        self._all_unfolded, self.unfolded = unfolded, None
        if was == self.shows_thinking:
            return False
        self._changed()
        return self.folds

    def toggle_thinking(self) -> bool:
        """Fold or unfold its own thinking; returns whether it has any."""
        if not self.folds:
            return False
        self.unfolded = not self.shows_thinking
        self._changed()
        return True

    @property
    def folds(self) -> bool:
        """There is something in it that folds: thinking, drafts, other answers."""
        found = self.message.reasoned
        return bool(self.message.thinking or self.message.drafts or (found and found.samples))

    @property
    def shows_thinking(self) -> bool:
        """Its thinking is unfolded."""
        return self._all_unfolded if self.unfolded is None else self.unfolded

    def sections(self) -> list[Section]:
        """Header, thinking, text, state, figures, and the blank row below."""
        if self._sections is None:
            self._sections = list(self._build())
            for section, height in zip(self._sections, self._known, strict=False):
                section.know(height, self._width)
            self._known = ()
        return self._sections

    def close(self) -> list[Section]:
        """Keep nothing but heights; returns the sections it had."""
        sections, width = self._sections or [], self._width
        if self._sections is not None:
            exact = width >= 0 and all(section.exact for section in sections)
            self._known = tuple(section.height(width) for section in sections) if exact else ()
            self._body = self._thoughts = self._folded = self._fixed = self._sections = None
        return sections

    @property
    def opened(self) -> bool:
        """Somebody has looked at its sections."""
        return self._sections is not None

    def height(self, width: int) -> int:
        """Rows it takes; a guess as long as it is not exact."""
        return self.tops(width)[-1]

    def tops(self, width: int) -> list[int]:
        """The first row of each section, and behind them the height of all."""
        if self._width != width:
            self._width = width
            self._known = ()
            if self._sections is None:
                text = self.message.text
                self._tops = [0, 3 + (estimated_rows(text, width) if text else 0)]
            else:
                self._tops = [0, *accumulate(section.height(width) for section in self._sections)]
        return self._tops

    def settled(self) -> None:
        """Heights of its sections have become exact: sum them up again."""
        self._width = -1
        self._known = ()

    def _changed(self) -> None:
        self.settled()
        if self._sections is not None:
            self._sections = list(self._build())

    def _build(self) -> Iterator[Section]:
        message, turn, version, origin = self.message, self.turn, self.version, self.message.origin
        shown = self.shows_thinking
        checked = self.checked if self.checked and self.checked.text == message.text else None
        who = (frame.speaker(message), version, origin is not None and origin.edited, current_language())
        yield self._fix("header", who, lambda width: [frame.header_line(message, version, width)])
        if message.thinking:
            thoughts = message if frame.is_thinking(message, turn) else (message.thinking, message.state, shown)
            yield self._fix(
                "thinking", thoughts, lambda width: frame.thinking_line(message, turn, shown=shown, width=width)
            )
            if shown:
                self._thoughts = self._thoughts or PlainPieces(_THOUGHT, (("┊ ", _THOUGHT),))
                self._thoughts.update(message.thinking)
                yield from self._thoughts.pieces
        yield from self._build_folded("draft", reasoned.folded_texts(message), shown=shown)
        if message.text:
            self._body = self._body or (PlainPieces() if message.role == "user" else MarkdownPieces())
            if isinstance(self._body, MarkdownPieces):
                self._body.update(message.text.rstrip(), reasoned.answer_place(message))
            else:
                self._body.update(message.text.rstrip())
            yield from self._body.pieces
        if samples := reasoned.folded_samples(message):
            yield from self._build_folded("samples", [samples], shown=shown)
        yield Fixed(None, lambda width: frame.status_lines(message, turn, width))
        yield Fixed(None, lambda width: reasoned.reasoned_lines(message, width))
        yield Fixed(None, lambda width: quote_lines(checked, width))
        yield Fixed(None, lambda width: frame.footer_lines(message, width))
        yield Fixed(None, lambda width: [BLANK])

    def _build_folded(self, name: str, texts: Iterable[tuple[str, str]], *, shown: bool) -> Iterator[Section]:
        """Lines that stand for what is folded, and the texts where it is not."""
        for number, (title, text) in enumerate(texts):
            key = f"{name}{number}"
            yield self._fix(key, (title, shown), partial(_fold_lines, title, shown=shown))
            if shown:
                self._folded = self._folded or {}
                pieces = self._folded.setdefault(key, PlainPieces(_THOUGHT, (("┊ ", _THOUGHT),)))
                pieces.update(text)
                yield from pieces.pieces

    def _fix(self, name: str, key: object, make: Callable[[int], list[Line]]) -> Fixed:
        """The same section as before where its rows are the same."""
        self._fixed = self._fixed or {}
        fixed = self._fixed.get(name)
        if fixed is None or fixed.key != key:
            fixed = self._fixed[name] = Fixed(key, make)
        return fixed


def _fold_lines(title: str, width: int, *, shown: bool) -> list[Line]:
    return reasoned.fold_line(title, shown=shown, width=width)
