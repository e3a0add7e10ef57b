"""Opens the screen; until its first frame is drawn nothing is imported that it does not need."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from pathlib import Path

from llmlab.errors import UsageError
from llmlab.library.settings import SettingsFile
from llmlab.paths import Paths
from llmlab.tui.app import LabApp
from llmlab.tui.start import Opened, Wish
from llmlab.words import say


def open_lab(paths: Paths, folder: Path, *, model: str, system: str | None, resume: bool) -> int:
    """Run the lab until it is left; its exit code.

    Args:
        paths: where settings, models and chats are.
        folder: the working directory, whose models.toml counts and into which exports go.
        model: name or path of a model; empty is the one used last.
        system: system prompt of the first chat.
        resume: open the chat used last.

    Raises:
        UsageError: there is no terminal to draw on.
    """
    # Textual draws on the standard error stream.
    if not all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(
            say("The lab needs a terminal."), hint=say('In a script or a pipe, use: llmlab ask "your question"')
        )

    wish = Wish(model=model, system=system, resume=resume, export_folder=folder)
    app = make_app(paths, folder, wish)
    app.run()
    return app.return_code or 0


def make_app(paths: Paths, folder: Path, wish: Wish) -> LabApp:
    """The lab, not running yet; what is slow to open is opened once it runs."""

    async def open_services() -> Opened:
        # Importing, reading TOML and opening SQLite block; the screen is drawn meanwhile.
        await asyncio.to_thread(import_module, "llmlab.lab_services")
        from llmlab.lab_services import open_services

        return await open_services(paths, folder)

    return LabApp(SettingsFile(paths.settings_file), open_services, wish)
