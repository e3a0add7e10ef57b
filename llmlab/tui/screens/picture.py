"""Draws what the desk holds into the widgets of the lab, and tells what happened."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from textual.screen import Screen

from llmlab.errors import LlmlabError
from llmlab.services.preview import Gauge, Prepared
from llmlab.tui.commands.lab import Severity
from llmlab.tui.desk import Desk
from llmlab.tui.jobs import Job, run_beside
from llmlab.tui.meter import Meter
from llmlab.tui.notices import ERROR_SECONDS, describe
from llmlab.tui.panes.bench_column import BenchColumn
from llmlab.tui.services import Change
from llmlab.tui.widgets.chat_list import ChatList
from llmlab.tui.widgets.composer import Composer
from llmlab.tui.widgets.status import StatusBar
from llmlab.tui.widgets.transcript import Transcript

QUICK: Final = 0.03
"""Seconds of a count that nobody notices."""
SHORTEST_PATIENCE: Final = 0.01
"""Seconds that take the keys of a burst together."""
PACES: Final = 10
"""Times as long as a count takes that is waited before the next."""
USUAL_PATIENCE: Final = 0.4
"""Seconds before it is known how long a count takes."""
LONGEST_PATIENCE: Final = 2.0


class Picture:
    """The only place that turns values into what is seen."""

    def __init__(self, screen: Screen[None], desk: Desk) -> None:
        self.screen = screen
        self.desk = desk
        self.keys: dict[str, str] = {}
        """The key of each command that edits a part of the recipe, by its id."""
        self.took: Callable[[Prepared | None, LlmlabError | None], None] = lambda prepared, problem: None
        """Is told of every prompt that is made for the draft, or why none can be."""
        self.drew: Callable[[], None] = lambda: None
        """Is told when a chat, or another part of it, is shown."""
        self._meter = Meter()
        self._drawn: tuple[str, ...] = ()
        self._pace = USUAL_PATIENCE / PACES
        """Seconds that the last count took."""

    @property
    def transcript(self) -> Transcript:
        """The messages."""
        return self.screen.query_one(Transcript)

    @property
    def list(self) -> ChatList:
        """The chats."""
        return self.screen.query_one(ChatList)

    @property
    def composer(self) -> Composer:
        """Where the user writes."""
        return self.screen.query_one(Composer)

    def work(self, job: Job, group: str, *, exclusive: bool = False) -> None:
        """Run something beside the screen; an exclusive one takes the place of the one before in its group."""
        run_beside(self.screen, job, group, exclusive=exclusive)

    def tell(self, text: str, *, title: str = "", severity: Severity = "information") -> None:
        """Show a short message that goes away by itself."""
        timeout = ERROR_SECONDS if severity == "error" else None
        self.screen.notify(text, title=title, severity=severity, timeout=timeout, markup=False)

    def tell_problem(self, error: LlmlabError) -> None:
        """Show what happened, where, and what to do next."""
        notice = describe(error)
        self.tell(notice.text, title=notice.title, severity="error")

    def show_chat(self) -> None:
        """Draw the desk's chat anew."""
        path = self.desk.path
        self._drawn = tuple(message.id for message in path)
        selected = self.desk.message(self.transcript.selected_message or "")
        self.transcript.show(path, self.desk.versions())
        if selected is not None and selected.id not in self._drawn:
            # Another version took its place: the selection goes with the place.
            heir = next((message.id for message in path if message.parent == selected.parent), None)
            self.transcript.select_message(heir)
        answer = self.desk.answer
        if answer is not None and answer.running and answer.message_id in self._drawn:
            self._draw_answer(answer.message_id)
        self.show_status()
        self.measure()
        self.drew()

    def show_change(self, change: Change) -> None:
        """Draw an answer of the open chat as far as it has come."""
        self._meter.speed.note(change.message_id, change.turn)
        if self._drawn != tuple(message.id for message in self.desk.path):
            self.show_chat()
        self._draw_answer(change.message_id)
        self.show_status()

    def _draw_answer(self, message_id: str) -> None:
        message, answer = self.desk.message(message_id), self.desk.answer
        if message is not None:
            self.transcript.update_message(message, answer.turn if answer else None)

    def show_status(self) -> None:
        """Draw the status bar."""
        self.screen.query_one(StatusBar).show(self._meter.status(self.desk, self.desk.services.host.state))

    @property
    def patience(self) -> float:
        """Seconds without a key before the draft is counted.

        None worth noticing where that is quick, and more the longer it takes: a long chat is not counted between keys.
        """
        return SHORTEST_PATIENCE if self._pace < QUICK else min(LONGEST_PATIENCE, PACES * self._pace)

    def measure(self) -> None:
        """Count the tokens of the conversation with the draft; while an answer comes it counts itself."""
        if not self.desk.answering:
            self.work(self._measure, "gauge", exclusive=True)

    async def _measure(self) -> None:
        draft, began = self.composer.draft, monotonic()
        prepared, problem = None, None
        try:
            prepared = await self.desk.prepared(draft)
        except LlmlabError as error:
            # A gauge is no place to tell that a template fails or an engine died: sending does.
            problem = error
        self._pace = monotonic() - began
        self._meter.gauge = None
        if prepared is not None:
            used = prepared.budget.used if draft.strip() or self.desk.path else 0
            self._meter.gauge = Gauge(used, prepared.budget.window)
        self.show_status()
        self.show_bench(prepared)
        self.took(prepared, problem)

    def show_bench(self, prepared: Prepared | None) -> None:
        """Draw the recipe and what would be sent."""
        column = self.screen.query_one(BenchColumn)
        desk = self.desk
        recipe = desk.recipe() if desk.spec is not None else None
        column.show(recipe, desk.asked_with.get(desk.chat.id), prepared, self.keys)

    def refresh_list(self) -> None:
        """Read the list of chats again."""
        self.work(self._refresh_list, "list", exclusive=True)

    async def _refresh_list(self) -> None:
        try:
            chats = await self.desk.services.chats.list(self.list.search)
        except LlmlabError as error:
            self.tell_problem(error)
            return
        self.list.show(chats, self.desk.chat.id)
