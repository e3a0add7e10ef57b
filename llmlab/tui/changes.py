"""What closes a place asks first whether changes stand in it that no file holds."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class HoldsChanges(Protocol):
    """Something in which changes may stand that no file holds."""

    def unsaved(self) -> tuple[str, ...]:
        """Name what would be lost; empty when nothing would."""
        ...

    async def keep_changes(self) -> bool:
        """Keep all of it; False when that failed and it says why."""
        ...
