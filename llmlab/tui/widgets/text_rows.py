"""The rows of a long text in a given width, found piece by piece, so that no length of text blocks the screen."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

from rich.cells import cell_len, get_character_cell_size

from llmlab.domain.terminal import visible

TAB: Final = "    "
"""What stands for a tab: a fixed width keeps a row's offsets simple."""
LEAST_WIDTH: Final = 10
"""Cells; the widest character that is shown in other words takes 8."""
PIECE: Final = 4_000
"""Characters that are cut into rows at a time."""
NOT_FIRST: Final = frozenset("，。、；：？！）》」』”’…—,.;:?!)]}%％〕〉】")
"""Characters that begin no row where that can be helped."""
NOT_LAST: Final = frozenset("“‘（《〈「『【〔([{")
"""Characters that end no row where that can be helped."""
WIDE: Final = "\u3001-\u3029\u3041-\u3096\u30a1-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60"
"""Ranges of characters that take two cells each, most of what is written in Chinese, Japanese and Korean."""
NARROW: Final = " -~\u00a1-\u00ac\u00ae-\u02ff\u0391-\u03a1\u03b1-\u03ff\u0410-\u044f\u2010-\u2015\u2018-\u2026"
"""Ranges of characters that take one cell each."""

_RUNS: Final = re.compile(f"([{WIDE}]+)|([{NARROW}]+)|(.)", re.DOTALL)


def shown(text: str) -> str:
    """`text` as it is painted: nothing in it can steer a terminal, and tabs have a fixed width."""
    return visible(text).replace("\t", TAB)


def cells_of(character: str) -> int:
    """Cells that a character takes when it is painted."""
    if character.isprintable():
        return get_character_cell_size(character)
    return cell_len(shown(character))


class TextRows:
    """Where each row of a text begins. Rows end at line ends, else between words, in Chinese between characters."""

    def __init__(self, text: str, width: int) -> None:
        """Nothing is cut yet.

        Args:
            text: its lines end with a line feed.
            width: cells of a row.
        """
        self.text = text
        self.width = max(LEAST_WIDTH, width)
        self._starts = array("Q", [0])
        self._at = 0
        """Everything before this character is cut."""
        self._cells = 0
        """Cells of the last row so far."""

    @property
    def done(self) -> bool:
        """All rows are known."""
        return self._at >= len(self.text)

    @property
    def count(self) -> int:
        """Rows that are known."""
        return len(self._starts)

    @property
    def expected(self) -> int:
        """Rows there will be, as far as can be told by now; exact once all are known."""
        return self.count if self.done or not self._at else round(self.count * len(self.text) / self._at)

    def cut(self, enough: Callable[[], bool]) -> None:
        """Go on until `enough`, or to the end."""
        while not self.done and not enough():
            self._cut_piece()

    def span(self, row: int) -> tuple[int, int]:
        """The characters of a row that is known; a line end is not among them."""
        start = self._starts[row]
        end = self._starts[row + 1] if row + 1 < self.count else len(self.text) if self.done else self._at
        return start, end - 1 if end > start and self.text[end - 1] == "\n" else end

    def part(self, row: int, left: int, right: int) -> str:
        """Characters of a row, with its line end when the part goes to its end (`right` is -1) or beyond."""
        start, end = self.span(row)
        text = self.text[start:end]
        ended = self.text[end : end + 1] == "\n" and (right < 0 or right > len(text))
        return text[left : None if right < 0 else right] + ("\n" if ended else "")

    def row_of(self, offset: int) -> int:
        """The row that holds a character; everything before it is cut for that, if it was not."""
        self.cut(lambda: self._at > offset)
        return max(0, bisect_right(self._starts, offset) - 1)

    def _cut_piece(self) -> None:
        """Cut the rest of a line, or what of it is not too much at a time."""
        text, start = self.text, self._at
        limit = min(len(text), start + PIECE)
        end = text.find("\n", start, limit)
        stop = end if end >= 0 else limit
        piece = text[start:stop]
        if len(piece) + self._cells > self.width or not (piece.isascii() and piece.isprintable()):
            for match in _RUNS.finditer(text, start, stop):
                self._add_run(match)
        else:
            self._cells += len(piece)
        self._at = stop
        if end >= 0:
            self._at = end + 1
            if self._at < len(text):
                self._begin_row(self._at, 0)

    def _add_run(self, match: re.Match[str]) -> None:
        """Let a run of characters of one width fill the last row, and new ones."""
        start, end = match.span()
        size = 2 if match.start(1) >= 0 else 1 if match.start(2) >= 0 else cells_of(match.group())
        while start < end:
            taken = min((self.width - self._cells) // size, end - start) if size else end - start
            start += taken
            self._cells += taken * size
            while start < end and self.text[start] == " ":
                # Blanks at the end of a row are not seen.
                start += 1
            if start < end:
                cut = self._break_before(start)
                self._begin_row(cut, sum(map(cells_of, self.text[cut:start])))

    def _begin_row(self, start: int, cells: int) -> None:
        self._starts.append(start)
        self._cells = cells

    def _break_before(self, full: int) -> int:
        """Where the next row begins when the last one is full before the character `full`."""
        text, start = self.text, self._starts[-1]
        if text[full].isascii() and text[full - 1].isascii():
            blank = text.rfind(" ", start, full)
            return blank + 1 if blank > start else full
        if text[full] in NOT_FIRST:
            return full - 1 if full - 1 > start and text[full - 1] not in NOT_FIRST else full
        return full - 1 if text[full - 1] in NOT_LAST and full - 1 > start else full
