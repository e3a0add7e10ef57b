"""Cutting a growing Markdown text into blocks that are laid out one by one, so that only the last one ever changes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final, Literal

Kind = Literal["text", "list", "quote", "heading", "rule", "fence", "plain"]

LIMIT: Final = 4_000
"""Characters after which a paragraph is cut, so that no block grows without bound."""

_FENCE: Final = re.compile(r"(`{3,})[^`]*$|(~{3,})")
_HEADING: Final = re.compile(r"#{1,6}(?:\s|$)")
_RULE: Final = re.compile(r"([-*_])[ \t]*(?:\1[ \t]*){2,}$")
_ITEM: Final = re.compile(r"([-*+]|\d{1,9}[.)])(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Segment:
    """One block: a range of the text."""

    kind: Kind
    start: int
    end: int
    """Behind its last character; the line break is left out."""
    gap: bool = False
    """A blank line stands before it."""
    glue: str | None = None
    """For the rest of a paragraph that was cut: what stood between, `None` for a block of its own."""
    number: int | None = None
    """Of an item in a numbered list."""
    closed: bool = True
    """For a fence: its closing line has come."""


@dataclass(slots=True)
class _State:
    """Where a scan stands at the beginning of a line."""

    at: int = 0
    count: int = 0
    open: Segment | None = None
    """The block that goes on; where it ends is in `end`."""
    end: int = 0
    fence: str = ""
    blank: bool = False


@dataclass(slots=True)
class Segmenter:
    """The blocks of a text that grows at its end."""

    segments: list[Segment] = field(default_factory=list)
    same: int = 0
    """How many of them are the same as before the last update."""
    _text: str = ""
    _saved: _State = field(default_factory=_State)
    _now: _State = field(default_factory=_State)

    def update(self, text: str) -> list[Segment]:
        """The blocks of `text`; quick when it only grew at its end, for only its last block is looked at again."""
        if not text.startswith(self._text):
            self._saved = _State()
        self.same = self._saved.count
        self._text = text
        self._now = now = replace(self._saved)
        del self.segments[now.count :]
        complete = text.rfind("\n") + 1
        at = now.at
        while at < complete:
            end = text.index("\n", at)
            self._take(at, end)
            at = end + 1
        now.at, now.count = at, len(self.segments)
        self._saved = replace(now)
        if at < len(text):
            self._take(at, len(text))
        self._close()
        return self.segments

    def _take(self, start: int, end: int) -> None:
        """Place one line."""
        now = self._now
        raw = self._text[start:end]
        line = raw.strip()
        if now.fence:
            now.end = end
            if _closes(line, now.fence):
                now.fence = ""
                if now.open is not None and now.open.kind == "fence":
                    now.open = replace(now.open, closed=True)
                    self._close()
            return
        if not line:
            now.blank = True
            return
        raw = raw.expandtabs(4)
        indent = len(raw) - len(raw.lstrip())
        kind = _kind(line, indent)
        if not self._continues(kind, line, indent, start):
            self._begin(kind, line, start)
        in_list = now.open is not None and now.open.kind == "list"
        # In a list, a fence may stand behind the marker of an item.
        if (kind == "fence" or in_list) and (fence := _FENCE.match(_ITEM.sub("", line, count=1).lstrip())):
            now.fence = fence.group(1) or fence.group(2)
        now.end = end
        if now.open is not None and now.open.kind == "text":
            self._cut(max(start, now.open.start), end)
        now.blank = False
        if kind in ("heading", "rule") and now.open is not None and now.open.kind == kind:
            self._close()

    def _continues(self, kind: Kind, line: str, indent: int, start: int) -> bool:
        """Whether the line goes on with the open block."""
        now = self._now
        if now.open is None:
            return False
        match now.open.kind:
            case "text":
                if now.blank or kind in ("fence", "heading", "quote"):
                    return False
                if kind == "rule":
                    return line.startswith("-") and set(line) == {"-"}
                if kind == "list":
                    return line[0].isdigit() and not re.match(r"1[.)]", line)
                return start - now.open.start < LIMIT
            case "list":
                if kind == "list" and indent < 2:
                    return False
                return indent >= 2 or not (now.blank or kind in ("fence", "heading", "rule", "quote"))
            case "quote":
                return not now.blank and kind in ("quote", "text")
            case _:
                return False

    def _begin(self, kind: Kind, line: str, start: int) -> None:
        """Open a block at `start`."""
        now = self._now
        previous = now.open or (self.segments[-1] if self.segments else None)
        cut = previous is not None and previous.kind == "text" and kind == "text" and not now.blank
        self._close()
        number = None
        if kind == "list" and line[0].isdigit():
            number = int(re.split(r"[.)]", line, maxsplit=1)[0])
            if previous is not None and previous.kind == "list" and previous.number is not None:
                number = previous.number + 1
        gap = previous is not None and (now.blank or (kind in ("heading", "fence") and not cut))
        now.open = Segment(kind, start, start, gap, number=number, closed=kind != "fence")

    def _close(self) -> None:
        """The open block, if there is one, ends."""
        if self._now.open is not None:
            self.segments.append(replace(self._now.open, end=self._now.end))
            self._now.open = None

    def _cut(self, start: int, end: int) -> None:
        """Cut a line that is too long for one block."""
        while end - start > LIMIT:
            stop = self._text.rfind(" ", start + LIMIT // 2, start + LIMIT)
            after = stop + 1 if stop > 0 else start + LIMIT
            stop = stop if stop > 0 else after
            self._now.end = stop
            self._close()
            self._now.open, self._now.end = Segment("text", after, end, glue=self._text[stop:after]), end
            start = after


def _kind(line: str, indent: int) -> Kind:
    """What a line would begin."""
    if indent >= 4:
        return "text"
    if _FENCE.match(line):
        return "fence"
    if _HEADING.match(line):
        return "heading"
    if line.startswith(">"):
        return "quote"
    if _RULE.match(line):
        return "rule"
    return "list" if _ITEM.match(line) else "text"


def _closes(line: str, fence: str) -> bool:
    return line.startswith(fence) and not line.strip(fence[0])


def plain_segments(text: str) -> list[Segment]:
    """Plain text in blocks of a bounded size; those of a longer text begin with the same ones."""
    segments: list[Segment] = []
    start = 0
    glue: str | None = None
    while len(text) - start > LIMIT:
        stop = text.rfind("\n", start + 1, start + LIMIT)
        if stop >= 0:
            segments.append(Segment("plain", start, stop, glue=glue))
            start, glue = stop + 1, None
            continue
        stop = text.rfind(" ", start + LIMIT // 2, start + LIMIT)
        after = stop + 1 if stop >= 0 else start + LIMIT
        stop = stop if stop >= 0 else after
        segments.append(Segment("plain", start, stop, glue=glue))
        start, glue = after, text[stop:after]
    segments.append(Segment("plain", start, len(text), glue=glue))
    return segments
