"""Looking for a text in a long one, window by window, so that no key waits for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from llmlab.domain.coverage import Span

WINDOW: Final = 50_000
"""Characters that are searched at a time."""
MOST_FOUND: Final = 20_000
"""Places that a search lists."""


class TextSearch:
    """The places of a text that say what is wanted; letter case and kinds of white space do not matter."""

    def __init__(self, text: str, wanted: str) -> None:
        """Nothing is looked at yet; nothing is wanted when `wanted` is blank."""
        self.found: list[Span] = []
        """The places found so far, in order."""
        self.done = not wanted.strip()
        """The text was looked through, or so much is found that nobody wants more."""
        self._windows = self._look(text, wanted)

    def step(self) -> None:
        """Look at one more window."""
        if not self.done:
            self.done = next(self._windows, True)

    def _look(self, text: str, wanted: str) -> Iterator[bool]:
        pattern = re.compile(r"\s+".join(map(re.escape, wanted.split())), re.IGNORECASE)
        overlap, after = 2 * len(wanted) + 64, 0
        for start in range(0, len(text), WINDOW):
            for match in pattern.finditer(text, max(after, start), min(len(text), start + WINDOW + overlap)):
                if match.start() >= start + WINDOW:
                    break
                if len(self.found) >= MOST_FOUND:
                    return
                self.found.append(match.span())
                after = match.end()
            yield False
