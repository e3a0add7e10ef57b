"""Asking what becomes of changes before they would be lost."""

from __future__ import annotations

from typing import Any

from textual.app import App

from llmlab.tui.changes import HoldsChanges
from llmlab.tui.screens.leaving import LeavingDialog


async def may_leave(app: App[Any], holder: HoldsChanges) -> bool:
    """Ask what becomes of changes, if there are any; False when the user, or a failure, stays with them."""
    names = holder.unsaved()
    if not names:
        return True
    match await app.push_screen_wait(LeavingDialog(names)):
        case "save":
            return await holder.keep_changes()
        case "discard":
            return True
        case "stay":
            return False


async def may_quit(app: App[Any], last: HoldsChanges | None) -> bool:
    """Ask every open screen, the uppermost first, then `last`."""
    holders = [screen for screen in reversed(app.screen_stack) if isinstance(screen, HoldsChanges)]
    for holder in [*holders, last] if last else holders:
        if not await may_leave(app, holder):
            return False
    return True
