"""HTML and XHTML, as a reader sees them: blocks, lists, tables; headings begin sections."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Final

from llmlab.documents.kinds import names
from llmlab.documents.scribe import Scribe

_BLANK_AROUND: Final = names(
    "p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre figure section article main header footer nav aside hr"
)
_LINE_AROUND: Final = names("div li tr dt dd caption figcaption address form fieldset option summary details")
_UNSEEN: Final = names("script style template noscript svg head")
_NEVER_CLOSED: Final = names("area base br col embed hr img input link meta source track wbr")
_HEADINGS: Final = ("h1", "h2", "h3")
_WIDE: Final = "[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"
_BETWEEN_WIDE: Final = re.compile(rf"(?<={_WIDE})[ \t\r]*\n[ \t\r\n]*(?={_WIDE})")
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_CHARSET: Final = re.compile(rb"""<meta\s[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_DECLARED: Final = re.compile(rb"""^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:-]+)""")


def claimed_encoding(data: bytes) -> str:
    """The encoding that a page or an XML text says it is written in; empty when it says nothing."""
    found = _DECLARED.search(data[:200]) or _CHARSET.search(data[:4096])
    return found[1].decode("ascii", "replace") if found else ""


def read_page(source: str, scribe: Scribe, headings: Sequence[str] = _HEADINGS) -> None:
    """Write what the page `source` says on `scribe`.

    Args:
        source: HTML, however broken.
        scribe: takes it down.
        headings: the elements that begin a section.

    Raises:
        DocumentError: it is too long.
    """
    reader = _Reader(scribe, headings)
    reader.feed(_closed(source))
    reader.close()
    if not reader.entitled:
        scribe.entitle(reader.title)


def _closed(source: str) -> str:
    """`source` with what begins a tag or a comment and never ends written as text: looking for each end takes time."""
    for begin, end in (("<!--", "-->"), ("<![", "]"), ("<", ">")):
        last = source.rfind(end) + 1
        source = source[:last] + source[last:].replace(begin, "&lt;" + begin[1:])
    return source


class _Reader(HTMLParser):
    """Turns tags into lines."""

    def __init__(self, scribe: Scribe, headings: Sequence[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._scribe = scribe
        self._sections = headings
        self._unseen: list[str] = []
        """Elements whose content nobody sees, from the outermost."""
        self._pre = 0
        self._in_title = False
        self._heading: list[str] | None = None
        """Text of the heading that is open."""
        self._space = False
        """A blank is due before the next word."""
        self._cells = 0
        self._lists: list[int] = []
        """Numbers of the ordered lists that are open; -1 for one without numbers."""
        self.title = ""
        self.entitled = False
        """A heading was there."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        if tag == "title":
            self._in_title = True
        if tag == "body":
            self._unseen.clear()  # an unclosed head ends where the body begins
        if tag in _UNSEEN:
            self._unseen.append(tag)
        if self._unseen:
            return
        self._break(tag)
        match tag:
            case "br":
                self._space = False
                self._scribe.feed()
            case "pre":
                self._pre += 1
            case "ul":
                self._lists.append(-1)
            case "ol":
                self._lists.append(0)
            case "li":
                self._mark()
            case "tr":
                self._cells = 0
            case "td" | "th":
                if self._cells and not self._scribe.at_line_start:
                    self._scribe.write("\t")
                    self._space = False
                self._cells += 1
            case _ if tag in self._sections:
                self._scribe.turn()
                self._heading = []

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        if tag == "title":
            self._in_title = False
        if tag in self._unseen:
            del self._unseen[self._unseen.index(tag) :]
            return
        if self._unseen:
            return
        if tag in self._sections and self._heading is not None:
            self._scribe.entitle("".join(self._heading))
            self.entitled = self.entitled or bool(self._heading)
            self._heading = None
        if tag == "pre" and self._pre:
            self._pre -= 1
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        if tag not in _NEVER_CLOSED:
            self._break(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content; `<p/>` is one in XHTML."""
        self.handle_starttag(tag, attrs)
        if tag not in _NEVER_CLOSED:
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        """Text."""
        if self._in_title:
            self.title += data
        if self._unseen:
            return
        if self._pre:
            self._scribe.write(data.replace("\r\n", "\n").replace("\r", "\n"))
            return
        text = _SPACE.sub(" ", _BETWEEN_WIDE.sub("", data))
        if not text.strip(" "):
            self._space = self._space or bool(text)
            return
        if (self._space or text[0] == " ") and not self._scribe.at_line_start:
            self._scribe.write(" ")
        self._space = text[-1] == " "
        said = text.strip(" ")
        self._scribe.write(said)
        if self._heading is not None:
            self._heading.append(text)

    def _break(self, tag: str) -> None:
        if tag in _BLANK_AROUND:
            # Lists in lists and tables in cells stay tight.
            self._scribe.blank() if len(self._lists) < 2 and not self._cells else self._scribe.line()
            self._space = False
        elif tag in _LINE_AROUND:
            self._scribe.line()
            self._space = False
        if tag in ("table", "tr"):
            self._cells = 0

    def _mark(self) -> None:
        """Write what stands before an item of a list."""
        indent = "  " * max(0, len(self._lists) - 1)
        if self._lists and self._lists[-1] >= 0:
            self._lists[-1] += 1
            self._scribe.write(f"{indent}{self._lists[-1]}. ")
        else:
            self._scribe.write(indent + "- ")
        self._space = False
