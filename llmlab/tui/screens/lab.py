"""The lab's screen: composes the widgets and routes what happens in them to the commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.notifications import SeverityLevel
from textual.timer import Timer
from textual.widgets import Static, TextArea

from llmlab.errors import LlmlabError
from llmlab.tui.changed_sets import ChangedSets
from llmlab.tui.changes import HoldsChanges
from llmlab.tui.commands.command import Command, Scope
from llmlab.tui.commands.slash import parse_slash
from llmlab.tui.commands.table import BY_ID, bindings
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.notices import ERROR_SECONDS, describe, welcome_lines
from llmlab.tui.panes.bench_column import BenchColumn, View
from llmlab.tui.panes.prompt_view import PromptView
from llmlab.tui.screens.key_first import KeyFirstScreen
from llmlab.tui.screens.workbench import Workbench
from llmlab.tui.services import LabServices
from llmlab.tui.start import SettingsFile, Wish
from llmlab.tui.widgets.chat_list import ChatList, Chats
from llmlab.tui.widgets.completion import Completion
from llmlab.tui.widgets.composer import Composer
from llmlab.tui.widgets.document_line import DocumentLine
from llmlab.tui.widgets.hints import KeyHints
from llmlab.tui.widgets.message_pane import MessagePane
from llmlab.tui.widgets.status import StatusBar
from llmlab.tui.widgets.transcript import Transcript

PAINTED_AGAIN = 0.5
"""Seconds after the end of a message at which what it covered is painted."""
MODELS_INTERVAL = 1.0
"""Seconds between two looks at models.toml."""
DOCUMENTS_INTERVAL = 0.25
"""Seconds between two looks at how far documents are counted."""


class LabScreen(KeyFirstScreen, Watched):
    """Drawn before anything is open; what is asked of it until then waits."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("lab")]
    HORIZONTAL_BREAKPOINTS = [(0, "-single"), (90, "-double"), (120, "-wide")]  # noqa: RUF012 - Textual's own
    AUTO_FOCUS = "Composer"

    def __init__(self, settings: SettingsFile, wish: Wish, apply: Callable[[], None]) -> None:
        super().__init__()
        self._settings = settings
        self._wish = wish
        self._apply = apply
        self.bench: Workbench | None = None
        """Everything behind the screen; `None` until it is open."""
        self._opening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turn = asyncio.Lock()
        self._patience: Timer | None = None

    def compose(self) -> ComposeResult:
        """Status above, chats beside the talk, keys below."""
        completion = Completion(id="completion")
        yield StatusBar(id="status")
        with Horizontal(id="columns"):
            yield ChatList(id="list")
            with Vertical(id="talk"):
                with MessagePane():
                    yield Transcript(self._welcome)
                yield Static("", id="banner", markup=False)
                yield DocumentLine(id="documents")
                yield completion
                yield Composer(completion, self._settings.current.keymap, id="composer")
            yield BenchColumn(id="bench")
        yield KeyHints(self._settings.current.keymap, id="hints")

    def _welcome(self) -> tuple[str, ...]:
        """What greets in an empty chat; the first frame does without, so as not to wait for Markdown."""
        return welcome_lines() if self.bench is not None else ()

    def on_mount(self) -> None:
        """Set what the settings say."""
        self.query_one("#banner").display = False
        self.query_one(Transcript).thinking_shown = self._settings.current.show_thinking

    def on_unmount(self) -> None:
        """Nothing is drawn any more."""
        if self.bench is not None:
            self.bench.models.end()

    def attach(self, services: LabServices) -> Workbench:
        """Everything is open: begin."""
        bench = Workbench(self, services, self._settings, self._wish, self._apply)
        bench.desk.new_chat(self._wish.system)
        bench.models.begin(self._wish)
        bench.refresh_list()
        bench.picture.show_status()
        self.set_interval(MODELS_INTERVAL, bench.models.look)
        self.set_interval(MODELS_INTERVAL, bench.look_at_examples)
        self.set_interval(DOCUMENTS_INTERVAL, bench.documents.look)
        self.bench = bench
        self._opening.set_result(None)
        self.query_one(Transcript).refresh()
        if self._wish.resume:
            run_beside(self, self._open_newest, "commands")
        else:
            bench.drafts.begin()
        return bench

    def type_ahead(self, typed: Sequence[events.Key | events.Paste]) -> None:
        """Give the composer what was typed before it was there."""
        for event in typed:
            self.query_one(Composer).post_message(event)

    def give_up(self, error: LlmlabError) -> None:
        """Nothing can be opened: every wish is answered with the reason."""
        self._opening.set_exception(error)
        # With nobody waiting, the reason was told all the same.
        self._opening.exception()
        self._refuse(error)

    def _refuse(self, error: LlmlabError) -> None:
        notice = describe(error)
        self.notify(notice.text, title=notice.title, severity="error", timeout=ERROR_SECONDS, markup=False)

    async def _ready(self) -> Workbench:
        """The bench, once everything is open.

        Raises:
            LlmlabError: it cannot be opened.
        """
        await asyncio.shield(self._opening)
        assert self.bench is not None
        return self.bench

    async def _open_newest(self) -> None:
        """Open the chat used last, if there is one."""
        bench = await self._ready()
        try:
            chats = await bench.desk.services.chats.list()
        except LlmlabError:
            # The list of chats reads the same and tells it.
            chats = ()
        if chats:
            await self._open(chats[0].id)
        bench.drafts.begin()

    # Commands

    async def action_do(self, command_id: str, argument: str = "") -> None:
        """Perform a command by its id: now, or beside the screen and after those that were given before it."""
        command = BY_ID[command_id]
        if command.at_once and self.bench is not None:
            await self._perform(command, argument)
        else:
            run_beside(self, partial(self._perform, command, argument), "commands")

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a message, and paint what it covered once it is gone.

        Textual paints where two layouts differ. Where the size of any widget is asked for between the end of a message
        and the next layout, Textual takes the new layout for the old one, and the message stays on the screen.
        """
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)
        self.set_timer((timeout or self.app.NOTIFICATION_TIMEOUT) + PAINTED_AGAIN, self.refresh)

    def action_show_bench(self, view: View) -> None:
        """Show a view of the column at the right."""
        if self.bench is not None:
            self.bench.recipes.turn_bench(view)

    async def _perform(self, command: Command, argument: str) -> None:
        try:
            bench = await self._ready()
            if command.at_once:
                await command.act(bench, argument)
                return
            async with self._turn:
                await command.act(bench, argument)
        except LlmlabError as error:
            self._refuse(error)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Undoing a delete leaves ctrl+z to the composer while there is nothing to bring back, or a draft."""
        if action == "do" and parameters == ("chat.undo",):
            composer = self.query_one(Composer)
            writing = composer.has_focus and bool(composer.text)
            return self.bench is not None and bool(self.bench.desk.deleted) and not writing
        return True

    def changes(self) -> HoldsChanges | None:
        """What would be lost with the lab."""
        return ChangedSets(self.bench.examples, self._refuse) if self.bench is not None else None

    # What happens in the widgets

    @on(Composer.Sent)
    def _sent(self, event: Composer.Sent) -> None:
        event.stop()
        run_beside(self, partial(self._take, event.text), "commands")

    async def _take(self, text: str) -> None:
        """A command or a message; what cannot be taken goes back."""
        try:
            slash = parse_slash(text)
            bench = await self._ready()
        except LlmlabError as error:
            self.query_one(Composer).take_back(text)
            self._refuse(error)
            return
        if slash is not None:
            await self._perform(slash.command, slash.argument)
            return
        async with self._turn:
            said = await bench.documents.hear(text)
            if said is None or (said and not await bench.fill_template(said)):
                self.query_one(Composer).take_back(text)
            elif said:
                await bench.answers.take(said)

    @on(Composer.Dropped)
    def _dropped(self, event: Composer.Dropped) -> None:
        if self.bench is not None:
            self.bench.documents.begin_all(event.paths)

    @on(ChatList.Opened)
    async def _opened(self, event: ChatList.Opened) -> None:
        run_beside(self, partial(self._open, event.chat_id), "commands")

    async def _open(self, chat_id: str) -> None:
        try:
            bench = await self._ready()
            async with self._turn:
                await bench.open_chat(chat_id)
        except LlmlabError as error:
            self._refuse(error)

    @on(ChatList.Searched)
    def _searched(self) -> None:
        if self.bench is not None:
            self.bench.refresh_list()

    @on(TextArea.Changed)
    def _drafted(self) -> None:
        self.query_one(Completion).offer(self.query_one(Composer).text)
        if self._patience is not None:
            self._patience.stop()
        if self.bench is not None:
            self._patience = self.set_timer(self.bench.picture.patience, self.bench.picture.measure)
            self.bench.drafts.note()

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _show_keys(self) -> None:
        self.query_one(KeyHints).show(self._scope(), answering=self._answering())

    def refresh_bindings(self) -> None:
        """The keys that hold may have changed."""
        super().refresh_bindings()
        if self.is_mounted:
            self._show_keys()

    def _scope(self) -> Scope:
        if self.query_one(Transcript).has_focus:
            return "message"
        if isinstance(self.focused, PromptView):
            return "prompt"
        return "list" if self.query_one(Chats).has_focus else "lab"

    def _answering(self) -> bool:
        return self.bench is not None and self.bench.desk.answering

    def retell(self) -> None:
        """Speak the language in use."""
        self.query_one(Composer).retell()
        self.query_one(ChatList).retell()
        self.query_one(Transcript).retell()
        self.query_one(StatusBar).refresh()
        self.query_one(KeyHints).refresh()
        self.query_one(BenchColumn).retell()
        # Rows that are laid out keep their words: lay out anew.
        self.query_one(Transcript).show((), {})
        if self.bench is not None:
            self.bench.show_chat()
