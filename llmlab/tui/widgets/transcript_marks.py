"""Selected text: Textual speaks of offsets, the roll of places that stay the same when rows elsewhere come and go."""

from __future__ import annotations

from typing import Final

from textual.geometry import Offset
from textual.selection import Selection

from llmlab.tui.markup.lines import Line
from llmlab.tui.widgets.transcript_roll import Place

_BITS: Final = 24
_MASK: Final = (1 << _BITS) - 1


def code_of(place: Place) -> int:
    """A place as the y of an offset; ordered as the places are."""
    return (place.entry << 2 * _BITS) | (place.section << _BITS) | place.row


def place_of(offset: Offset) -> Place:
    """The place of an offset."""
    return Place(offset.y >> 2 * _BITS, (offset.y >> _BITS) & _MASK, offset.y & _MASK)


def marked(selection: Selection, place: Place, line: Line) -> tuple[int, int] | None:
    """The characters of a row that are selected, `None` for none; decoration and the frame never are."""
    if line.chrome:
        return None
    start, end = 0, len(line.text)
    y = code_of(place)
    if selection.start is not None:
        if y < selection.start.y:
            return None
        if y == selection.start.y:
            start = selection.start.x
    if selection.end is not None:
        if y > selection.end.y:
            return None
        if y == selection.end.y:
            end = min(selection.end.x, end)
    return max(start, line.lead), max(end, 0)
