"""Engines of several models: one for each while memory allows, else one after another in the first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from llmlab.domain.model import ModelSpec
from llmlab.services.host import EngineHost


class SideHosts:
    """Finds a host for a model without unloading the one that the chat uses, where memory holds both."""

    def __init__(self, main: EngineHost, make: Callable[[], EngineHost], fits: Callable[[ModelSpec], bool]) -> None:
        """Prepare; nothing is loaded.

        Args:
            main: the host of the chat.
            make: a host with nothing in it.
            fits: whether a model fits into what memory is free now; may read its file, so it runs in a thread.
        """
        self._main, self._make, self._fits = main, make, fits
        self._sides: list[EngineHost] = []

    async def host_for(self, spec: ModelSpec) -> EngineHost:
        """The host to load `spec` with: one that holds it, one beside the others, or the first, which then swaps."""
        for host in (self._main, *self._sides):
            if host.loaded(spec) is not None:
                return host
        if self._main.state.phase not in ("ready", "loading"):
            return self._main
        await self._close([side for side in self._sides if side.state.phase == "dead"])
        if await asyncio.to_thread(self._fits, spec):
            self._sides.append(self._make())
            return self._sides[-1]
        # What is held beside is what may keep it from fitting.
        await self.close()
        return self._main

    async def close(self) -> None:
        """End every engine but the first."""
        await self._close(list(self._sides))

    async def _close(self, sides: list[EngineHost]) -> None:
        for side in sides:
            self._sides.remove(side)
            await side.close()
