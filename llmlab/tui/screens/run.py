"""One run: its table, its plots, its trials; live while it is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import ClassVar, Final, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Static

from llmlab.domain.outcomes import TrialResult
from llmlab.domain.plots.choice import figures_of_all
from llmlab.domain.run import RunInfo, RunProgress
from llmlab.domain.terminal import visible_line
from llmlab.errors import LlmlabError
from llmlab.services.experimenting import Experimenting
from llmlab.services.job import Job
from llmlab.services.run_folder import RunReport
from llmlab.services.stopping import Stop
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.notices import describe
from llmlab.tui.panes.run_arms import ArmsPane
from llmlab.tui.panes.run_trials import TrialsPane
from llmlab.tui.panes.run_words import progress_in_words, still_in_words
from llmlab.tui.runs import going_with_arm, with_news
from llmlab.tui.services import Going
from llmlab.tui.widgets.figure_view import FigureView
from llmlab.tui.widgets.row_table import RowTable
from llmlab.words import say

View = Literal["arms", "plots", "trials"]
VIEWS: Final[tuple[View, ...]] = ("arms", "plots", "trials")
REFRESH: Final = 0.7
"""Seconds between two looks at what came meanwhile; figures of many trials take longer than their count."""

LOOK: Final = """
RunScreen {
    .bar { height: 1; padding: 0 1; background: $panel; color: $text-primary; text-style: bold; }
    .note { height: auto; max-height: 8; padding: 0 1; color: $text-warning; }
    .keys { height: auto; max-height: 2; padding: 0 1; background: $panel; color: $text-muted; }
    #state { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    #tabs { height: 1; padding: 0 1; }
    ContentSwitcher { height: 1fr; }
}
"""


class RunScreen(Screen[Going | None], Watched):
    """Gives what the chat goes on with, or `None`."""

    AUTO_FOCUS = "#arm-rows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("1", "turn('arms')", show=False),
        Binding("2", "turn('plots')", show=False),
        Binding("3", "turn('trials')", show=False),
        Binding("tab", "next_view", show=False, priority=True),
        Binding("space", "scroll_text(1)", show=False),
        Binding("b", "scroll_text(-1)", show=False),
        Binding("p", "pause", show=False),
        Binding("c", "chat", show=False),
    ]
    DEFAULT_CSS = LOOK

    def __init__(self, experimenting: Experimenting, run: RunInfo | None, start: str = "") -> None:
        """Look into `run`, or run the experiment that `start` names."""
        super().__init__()
        self._experimenting = experimenting
        self._run = run
        self._start = start
        self._job: Job | None = None
        self._stop: Stop | None = None
        """Set it to stop what runs; `None` while nothing does."""
        self._report: RunReport | None = None
        self._news: list[TrialResult] = []
        self._refreshing = False

    def compose(self) -> ComposeResult:
        """Title, state, the three views, filters, keys."""
        yield Static("", id="title", classes="bar", markup=False)
        yield Static("", id="state", markup=False)
        yield Static("", id="tabs", markup=False)
        with ContentSwitcher(initial="arms"):
            yield ArmsPane(id="arms")
            with VerticalScroll(id="plots"):
                yield FigureView(id="figures")
            yield TrialsPane(id="trials")
        yield Static("", classes="note", markup=False)
        yield Static("", id="keys", classes="keys", markup=False)

    def on_mount(self) -> None:
        """Read the run, or start it."""
        self._tell("")
        self._show_tabs()
        if self._run is not None:
            self._show_title(self._run)
            self.query_one("#state", Static).update(still_in_words(self._run))
            run_beside(self, partial(self._read, self._run.id), "run")
        else:
            self.query_one("#title", Static).update(visible_line(self._start))
            self.query_one("#state", Static).update(say("reading the experiment…"))
            run_beside(self, partial(self._measure, partial(self._experimenting.prepare, self._start, "")), "run")

    # Reading and measuring: everything slow in a thread

    async def _read(self, run_id: str) -> None:
        try:
            report = await asyncio.to_thread(self._experimenting.report, run_id)
        except LlmlabError as error:
            self._refuse(error)
            return
        await self._look(report)

    async def _measure(self, prepare: Callable[[], Job]) -> None:
        """Run an experiment to its end, or until it is stopped."""
        stop = self._stop = Stop()
        self._tell("")
        try:
            if self._job is None:
                self._job = await asyncio.to_thread(prepare)
                self._run = self._job.run
                self._show_title(self._run)
                await self._look(await asyncio.to_thread(self._experimenting.so_far, self._job))
            self._show_tabs()
            async with aclosing(self._experimenting.run(self._job, stop)) as values:
                async for progress in values:
                    self._take(progress)
            self._tell("")
            self._news.clear()
            await self._look(await self._experimenting.finish(self._job))
        except LlmlabError as error:
            self._refuse(error)
        finally:
            self._stop = None
            if self.is_mounted:
                self._show_tabs()

    def _take(self, progress: RunProgress) -> None:
        self._run = progress.run
        self.query_one("#state", Static).update(progress_in_words(progress))
        self._news += progress.news
        if self._news and not self._refreshing:
            self._refreshing = True
            self.set_timer(REFRESH, self._refresh)

    def _refresh(self) -> None:
        run_beside(self, self._catch_up, "refresh")

    async def _catch_up(self) -> None:
        """Show what was measured meanwhile."""
        report, news = self._report, tuple(self._news)
        self._news.clear()
        if report is not None:
            fresh = await asyncio.to_thread(self._with, report, news)
            # A run that has ended meanwhile shows itself, whole and in order.
            if self._report is report:
                await self._look(fresh)
        self._refreshing = False

    def _with(self, report: RunReport, news: tuple[TrialResult, ...]) -> RunReport:
        fresh = with_news(report, news)
        return replace(fresh, summary=self._experimenting.summarise(report.experiment, fresh.results))

    async def _look(self, report: RunReport) -> None:
        """Show a report."""
        self._report = report
        figures = await asyncio.to_thread(figures_of_all, report.summary, report.environment)
        if self.is_mounted:
            self.query_one(FigureView).show(figures)
            self.query_one(ArmsPane).show(report.summary)
            await self.query_one(TrialsPane).look(report)

    # What is shown

    def _show_title(self, run: RunInfo) -> None:
        models = ", ".join(map(visible_line, run.models))
        self.query_one("#title", Static).update(f"{visible_line(run.title or run.name)}   {models}")

    @property
    def view(self) -> View:
        """What is shown of the run."""
        current = self.query_one(ContentSwitcher).current
        return next(view for view in VIEWS if view == current)

    def _show_tabs(self) -> None:
        names = {"arms": say("Table"), "plots": say("Plots"), "trials": say("Trials")}
        parts: list[tuple[str, str] | str] = []
        for number, view in enumerate(VIEWS, 1):
            here = view == self.view
            parts += [
                (f"{number} ", "bold $text-accent"),
                (names[view], "bold underline" if here else "$foreground 60%"),
                "   ",
            ]
        self.query_one("#tabs", Static).update(Content.assemble(*parts))
        self.query_one("#keys", Static).update(self._keys())

    def _keys(self) -> str:
        keys = [say("tab view")]
        match self.view:
            case "arms":
                keys += [say("enter trials"), say("space scrolls")]
            case "trials":
                keys += [say("enter reads"), say("space scrolls"), say("y copies")]
        if self._stop is None and self.view != "plots":
            keys.append(say("c chat with it"))
        if self._stop is not None:
            keys += [say("p or esc stop now")] if self._stop.resting else [say("p pause"), say("esc stop")]
        else:
            keys += [*([say("p go on")] if self._can_go_on else []), say("esc back")]
        return "  ".join(keys)

    @property
    def _can_go_on(self) -> bool:
        run = self._run
        if run is None or run.done - run.failed >= run.planned:
            return False
        return self._job is not None or (run.state != "running" and bool(run.source))

    @on(RowTable.Chosen, "#arm-rows")
    def _open_arm(self) -> None:
        """Show the trials of the highlighted arm."""
        if (arm := self.query_one(ArmsPane).here) is not None:
            self.query_one(TrialsPane).want_arm(arm.name)
            self.action_turn("trials")

    # What keys do

    def action_turn(self, view: View) -> None:
        """Show another view."""
        self.query_one(ContentSwitcher).current = view
        if view == "trials":
            self.query_one(TrialsPane).begin()
        else:
            self.query_one("#plots" if view == "plots" else "#arm-rows").focus()
        self._show_tabs()

    def action_next_view(self) -> None:
        """Show the view after this one."""
        self.action_turn(VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)])

    def action_scroll_text(self, direction: int) -> None:
        """Scroll what stands below or beside the rows by half a page."""
        text = self.query_one({"arms": "#findings", "plots": "#plots", "trials": "#detail"}[self.view])
        text.scroll_relative(y=direction * max(1, text.size.height // 2), animate=False)

    def action_leave(self) -> None:
        """One step back: out of the search, out of the trial, stop what runs, back to the list."""
        if self.view == "trials" and self.query_one(TrialsPane).leave():
            return
        if self._stop is not None:
            self._stop.set()
        else:
            self.dismiss(None)

    def action_pause(self) -> None:
        """Stop once the answers that are being written are there, the second time without them; or go on from there."""
        if self._stop is not None and self._stop.resting:
            self._stop.set()
        elif self._stop is not None:
            self._stop.rest()
            self._tell(say("The answers that are being written come first; p again, or esc, drops them and stops now."))
            self._show_tabs()
        elif self._can_go_on and self._run is not None:
            run_beside(self, partial(self._measure, partial(self._experimenting.resume, self._run)), "run")

    def action_chat(self) -> None:
        """Back to the chat with the recipe of the highlighted row."""
        report = self._report
        if self._stop is not None:
            self._tell(say("What is measured uses the engine of the chat: pause it with p first."))
            return
        if report is None or self._run is None:
            return
        if self.view == "trials" and (result := self.query_one(TrialsPane).here) is not None:
            run_beside(self, partial(self._take_trial, self._run.id, result), "chat")
        elif self.view == "arms" and (here := self.query_one(ArmsPane).here) is not None:
            self.dismiss(going_with_arm(next(arm for arm in report.experiment.arms if arm.name == here.name)))

    async def _take_trial(self, run_id: str, result: TrialResult) -> None:
        try:
            recipe, question = await asyncio.to_thread(self._experimenting.recipe, run_id, result)
        except LlmlabError as error:
            self._refuse(error)
            return
        self.dismiss(Going(recipe, question))

    def _tell(self, text: str) -> None:
        note = self.query_one(".note", Static)
        note.update(text)
        note.display = bool(text)

    def _refuse(self, error: LlmlabError) -> None:
        if self.is_mounted:
            notice = describe(error)
            self._tell(f"{notice.title} {notice.text}".strip())
