"""Bytes as text: by a mark, by being valid UTF-8, by the zeros of UTF-16 and UTF-32, by the language it reads like."""

from __future__ import annotations

import codecs
import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from llmlab.documents.plausible import ENOUGH, Guess, best_guess, worth_in
from llmlab.documents.scribe import plain_lines
from llmlab.domain.document import Remark, remark
from llmlab.errors import DocumentError
from llmlab.words import say

ENCODINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "utf-8": "utf_8", "utf-16": "utf_16", "utf-16-le": "utf_16_le", "utf-16-be": "utf_16_be",
        "utf-32": "utf_32", "utf-32-le": "utf_32_le", "utf-32-be": "utf_32_be",
        "gb18030": "gb18030", "big5": "cp950", "big5-hkscs": "big5hkscs",
        "shift_jis": "cp932", "euc_jp": "euc_jp", "iso-2022-jp": "iso2022_jp_ext", "euc_kr": "cp949", "johab": "johab",
        **{f"windows-{number}": f"cp{number}" for number in range(1250, 1259)}, "windows-874": "cp874",
        **{f"iso-8859-{number}": f"iso8859_{number}" for number in (*range(2, 12), *range(13, 17))},
        "koi8-r": "koi8_r", "koi8-u": "koi8_u", "ibm866": "cp866", "ibm850": "cp850", "ibm437": "cp437",
        "macintosh": "mac_roman",
    }
)  # fmt: skip
"""The encodings that can be asked for: name and codec. A codec may be wider than its name, as those in use are."""
_WIDER: Final = MappingProxyType(
    {"ascii": "utf-8", "utf-8-sig": "utf-8", "gb2312": "gb18030", "gbk": "gb18030", "hz": "gb18030",
     "big5": "big5", "shift_jis": "shift_jis", "euc_kr": "euc_kr", "iso2022_jp": "iso-2022-jp",
     "iso8859-1": "windows-1252"}
)  # fmt: skip
"""Codecs, as Python names them, that stand for a wider encoding."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8", "utf_8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "utf_32_le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be", "utf_32_be"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "utf_16_be"),
)
_EVIDENCE: Final = 6
"""Bytes beyond ASCII from which a second encoding in the same file is believed."""
_CERTAIN: Final = 12
"""Bytes beyond ASCII of a line from which it is UTF-8 when it is valid: six Chinese characters of another encoding
are that once in a hundred thousand times."""
_FOREIGN: Final = 0.6
"""Share of the bytes beyond ASCII that are no UTF-8 above which a file is something else; by chance some are valid."""
_HIGH: Final = bytes(range(128, 256))
_MOST_CONTROLS: Final = 0.02
"""Share of control characters above which bytes are no text."""
_FAR: Final = 0.3
"""Worth by which another encoding must be better for a file not to be believed."""
_TAIL: Final = 4
"""Bytes at the end that may be a character cut in two."""
_CONTROLS: Final = bytes(code for code in range(32) if code not in (8, 9, 10, 12, 13, 27))
_JIS: Final = (b"\x1b$B", b"\x1b$@", b"\x1b$(D")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Bytes as text."""

    text: str
    r"""With `\n` for every line break."""
    encoding: str
    """A name of `ENCODINGS`."""
    remarks: tuple[Remark, ...] = ()


def decode(data: bytes, encoding: str = "", claimed: str = "") -> Decoded:
    """`data` as text.

    Args:
        data: the whole file.
        encoding: what a person says it is written in; bytes that mean nothing in it become U+FFFD.
        claimed: what the file says of itself; believed when nothing speaks against it.

    Raises:
        DocumentError: it is no text, or there is no such encoding.
    """
    if encoding:
        name = known(encoding)
        return _decoded(data, name, ENCODINGS[name])
    for mark, name, codec in _MARKS:
        if data.startswith(mark):
            return _decoded(data, name, codec)
    return _by_zeros(data) or _by_claim(data, claimed) or _by_validity(data) or _by_reading(data)


def known(encoding: str) -> str:
    """The name in `ENCODINGS` of an encoding that a person or a file names.

    Raises:
        DocumentError: there is none.
    """
    wanted = encoding.strip().lower()
    if wanted in ENCODINGS:
        return wanted
    try:
        codec = codecs.lookup(wanted).name
    except (LookupError, ValueError):
        codec = ""
    names = {codecs.lookup(each).name: name for name, each in ENCODINGS.items()} | _WIDER
    if codec in names:
        return names[codec]
    near = difflib.get_close_matches(wanted, ENCODINGS, 1)
    raise DocumentError(
        say("There is no encoding {name}; did you mean {near}?", name=encoding, near=near[0])
        if near
        else say("There is no encoding {name}.", name=encoding),
        hint=say("They are: {names}", names=", ".join(ENCODINGS)),
    )


def no_text(what: str = "") -> DocumentError:
    """The error of bytes that are no text; `what` is what they probably are, in words."""
    return DocumentError(
        say("This is no text but {what}.", what=what) if what else say("This is no text but binary data."),
        hint=say("If it is text all the same, name its encoding."),
    )


