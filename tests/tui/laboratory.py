"""A whole lab over a scripted engine and a real store, for Pilot."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Static

from llmlab.domain.document import Document, Page, digest_of
from llmlab.domain.model import BadModel, ModelSpec
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.engine.scripted import Reply, Script, ScriptedEngine
from llmlab.errors import ConfigError, DocumentError, Stopped
from llmlab.library.prompts import TemplateShelf
from llmlab.library.reasoning_files import ReasoningShelf
from llmlab.library.records import append_record
from llmlab.library.rendering import render_template
from llmlab.library.settings import SettingsFile
from llmlab.library.shipped import shipped_prompts_folder
from llmlab.library.shot_files import ShotShelf
from llmlab.paths import Paths
from llmlab.services.again import Again
from llmlab.services.chat import ChatService
from llmlab.services.compare import Comparing
from llmlab.services.digest import Digesting
from llmlab.services.file_hashes import FileHashes
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing, Preview
from llmlab.services.reading import Reader
from llmlab.services.shape import ShapeCheck
from llmlab.services.side_hosts import SideHosts
from llmlab.services.vectors import Vectors
from llmlab.store.chats import ChatStore
from llmlab.tui.app import LabApp
from llmlab.tui.screens.lab import LabScreen
from llmlab.tui.screens.workbench import Workbench
from llmlab.tui.services import LabServices
from llmlab.tui.start import Wish
from llmlab.tui.widgets.composer import Composer
from llmlab.tui.widgets.status import StatusBar
from llmlab.tui.widgets.transcript import Transcript
from tests.tui.run_lab import RunLab

PATIENCE = 10.0
"""Seconds until a condition that does not come true fails a test."""


@dataclass
class ShelfDouble:
    """Models without files."""

    listed: list[ModelSpec | BadModel] = field(default_factory=lambda: [spec("one"), spec("two")])
    edited: bool = False
    wrong: tuple[str, ...] = ()

    def models(self) -> tuple[ModelSpec | BadModel, ...]:
        return tuple(self.listed)

    def find(self, name: str) -> ModelSpec:
        for model in self.listed:
            if model.name == name and isinstance(model, ModelSpec):
                return model
        raise ConfigError(f"There is no model {name}.", hint="F5")

    def default(self) -> ModelSpec:
        for model in self.listed:
            if isinstance(model, ModelSpec):
                return model
        raise ConfigError("No model can be used.", where="models.toml")

    def fit(self, spec: ModelSpec) -> str:
        return f"fits: {spec.name}"

    def changed_on_disk(self) -> bool:
        return self.edited

    def reload(self) -> None:
        self.edited = False

    def problems(self) -> tuple[str, ...]:
        return self.wrong


def spec(name: str) -> ModelSpec:
    """A model of this name."""
    return ModelSpec(name=name, path=f"/models/{name}.gguf", source="models.toml")


@dataclass
class DocumentDouble:
    """Text files as documents, read here and kept in memory."""

    gate: threading.Event = field(default_factory=threading.Event)
    """While it is not set, reading waits."""
    kept: dict[str, Document] = field(default_factory=dict)
    limits: ReadingLimits = field(default_factory=ReadingLimits)
    opened: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    def open(
        self,
        path: Path,
        encoding: str = "",
        *,
        progress: Callable[[float], None] = lambda _share: None,
        stop: threading.Event | None = None,
    ) -> Document:
        progress(0.5)
        end = time.monotonic() + PATIENCE
        while not self.gate.wait(0.005):
            assert time.monotonic() < end
            if stop is not None and stop.is_set():
                raise Stopped("stopped")
        self.opened.append((path.name, encoding))
        try:
            text = path.read_bytes().decode(encoding or "utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DocumentError(f"{path.name} cannot be read.", where=str(path), hint=type(error).__name__) from None
        pages = _chapters(text)
        digest = digest_of(text)
        document = Document(
            path.name, str(path), "text", text, pages, "chapter" if pages else "", encoding or "utf-8", digest=digest
        )
        self.kept[digest] = document
        return document

    def batch(self) -> DocumentDouble:
        return self

    def close(self) -> None:
        pass

    def keep(self, document: Document) -> None:
        self.kept[document.digest] = document

    def get(self, digest: str) -> Document:
        if digest not in self.kept:
            raise DocumentError("The text is not kept any more.", hint="Open the file again.")
        return self.kept[digest]


def _chapters(text: str) -> tuple[Page, ...]:
    starts = [match.start() for match in re.finditer("^Chapter ", text, re.MULTILINE)]
    ends = [*starts, len(text)][1:]
    return tuple(
        Page(number, text[start:].partition("\n")[0], start, end)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    )


@dataclass
class Laboratory:
    """A running lab and its parts."""

    app: LabApp
    pilot: Pilot[None]
    services: LabServices
    shelf: ShelfDouble
    engines: list[ScriptedEngine]
    documents: DocumentDouble

    @property
    def screen(self) -> LabScreen:
        return next(screen for screen in self.app.screen_stack if isinstance(screen, LabScreen))

    @property
    def bench(self) -> Workbench:
        bench = self.screen.bench
        assert bench is not None
        return bench

    @property
    def composer(self) -> Composer:
        return self.screen.query_one(Composer)

    @property
    def transcript(self) -> Transcript:
        return self.screen.query_one(Transcript)

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.bench.desk.path]

    @property
    def status(self) -> str:
        return self.screen.query_one(StatusBar).render().plain

    @property
    def banner(self) -> str:
        return str(self.screen.query_one("#banner", Static).render())

    @property
    def toasts(self) -> list[str]:
        return [f"{toast.title}|{toast.message}" for toast in self.app._notifications]

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until `condition` holds, letting the app work."""
        async with asyncio.timeout(PATIENCE) if hasattr(asyncio, "timeout") else _no_limit():
            while not condition():
                await self.pilot.pause(0.005)

    async def ask(self, text: str) -> None:
        """Send `text` and wait for the end of the answer."""
        count = len(self.bench.desk.path)
        self.composer.set_draft(text)
        await self.pilot.press("enter")
        await self.until(lambda: len(self.bench.desk.path) >= count + 2 and not self.bench.desk.answering)

    async def command(self, text: str) -> None:
        """Give a slash command."""
        self.composer.focus()
        self.composer.set_draft(text)
        await self.pilot.pause()
        await self.pilot.press("enter")
        await self.pilot.pause()


