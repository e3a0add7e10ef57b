"""What two texts have in common, word by word; in Chinese character by character."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Final, Literal

_WORDS: Final = re.compile(r"\s+|[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|\w+|[^\w\s]")
MOST_WORDS: Final = 4000
"""Words of either text that are compared; what follows counts as one difference."""

Kind = Literal["same", "other"]


def word_diff(before: str, now: str) -> list[tuple[str, Kind]]:
    """`now` in stretches: those that stand in `before` at this place, and those that do not."""
    old, new = words(before), words(now)
    rest = "".join(new[MOST_WORDS:])
    old, new = old[:MOST_WORDS], new[:MOST_WORDS]
    found: list[tuple[str, Kind]] = []
    for tag, _, _, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if end > start:
            found.append(("".join(new[start:end]), "same" if tag == "equal" else "other"))
    if rest:
        found.append((rest, "other"))
    return found


def words(text: str) -> list[str]:
    """`text` cut at words, spaces among them; together they are the text."""
    return _WORDS.findall(text)
