"""Opens the screen: the one place where wiring and Textual meet."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from llmlab.errors import UsageError
from llmlab.library.settings import SettingsFile
from llmlab.paths import Paths
from llmlab.tui.app import LabApp
from llmlab.tui.services import LabServices, Wish
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
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            say("The lab needs a terminal."), hint=say('In a script or a pipe, use: llmlab ask "your question"')
        )

    async def open_services() -> LabServices:
        # Importing the parts, reading TOML and opening SQLite block: the first frame does not wait for them.
        from llmlab import wiring

        shelf = await asyncio.to_thread(wiring.open_shelf, paths, folder)
        host = wiring.make_host(paths)
        chats = wiring.open_chats(paths, host)
        await chats.recover()

        async def end() -> None:
            await host.close()
            await chats.close()

        return LabServices(chats=chats, host=host, shelf=shelf, preview=wiring.make_preview(host), paths=paths, end=end)

    wish = Wish(model=model, system=system, resume=resume, export_folder=folder)
    app = LabApp(SettingsFile(paths.settings_file), open_services, wish)
    app.run()
    return app.return_code or 0