@asynccontextmanager
async def _no_limit() -> AsyncIterator[None]:
    """Python 3.10 has no asyncio.timeout; the run as a whole is bounded there."""
    yield


@asynccontextmanager
async def laboratory(
    paths: Paths,
    *replies: Reply,
    script: Script | None = None,
    size: tuple[int, int] = (110, 32),
    shelf: ShelfDouble | None = None,
    wish: Wish | None = None,
    ready: bool = True,
    settings: str = "",
    runs: RunLab | None = None,
    vectors: Vectors | None = None,
) -> AsyncIterator[Laboratory]:
    """A lab that has started; with `ready` its model is loaded."""
    used = script or (Script(replies=replies) if replies else Script())
    engines: list[ScriptedEngine] = []
    models = shelf or ShelfDouble()

    def make_engine() -> ScriptedEngine:
        engines.append(ScriptedEngine(used))
        return engines[-1]

    host = EngineHost(make_engine)
    documents = DocumentDouble()
    reader = Reader(documents.open, documents.get, lambda spec, most: most, vectors=vectors)
    preparing = Preparing(render_template, reader)
    hashes = FileHashes(paths.file_hashes)
    chats = ChatService(ChatStore(paths.database), host, preparing, interval=0.0)

    async def end() -> None:
        await reader.close()
        await hashes.close()
        await host.close()
        await chats.close()

    services = LabServices(
        chats,
        host,
        models,
        Preview(host, preparing),
        Again(host, preparing),
        Comparing(SideHosts(host, partial(EngineHost, make_engine), lambda spec: False), preparing),
        ShapeCheck(host),
        partial(append_record, paths.votes),
        paths,
        end,
        ReasoningShelf([shipped_prompts_folder(), paths.config / "prompts"]),
        open_shots=lambda: ShotShelf([shipped_prompts_folder(), paths.config / "prompts"]),
        open_templates=lambda: TemplateShelf([shipped_prompts_folder(), paths.config / "prompts"]),
        open_runs=lambda: (runs or RunLab(paths)).open(host, documents.keep),
        reader=reader,
        documents=documents,
        digesting=Digesting(host, paths.digests),
        hashes=hashes,
    )

    async def open_services() -> LabServices:
        return services

    if settings:
        paths.settings_file.write_text(settings, encoding="utf-8")
    app = LabApp(SettingsFile(paths.settings_file), open_services, wish or Wish(export_folder=Path(paths.cache)))
    async with app.run_test(size=size, notifications=True) as pilot:
        lab = Laboratory(app, pilot, services, models, engines, documents)
        await lab.until(lambda: any(isinstance(s, LabScreen) and s.bench is not None for s in app.screen_stack))
        if ready:
            await lab.until(lambda: host.state.phase == "ready")
        await pilot.pause()
        yield lab
