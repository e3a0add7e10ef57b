"""Makes a digest of a document: what it takes first, then note after note as they are written; esc stops it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from typing import ClassVar, Final, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from llmlab.domain.digest import DigestWay
from llmlab.domain.digest_words import cost_lines, kept_in_words, progress_in_words
from llmlab.domain.document import Document
from llmlab.domain.model import ModelSpec
from llmlab.domain.terminal import visible, visible_line
from llmlab.errors import LlmlabError, Stopped
from llmlab.services.digest import Digesting, DigestProgress
from llmlab.services.digest_requests import DigestPlan
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.panes.document_words import problem_in_words
from llmlab.words import say

Phase = Literal["measuring", "priced", "making", "stopped", "done", "failed"]
_GOES_ON: Final[frozenset[Phase]] = frozenset({"measuring", "making"})


class DigestPane(ModalScreen[bool], Watched):
    """Gives whether the digest is there when it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("enter", "begin", show=False, priority=True),
        Binding("w", "way", show=False),
    ]
    DEFAULT_CSS = """
    DigestPane {
        #digest-told { height: auto; color: $text-muted; }
        #digest-problem { height: auto; color: $text-error; display: none; }
        #digest-scroll { height: auto; max-height: 60%; margin-top: 1; }
        #digest-note { height: auto; }
    }
    """

    def __init__(self, digesting: Digesting, document: Document, spec: ModelSpec) -> None:
        """Measure what a digest of `document` by the model `spec` takes.

        Args:
            digesting: makes it.
            document: what is made short.
            spec: the model.
        """
        super().__init__()
        self._digesting, self._document, self._spec = digesting, document, spec
        self._way: DigestWay = "map"
        self._phase: Phase = "measuring"
        self._stop = asyncio.Event()
        self._plan: DigestPlan | None = None
        self._progress: DigestProgress | None = None

    def compose(self) -> ComposeResult:
        """What it takes or how far it is, what went wrong, the last note, the keys."""
        with Vertical(classes="dialog --wide"):
            yield Label(
                say("Digest of {document}", document=visible_line(self._document.name)),
                classes="dialog-title",
                markup=False,
            )
            yield Static("", id="digest-told", markup=False)
            yield Static("", id="digest-problem", markup=False)
            with VerticalScroll(id="digest-scroll"):
                yield Static("", id="digest-note", markup=False)
            yield Label("", id="digest-keys", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """Begin to measure."""
        self._measure()

    # What is done

    def _measure(self) -> None:
        self._stop = asyncio.Event()
        self._enter("measuring")
        run_beside(self, self._price, "digest", exclusive=True)

    async def _price(self) -> None:
        try:
            self._plan = await self._digesting.plan(self._document, self._spec, self._way, self._stop)
        except Stopped:
            return
        except LlmlabError as error:
            self._fail(error)
        else:
            self._enter("priced")

    async def _make(self, plan: DigestPlan) -> None:
        try:
            async with aclosing(self._digesting.run(plan, self._stop)) as values:
                async for self._progress in values:
                    self._show()
        except Stopped:
            self._enter("stopped")
        except LlmlabError as error:
            self._fail(error)
        else:
            self._enter("done")

    def _fail(self, error: LlmlabError) -> None:
        problem = self.query_one("#digest-problem", Static)
        problem.update(visible(problem_in_words(error)))
        problem.display = True
        self._enter("failed")

    def action_begin(self) -> None:
        """Make it, or go on with it; leave when it is made."""
        if self._phase == "priced" and self._plan is not None:
            plan = self._plan
            self._enter("making")
            run_beside(self, partial(self._make, plan), "digest", exclusive=True)
        elif self._phase in ("stopped", "failed"):
            self.query_one("#digest-problem", Static).display = False
            self._measure()
        elif self._phase == "done":
            self.dismiss(True)

    def action_way(self) -> None:
        """Make it the other way; what that takes is measured anew."""
        if self._phase not in _GOES_ON:
            self._way = "refine" if self._way == "map" else "map"
            self._measure()

    def action_leave(self) -> None:
        """Stop what goes on; leave when nothing does."""
        if self._phase == "making":
            self._stop.set()
            return
        self._stop.set()
        self.dismiss(self._phase == "done")

    # What is shown

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._show()

    def _show(self) -> None:
        if not self.is_mounted:
            return
        self.query_one("#digest-told", Static).update("\n".join(self._told()))
        note = self._progress.note if self._progress is not None else None
        if note is not None:
            self.query_one("#digest-note", Static).update(visible(note.text))
        self.query_one("#digest-keys", Label).update(self._keys())

    def _told(self) -> list[str]:
        plan, progress = self._plan, self._progress
        way = {
            "map": say("map: notes of its parts, several at a time, then notes of the notes"),
            "refine": say("refine: one summary that part after part is worked into"),
        }[self._way]
        match self._phase:
            case "measuring":
                return [way, say("What it takes is being measured…")]
            case "priced" if plan is not None:
                return [way, *cost_lines(plan.cost)]
            case "stopped":
                return [way, say("The digest was stopped; what was noted is kept.")]
            case "done" if plan is not None:
                return [kept_in_words(plan.notes.folder)]
            case _ if progress is not None:
                return [way, progress_in_words(progress.done, progress.total, progress.seconds_left)]
        return [way]

    def _keys(self) -> str:
        match self._phase:
            case "measuring":
                return say("esc leaves")
            case "priced":
                return say("enter begins, w another way, esc leaves")
            case "making":
                return say("esc stops; what is noted is kept")
            case "stopped" | "failed":
                return say("enter goes on, w another way, esc leaves")
            case "done":
                return say("enter and esc leave; questions about all of it are answered from the digest")
