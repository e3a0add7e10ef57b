"""The app: look, language, keys, clipboard, and the opening and closing of everything behind the screen.

The first frame is drawn before the lab's own screen is even imported; whatever is typed until then is kept for it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import traceback
from importlib import import_module
from typing import Any, Final, Protocol, runtime_checkable

from textual import events, on
from textual.app import App, ComposeResult
from textual.command import CommandPalette, Provider
from textual.driver import Driver
from textual.notifications import SeverityLevel
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from llmlab.domain.terminal import pasted, visible
from llmlab.errors import LlmlabError
from llmlab.paths import find_paths
from llmlab.tui.changes import HoldsChanges
from llmlab.tui.clipboard import copy_to_system
from llmlab.tui.interpreter import LOOK_INTERVAL, Interpreter
from llmlab.tui.jobs import DefectFound, run_beside
from llmlab.tui.start import Opened, OpenServices, SettingsFile, Wish
from llmlab.words import current_language, language_of_environment, say, use_language

CLOSING_PATIENCE: Final = 3.0
"""Seconds that running answers and the store get at the end; everything said is journalled before."""


class Lab(Protocol):
    """What the app asks of the lab's screen."""

    def attach(self, services: Any) -> object:
        """Everything is open: begin. What is given are `LabServices`, which the first frame must not import."""

    def give_up(self, error: LlmlabError) -> None:
        """Nothing can be opened."""

    def retell(self) -> None:
        """Speak the language in use."""

    def changes(self) -> HoldsChanges | None:
        """What would be lost with it."""


@runtime_checkable
class PaintsKeysFirst(Protocol):
    """A screen that paints what a key changes before anything else."""

    def key_pressed(self) -> None:
        """What a key changes is painted at once."""


def _driver_class() -> type[Driver] | None:
    """The driver for this terminal; `None` leaves the choice to Textual."""
    if sys.platform == "win32":
        return None
    from llmlab.tui.terminal_input import LabDriver

    return LabDriver


def _command_provider() -> type[Provider]:
    """The commands of the palette, imported when it is opened."""
    from llmlab.tui.commands.palette import CommandProvider

    return CommandProvider


