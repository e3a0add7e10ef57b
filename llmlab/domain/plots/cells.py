"""Text measured in the cells of a terminal."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

from llmlab.domain.terminal import visible_line


def cells(text: str) -> int:
    """Cells that `text` takes: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(c) or c in "\u200c\u200d\ufe0e\ufe0f" else 2 if east_asian_width(c) in "WF" else 1 for c in text
    )


def fitted(text: str, width: int) -> str:
    """`text` as one line of at most `width` cells, cut with an ellipsis."""
    line = visible_line(text)
    if cells(line) <= width:
        return line
    kept, used = "", 0
    for character in line:
        used += cells(character)
        if used > width - 1:
            break
        kept += character
    return kept + "…" if width > 0 else ""


def padded(text: str, width: int, *, right: bool = False) -> str:
    """`text` as one line of exactly `width` cells, at the left or at the `right`."""
    line = fitted(text, width)
    blank = " " * (width - cells(line))
    return blank + line if right else line + blank
