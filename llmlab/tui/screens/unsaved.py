"""Changes that a screen holds: nothing that closes it may lose them without asking."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from textual.app import App

from llmlab.tui.screens.leaving import LeavingDialog


@runtime_checkable
class HoldsChanges(Protocol):
    """A screen in which something may stand that no file holds."""

    def unsaved(self) -> tuple[str, ...]:
        """Name what would be lost; empty when nothing would."""
        ...

    async def keep_changes(self) -> bool:
        """Keep all of it; False when that failed and the screen says why."""
        ...


async def may_leave(app: App[object], holder: HoldsChanges) -> bool:
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


async def may_quit(app: App[object]) -> bool:
    """Ask every open screen, the uppermost first."""
    for screen in reversed(app.screen_stack):
        if isinstance(screen, HoldsChanges) and not await may_leave(app, screen):
            return False
    return True
