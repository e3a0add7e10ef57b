"""One block of Markdown as lines: headings, paragraphs, nested lists, quotes, tables, code, rules."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.cells import cell_len

from llmlab.domain.terminal import visible
from llmlab.tui.markup.code import Highlighter, clean_code, code_lines, label_line, language_of, uncoloured
from llmlab.tui.markup.found import Marker, Range
from llmlab.tui.markup.inline import inline_spans
from llmlab.tui.markup.lines import PLAIN, Line, Look, Span
from llmlab.tui.markup.table import Align, Cell, table_lines
from llmlab.tui.markup.wrapping import flow, flow_plain

_PARSER: Final = (
    MarkdownIt("commonmark", {"html": False, "maxNesting": 20})
    .enable(["table", "strikethrough"])
    # A block is parsed without the others, so a definition elsewhere means nothing: it is text that must not vanish.
    .disable("reference")
)
_TOO_DEEP: Final = 19
"""The parser drops what is nested deeper."""
_BULLETS: Final = "•◦▪"
_MARKER: Final = Look("marker")
_BAR: Final = ("│ ", Look("quote"))


def block_lines(
    source: str,
    width: int,
    highlight: Highlighter = uncoloured,
    number: int | None = None,
    marked: Range | None = None,
) -> list[Line]:
    """`source`, one block of Markdown, as rows of at most `width` cells.

    Args:
        source: its text.
        width: cells of a row.
        highlight: colours for code.
        number: the number its first list begins with, where that is not what the text says.
        marked: the stretch of `source` that is marked, if that leaves the rows as they are without.
    """
    tokens = _PARSER.parse(source)
    if any(token.level >= _TOO_DEEP for token in tokens):
        return flow_plain(visible(source), width, PLAIN)
    rows = _Writer(source, width, highlight, number).write(tokens)
    if marked is None:
        return rows
    marker = Marker(source, marked)
    with_marks = _Writer(marker.source, width, highlight, number, marker).write(_PARSER.parse(marker.source))
    same = [row.text for row in with_marks] == [row.text for row in rows]
    return with_marks if same else rows


class _Container:
    """A quote, or an item of a list: what stands before its lines."""

    def __init__(self, first: Span, rest: Span, *, quote: bool = False) -> None:
        self.first = first
        self.rest = rest
        self.quote = quote
        self.begun = quote


class _Writer:
    """Walks the tokens of a block and gathers its lines."""

    def __init__(
        self, source: str, width: int, highlight: Highlighter, number: int | None, marker: Marker | None = None
    ) -> None:
        self._marker = marker
        self._source = source.split("\n")
        self._width = width
        self._highlight = highlight
        self._number = number
        self._containers: list[_Container] = []
        self._lists: list[int | None] = []
        self._lines: list[Line] = []

    def write(self, tokens: Sequence[Token]) -> list[Line]:
        """The lines of `tokens`."""
        index = 0
        while index < len(tokens):
            token = tokens[index]
            match token.type:
                case "inline":
                    self._paragraph(self._inline(token, self._base()))
                case "heading_open":
                    self._space(token)
                    self._heading(int(token.tag[1:]), tokens[index + 1])
                    index += 1
                case "paragraph_open" | "blockquote_open" | "list_item_open" | "bullet_list_open" | "ordered_list_open":
                    self._space(token)
                    self._open(token)
                case "blockquote_close" | "list_item_close":
                    self._end_container()
                case "bullet_list_close" | "ordered_list_close":
                    self._lists.pop()
                case "fence" | "code_block":
                    self._space(token)
                    self._code(token)
                case "hr":
                    self._space(token)
                    self._rule()
                case "table_open":
                    self._space(token)
                    index = self._table(tokens, index)
                case _:
                    pass
            index += 1
        return self._lines

    def _inline(self, token: Token, look: Look) -> list[Span]:
        spans = inline_spans(token.children or [], look)
        return self._marker.spans(spans) if self._marker else spans

    def _base(self) -> Look:
        return Look("quote", italic=True) if any(each.quote for each in self._containers) else PLAIN

    def _open(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_open":
                number = int(token.attrGet("start") or 1) if token.attrGet("start") != 0 else 0
                if self._number is not None and not self._lists:
                    number, self._number = self._number, None
                self._lists.append(number)
            case "list_item_open":
                self._item(token)
            case "blockquote_open":
                self._containers.append(_Container(_BAR, _BAR, quote=True))
            case _:
                pass

    def _item(self, token: Token) -> None:
        number = self._lists[-1]
        if number is None:
            depth = sum(1 for each in self._lists if each is None) - 1
            marker = _BULLETS[depth % len(_BULLETS)] + " "
        else:
            marker = f"{number}{token.markup} "
            self._lists[-1] = number + 1
        self._containers.append(_Container((marker, _MARKER), (" " * cell_len(marker), PLAIN)))

    def _end_container(self) -> None:
        if not self._containers[-1].begun:
            self._emit([])
        self._containers.pop()

    def _space(self, token: Token) -> None:
        """A blank row where the source has one before this block."""
        if not self._lines or not token.map or token.map[0] == 0:
            return
        if any(not each.begun for each in self._containers):
            return
        above = self._source[token.map[0] - 1] if token.map[0] - 1 < len(self._source) else ""
        if not above.strip(" >\t") and self._lines[-1].text.strip(" │"):
            self._lines.append(Line(self._prefix()[1], lead=self._lead()))

    def _shown(self) -> list[_Container]:
        """The containers that are drawn: a hostile text nests without end, but half of a row belongs to its text."""
        cells = accumulate(cell_len(each.rest[0]) for each in self._containers)
        return [each for each, width in zip(self._containers, cells, strict=True) if width <= self._width // 2]

    def _prefix(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """What stands before the next row, and before those after it."""
        shown = self._shown()
        first = tuple(each.rest if each.begun else each.first for each in shown)
        for each in self._containers:
            each.begun = True
        return first, tuple(each.rest for each in shown)

    def _lead(self) -> int:
        """Characters of a row's prefix up to its last quote bar: decoration even in a row that begins a line."""
        length = lead = 0
        for each in self._shown():
            length += len(each.rest[0])
            lead = length if each.quote else lead
        return lead

    def _emit(self, spans: Sequence[Span]) -> None:
        lead = self._lead()
        first, rest = self._prefix()
        self._lines += flow(spans, self._width, first=first, rest=rest, lead=lead)

    def _paragraph(self, spans: list[Span]) -> None:
        if self._containers and not self._containers[-1].quote and not self._containers[-1].begun:
            spans = _with_task_box(spans)
        self._emit(spans)

    def _heading(self, level: int, inline: Token) -> None:
        look = Look("heading", bold=level <= 3, italic=level > 2, underline=level == 1)
        self._emit(self._inline(inline, look))

    def _code(self, token: Token) -> None:
        first, rest = self._prefix()
        language = language_of(token.info)
        code = clean_code(token.content.removesuffix("\n"))
        if language:
            self._lines.append(label_line(language, self._width, first))
        elif first != rest:
            self._lines.append(Line(first))
        stretch = (0, 0)
        if self._marker:
            code, stretch = self._marker.code(code)
        self._lines += code_lines(code.split("\n"), self._width, self._highlight(language, code), rest, stretch)

    def _rule(self) -> None:
        first, rest = self._prefix()
        room = max(self._width - sum(cell_len(text) for text, _ in rest), 2)
        self._lines.append(Line((*first, ("─" * room, Look("rule")))))

    def _table(self, tokens: Sequence[Token], index: int) -> int:
        """Write the table that opens at `index`; returns where it closes."""
        rows: list[list[Cell]] = []
        aligns: list[Align] = []
        while tokens[index].type != "table_close":
            token = tokens[index]
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                if token.type == "th_open":
                    aligns.append(_alignment(token))
                rows[-1].append(self._inline(tokens[index + 1], self._base()))
            index += 1
        lead = self._lead()
        first, rest = self._prefix()
        room = max(self._width - sum(cell_len(text) for text, _ in rest), 4)
        for line in table_lines(rows[0], rows[1:], aligns, room):
            self._lines.append(Line(first + line.spans, lead=lead))
            first = rest
        return index


def _alignment(token: Token) -> Align:
    style = str(token.attrGet("style") or "")
    return "right" if "right" in style else "center" if "center" in style else "left"


def _with_task_box(spans: list[Span]) -> list[Span]:
    """An item that begins with `[ ]` or `[x]` gets a box."""
    if not spans or spans[0][0][:4].lower() not in ("[ ] ", "[x] "):
        return spans
    text, look = spans[0]
    box = "☐ " if text[1] == " " else "☑ "
    return [(box, _MARKER), (text[4:], look), *spans[1:]]
