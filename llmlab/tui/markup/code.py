"""Colours for code, computed beside the screen: a block is plain until its colours have come."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size

from llmlab.domain.terminal import visible
from llmlab.tui.markup.found import Range, marked_lines
from llmlab.tui.markup.lines import Line, Look, Role, Span
from llmlab.tui.markup.wrapping import flow, untabbed

LONGEST: Final = 60_000
"""Characters of the longest block that gets colours."""

Colours = Sequence[list[Span]]
"""The spans of each line of a block."""

Highlighter = Callable[[str, str], Colours | None]
"""`(language, code)` -> its colours, `None` as long as there are none."""

_ROLES: Final[tuple[tuple[str, Role], ...]] = (
    ("Comment", "comment"),
    ("Keyword", "keyword"),
    ("Literal.String", "string"),
    ("Literal.Number", "number"),
    ("Operator.Word", "keyword"),
    ("Operator", "operator"),
    ("Name.Function", "name"),
    ("Name.Class", "name"),
    ("Name.Tag", "keyword"),
    ("Name.Attribute", "name"),
    ("Name.Decorator", "name"),
    ("Name.Builtin", "keyword"),
    ("Generic.Deleted", "error"),
    ("Generic.Inserted", "string"),
    ("Generic.Heading", "name"),
)


def uncoloured(language: str, code: str) -> Colours | None:
    """A highlighter that never has colours."""
    return None


def colour(language: str, code: str) -> Colours:
    """The spans of each line of `code`; plain for a language that is not known. Slow: not for the screen's loop."""
    # A quarter of Pygments is its list of languages: imported where it is first needed, in a worker.
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return [[(line, Look())] for line in code.split("\n")]
    lines: list[list[Span]] = [[]]
    for token, text in lexer.get_tokens(code):
        name = str(token).removeprefix("Token.")
        role: Role = next((role for prefix, role in _ROLES if name.startswith(prefix)), "text")
        first, *others = text.split("\n")
        if first:
            lines[-1].append((first, Look(role)))
        for other in others:
            lines.append([(other, Look(role))] if other else [])
    same = "\n".join("".join(text for text, _ in line) for line in lines) == code
    return lines if same else [[(line, Look())] for line in code.split("\n")]


class ColourCache:
    """Colours that were computed, the latest blocks only."""

    def __init__(self, request: Callable[[str, str], None], size: int = 64) -> None:
        """Keep `size` blocks; `request` is called once for a block that has no colours yet."""
        self._request = request
        self._size = size
        self._known: OrderedDict[tuple[str, str], Colours | None] = OrderedDict()

    def __call__(self, language: str, code: str) -> Colours | None:
        """The colours, or `None` and a request for them."""
        if not language or len(code) > LONGEST:
            return None
        key = (language, code)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        self._known[key] = None
        while len(self._known) > self._size:
            self._known.popitem(last=False)
        self._request(language, code)
        return None

    def put(self, language: str, code: str, colours: Colours) -> None:
        """Keep what was computed."""
        self._known[(language, code)] = colours


def code_lines(
    lines: Sequence[str],
    width: int,
    colours: Colours | None = None,
    prefix: tuple[Span, ...] = (),
    marked: Range = (0, 0),
) -> list[Line]:
    """Lines of code as rows on their own ground; `lines` are clean, `marked` counts the characters of them all."""
    if marked[0] < marked[1]:
        colours = marked_lines(colours if colours is not None else [[(line, Look())] for line in lines], marked)
    inset: tuple[Span, ...] = (*prefix, (" ", Look()))
    lead = sum(len(text) for text, _ in inset)
    room = width - 1 - sum(cell_len(text) for text, _ in inset)
    plain = Look()
    rows: list[Line] = []
    for index, line in enumerate(lines):
        if colours is None and cell_len(line) <= room:
            rows.append(Line((*inset, (line, plain)), lead=lead, ground="code"))
            continue
        spans = colours[index] if colours is not None and index < len(colours) else [(line, Look())]
        rows += flow(spans, width - 1, first=inset, rest=inset, lead=lead, ground="code", hard=True)
    return rows


def label_line(language: str, width: int, prefix: tuple[Span, ...] = ()) -> Line:
    """The row above a block of code, with its language."""
    before = sum(cell_len(text) for text, _ in prefix)
    label = visible(language)
    if cell_len(label) > (most := max(width - before - 2, 0)):
        label = set_cell_size(label, most).rstrip()
    room = width - cell_len(label) - before - 1
    return Line((*prefix, (" " * max(room, 0), Look()), (label, Look("muted"))), ground="code", chrome=True)


def language_of(info: str) -> str:
    """The language a fence names, empty for none."""
    words = info.strip().split(maxsplit=1)
    return words[0].strip("{}.").lower()[:24] if words else ""


def clean_code(code: str) -> str:
    """Code as it may be shown."""
    return visible(untabbed(code))
