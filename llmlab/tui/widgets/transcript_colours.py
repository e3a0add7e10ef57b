"""Colours for the code of a transcript, computed in a thread, one block at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from textual.widget import Widget

from llmlab.tui.markup.code import ColourCache, Colours, colour


class Colourist:
    """A highlighter that answers at once: with `None` until the colours of a block are there."""

    def __init__(self, widget: Widget, ready: Callable[[str], None]) -> None:
        """`ready` is called on the loop of `widget` with the code whose colours have come."""
        self._widget = widget
        self._ready = ready
        self._cache = ColourCache(self._ask)
        self._waiting: deque[tuple[str, str]] = deque()

    def __call__(self, language: str, code: str) -> Colours | None:
        """The colours of a block, or `None`."""
        return self._cache(language, code)

    def _ask(self, language: str, code: str) -> None:
        self._waiting.append((language, code))
        if len(self._waiting) == 1:
            self._begin()

    def _begin(self) -> None:
        language, code = self._waiting[0]

        def compute() -> None:
            self._widget.app.call_from_thread(self._put, language, code, colour(language, code))

        self._widget.run_worker(compute, thread=True, group="colours", exit_on_error=False)

    def _put(self, language: str, code: str, colours: Colours) -> None:
        self._cache.put(language, code, colours)
        self._ready(code)
        self._waiting.popleft()
        if self._waiting:
            self._begin()
