"""Where a text may be cut without taking apart what a reader sees as one character."""

from __future__ import annotations

import unicodedata
from typing import Final

_ZWJ: Final = "\u200d"
_VIRAMA: Final = 9
"""Canonical combining class of the marks that join two consonants of an Indic script into one sign."""
_PREPENDED: Final = frozenset(
    map(
        chr,
        [
            *range(0x0600, 0x0606),
            *(0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x0D4E, 0x110BD, 0x110CD, 0x111C2, 0x111C3),
            *(0x1193F, 0x11941, 0x11A3A, *range(0x11A84, 0x11A8A), 0x11D46, 0x11F02),
        ],
    )
)
"""Signs that belong to the character after them."""
_APPENDED: Final = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")
"""Characters without a mark's category that belong to the one before them."""


def is_boundary(text: str, at: int, floor: int = 0) -> bool:
    """Whether a cut before `text[at]` leaves every character whole (Unicode Annex 29, never too bold).

    Args:
        text: any text.
        at: an offset, 0 to the length.
        floor: an earlier boundary; flags, which pair up, are counted from there.
    """
    if at <= floor or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if before.isascii() and after.isascii():
        return not (before == "\r" and after == "\n")
    if unicodedata.category(before) in ("Cc", "Zl", "Zp"):
        return True
    if _joins_back(after) or before == _ZWJ or before in _PREPENDED:
        return False
    return not (
        _same_syllable(before, after) or _second_of_a_flag(text, at, floor) or _second_consonant(text, at, floor)
    )


def boundary_near(text: str, at: int, lowest: int, floor: int) -> int:
    """The last boundary from `at` down to after `lowest`, else the first one beyond `at`.

    Args:
        text: any text.
        at: where the cut is wanted.
        lowest: the cut comes after it, so that there always is progress.
        floor: an earlier boundary, at most `lowest`.
    """
    for place in range(min(at, len(text)), lowest, -1):
        if is_boundary(text, place, floor):
            return place
    place = at + 1
    while not is_boundary(text, place, floor):
        place += 1
    return min(place, len(text))


def _joins_back(after: str) -> bool:
    """It belongs to what stands before it: marks, joiners, skin tones, the letters of flags' tags."""
    if after in _APPENDED or "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    return unicodedata.category(after) in ("Mn", "Me", "Mc")


def _same_syllable(before: str, after: str) -> bool:
    """Parts of one Korean syllable."""
    first, second = _part_of_syllable(before), _part_of_syllable(after)
    match first:
        case "L":
            return second in ("L", "V", "LV", "LVT")
        case "V" | "LV":
            return second in ("V", "T")
        case "T" | "LVT":
            return second == "T"
        case _:
            return False


def _part_of_syllable(character: str) -> str:
    code = ord(character)
    if 0xAC00 <= code <= 0xD7A3:
        return "LVT" if (code - 0xAC00) % 28 else "LV"
    if 0x1100 <= code <= 0x115F or 0xA960 <= code <= 0xA97C:
        return "L"
    if 0x1160 <= code <= 0x11A7 or 0xD7B0 <= code <= 0xD7C6:
        return "V"
    if 0x11A8 <= code <= 0x11FF or 0xD7CB <= code <= 0xD7FB:
        return "T"
    return ""


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _second_of_a_flag(text: str, at: int, floor: int) -> bool:
    """A flag is a pair of letters: an odd number of them stands right before `at`, and one after."""
    if not _is_flag_letter(text[at]):
        return False
    first = at
    while first > floor and _is_flag_letter(text[first - 1]):
        first -= 1
    return (at - first) % 2 == 1


def _second_consonant(text: str, at: int, floor: int) -> bool:
    """A letter after marks that join it to the consonant before them."""
    if not text[at].isalpha():
        return False
    place = at - 1
    while place >= floor and (text[place] == _ZWJ or unicodedata.category(text[place]) == "Mn"):
        if unicodedata.combining(text[place]) == _VIRAMA:
            return True
        place -= 1
    return False
