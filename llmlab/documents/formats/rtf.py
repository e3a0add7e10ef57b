"""RTF: what a Rich Text file says, in the code pages of its fonts; page breaks are not told apart from others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from llmlab.documents.decoding import ENCODINGS, known
from llmlab.documents.kinds import names
from llmlab.documents.problems import damaged
from llmlab.documents.scribe import Scribe
from llmlab.errors import DocumentError
from llmlab.words import say

_TOKEN: Final = re.compile(
    rb"\\(?:(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|'(?P<hex>[0-9a-fA-F]{2})|(?P<sign>[^a-zA-Z]))"
    rb"|(?P<brace>[{}])|[\r\n]+|(?P<text>[^\\{}\r\n]+)|(?P<end>\\)",
    re.DOTALL,
)
_CHARSETS: Final = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030", 136: "cp950", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
"""Codecs by the number of a font's character set."""
_SIGNS: Final = {
    "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•",
    "emspace": "\u2003", "enspace": "\u2002", "qmspace": "\u2005", "tab": "\t", "cell": "\t", "nestcell": "\t",
    "zwj": "\u200d", "zwnj": "\u200c",
}  # fmt: skip
_UNSEEN: Final = names(
    "fonttbl colortbl stylesheet info pict object objdata header footer headerl headerr headerf footerl footerr footerf"
    " fldinst listtable listoverridetable rsidtbl generator xmlnstbl themedata colorschememapping datastore"
    " latentstyles filetbl revtbl template bkmkstart bkmkend nonshppict annotation atnid atnauthor private"
)
"""Destinations that a reader does not see as text."""
MOST_GROUPS: Final = 10_000
"""Depth of groups."""


@dataclass(frozen=True, slots=True)
class _State:
    """What a group may change and its end brings back."""

    font: int = -1
    skip: int = 1
    """Bytes that stand for a `\\u` in old readers."""
    unseen: bool = False
    fonts: bool = False
    """In the table of fonts."""
    deleted: bool = False


def read_rtf(data: bytes, scribe: Scribe) -> None:
    """Write what the file says on `scribe`.

    Raises:
        DocumentError: it is damaged or too long.
    """
    reader = _Reader(scribe)
    for match in _tokens(data):
        if not reader.take(match):
            break
    reader.close()


def _tokens(data: bytes) -> Iterator[re.Match[bytes]]:
    r"""The tokens of the file; the content of `\binN` is none."""
    at = 0
    while at < len(data):
        match = _TOKEN.match(data, at)
        if match is None:  # cannot be: the last alternatives take anything
            raise damaged("RTF", "")
        yield match
        at = match.end()
        if match["word"] == b"bin" and match["number"]:
            at += max(0, int(match["number"]))


class _Reader:
    """Follows groups, fonts and control words."""

    def __init__(self, scribe: Scribe) -> None:
        self._scribe = scribe
        self._state = _State()
        self._stack: list[_State] = []
        self._codecs: dict[int, str] = {}
        self._codec = "cp1252"
        self._bytes = bytearray()
        """Bytes that wait to be decoded together: a character may have two of them."""
        self._units: list[int] = []
        """UTF-16 code units that wait for their other half."""
        self._skip = 0
        self._defined = -1
        """Font that is being defined."""
        self._starred = False

    def take(self, match: re.Match[bytes]) -> bool:
        """Follow one token; whether the document goes on."""
        if match["hex"]:
            self._byte(bytes([int(match["hex"], 16)]))
        elif match["text"] is not None:
            self._byte(match["text"])
        elif match["brace"]:
            return self._brace(match["brace"] == b"{")
        elif match["word"]:
            number = int(match["number"]) if match["number"] else None
            self._word(match["word"].decode("ascii"), number)
        elif match["sign"]:
            self._sign(match["sign"])
        return True

    def close(self) -> None:
        """The file ended."""
        self._flush()

    def _brace(self, opens: bool) -> bool:
        self._flush()
        self._skip = 0
        if opens:
            self._stack.append(self._state)
            if len(self._stack) > MOST_GROUPS:
                raise damaged("RTF", say("its groups are nested too deeply"))
            return True
        if self._stack:
            self._state = self._stack.pop()
        return bool(self._stack)

    def _word(self, word: str, number: int | None) -> None:
        if word == "u" and number is not None:
            self._unicode(number)
            return
        self._flush()
        self._skip = 0
        starred, self._starred = self._starred, False
        if word in _UNSEEN or (starred and word not in ("shppict", "footnote")):
            self._state = replace(self._state, unseen=True, fonts=word == "fonttbl" or self._state.fonts)
            return
        match word:
            case "ansicpg":
                self._codec = _codec(number) or self._codec
            case "mac":
                self._codec = "mac_roman"
            case "pc":
                self._codec = "cp437"
            case "f" if number is not None:
                self._state = replace(self._state, font=number)
                self._defined = number
            case "fcharset" if self._state.fonts and number is not None:
                if number in _CHARSETS and number != 0:
                    self._codecs[self._defined] = _CHARSETS[number]
            case "plain":
                self._state = replace(self._state, font=-1)
            case "deleted":
                self._state = replace(self._state, deleted=number != 0)
            case "uc":
                self._state = replace(self._state, skip=max(0, min(number or 0, 8)))
            case "par" | "sect" | "page" | "line" | "row" | "softline":
                self._feed()
            case "footnote":
                self._say(" [")
            case _ if word in _SIGNS:
                self._say(_SIGNS[word])

    def _sign(self, sign: bytes) -> None:
        if sign == b"*":
            self._starred = True
            return
        self._flush()
        match sign:
            case b"~":
                self._say("\xa0")
            case b"_":
                self._say("-")
            case b"\r" | b"\n":
                self._feed()
            case b"{" | b"}" | b"\\":
                self._byte(sign)

    def _byte(self, data: bytes) -> None:
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        data = data[skipped:]
        if data and self._units:
            self._flush_units()
        self._bytes += data

    def _unicode(self, number: int) -> None:
        self._flush_bytes()
        self._units.append(number & 0xFFFF)
        self._skip = self._state.skip

    def _flush(self) -> None:
        self._flush_units()
        self._flush_bytes()

    def _flush_bytes(self) -> None:
        if self._bytes:
            codec = self._codecs.get(self._state.font, self._codec)
            text = bytes(self._bytes).decode(codec, "replace")
            self._bytes.clear()
            self._say(text)

    def _flush_units(self) -> None:
        if self._units:
            data = b"".join(unit.to_bytes(2, "little") for unit in self._units)
            self._units.clear()
            self._say(data.decode("utf-16-le", "replace"))

    def _say(self, text: str) -> None:
        if not self._state.unseen and not self._state.deleted:
            self._scribe.write(text)

    def _feed(self) -> None:
        if not self._state.unseen:
            self._scribe.feed()


def _codec(page: int | None) -> str:
    """The codec of a Windows code page; empty when there is none."""
    try:
        return ENCODINGS[known("utf-8" if page == 65001 else f"cp{page}")]
    except DocumentError:
        return ""
