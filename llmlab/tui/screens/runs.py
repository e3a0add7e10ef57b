"""All runs: look into one, start another, let one go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from llmlab.domain.run import RunInfo
from llmlab.domain.terminal import visible, visible_line
from llmlab.errors import LlmlabError
from llmlab.services.experimenting import Experimenting, Offer
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.notices import describe
from llmlab.tui.panes.run_words import run_head, run_row
from llmlab.tui.runs import going_with_run
from llmlab.tui.screens.run import RunScreen
from llmlab.tui.services import Going
from llmlab.tui.widgets.row_table import RowTable
from llmlab.words import say


class ExperimentPicker(ModalScreen[Offer | None]):
    """Gives the experiment to run."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, offers: Sequence[Offer]) -> None:
        super().__init__()
        self._offers = offers

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical(classes="dialog --wide"):
            yield Label(say("Run an experiment"), classes="dialog-title", markup=False)
            yield OptionList(*map(_option, self._offers))
            yield Label(say("enter runs it, esc leaves it"), classes="dialog-keys", markup=False)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._offers[event.option_index])


def _option(offer: Offer) -> Option:
    wrong = visible(offer.problem)
    about = (wrong, "$text-error") if wrong else (visible_line(offer.description), "$foreground 60%")
    title = (visible_line(offer.title or offer.name), "bold")
    parts = [title, ("  " + visible_line(offer.name), "$foreground 60%"), *(("\n  ", about) if about[0] else ())]
    return Option(Content.assemble(*parts), disabled=bool(offer.problem))


class RunsScreen(Screen[Going | None], Watched):
    """Gives what the chat goes on with, or `None`."""

    AUTO_FOCUS = "RowTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f4", "dismiss(None)", show=False, priority=True),
        Binding("n", "start", show=False),
        Binding("c", "chat", show=False),
        Binding("d,delete", "delete", show=False),
        Binding("r", "reload", show=False),
    ]
    DEFAULT_CSS = """
    RunsScreen {
        .bar { height: 1; padding: 0 1; background: $panel; color: $text-primary; text-style: bold; }
        .note { height: auto; max-height: 6; padding: 0 1; color: $text-warning; }
        .keys { height: auto; max-height: 2; padding: 0 1; background: $panel; color: $text-muted; }
    }
    """

    def __init__(self, experimenting: Experimenting, start: str = "") -> None:
        """Show all runs; with `start`, run the experiment of this name at once."""
        super().__init__()
        self._experimenting = experimenting
        self._start = start
        self._runs: tuple[RunInfo, ...] = ()
        self._doomed = ""
        """The run whose deletion was asked for once."""

    def compose(self) -> ComposeResult:
        """Title, runs, what is wrong, keys."""
        yield Static(say("Runs"), classes="bar", markup=False)
        yield RowTable(say("No runs yet; n runs an experiment."))
        yield Static("", classes="note", markup=False)
        yield Static(
            say("enter opens  n runs an experiment  c chat with its recipe  d deletes  esc back to the chat"),
            classes="keys",
            markup=False,
        )

    def on_mount(self) -> None:
        """Read the runs beside the screen."""
        self._tell("")
        self.action_reload()
        if self._start:
            self._open(None, self._start)

    def action_reload(self) -> None:
        """Read them again."""
        run_beside(self, self._read, "read", exclusive=True)

    async def _read(self) -> None:
        try:
            runs = await asyncio.to_thread(self._experimenting.list)
        except LlmlabError as error:
            self._refuse(error)
            return
        self._runs = runs
        self.query_one(RowTable).show(len(runs), lambda number, width: run_row(self._runs[number], width), run_head)
        count = say("{count:,} runs", count=len(runs))
        self.query_one(".bar", Static).update(f"{say('Runs')}   {count}" if runs else say("Runs"))

    @property
    def _here(self) -> RunInfo | None:
        at = self.query_one(RowTable).cursor
        return self._runs[at] if at < len(self._runs) else None

    @on(RowTable.Chosen)
    def _chosen(self) -> None:
        if self._here is not None:
            self._open(self._here, "")

    @on(RowTable.Moved)
    def _moved(self) -> None:
        self._doomed = ""
        self._tell("")

    def _open(self, run: RunInfo | None, start: str) -> None:
        self.app.push_screen(RunScreen(self._experimenting, run, start), self._back)

    def _back(self, going: Going | None) -> None:
        if going is not None:
            self.dismiss(going)
        else:
            self.action_reload()

    def action_start(self) -> None:
        """Choose an experiment and run it."""
        run_beside(self, self._pick, "pick")

    async def _pick(self) -> None:
        try:
            offers = await asyncio.to_thread(self._experimenting.offers)
        except LlmlabError as error:
            self._refuse(error)
            return
        if not offers:
            self._tell(say("There are no experiments in prompts/experiments."))
        elif (chosen := await self.app.push_screen_wait(ExperimentPicker(offers))) is not None:
            self._open(None, chosen.name)

    def action_chat(self) -> None:
        """Back to the chat with the recipe of the highlighted run."""
        if self._here is not None:
            run_beside(self, partial(self._take, self._here), "chat", exclusive=True)

    async def _take(self, run: RunInfo) -> None:
        try:
            experiment = await asyncio.to_thread(self._experimenting.runs.experiment, run.id)
        except LlmlabError as error:
            self._refuse(error)
            return
        if self.is_current:
            self.dismiss(going_with_run(experiment))

    def action_delete(self) -> None:
        """Let the highlighted run go, when it is asked for twice."""
        run = self._here
        if run is None:
            return
        if self._doomed != run.id:
            self._doomed = run.id
            told = say("d again deletes this run and its {count:,} results for good.", count=run.done)
            self._tell(told)
            return
        self._doomed = ""
        self._tell("")
        run_beside(self, partial(self._delete, run), "delete")

    async def _delete(self, run: RunInfo) -> None:
        try:
            await asyncio.to_thread(self._experimenting.delete, run.id)
        except LlmlabError as error:
            self._refuse(error)
        await self._read()

    def _tell(self, text: str) -> None:
        note = self.query_one(".note", Static)
        note.update(text)
        note.display = bool(text)

    def _refuse(self, error: LlmlabError) -> None:
        notice = describe(error)
        self._tell(f"{notice.title} {notice.text}".strip())
