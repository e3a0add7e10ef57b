"""The blocks of a text with their rows, laid out when looked at; only the last block of a growing text changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from llmlab.domain.terminal import visible
from llmlab.tui.markup.code import Highlighter, clean_code, code_lines, label_line, language_of
from llmlab.tui.markup.found import Marker, Range
from llmlab.tui.markup.lines import BLANK, PLAIN, Line, Look, Span
from llmlab.tui.markup.segments import Segment, Segmenter, plain_segments
from llmlab.tui.markup.wrapping import estimated_rows, flow_plain

_LONGEST_PARSED: Final = 10_000
"""Characters of the longest block that is parsed: some parses take time with the square of the length."""


class Piece:
    """One block: its source, and its rows while they are needed."""

    __slots__ = ("_code_rows", "_height", "_look", "_prefix", "_rows", "_width", "marked", "segment", "source")

    def __init__(
        self,
        segment: Segment,
        source: str,
        look: Look = PLAIN,
        prefix: tuple[Span, ...] = (),
        marked: Range | None = None,
    ) -> None:
        """A block that nobody has looked at yet; `look` and `prefix` are those of the rows of plain text."""
        self.segment = segment
        self.source = source
        self.marked = marked
        """The stretch of `source` that is marked."""
        self._look = look
        self._prefix = prefix
        self._rows: list[Line] | None = None
        self._width = 0
        self._height: int | None = None
        self._code_rows: list[int] = []

    @property
    def exact(self) -> bool:
        """Its height is known, not guessed."""
        return self._height is not None

    def height(self, width: int) -> int:
        """Rows it takes: exact once it was laid out for this width, else a guess."""
        self._at(width)
        if self._height is not None:
            return self._height
        return estimated_rows(self.source, width) + (1 if self.segment.gap else 0)

    def rows(self, width: int, highlight: Highlighter) -> list[Line]:
        """Its rows, laid out now if they were not."""
        self._at(width)
        if self._rows is None:
            self._rows = self._lay_out(highlight)
            self._height = len(self._rows)
        return self._rows

    def measure(self, width: int) -> None:
        """Make its height exact without keeping its rows."""
        self._at(width)
        if self._height is None:
            self._height = len(self._lay_out(lambda language, code: None))
            self._code_rows.clear()

    def know(self, height: int, width: int) -> None:
        """Its height for a width, measured before."""
        self._at(width)
        self._height = height

    def forget_rows(self) -> None:
        """Free the rows; the height stays."""
        self._rows = None
        self._code_rows.clear()

    def grown(self, segment: Segment, source: str) -> Piece:
        """The piece for the same block when it has more text; rows of an open code block are kept."""
        piece = Piece(segment, source, self._look, self._prefix)
        longer = "\n" in self.source and source.startswith(self.source)
        if self._rows is not None and self._code_rows and longer and not segment.closed:
            piece._width = self._width
            piece._code_rows = list(self._code_rows)
            piece._rows = piece._longer_code(list(self._rows))
            piece._height = len(piece._rows)
        return piece

    def _at(self, width: int) -> None:
        if width != self._width:
            self._width = width
            self._rows = None
            self._height = None
            self._code_rows.clear()

    def _lay_out(self, highlight: Highlighter) -> list[Line]:
        segment = self.segment
        rows: list[Line] = [BLANK] if segment.gap else []
        if segment.kind == "fence":
            rows += self._fence(highlight, len(rows))
        elif segment.kind == "plain" or len(self.source) > _LONGEST_PARSED:
            rows += self._plain()
        else:
            # Imported with the first Markdown there is: the screen's first frame does not wait for the parser.
            from llmlab.tui.markup.blocks import block_lines

            rows += block_lines(self.source, self._width, highlight, segment.number, self.marked)
        if segment.glue is not None and rows:
            rows[0] = replace(rows[0], glue=segment.glue)
        return rows

    def _plain(self) -> list[Line]:
        if self.marked is None:
            return flow_plain(visible(self.source), self._width, self._look, self._prefix)
        marker = Marker(self.source, self.marked)
        return flow_plain(visible(marker.source), self._width, self._look, self._prefix, marker.spans)

    def _code(self, source: str) -> tuple[str, str]:
        """Language and clean code of a fence."""
        opening, _, body = source.partition("\n")
        if self.segment.closed:
            body = body.rpartition("\n")[0]
        indent = len(opening) - len(opening.lstrip(" "))
        if indent:
            body = "\n".join(line[min(indent, len(line) - len(line.lstrip(" "))) :] for line in body.split("\n"))
        return language_of(opening.strip().lstrip("`~")), clean_code(body)

    def _fence(self, highlight: Highlighter, above: int) -> list[Line]:
        language, code = self._code(self.source)
        rows = [label_line(language, self._width)] if language else []
        lines = code.split("\n")
        if self.segment.closed:
            colours = highlight(language, code)
            return rows + code_lines(lines, self._width, colours, marked=self._marked_code(code))
        self._code_rows.clear()
        for line in lines:
            self._code_rows.append(above + len(rows))
            rows += code_lines([line], self._width)
        return rows

    def _marked_code(self, code: str) -> Range:
        """What of the code of a fence is marked; an empty range where that cannot be told."""
        if self.marked is None:
            return (0, 0)
        marker = Marker(self.source, self.marked)
        plain, stretch = marker.code(self._code(marker.source)[1])
        return stretch if plain == code else (0, 0)

    def _longer_code(self, rows: list[Line]) -> list[Line]:
        """`rows` of an open block of code whose text has grown: only its last line and what follows is laid out."""
        known = len(self._code_rows) - 1
        lines = self._code(self.source)[1].split("\n")
        del rows[self._code_rows.pop() :]
        for line in lines[known:]:
            self._code_rows.append(len(rows))
            rows += code_lines([line], self._width)
        return rows


class MarkdownPieces:
    """The pieces of a Markdown text that may grow."""

    __slots__ = ("_segmenter", "pieces")

    def __init__(self) -> None:
        self._segmenter = Segmenter()
        self.pieces: list[Piece] = []

    def update(self, text: str, marked: Range | None = None) -> int:
        """Take the text as it is now, with the stretch of it that is marked; the index of the first changed piece."""
        segments = self._segmenter.update(text)
        changed = _renew(self.pieces, text, segments, PLAIN, (), self._segmenter.same)
        for index, piece in enumerate(self.pieces):
            stretch = _within(piece.segment, marked)
            if stretch != piece.marked:
                self.pieces[index] = Piece(piece.segment, piece.source, marked=stretch)
                changed = min(changed, index)
        return changed


class PlainPieces:
    """The pieces of a plain text that may grow."""

    __slots__ = ("_look", "_prefix", "pieces")

    def __init__(self, look: Look = PLAIN, prefix: tuple[Span, ...] = ()) -> None:
        self._look = look
        self._prefix = prefix
        self.pieces: list[Piece] = []

    def update(self, text: str) -> int:
        """Take the text as it is now; returns the index of the first piece that changed."""
        return _renew(self.pieces, text, plain_segments(text), self._look, self._prefix)


def _within(segment: Segment, marked: Range | None) -> Range | None:
    """The part of a stretch of the text that lies in a segment, counted from its beginning."""
    if marked is None:
        return None
    start, end = max(marked[0], segment.start), min(marked[1], segment.end)
    return (start - segment.start, end - segment.start) if start < end else None


def _renew(
    pieces: list[Piece], text: str, segments: list[Segment], look: Look, prefix: tuple[Span, ...], same: int = 0
) -> int:
    """Make `pieces` those of `segments`, keeping every one whose text is the same, as that of the first `same` is."""
    changed = min(same, len(pieces))
    for piece, segment in zip(pieces[changed:], segments[changed:], strict=False):
        if piece.segment != segment or piece.source != text[segment.start : segment.end]:
            break
        changed += 1
    old = pieces[changed:]
    del pieces[changed:]
    for index, segment in enumerate(segments[changed:]):
        source = text[segment.start : segment.end]
        begun = old[index] if index < len(old) and old[index].segment.start == segment.start else None
        pieces.append(begun.grown(segment, source) if begun is not None else Piece(segment, source, look, prefix))
    return changed
