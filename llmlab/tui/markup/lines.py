"""What text is laid out into: lines of spans, each span with a look that a theme turns into colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Role = Literal[
    "text",
    "muted",
    "heading",
    "code",
    "link",
    "marker",
    "quote",
    "rule",
    "strong",
    "warning",
    "error",
    "you",
    "model",
    "thinking",
    "keyword",
    "string",
    "comment",
    "number",
    "name",
    "operator",
]
"""What a span is; the palette knows a style for each."""


class Look(NamedTuple):
    """How a span looks, in words that no theme changes."""

    role: Role = "text"
    bold: bool = False
    italic: bool = False
    strike: bool = False
    underline: bool = False
    found: bool = False
    """Part of the final answer."""


Span = tuple[str, Look]
"""Text without line breaks, and its look."""

PLAIN = Look()

Ground = Literal["plain", "code"]
"""What a whole row stands on."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the screen."""

    spans: tuple[Span, ...] = ()
    glue: str | None = None
    """For a row that continues the one above: what stood between the two before the text was wrapped."""
    lead: int = 0
    """How many characters at its start are decoration, left out of a copy."""
    ground: Ground = "plain"
    chrome: bool = False
    """Part of the frame (a header, a footer): never selected, never copied."""

    @property
    def text(self) -> str:
        """Its characters, decoration included."""
        return "".join(text for text, _ in self.spans)


BLANK = Line()


def clipboard_text(lines: list[tuple[Line, int, int]]) -> str:
    """The text of `lines`, each from one character to another, as it stood before it was laid out.

    Decoration and the frame are left out, wrapped rows are joined, and no line ends in blanks.
    """
    copied: list[str] = []
    for line, start, end in lines:
        if line.chrome:
            continue
        piece = line.text[max(start, line.lead) : end]
        if line.glue is not None and copied:
            copied[-1] += line.glue + piece
        else:
            copied.append(piece)
    return "\n".join(line.rstrip() for line in copied)
