"""The one engine that runs: which model it holds, how far its load has come, its restart after a death."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.sampling import Sampling
from llmlab.engine.protocol import Engine, EngineFactory
from llmlab.errors import EngineError, LlmlabError
from llmlab.services.adapted import as_seen_by
from llmlab.words import say

Phase = Literal["off", "loading", "ready", "dead"]
Listener = Callable[["HostState"], None]


@dataclass(frozen=True, slots=True)
class HostState:
    """The engine as a status bar shows it."""

    phase: Phase = "off"
    model: str = ""
    """Name of the model that is loaded or being loaded."""
    fraction: float = 0.0
    """Share loaded, 0 to 1."""
    card: ModelCard | None = None
    problem: LlmlabError | None = None
    """Why it is dead."""


class Holder(Protocol):
    """Who gives an engine that holds a model: the host itself, or the view of it that one of several users has."""

    def loaded(self, spec: ModelSpec) -> Engine | None:
        """The engine when it holds `spec` and is ready; never loads."""

    async def engine_for(self, spec: ModelSpec) -> tuple[Engine, ModelCard]:
        """The loaded engine of `spec` and its card; raises as `EngineHost.use` does."""


class EngineHost:
    """Owns at most one engine; a swap ends the old process before the new one starts, so that memory returns."""

    def __init__(self, factory: EngineFactory, remote: EngineFactory | None = None) -> None:
        """Prepare; nothing is started.

        Args:
            factory: makes engines for model files.
            remote: makes engines for models behind a server; `None`: the same.
        """
        self._factory, self._remote = factory, remote or factory
        self._engine: Engine | None = None
        self._spec: ModelSpec | None = None
        self._load: asyncio.Task[ModelCard] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._listeners: list[Listener] = []
        self._state = HostState()

    @property
    def state(self) -> HostState:
        """The state now."""
        return self._state

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every new state; the result ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def use(self, spec: ModelSpec) -> ModelCard:
        """The card of `spec`'s model once it is loaded; another model, or another load, is ended first.

        A dead engine is started anew. Cancelling the caller leaves the load running for others.

        Raises:
            ModelError: the file or its settings cannot be used.
            EngineError: the process cannot be started, or another model was asked for meanwhile.
        """
        return (await self.engine_for(spec))[1]

    async def engine_for(self, spec: ModelSpec) -> tuple[Engine, ModelCard]:
        """The loaded engine of `spec` and its card; raises as `use` does."""
        asked, spec = spec, loaded_part(spec)
        if self._load is None or self._spec != spec or self._needs_restart():
            await self._replace(spec)
        load = self._load
        try:
            card = None if load is None or self._spec != spec else await asyncio.shield(load)
        except asyncio.CancelledError:
            if load is None or not load.cancelled():
                raise
            card = None
        engine = self._engine
        if card is None or engine is None or self._load is not load:
            raise EngineError(
                say("Loading {model} was stopped.", model=spec.name), hint=say("Another model was asked for meanwhile.")
            )
        return as_seen_by(asked, engine), card

    def loaded(self, spec: ModelSpec) -> Engine | None:
        """The engine when it holds `spec` and is ready; never loads."""
        ready = self._state.phase == "ready" and self._spec == loaded_part(spec)
        there = ready and self._engine is not None and self._engine.alive
        return as_seen_by(spec, self._engine) if there and self._engine is not None else None

    def notice_death(self, problem: LlmlabError) -> None:
        """Say that the engine died, if it did; the next use starts a new one."""
        if self._engine is not None and not self._engine.alive and self._state.phase == "ready":
            self._set(replace(self._state, phase="dead", problem=problem))

    async def close(self) -> None:
        """End the engine process."""
        await self._end()
        self._set(HostState())

    def _needs_restart(self) -> bool:
        """The load ended and there is no living engine to show for it."""
        ended = self._load is not None and self._load.done()
        return ended and (self._engine is None or not self._engine.alive)

    async def _replace(self, spec: ModelSpec) -> None:
        """End what runs and begin to load `spec`."""
        self._spec = spec
        await self._end()
        if self._spec is spec and self._load is None:
            self._load = asyncio.create_task(self._loading(spec), name=f"load {spec.name}")
            # The task's error is raised to those who wait; with nobody waiting, the state still tells it.
            self._load.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _loading(self, spec: ModelSpec) -> ModelCard:
        """Start a process and load `spec` into it."""
        self._set(HostState("loading", spec.name))
        engine = self._engine = self._remote() if spec.remote else self._factory()
        try:
            card = await engine.load(spec, lambda share: self._progress(engine, share))
        except LlmlabError as error:
            await engine.close()
            self._set(HostState("dead", spec.name, problem=error))
            raise
        self._set(HostState("ready", spec.name, 1.0, card))
        self._watch = asyncio.create_task(self._watching(engine), name=f"watch {spec.name}")
        return card

    async def _watching(self, engine: Engine) -> None:
        """Tell it when `engine` dies, also while nobody asks it anything."""
        problem = await engine.ended()
        if engine is self._engine:
            self.notice_death(problem)

    def _progress(self, engine: Engine, share: float) -> None:
        """The load of `engine` has come to `share`."""
        if engine is self._engine and self._state.phase == "loading":
            self._set(replace(self._state, fraction=share))

    async def _end(self) -> None:
        """Stop a load that runs, then the process."""
        load, self._load = self._load, None
        if load is not None and not load.done():
            load.cancel()
            await asyncio.wait({load})
        engine, self._engine = self._engine, None
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
        if engine is not None:
            await engine.close()

    def _set(self, state: HostState) -> None:
        """Remember `state` and tell the listeners."""
        self._state = state
        for listener in tuple(self._listeners):
            listener(state)


def loaded_part(spec: ModelSpec) -> ModelSpec:
    """What of `spec` a load depends on: another temperature, system prompt or scale of an adapter needs no process."""
    # Vectors are asked for without scales: theirs are those of the load.
    lora = tuple(replace(each, scale=1.0) for each in spec.lora) if spec.purpose == "answers" else spec.lora
    return replace(spec, source="", system=None, sampling=Sampling(), thinking=None, lora=lora)
