"""Makes docs/screenshot.svg from the app itself: `python docs/screenshot.py [FILE]`.

The real lab on the real pocket model, in a home of its own, typed into as a person would.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from textual.pilot import Pilot

SIZE: Final = (140, 36)
"""Columns and rows."""
PROBLEM: Final = (
    "Emma has 4 stones. Emma loses 1. Emma gets 15 more. Emma gives away 1. How many stones does Emma have now?"
)
TALK: Final = (
    ("/think off", 0),
    (PROBLEM, 1),
    ("/reason votes 9", 1),
    (PROBLEM, 2),
)
"""What is typed, and how many answers have come then."""
DEADLINE: Final = 60.0


async def talk(target: Path) -> None:
    """Open the lab, have the conversation, save the picture."""
    from llmlab.lab import make_app
    from llmlab.paths import find_paths
    from llmlab.tui.start import Wish
    from llmlab.tui.widgets.composer import Composer

    paths = find_paths()
    app = make_app(paths, Path.cwd(), Wish(model=sys.argv[2] if len(sys.argv) > 2 else ""))
    async with app.run_test(size=SIZE) as pilot:
        for text, number in TALK:
            await until(pilot, lambda: bool(app.screen.query(Composer)))
            composer = app.screen.query_one(Composer)
            composer.focus()
            composer.text = text
            await pilot.press("enter")
            await until(pilot, partial(answered, paths.database, number))
        await pilot.pause(1.0)
        # Textual's picture would load its font from a server; the reader's own does as well.
        svg = re.sub(r"@font-face\s*\{[^}]*\}", "", app.export_screenshot(title="llmlab"))
        await asyncio.to_thread(target.write_text, svg, "utf-8")


def answered(database: Path, count: int) -> bool:
    """The stored chat has this many finished answers."""
    from llmlab.store.chats import ChatStore

    if not database.exists():
        return False
    store = ChatStore(database)
    try:
        done = [
            message
            for summary in store.list()
            for message in store.load(summary.id).conversation.path()
            if message.role == "assistant" and message.state == "done"
        ]
        return len(done) >= count
    finally:
        store.close()


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app work until `condition` holds."""
    end = asyncio.get_running_loop().time() + DEADLINE
    while not condition():
        if asyncio.get_running_loop().time() > end:
            raise TimeoutError("the lab did not get that far")
        await pilot.pause(0.1)


def main() -> None:
    """Take the picture."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("screenshot.svg")
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"LLMLAB_HOME": home, "LLMLAB_LANG": "en"}
        (Path(home) / "config").mkdir()
        asyncio.run(talk(target))


if __name__ == "__main__":
    main()
