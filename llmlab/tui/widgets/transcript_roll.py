"""The whole transcript as one roll of rows: exact where somebody looks, guessed elsewhere, and never jumping."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from llmlab.domain.generation import Turn
from llmlab.domain.messages import Message
from llmlab.tui.markup.code import Highlighter, uncoloured
from llmlab.tui.markup.lines import BLANK, Line
from llmlab.tui.widgets.transcript_entry import Entry, Section

_KEPT_SECTIONS: Final = 600
"""How many sections keep their rows when they are out of sight."""
_KEPT_ENTRIES: Final = 40
"""How many messages keep their sections when they are out of sight, at least; a tall screen keeps more."""


class Place(NamedTuple):
    """A row, named so that it stays the same row when heights elsewhere change; ordered as the rows are."""

    entry: int
    section: int
    row: int


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in a row."""

    place: Place
    entry: Entry
    line: Line


@dataclass(frozen=True, slots=True)
class Changed:
    """Rows that look other than before."""

    first: int
    last: int
    """Behind the last of them."""
    moved: bool
    """All rows below have moved."""


class Roll:
    """All messages of a chat, one below the other."""

    def __init__(self, highlight: Highlighter = uncoloured) -> None:
        """An empty roll whose code gets its colours from `highlight`."""
        self.entries: list[Entry] = []
        self.width = 80
        self._highlight = highlight
        self._tops: list[int] = [0]
        self._valid = 0
        self._laid: OrderedDict[Section, None] = OrderedDict()
        self._opened: OrderedDict[Entry, None] = OrderedDict()
        self._unmeasured = 0
        self._kept = _KEPT_ENTRIES

    def replace_entries(self, entries: Sequence[Entry]) -> None:
        """Show other messages."""
        self.entries = list(entries)
        shown = set(self.entries)
        for entry in [entry for entry in self._opened if entry not in shown]:
            del self._opened[entry]
        self._unmeasured = len(self.entries)
        self.changed(0)

    def append(self, entry: Entry) -> None:
        """Add a message at the end."""
        self.entries.append(entry)

    def recolour(self, code: str) -> None:
        """Lay sections that show `code` out anew: its colours have come. No height changes."""
        first = code.partition("\n")[0].strip()
        for section in self._laid:
            if any(line.ground == "code" and first in line.text for line in section.rows(self.width, self._highlight)):
                section.forget_rows()

    @property
    def end(self) -> Place:
        """Behind the last row."""
        return Place(len(self.entries), 0, 0)

    def changed(self, index: int) -> None:
        """The message at `index`, or what follows it, has another height."""
        self._valid = min(self._valid, index)

    def set_width(self, width: int) -> None:
        """Lay out for another width from now on."""
        if width != self.width:
            self.width = width
            self._unmeasured = len(self.entries)
            for entry in self.entries:
                entry.settled()
            self.changed(0)

    @property
    def height(self) -> int:
        """Rows of all messages."""
        return self._heights()[len(self.entries)]

    def top(self, index: int) -> int:
        """The first row of a message."""
        return self._heights()[index]

    def place(self, y: int) -> Place:
        """What row `y` is; rows beyond the ends are the first and the last."""
        if not self.entries:
            return Place(0, 0, 0)
        tops = self._heights()
        y = min(max(y, 0), max(self.height - 1, 0))
        index = min(bisect_right(tops, y, 0, len(self.entries) + 1) - 1, len(self.entries) - 1)
        inside = y - tops[index]
        sections = self._open(index)
        starts = self.entries[index].tops(self.width)
        # Sections without rows start where the next one does: the last that starts here is the one that has the row.
        number = min(bisect_right(starts, inside) - 1, len(sections) - 1)
        return Place(index, number, min(inside - starts[number], max(sections[number].height(self.width) - 1, 0)))

    def row_of(self, place: Place) -> int:
        """Where a place is; the nearest row when its section has become shorter."""
        if place.entry >= len(self.entries):
            return max(self.height - 1, 0)
        sections = self._open(place.entry)
        number = min(place.section, len(sections) - 1)
        inside = min(place.row, max(sections[number].height(self.width) - 1, 0))
        return self.top(place.entry) + self.entries[place.entry].tops(self.width)[number] + inside

    def find(self, y: int) -> Found | None:
        """What stands in row `y`; `None` below the last message."""
        if not 0 <= y < self.height:
            return None
        place = self.place(y)
        entry = self.entries[place.entry]
        rows = self._exact_rows(place.entry, entry.sections()[place.section])
        return Found(place, entry, rows[place.row] if place.row < len(rows) else BLANK)

    def rows(self, section: Section) -> list[Line]:
        """The rows of a section, kept while it is among those that were used last."""
        rows = section.rows(self.width, self._highlight)
        self._laid[section] = None
        self._laid.move_to_end(section)
        while len(self._laid) > _KEPT_SECTIONS:
            self._laid.popitem(last=False)[0].forget_rows()
        return rows

    def settle(self, y: int, count: int) -> int:
        """Make `count` rows from row `y` on exact, and as many above and below; returns where row `y` is now."""
        if not self.entries:
            return 0
        self._kept = max(_KEPT_ENTRIES, count)
        anchor = self.place(y)
        self._settle_from(anchor, 2 * count, 1)
        self._settle_from(anchor, count, -1)
        return self.row_of(anchor)

    def settle_end(self, count: int) -> int:
        """Make the last `count` rows exact, and as many above them; returns the height of the roll."""
        if self.entries:
            last = len(self.entries) - 1
            self._settle_from(Place(last, len(self._open(last)), 0), 2 * count, -1)
        return self.height

    def measure(self, out_of_time: Callable[[], bool]) -> bool:
        """Make guessed heights exact, the latest messages first, until `out_of_time`; returns whether all are."""
        while self._unmeasured and not out_of_time():
            index = self._unmeasured - 1
            guessed = (section for section in self._open(index) if not section.exact)
            for section in guessed:
                section.measure(self.width)
                if out_of_time():
                    break
            else:
                self._unmeasured = index
            self.entries[index].settled()
            self.changed(index)
        return self.measured

    def renew(self, index: int, message: Message, version: tuple[int, int], turn: Turn | None) -> Changed | None:
        """Show a changed message in place of the one at `index`; returns what of it is other than it was."""
        entry = self.entries[index]
        old = self._open(index)
        if not entry.renew(message, version, turn):
            return None
        self.changed(index)
        new = entry.sections()
        same = 0
        while same < min(len(old), len(new)) and old[same] is new[same]:
            same += 1
        above = self.top(index) + entry.tops(self.width)[same]
        before = [line for section in old[same:] for line in section.rows(self.width, self._highlight)]
        after = [line for section in new[same:] for line in self.rows(section)]
        entry.settled()
        self.changed(index)
        first = 0
        while first < min(len(before), len(after)) and before[first] == after[first]:
            first += 1
        last = len(after)
        if len(before) == len(after):
            while last > first and before[last - 1] == after[last - 1]:
                last -= 1
        return Changed(above + first, above + last, moved=len(before) != len(after))

    @property
    def measured(self) -> bool:
        """No height is a guess."""
        return self._unmeasured == 0

    def lines(self, start: Place, end: Place) -> Iterator[tuple[Place, Line]]:
        """The rows from one place to another, both among them."""
        for index in range(start.entry, min(end.entry + 1, len(self.entries))):
            for number, section in enumerate(self._open(index)):
                here = Place(index, number, 0)
                if here < start._replace(row=0) or here > end:
                    continue
                for row, line in enumerate(self.rows(section)):
                    place = Place(index, number, row)
                    if start <= place <= end:
                        yield place, line

    def _settle_from(self, anchor: Place, rows: int, step: int) -> None:
        """Lay out sections in one direction from `anchor` until they have `rows` rows."""
        index, number = anchor.entry, anchor.section
        number += -1 if step < 0 else 0
        while rows > 0 and 0 <= index < len(self.entries):
            sections = self._open(index)
            if not 0 <= number < len(sections):
                index += step
                if 0 <= index < len(self.entries):
                    number = 0 if step > 0 else len(self._open(index)) - 1
                continue
            section = sections[number]
            if not section.exact:
                self._exact_rows(index, section)
            rows -= section.height(self.width)
            number += step

    def _exact_rows(self, index: int, section: Section) -> list[Line]:
        """The rows of a section of a message; when it is laid out now, its height gives way to the exact one."""
        if section.exact:
            return self.rows(section)
        rows = self.rows(section)
        self.entries[index].settled()
        self.changed(index)
        return rows

    def _open(self, index: int) -> list[Section]:
        """The sections of a message; when they are asked for first, a guess gives way to the sum of theirs."""
        entry = self.entries[index]
        if not entry.opened:
            before = entry.height(self.width)
            entry.sections()
            entry.settled()
            if entry.height(self.width) != before:
                self.changed(index)
        self._opened[entry] = None
        self._opened.move_to_end(entry)
        while len(self._opened) > self._kept:
            for section in self._opened.popitem(last=False)[0].close():
                self._laid.pop(section, None)
        return entry.sections()

    def _heights(self) -> list[int]:
        """The first row of each message, and behind them the height of all."""
        count = len(self.entries)
        if self._valid < count or len(self._tops) != count + 1:
            del self._tops[self._valid + 1 :]
            total = self._tops[self._valid]
            for entry in self.entries[self._valid :]:
                total += entry.height(self.width)
                self._tops.append(total)
            self._valid = count
        return self._tops
