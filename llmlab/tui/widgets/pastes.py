"""Large pastes as short marks: what stands in the composer for a text that would slow typing down."""

from __future__ import annotations

import re
from typing import Final

from llmlab.words import say

FOLD_CHARACTERS: Final = 4_000
"""A longer text is folded."""
FOLD_LINES: Final = 60
"""So is one with more lines."""


class Pastes:
    """Keeps every folded text of the session, so that undo in the composer brings a mark back to life."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def fold(self, text: str) -> str:
        """`text`, or its mark when it is large."""
        if len(text) <= FOLD_CHARACTERS and text.count("\n") < FOLD_LINES:
            return text
        mark = say(
            "⟦text {number}: {characters:,} characters, {lines:,} lines⟧",
            number=len(self._texts) + 1,
            characters=len(text),
            lines=text.count("\n") + 1,
        )
        self._texts[mark] = text
        return mark

    def unfold(self, text: str) -> str:
        """`text` with every mark replaced by what it stands for; what is inside those texts stays as it is."""
        if "⟦" not in text or not self._texts:
            return text
        marks = re.compile("|".join(re.escape(mark) for mark in self._texts))
        return marks.sub(lambda match: self._texts[match.group()], text)

    def mark_before(self, text: str) -> str:
        """The mark that `text` ends with; empty when it ends with none."""
        return next((mark for mark in self._texts if text.endswith(mark)), "") if text.endswith("⟧") else ""
