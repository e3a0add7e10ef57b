"""What the lab's loop was busy with, so that a key that came late can be explained."""

from __future__ import annotations

import asyncio
import functools
import gc
import time
from collections.abc import Callable
from typing import Any, Final

from textual._compositor import Compositor
from textual.app import App
from textual.css.stylesheet import Stylesheet
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import TextArea

from llmlab.services.answering import AnswerWriter
from llmlab.tui.screens.lab import LabScreen
from llmlab.tui.screens.picture import Picture
from llmlab.tui.widgets.transcript import Transcript
from llmlab.tui.widgets.transcript_roll import Roll
from llmlab.tui.widgets.transcript_view import RollView

SHORTEST: Final = 0.0005
"""Seconds of the shortest span that is kept."""
WATCHED: Final[tuple[tuple[type[Any], str], ...]] = (
    (Transcript, "_flush"), (Transcript, "show"), (RollView, "render_lines"), (RollView, "_measure"), (Roll, "renew"),
    (Screen, "_on_timer_update"), (Screen, "_refresh_layout"), (Compositor, "reflow"), (App, "_display"),
    (Stylesheet, "update_nodes"), (TextArea, "render_lines"), (Widget, "render_lines"),
    (Picture, "show_change"), (Picture, "show_status"), (LabScreen, "_drafted"), (AnswerWriter, "write"),
    (Compositor, "render_update"), (Compositor, "_render_chops"),
)  # fmt: skip


class Trace:
    """Spans of time with what ran in them, on the clock that all processes share."""

    def __init__(self) -> None:
        self.spans: list[tuple[float, float, str]] = []
        """When it began, how long it took, and what it was."""

    def install(self) -> None:
        """Watch every callback of the event loop, the garbage collector, and what the lab is known to do."""
        for owner, name in WATCHED:
            if name in vars(owner):
                setattr(owner, name, self._timed(f"{owner.__name__}.{name}", vars(owner)[name]))
        asyncio.Handle._run = self._timed_handle(asyncio.Handle._run)  # type: ignore[method-assign, assignment]  # what a tracer is
        gc.callbacks.append(self._collected)

    def _note(self, began: float, what: str) -> None:
        took = time.perf_counter() - began
        if took >= SHORTEST:
            self.spans.append((began, took, what))

    def _timed(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self._note(began, what)

        return timed

    def _timed_handle(self, run: Callable[[asyncio.Handle], None]) -> Callable[[asyncio.Handle], None]:
        def timed(handle: asyncio.Handle) -> None:
            began = time.perf_counter()
            callback = handle._callback  # type: ignore[attr-defined]  # asyncio tells no other way what it runs
            run(handle)
            took = time.perf_counter() - began
            if took >= SHORTEST:
                owner = getattr(callback, "__self__", None)
                name = owner.get_name() if isinstance(owner, asyncio.Task) else repr(callback)
                self.spans.append((began, took, f"[{name}]"))

        return timed

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self._note(self._began, f"gc {info['generation']}")
