"""Text nobody vouches for (a model's answer, a paste, a file's metadata), made safe for a terminal."""

from __future__ import annotations

import re
from typing import Final

KEPT_FORMATS: Final = frozenset(
    "\u200c\u200d"  # the (non-)joiners that Persian, Indic scripts and emoji families are spelled with
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"  # signs with ink
)
"""Format characters (Unicode category Cf) that belong to the spelling of words, and so stay."""

# Python's own \p{Cf} does not exist, and the ranges must not move with the Unicode version of the interpreter.
_UNSAFE: Final = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u00ad\u061c\u180e\u200b\u200e\u200f"  # soft hyphen, direction marks, zero-width spaces
    "\u2028-\u202e\u2060-\u206f"  # line separators, bidi embeddings, overrides and isolates, invisible operators
    "\ufeff\ufff0-\ufffb"  # byte order mark, annotation
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # hieroglyph, shorthand and music layout
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tags: text that nobody sees
    "\ud800-\udfff"  # lone surrogates: no encoding can write them
    "]"
)


def visible(text: str) -> str:
    """`text` with everything that steers a terminal, hides or reorders text replaced by something one can see.

    Tab and newline stay. A C0 control becomes its picture (ESC: ␛), anything else its code point (`<U+202E>`). Each
    character is replaced by itself alone, so pieces of a stream may be passed one by one, and twice is as good as once.
    """
    # Nearly all text is printable, and this test is ten times as fast as the search.
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return _UNSAFE.sub(_picture, text)


def visible_line(text: str) -> str:
    """`text` safe for a terminal on one line: runs of white space, line breaks among them, become one space."""
    return visible(" ".join(text.split()))


def pasted(text: str) -> str:
    """A paste as it may stand in a field: every line end a newline, and nothing in it that steers the terminal."""
    return visible(text.replace("\r\n", "\n").replace("\r", "\n"))


def hidden_in(text: str) -> int:
    """How many characters `visible` would replace."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return 0
    return sum(1 for _ in _UNSAFE.finditer(text))


def encodable(text: str) -> str:
    """`text` with lone surrogates replaced by U+FFFD, so that every Unicode encoding can write it."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"<U+{code:04X}>"
