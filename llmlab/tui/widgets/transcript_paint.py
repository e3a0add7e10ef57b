"""Rows of the transcript as strips: looks become the colours of the theme."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.color import Color
from textual.css.styles import RenderStyles
from textual.strip import Strip

from llmlab.tui.markup.lines import Line, Look, Role

GUTTER: Final = 2
"""Cells left of the text."""
MARGIN: Final = 1
"""Cells right of it."""

ROLES: Final[tuple[Role, ...]] = (
    "text", "muted", "heading", "code", "link", "marker", "quote", "rule", "strong", "warning", "error", "you",
    "model", "thinking", "keyword", "string", "comment", "number", "name", "operator",
)  # fmt: skip
GROUNDS: Final = ("plain", "you", "code", "cursor", "found")
NAMES: Final = (*ROLES, *(f"ground-{name}" for name in GROUNDS))
"""What has a component style: every role and every ground."""
COMPONENTS: Final = {f"transcript--{name}" for name in NAMES}
CSS: Final = """
RollView {
    overflow-x: hidden;
    overflow-y: auto;
    scrollbar-gutter: stable;
    scrollbar-size-vertical: 1;
    background: $background;
    & > .transcript--ground-plain { background: $background 0%; }
    & > .transcript--ground-you { background: $foreground 6%; }
    & > .transcript--ground-code { background: $foreground 9%; }
    & > .transcript--ground-cursor { background: $primary 13%; }
    & > .transcript--ground-found { background: $success 25%; }
    & > .transcript--text { color: $foreground; }
    & > .transcript--muted { color: $foreground 65%; }
    & > .transcript--heading { color: $text-primary; }
    & > .transcript--code { color: $text-warning; background: $foreground 9%; }
    & > .transcript--link { color: $foreground 65%; }
    & > .transcript--marker { color: $text-primary; }
    & > .transcript--quote { color: $foreground 80%; }
    & > .transcript--rule { color: $foreground 35%; }
    & > .transcript--strong { color: $primary; }
    & > .transcript--warning { color: $text-warning; }
    & > .transcript--error { color: $text-error; }
    & > .transcript--you { color: $text-accent; }
    & > .transcript--model { color: $text-primary; }
    & > .transcript--thinking { color: $foreground 70%; }
    & > .transcript--keyword { color: $text-accent; }
    & > .transcript--string { color: $text-success; }
    & > .transcript--comment { color: $foreground 65%; text-style: italic; }
    & > .transcript--number { color: $text-warning; }
    & > .transcript--name { color: $text-primary; }
    & > .transcript--operator { color: $foreground 80%; }
}
"""


class Palette:
    """The colours of one theme."""

    def __init__(self, base: Color, parts: Mapping[str, RenderStyles], selection: Style) -> None:
        """Take the colours from the component styles in `parts`, by role and `ground-...`, on `base`."""
        self._grounds = {name: base + parts[f"ground-{name}"].background for name in GROUNDS}
        self._found = parts["ground-found"].background
        self._parts = parts
        self.selection = selection
        self._styles: dict[tuple[Look, str], Style] = {}

    def ground(self, name: str) -> Style:
        """An empty cell."""
        return Style(bgcolor=self._grounds[name].rich_color)

    def style(self, look: Look, ground: str) -> Style:
        """A cell with text."""
        key = (look, ground)
        if (known := self._styles.get(key)) is not None:
            return known
        # On its own ground the answer is in the text's colour: not every other one can be read there.
        part = self._parts["text" if look.found else look.role]
        background = self._grounds[ground]
        if look.role == "code" and part.background.a:
            background = background + part.background
        if look.found:
            background = background + self._found
        color = background.get_contrast_text(part.color.a) if part.auto_color else background + part.color
        style = Style(
            color=color.rich_color,
            bgcolor=background.rich_color,
            bold=look.bold or look.found or None,
            italic=look.italic or None,
            strike=look.strike or None,
            underline=look.underline or look.found or None,
        )
        style = part.text_style + style
        self._styles[key] = style
        return style

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for palettes that give every look the same style."""
        colours = tuple(
            (part.color, part.background, part.text_style, part.auto_color) for part in self._parts.values()
        )
        return (*self._grounds.values(), *colours, self.selection)


_KEPT_STRIPS: Final = 256
"""Painted rows that are kept: some screens of them. Each is a dozen objects that every full collection looks at."""


class Painter:
    """Turns rows into strips and keeps those that were painted last."""

    def __init__(self, palette: Palette, width: int) -> None:
        """Paint rows that are `width` cells wide."""
        self.palette = palette
        self.width = width
        self._strips: LRUCache[tuple[Line, str, Role | None], Strip] = LRUCache(_KEPT_STRIPS)

    def strip(self, line: Line, ground: str, bar: Role | None, selected: tuple[int, int] | None = None) -> Strip:
        """A row.

        Args:
            line: what it holds.
            ground: what its message stands on.
            bar: look of the bar at its left, `None` for no bar.
            selected: the first and behind the last character that is selected.
        """
        if selected is not None:
            return self._paint(line, ground, bar, selected)
        key = (line, ground, bar)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._paint(line, ground, bar, None)
        return strip

    def blank(self) -> Strip:
        """A row below the last message."""
        return Strip([Segment(" " * self.width, self.palette.ground("plain"))], self.width)

    def _paint(self, line: Line, ground: str, bar: Role | None, selected: tuple[int, int] | None) -> Strip:
        palette = self.palette
        inner = "code" if line.ground == "code" else ground
        frame = palette.ground(ground)
        segments = [
            Segment("█" if bar == "strong" else "▌", palette.style(Look(bar), ground)) if bar else Segment(" ", frame),
            Segment(" ", frame),
        ]
        cells = GUTTER
        for text, style, chosen in self._styled(line, inner, selected):
            segments.append(Segment(text, style + palette.selection if chosen else style))
            cells += cell_len(text)
        if (blanks := self.width - MARGIN - cells) > 0:
            segments.append(Segment(" " * blanks, palette.ground(inner)))
            cells += blanks
        if (blanks := self.width - cells) > 0:
            segments.append(Segment(" " * blanks, frame))
            cells += blanks
        return Strip(segments, cells)

    def _styled(self, line: Line, ground: str, selected: tuple[int, int] | None) -> list[tuple[str, Style, bool]]:
        """The spans of `line` with their style, cut where the selection begins and ends."""
        style = self.palette.style
        if selected is None:
            return [(text, style(look, ground), False) for text, look in line.spans if text]
        parts: list[tuple[str, Style, bool]] = []
        at = 0
        for text, look in line.spans:
            cuts = sorted({0, len(text), *(min(max(edge - at, 0), len(text)) for edge in selected)})
            for first, last in pairwise(cuts):
                chosen = selected[0] <= at + first and at + last <= selected[1]
                parts.append((text[first:last], style(look, ground), chosen))
            at += len(text)
        return parts
