"""The one place that picks concrete parts: which engine, which store, which files.

Engine and store are imported where they are needed: a command that lists paths loads neither.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Final, Literal

from llmlab.documents.shelf import DocumentShelf
from llmlab.domain.document import Document
from llmlab.domain.experiment import Experiment, own_documents
from llmlab.domain.model import EngineReport, Gpu, ModelFacts, ModelSpec
from llmlab.domain.quantisation import Quantised
from llmlab.engine.protocol import Engine
from llmlab.errors import LlmlabError
from llmlab.library.experiments import ExperimentShelf, Loaded
from llmlab.library.prompt_files import PromptShelf, prompt_roots
from llmlab.library.prompts import TemplateShelf
from llmlab.library.reasoning_files import ReasoningShelf
from llmlab.library.recipe_files import KeptRecipe, recipe_kind
from llmlab.library.settings import SettingsFile
from llmlab.library.shipped import shipped_models_file
from llmlab.library.shot_files import ShotShelf
from llmlab.paths import Paths
from llmlab.services.again import Again
from llmlab.services.chat import ChatService
from llmlab.services.compare import Comparing
from llmlab.services.digest import Digesting
from llmlab.services.host import EngineHost
from llmlab.services.models import ModelShelf
from llmlab.services.notes import digest_in
from llmlab.services.planning import Planning
from llmlab.services.preview import Preparing, Preview
from llmlab.services.reading import Reader
from llmlab.services.recipe_codec import decode_kept
from llmlab.services.run_digests import RunDigests
from llmlab.services.run_parts import RunParts
from llmlab.services.runner import Runner
from llmlab.services.runs import Runs
from llmlab.services.shape import ShapeCheck
from llmlab.services.side_hosts import SideHosts
from llmlab.services.vectors import Failure, Progress, Vectors
from llmlab.store.vectors import VectorStore

DELETED_KEPT: Final = 86_400.0
"""Seconds that a deleted chat is kept, for the llmlab that may still undo it."""


def open_settings(paths: Paths) -> SettingsFile:
    """The user's settings."""
    return SettingsFile(paths.settings_file)


def models_files(paths: Paths, folder: Path) -> tuple[Path, ...]:
    """Every models.toml that counts, the later ones over the earlier: shipped, the user's, that of `folder`."""
    return shipped_models_file(), paths.models_file, folder / "models.toml"


def open_shelf(paths: Paths, folder: Path) -> ModelShelf:
    """The models, as seen from the working directory `folder`."""
    gpus = _gpus()

    def inspect(spec: ModelSpec) -> ModelFacts:
        from llmlab.engine.health import describe

        return describe(spec, gpus)

    return ModelShelf(models_files(paths, folder), inspect)


def _gpus() -> Callable[[], tuple[Gpu, ...]]:
    """Asks an engine process for its devices, once and only if need be: that takes a second."""

    @cache
    def gpus() -> tuple[Gpu, ...]:
        try:
            return probe_engine().devices
        except LlmlabError:
            # The doctor tells why; here the models are what matters.
            return ()

    return gpus


def make_host(paths: Paths) -> EngineHost:
    """The host of engines; no process starts, and no server is asked, before a model is used."""

    def start() -> Engine:
        from llmlab.engine.child import ChildEngine

        return ChildEngine(log=paths.engine_log, snapshots=paths.snapshots)

    def connect() -> Engine:
        from llmlab.engine.remote.engine import RemoteEngine

        return RemoteEngine()

    return EngineHost(start, connect)


def open_chats(paths: Paths, host: EngineHost, reader: Reader | None = None) -> ChatService:
    """The stored chats."""
    from llmlab.store.chats import ChatStore

    return ChatService(ChatStore(paths.database), host, make_preparing(reader))


async def tidy(paths: Paths, chats: ChatService, now: float) -> None:
    """Mark answers that a killed process left half written, and let go of what was deleted a day ago.

    Raises:
        StoreError: the chats cannot be read or written.
    """
    from llmlab.engine.forgetting import forget_states

    await chats.recover()
    if await chats.purge(now - DELETED_KEPT):
        await asyncio.to_thread(forget_states, paths.snapshots, now - DELETED_KEPT)


def _room(spec: ModelSpec, gpus: Callable[[], tuple[Gpu, ...]]) -> Literal["fits", "smaller", "no", "unknown"]:
    """Whether a model fits beside what is loaded; a server's does, and one that loading will find fault with."""
    if spec.remote is not None:
        return "fits"
    from llmlab.engine.health import describe

    try:
        fit = describe(spec, gpus).fit
    except LlmlabError:
        return "fits"
    return fit.verdict if fit is not None else "unknown"


