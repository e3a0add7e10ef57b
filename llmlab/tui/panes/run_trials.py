"""The trials of a run: filtered, one of them read in full."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from llmlab.domain.browsing import Judged, Wanted
from llmlab.domain.outcomes import TrialResult
from llmlab.errors import LlmlabError
from llmlab.services.run_folder import RunReport
from llmlab.tui.jobs import run_beside
from llmlab.tui.panes.run_words import filter_content, trial_head, trial_row
from llmlab.tui.panes.trial_words import trial_content
from llmlab.tui.runs import Looked
from llmlab.tui.widgets.row_table import RowTable
from llmlab.words import say

ROOM: Final = 110
"""Cells from which on the highlighted trial stands beside the list."""


class TrialsPane(Vertical):
    """The list, what filters it, and the highlighted trial beside it, or in its place where there is no room."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "judge", show=False),
        Binding("o", "outcome", show=False),
        Binding("a", "arm", show=False),
        Binding("x", "apart", show=False),
        Binding("slash", "find", show=False, priority=True),
        Binding("y", "copy", show=False),
    ]
    DEFAULT_CSS = """
    TrialsPane {
        #filter { height: 1; background: $boost; text-wrap: nowrap; text-overflow: ellipsis; }
        #find { border: none; height: 1; padding: 0 1; background: $boost; }
        #trial-rows { width: 1fr; }
        #detail { width: 1fr; padding: 0 1; border-left: solid $foreground 20%; }
        #detail:focus { border-left: solid $primary; }
        &.--narrow #detail { display: none; border-left: none; }
        &.--narrow.--reading #detail { display: block; }
        &.--narrow.--reading #trial-rows { display: none; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._looked: Looked | None = None
        self._shown: tuple[TrialResult, Judged | None] | None = None

    def compose(self) -> ComposeResult:
        """Filter, search, list, detail."""
        yield Static("", id="filter", markup=False)
        yield Input(placeholder=say("text in question or answer"), id="find", compact=True)
        with Horizontal():
            yield RowTable(say("No trial is like that."), id="trial-rows")
            with VerticalScroll(id="detail", can_focus=True):
                yield Static("", id="trial", markup=False)

    def on_mount(self) -> None:
        """Nothing is searched for yet."""
        self.query_one("#find").display = False

    def on_resize(self) -> None:
        """Beside each other where there is room."""
        self.set_class(self.size.width < ROOM, "--narrow")

    async def look(self, report: RunReport, judged: Judged | None = None) -> None:
        """Show the trials of a report, judged and filtered as before; thousands are judged in a thread."""
        before = self._looked
        way, wanted = (before.judged, before.wanted) if before else (None, None)
        looked = await asyncio.to_thread(Looked.at, report, judged or way, wanted)
        if self.is_mounted:
            # A filter that was changed meanwhile holds.
            now = self._looked.wanted if self._looked else looked.wanted
            self._take(looked if now == looked.wanted else looked.again(now))

    def _take(self, looked: Looked) -> None:
        self._looked = looked
        self.query_one("#filter", Static).update(filter_content(looked))
        self._rows.show(
            len(looked.shown), lambda number, width: trial_row(looked, number, width), partial(trial_head, looked)
        )
        self._show_trial()

    @property
    def _rows(self) -> RowTable:
        return self.query_one("#trial-rows", RowTable)

    @property
    def here(self) -> TrialResult | None:
        """The highlighted trial."""
        looked, at = self._looked, self._rows.cursor
        return looked.results[looked.shown[at]] if looked and at < len(looked.shown) else None

    def _show_trial(self) -> None:
        looked, result = self._looked, self.here
        shown = (result, looked.judged) if looked and result else None
        if shown == self._shown:
            return
        self._shown = shown
        words = trial_content(looked.report.experiment, result, looked.judged) if looked and result else Content("")
        self.query_one("#trial", Static).update(words)
        self.query_one("#detail").scroll_home(animate=False)
        if looked is not None and result is not None and result.prompt_file:
            run_beside(self, partial(self._read_prompt, looked, result), "prompt", exclusive=True)

    async def _read_prompt(self, looked: Looked, result: TrialResult) -> None:
        """Show the prompt of a trial that keeps it apart, unless another trial is shown by then."""
        try:
            text = await asyncio.to_thread(looked.report.prompt, result.prompt_file)
        except LlmlabError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        if self.is_mounted and self._shown == (result, looked.judged):
            words = trial_content(looked.report.experiment, result, looked.judged, text)
            self.query_one("#trial", Static).update(words)

    @on(RowTable.Moved, "#trial-rows")
    def _moved(self) -> None:
        self._show_trial()

    @on(RowTable.Chosen, "#trial-rows")
    def _opened(self) -> None:
        self.add_class("--reading")
        self.query_one("#detail").focus()

    def begin(self) -> None:
        """Take the focus."""
        self._rows.focus()

    def leave(self) -> bool:
        """One step back: out of the search, out of the trial; False where there was none."""
        find = self.query_one("#find")
        if not find.display and not self.has_class("--reading"):
            return False
        if find.display:
            find.display = False
        else:
            self.remove_class("--reading")
        self._rows.focus()
        return True

    def want_arm(self, name: str) -> None:
        """Show the trials of one arm."""
        if self._looked is not None:
            self._want(replace(self._looked.wanted, arm=name))

    def _want(self, wanted: Wanted) -> None:
        if self._looked is not None:
            self._take(self._looked.again(wanted))

    def action_judge(self) -> None:
        """Tell outcomes by the next scorer or extractor."""
        if self._looked is not None:
            run_beside(self, partial(self.look, self._looked.report, self._looked.next_way()), "judge", exclusive=True)

    def action_outcome(self) -> None:
        """Show the next outcome alone."""
        if self._looked is not None:
            self._want(replace(self._looked.wanted, outcome=self._looked.next_outcome()))

    def action_arm(self) -> None:
        """Show the next arm alone."""
        if self._looked is not None:
            self.want_arm(self._looked.next_arm())

    def action_apart(self) -> None:
        """Show only the questions on which arms disagree, or all."""
        if self._looked is not None:
            self._want(replace(self._looked.wanted, disagreeing=not self._looked.wanted.disagreeing))

    def action_find(self) -> None:
        """Write what question or answer hold."""
        find = self.query_one("#find")
        find.display = True
        self.screen.set_focus(find)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a text is written `/` is part of it.

        Its binding has priority, so that what is typed in the same moment is text already, not commands.
        """
        return action != "find" or not self.query_one("#find").display

    @on(Input.Changed, "#find")
    def _found(self, event: Input.Changed) -> None:
        if self._looked is not None:
            self._want(replace(self._looked.wanted, text=event.value))

    @on(Input.Submitted, "#find")
    def _done_finding(self) -> None:
        self.leave()

    def action_copy(self) -> None:
        """Put the answer of the highlighted trial on the clipboard."""
        if (result := self.here) is not None:
            self.app.copy_to_clipboard(result.answer or result.problem)
            self.notify(say("Copied."), markup=False)