def _decoded(data: bytes, name: str, codec: str, *more: Remark) -> Decoded:
    """`data` in a certain encoding, what means nothing in it replaced and told."""
    remarks = list(more)
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        text = data.decode(codec, "replace")
        count = text.count("\ufffd") - data.count("\ufffd".encode()) * (codec == "utf_8")
        remarks.append(remark("undecodable", count=max(1, count), encoding=name))
    return Decoded(plain_lines(text.removeprefix("\ufeff")), name, tuple(remarks))


def _by_zeros(data: bytes) -> Decoded | None:
    """UTF-32 or UTF-16 without a mark, told by where its zero bytes stand; `None` when there are none to speak of.

    Raises:
        DocumentError: there are, in no such pattern.
    """
    head = data[: 1 << 16]
    zeros = head.count(0)
    if not zeros:
        return None
    if len(head) >= 8:
        whole = head[: len(head) // 4 * 4]
        for name, codec, at in (("utf-32-le", "utf_32_le", 3), ("utf-32-be", "utf_32_be", 0)):
            if (
                whole[at::4].count(0) == len(whole) // 4
                and _is_valid(whole, codec)
                and not _is_strange(whole.decode(codec))
            ):
                return _decoded(data, name, codec)
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > 8 * min(even, odd) or zeros * 50 > len(head):
        pairs = (("utf-16-le", "utf_16_le"), ("utf-16-be", "utf_16_be"))
        for name, codec in pairs if odd >= even else pairs[::-1]:
            if _reads_as_utf16(head, codec):
                return _decoded(data, name, codec)
    if zeros * 1000 <= len(head) and _looks_like_text(head):
        return None
    raise no_text()


def _reads_as_utf16(head: bytes, codec: str) -> bool:
    """Whether the code units are letters and signs in use, with no more controls than text has."""
    text = head[: len(head) // 2 * 2].decode(codec, "replace")
    if _is_strange(text):
        return False
    plain = sum(1 for c in text if c < "\x7f")
    blocks = Counter(ord(c) >> 8 for c in text if c > "\x7f")
    # Letters of an alphabet share the upper byte of their code points.
    alphabetic = bool(blocks) and max(blocks.values()) * 10 >= sum(blocks.values()) * 9
    return plain * 10 >= len(text) * 4 or alphabetic or best_guess(text.encode("utf-16-le")).worth >= ENOUGH


def _is_strange(text: str) -> bool:
    """Whether more of it is controls than text may have."""
    strange = sum(1 for c in text if c == "\ufffd" or (c < " " and c not in "\t\n\r\f\x1b") or "\x7f" <= c <= "\x9f")
    return strange * 50 > len(text)


def _by_claim(data: bytes, claimed: str) -> Decoded | None:
    """By what the file says of itself, when it can be read so."""
    if not claimed:
        return None
    try:
        name = known(claimed)
    except DocumentError:
        return None
    # A page cannot say in single bytes that it is written in pairs of them.
    if not name.startswith(("utf-16", "utf-32")) and _is_valid(data, ENCODINGS[name]) and _reads_as(data, name):
        return _decoded(data, name, ENCODINGS[name])
    found = _by_validity(data) or _by_reading(data)
    note = remark("claimed", claimed=name, encoding=found.encoding)
    return Decoded(found.text, found.encoding, (*found.remarks, note))


def _reads_as(data: bytes, name: str) -> bool:
    """Whether nothing else reads far better; bytes of one East Asian encoding are often valid in another."""
    worth = worth_in(data, ENCODINGS[name])
    if worth is None or worth >= ENOUGH:
        return True
    guess = best_guess(data, wide=True)
    return guess.worth < max(ENOUGH, worth + _FAR)


def _by_validity(data: bytes) -> Decoded | None:
    """UTF-8, whole or nearly so; and ISO-2022-JP, which is ASCII with escapes."""
    if any(escape in data for escape in _JIS) and _is_valid(data, "iso2022_jp_ext"):
        return _decoded(data, "iso-2022-jp", "iso2022_jp_ext")
    try:
        text = data.decode("utf_8")
    except UnicodeDecodeError as error:
        if error.start >= len(data) - _TAIL and error.start and not data.isascii() and error.reason.startswith("unexp"):
            cut = _decoded(data[: error.start], "utf-8", "utf_8", remark("cut"))
            return cut if not cut.text.isascii() else None
        return _mixed(data)
    if not _looks_like_text(data):
        raise no_text()
    return Decoded(plain_lines(text), "utf-8")


def _mixed(data: bytes) -> Decoded | None:
    """UTF-8 in most lines and something else in the others; `None` when it is not UTF-8 in the main."""
    high = len(data) - len(data.translate(None, _HIGH))
    if data.decode("utf_8", "replace").count("\ufffd") > high * _FOREIGN:
        return None
    lines = data.split(b"\n")
    good = bad = 0
    others = []
    for index, line in enumerate(lines):
        if line.isascii():
            continue
        weight = len(line) - len(line.translate(None, _HIGH))
        if _is_valid(line, "utf_8"):
            good += weight
        else:
            # One broken character does not make a line another encoding.
            broken = line.decode("utf_8", "replace").count("\ufffd")
            if broken * 8 <= weight:
                good += weight - broken
                continue
            bad += weight
            others.append(index)
    if good <= bad // 4:
        return None
    guess = best_guess(b"\n".join(lines[index] for index in others)) if bad >= _EVIDENCE else Guess("", "", 0.0)
    if guess.worth < ENOUGH or guess.name.startswith("utf-16"):
        return _decoded(data, "utf-8", "utf_8")
    texts = [line.decode("utf_8", "replace") for line in lines]
    for index in others:
        texts[index] = lines[index].decode(guess.codec, "replace")
    text = "\n".join(texts)
    remarks = [remark("mixed", lines=len(others), encoding=guess.name)]
    if count := text.count("\ufffd") - data.count("\ufffd".encode()):
        remarks.append(remark("undecodable", count=count, encoding="utf-8"))
    return Decoded(plain_lines(text), "utf-8", tuple(remarks))


def _by_reading(data: bytes) -> Decoded:
    """By the language that it reads like, but for lines that are UTF-8 beyond doubt.

    Raises:
        DocumentError: it is no text.
    """
    lines = data.split(b"\n")
    foreign = [index for index, line in enumerate(lines) if _is_surely_utf8(line)]
    if foreign:
        passed = set(foreign)
        guess = best_guess(b"\n".join(line for index, line in enumerate(lines) if index not in passed))
        if guess.worth >= ENOUGH and not guess.name.startswith("utf-16") and _looks_like_text(data):
            return _in_two(lines, guess)
    guess = best_guess(data)
    # What are characters of UTF-16 may be controls when they are taken byte by byte.
    if not guess.name.startswith("utf-16") and not _looks_like_text(data):
        raise no_text()
    if guess.worth >= ENOUGH:
        return _decoded(data, guess.name, guess.codec)
    if not _looks_like_text(data):
        raise no_text()
    name = _normalizer_says(data) or (guess.name if guess.worth > 0 else "")
    if not name:
        raise no_text()
    return _decoded(data, name, ENCODINGS[name], remark("guessed", encoding=name))


def _is_surely_utf8(line: bytes) -> bool:
    """Whether it holds so many bytes of valid UTF-8 that no other encoding has them by chance."""
    return len(line) - len(line.translate(None, _HIGH)) >= _CERTAIN and _is_valid(line, "utf_8")


def _in_two(lines: list[bytes], guess: Guess) -> Decoded:
    """Lines as UTF-8 where they surely are, can be nothing else, or may be and stand beside one; else as guessed."""
    decided: list[bool | None] = []
    """Whether each line is UTF-8; `None` where it may be either."""
    for line in lines:
        either = line.isascii() or (_is_valid(line, "utf_8") and _is_valid(line, guess.codec))
        decided.append(True if _is_surely_utf8(line) else None if either else _is_valid(line, "utf_8"))
    beside = [a or b for a, b in zip(_last(decided), _last(decided[::-1])[::-1], strict=True)]
    texts: list[str] = []
    foreign = broken = 0
    for line, sure, near in zip(lines, decided, beside, strict=True):
        if line.isascii() or not (near if sure is None else sure):
            texts.append(line.decode(guess.codec, "replace"))
            broken += texts[-1].count("\ufffd")
        else:
            texts.append(line.decode("utf_8"))
            foreign += 1
    remarks = [remark("mixed", lines=foreign, encoding="utf-8")]
    if broken:
        remarks.append(remark("undecodable", count=broken, encoding=guess.name))
    return Decoded(plain_lines("\n".join(texts)), guess.name, tuple(remarks))


def _last(decided: Sequence[bool | None]) -> list[bool]:
    """What the last line until each was decided to be."""
    found, last = [], False
    for each in decided:
        last = last if each is None else each
        found.append(last)
    return found


def _normalizer_says(data: bytes) -> str:
    """What charset-normalizer takes it for; empty when it cannot tell either."""
    from charset_normalizer import from_bytes

    found = from_bytes(data[: 1 << 16], cp_isolation=[codec for codec in ENCODINGS.values() if codec in _JUDGED]).best()
    names = {codecs.lookup(codec).name: name for name, codec in ENCODINGS.items()}
    return names.get(codecs.lookup(found.encoding).name, "") if found else ""


_JUDGED: Final = frozenset(
    {*(f"cp{number}" for number in range(1250, 1259)), "cp874", "cp866", "cp850", "koi8_r", "mac_roman", "iso8859_2"}
)


def _is_valid(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _looks_like_text(data: bytes) -> bool:
    """Whether there are no more controls than text may have."""
    head = data[: 1 << 18]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls <= max(1, len(head) * _MOST_CONTROLS)