class LabApp(App[None]):
    """The lab in a terminal.

    Args:
        settings: the user's settings, read already: the first frame depends on them. The caller has set the language.
        open_services: opens everything slow; called after the first frame.
        wish: what the command line asked for.
    """

    CSS_PATH = "lab.tcss"
    TITLE = "llmlab"
    COMMANDS = {_command_provider}  # noqa: RUF012 - Textual's own
    PAUSE_GC_ON_SCROLL = True

    def __init__(self, settings: SettingsFile, open_services: OpenServices, wish: Wish | None = None) -> None:
        super().__init__(driver_class=_driver_class())
        self._settings = settings
        self._open_services = open_services
        self._wish = wish or Wish()
        self._services: Opened | None = None
        self._lab: Lab | None = None
        self._interpreter = Interpreter()
        self._early: list[events.Key | events.Paste] = []
        self.theme = f"textual-{settings.current.theme}"
        self.set_keymap(settings.current.keymap)

    def compose(self) -> ComposeResult:
        """The first frame: where everything will be, and nothing that takes time."""
        yield Static(" llmlab", id="threshold-status", markup=False)
        yield Static(say("Ask something, / for commands"), id="threshold-composer", markup=False)

    def on_mount(self) -> None:
        """Draw first; open the rest after that. A signal to end is as good as ctrl+q: the terminal is put in order."""
        if sys.platform != "win32":
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self.exit)
        self.call_after_refresh(run_beside, self, self._open, "open")

    async def _open(self) -> None:
        """Import the lab, show it, open everything behind it, and let it begin."""
        await asyncio.to_thread(import_module, "llmlab.tui.screens.lab")
        self._lab = await self._enter_lab()
        await asyncio.to_thread(import_module, "llmlab.tui.markup.blocks")
        try:
            self._services = await self._open_services()
        except LlmlabError as error:
            self._lab.give_up(error)
            return
        self._lab.attach(self._services)
        self._interpreter.begin()
        self.set_interval(LOOK_INTERVAL, self._interpreter.look)

    async def on_event(self, event: events.Event) -> None:
        """Remember when the screen was used last, and let it paint what a key changes before anything else."""
        if isinstance(event, events.InputEvent):
            self._interpreter.touch()
        if isinstance(event, events.Paste):
            # Textual's own fields draw what they hold as it is.
            event.text = pasted(event.text)
        if isinstance(event, events.Key) and isinstance(self.screen, PaintsKeysFirst):
            self.screen.key_pressed()
        await super().on_event(event)

    async def _enter_lab(self) -> Lab:
        """The lab's screen, drawn, with what was typed before it was there."""
        from llmlab.tui.commands.table import bindings
        from llmlab.tui.screens.lab import LabScreen

        for binding in bindings("app"):
            self._bindings.key_to_bindings.setdefault(binding.key, []).insert(0, binding)
        lab = LabScreen(self._settings, self._wish, self._apply_settings)
        await self.push_screen(lab)
        drawn = asyncio.Event()
        lab.call_after_refresh(drawn.set)
        await drawn.wait()
        self._tell_settings_problems()
        early, self._early = self._early, []
        lab.type_ahead(early)
        return lab

    def on_key(self, event: events.Key) -> None:
        """Keep what is typed before there is a place for it."""
        if self._lab is None:
            self._early.append(event)

    def on_paste(self, event: events.Paste) -> None:
        """Keep what is pasted before there is a place for it."""
        if self._lab is None:
            self._early.append(event)

    def _tell_settings_problems(self) -> None:
        from llmlab.tui.commands.table import BY_ID, near_miss
        from llmlab.tui.widgets.composer import COMPOSER_KEYS

        problems = list(self._settings.problems)
        for action in self._settings.current.keymap:
            if action not in BY_ID and action not in COMPOSER_KEYS:
                meant = near_miss(action, BY_ID)
                advice = say("Did you mean {word}?", word=meant) if meant else say("F1 lists what there is.")
                problems.append(say("[keymap] names an unknown command: {action}.", action=action) + " " + advice)
        for problem in problems:
            self.notify(problem, title="settings.toml", severity="warning", markup=False)

    def _apply_settings(self) -> None:
        """Let changed settings hold at once."""
        now = self._settings.current
        self.theme = f"textual-{now.theme}"
        language = now.language or language_of_environment()
        if language != current_language():
            use_language(language)
            if self._lab is not None:
                self._lab.retell()

    def action_command_palette(self) -> None:
        """Show all commands, in the reader's language."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder=say("type to find a command"), id="--command-palette"))

    async def action_quit(self) -> None:
        """End, after every screen that holds changes has asked what becomes of them."""
        from llmlab.tui.screens.leaving import LeavingDialog

        if not isinstance(self.screen, LeavingDialog):
            run_beside(self, self._quit, "quit", exclusive=True)

    async def _quit(self) -> None:
        from llmlab.tui.screens.unsaved import may_quit

        if await may_quit(self, self._lab.changes() if self._lab is not None else None):
            self.exit()

    def action_help_quit(self) -> None:
        """Answer ctrl+c with nothing selected: it copies; quitting has a key of its own."""
        self.notify(say("Nothing is selected to copy. ctrl+q quits."), markup=False)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a message, from wherever it comes: it may name files and models, whose names are anybody's."""
        super().notify(visible(message), title=visible(title), severity=severity, timeout=timeout, markup=markup)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy through the terminal (OSC 52) and through the system's own clipboard."""
        super().copy_to_clipboard(text)
        self.run_worker(lambda: copy_to_system(text), group="clipboard", thread=True, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Let nothing fail in silence."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.post_message(DefectFound(event.worker.error))

    @on(DefectFound)
    def _report_defect(self, event: DefectFound) -> None:
        """A defect of llmlab itself: it goes on, tells so, and leaves the trace in the log."""
        log = find_paths().logs / "llmlab.log"
        trace = "".join(traceback.format_exception(event.error))
        try:
            log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                file.write(trace + "\n")
        except OSError:
            # A full disk must not turn one failure into two; the message below still says what happened.
            pass
        kind = type(event.error).__name__
        self.notify(
            say("{kind}: this is a fault of llmlab. The details are in {file}.", kind=kind, file=log),
            title=say("Something went wrong"),
            severity="error",
            timeout=12,
            markup=False,
        )

    async def on_unmount(self) -> None:
        """End what runs; what was said so far is kept."""
        self._interpreter.end()
        if self._services is not None:
            running = [asyncio.ensure_future(worker.wait()) for worker in self.workers if worker.group == "answers"]
            self.workers.cancel_all()
            if running:
                await asyncio.wait(running, timeout=CLOSING_PATIENCE)
            try:
                await asyncio.wait_for(self._services.close(), CLOSING_PATIENCE)
            except (LlmlabError, asyncio.TimeoutError):
                # The journal has what was said; there is no screen left to tell more.
                return
