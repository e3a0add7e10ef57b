"""One engine for many trials at the same time: its model is swapped only when none of them is using it."""

from __future__ import annotations

import asyncio
from types import TracebackType

from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.engine.protocol import Engine
from llmlab.services.host import EngineHost


class Sharing:
    """The host of a run, shared by its trials."""

    def __init__(self, host: EngineHost) -> None:
        self.host = host
        self.users = 0
        """Trials that hold the engine now."""
        self.changed = asyncio.Condition()

    def share(self) -> Share:
        """A trial's own view of the host, to be entered as a context."""
        return Share(self)


class Share:
    """A host to one trial. The engine that it was given stays as it is until the trial leaves, or asks for another.

    Trials that need another load wait until the last one that goes on with this one has left: documents of several
    lengths make few swaps, not one a trial.
    """

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing
        self._inside = False

    async def __aenter__(self) -> Share:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._sharing.changed:
            self._leave()

    def loaded(self, spec: ModelSpec) -> Engine | None:
        """See `EngineHost.loaded`."""
        return self._sharing.host.loaded(spec)

    async def engine_for(self, spec: ModelSpec) -> tuple[Engine, ModelCard]:
        """See `EngineHost.engine_for`; waits until nobody else uses the engine before it loads."""
        sharing = self._sharing
        async with sharing.changed:
            while self.loaded(spec) is None and sharing.users > self._inside:
                self._leave()
                await sharing.changed.wait()
            found = await sharing.host.engine_for(spec)
            if not self._inside:
                self._inside = True
                sharing.users += 1
            # Others may wait for this very load.
            sharing.changed.notify_all()
            return found

    def _leave(self) -> None:
        if self._inside:
            self._inside = False
            self._sharing.users -= 1
            self._sharing.changed.notify_all()