def make_preview(host: EngineHost, reader: Reader | None = None) -> Preview:
    """What the next prompt would be, counted by the loaded model."""
    return Preview(host, make_preparing(reader))


def make_again(host: EngineHost, reader: Reader | None = None) -> Again:
    """What runs answers again."""
    return Again(host, make_preparing(reader))


def make_comparing(paths: Paths, host: EngineHost, reader: Reader | None = None) -> Comparing:
    """What answers one question under several recipes; other models are loaded beside that of `host` if they fit."""
    gpus = _gpus()

    def fits(spec: ModelSpec) -> bool:
        return _room(spec, gpus) == "fits"

    return Comparing(SideHosts(host, partial(make_host, paths), fits), make_preparing(reader))


def make_shape_check(host: EngineHost) -> ShapeCheck:
    """What tells whether a grammar or schema can be followed."""
    return ShapeCheck(host)


def make_preparing(reader: Reader | None = None) -> Preparing:
    """What makes prompts; Jinja is imported when a template is first used, and `reader` reads the documents."""

    def render(source: str, values: Mapping[str, object]) -> str:
        from llmlab.library.rendering import render_template

        return render_template(source, values)

    return Preparing(render, reader)


def open_templates(paths: Paths, folder: Path) -> TemplateShelf:
    """The prompt templates, as seen from the working directory `folder`."""
    return TemplateShelf(prompt_roots(paths.config, folder))


def open_shots(paths: Paths, folder: Path) -> ShotShelf:
    """The example sets, as seen from the working directory `folder`."""
    return ShotShelf(prompt_roots(paths.config, folder))


def open_reasoning(paths: Paths, folder: Path) -> ReasoningShelf:
    """The reasoning modes, as seen from the working directory `folder`."""
    return ReasoningShelf(prompt_roots(paths.config, folder))


def open_recipes(paths: Paths, folder: Path) -> PromptShelf[KeptRecipe]:
    """The recipes that were kept, as seen from the working directory `folder`."""
    return PromptShelf(recipe_kind(decode_kept), prompt_roots(paths.config, folder))


def make_digesting(paths: Paths, host: EngineHost) -> Digesting:
    """What makes whole documents short."""
    return Digesting(host, paths.digests)


def open_documents(paths: Paths) -> DocumentShelf:
    """The documents: files as texts, read in a process of their own."""
    return DocumentShelf(paths.texts, open_settings(paths).current.documents)


def make_reader(
    shelf: DocumentShelf,
    patience: float | None = None,
    own: Mapping[str, Document] | None = None,
    digests: Path | None = None,
    digest: Callable[[Document], str] | None = None,
    vectors: Vectors | None = None,
) -> Reader:
    """What brings documents into prompts; all services of one program share it.

    Args:
        shelf: opens files, and has the texts behind digests.
        patience: seconds that a question waits for the search to be ready; `None` waits until it is.
        own: documents that are in no file, by digest.
        digests: where digests are kept.
        digest: gives them instead.
        vectors: finds passages and examples by what they mean; `None` finds them by their words alone.
    """
    gpus, known = _gpus(), {} if own is None else own

    def get(digest: str) -> Document:
        return known.get(digest) or shelf.get(digest)

    def kept(document: Document) -> str:
        return digest_in(digests, document) if digests else ""

    def largest(spec: ModelSpec, wanted: int) -> int:
        if spec.remote is not None:
            return 0
        from llmlab.engine.health import describe

        try:
            fit = describe(replace(spec, n_ctx=wanted), gpus).fit
        except LlmlabError:
            return 0
        # Where other machines hold layers nobody can tell: the load will.
        return wanted if fit is None else fit.fitting

    return Reader(shelf.open, get, largest, patience=patience, digest=digest or kept, vectors=vectors)


def make_vectors(
    paths: Paths,
    model: Callable[[], ModelSpec | None],
    patience: float | None = None,
    progress: Progress = lambda _model, _done, _count: None,
    failed: Failure = lambda _spec, _error: None,
) -> Vectors:
    """What makes vectors of texts, on an engine of its own that starts when there is something to embed.

    Args:
        paths: where vectors are kept.
        model: which model makes them now; `None` where there is none.
        patience: seconds that a question waits for texts to be embedded; `None` waits for all of them.
        progress: told how far the texts have come.
        failed: told once when a model cannot be used.
    """
    gpus = _gpus()

    def fits(spec: ModelSpec) -> bool:
        # Vectors need no cache of the window that makes it too large.
        return _room(spec, gpus) != "no"

    def mark(spec: ModelSpec) -> bytes:
        from llmlab.engine.file_mark import sampled_hash

        files = (spec.path, *(adapter.path for adapter in spec.lora))
        parts = [sampled_hash(file) or f"{spec.name} {file}" for file in files]
        parts += [repr(spec.adapter_scales), repr(spec.rope)]
        return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).digest()

    store, host = VectorStore(paths.vectors), make_host(paths)
    return Vectors(model, host, store, mark, fits, patience=patience, progress=progress, failed=failed)


def probe_engine() -> EngineReport:
    """What an engine process says of itself: starts one, asks, ends it.

    Raises:
        EngineError: it cannot be started, or says nothing that makes sense; the message holds its last words.
    """
    from llmlab.engine.probe import probe

    return probe()


def make_quantise(threads: int) -> Callable[[Path, Path, str, Callable[[int, int], None]], Quantised]:
    """What writes a model in fewer bits, in a process of its own, on this many threads (0: all)."""

    def run(source: Path, target: Path, kind: str, progress: Callable[[int, int], None]) -> Quantised:
        from llmlab.engine.quantise import quantise

        return quantise(source, target, kind, threads=threads, progress=progress)

    return run


def open_runs(paths: Paths) -> Runs:
    """What was measured."""
    from llmlab.domain.summarising import summarise
    from llmlab.store.runs import RunStore

    return Runs(RunStore(paths.runs_database), summarise)


def make_run_parts(paths: Paths, folder: Path, experiment: Experiment) -> RunParts:
    """What an experiment is run with, on an engine of its own."""
    host, shelf, runs = make_host(paths), open_shelf(paths, folder), open_runs(paths)
    reader, digests = make_measuring(open_documents(paths), own_documents(experiment))
    preparing = make_preparing(reader)
    planning = Planning(host, preparing, lambda spec: shelf.check(spec).facts)
    return RunParts(host=host, planning=planning, runner=Runner(host, preparing, runs.store, digests), runs=runs)


def make_measuring(shelf: DocumentShelf, own: Mapping[str, Document]) -> tuple[Reader, RunDigests]:
    """What brings documents into the prompts of trials, and what makes the digests among them.

    Args:
        shelf: opens files.
        own: documents that items of experiments bring along, by digest; may grow.
    """
    digests = RunDigests(lambda digest: own.get(digest) or shelf.get(digest))
    return make_reader(shelf, own=own, digest=digests.text_of), digests


def engine_build() -> str:
    """The version of llama-cpp-python, as far as it is known without starting it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"llama-cpp-python {version('llama-cpp-python')}"
    except PackageNotFoundError:
        return ""


def file_marks(specs: Iterable[ModelSpec]) -> dict[str, str]:
    """By model name, what tells its file from others; empty where it cannot be read."""
    from llmlab.engine.file_mark import sampled_hash

    return {spec.name: sampled_hash(spec.path) for spec in specs}


def open_experiments(paths: Paths, folder: Path) -> ExperimentShelf:
    """The experiment files, as seen from the working directory `folder`."""
    return ExperimentShelf(prompt_roots(paths.config, folder))


def load_experiment(paths: Paths, folder: Path, wanted: str, model: str | None = None) -> Loaded:
    """An experiment with its recipes and items, of a name or a file.

    Args:
        paths: where the user's files are.
        folder: the working directory.
        wanted: the name or path.
        model: stands in for the model of its base recipe.

    Raises:
        ConfigError: there is none, or something in it is wrong; the message names all of it. Or there is no such model.
    """
    from llmlab.domain.reading import DocumentRef
    from llmlab.engine.counting import tokens_of
    from llmlab.library.experiment_recipes import Shelves
    from llmlab.words import current_language

    language = current_language()
    models, documents = open_shelf(paths, folder), open_documents(paths)
    if model:
        # A name from the command line is not told as a mistake of the file.
        models.find(model)

    def document(path: Path) -> DocumentRef:
        found = documents.open(path)
        return DocumentRef(name=found.name, path=found.path, digest=found.digest, characters=len(found.text))

    shelves = Shelves(
        model=models.find,
        default_model=models.default,
        template=lambda name: open_templates(paths, folder).find(name, language),
        shots=lambda name: open_shots(paths, folder).find(name, language),
        mode=lambda name: open_reasoning(paths, folder).find(name, language),
        document=document,
        count=tokens_of,
    )
    return open_experiments(paths, folder).load(wanted, language, shelves, model or "")
