"""Opens everything behind the screen, the one place where wiring and Textual meet.

It is imported once the first frame is drawn.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from llmlab import wiring
from llmlab.domain.document import Document
from llmlab.domain.experiment import own_documents
from llmlab.library.records import append_record
from llmlab.paths import Paths
from llmlab.services.file_hashes import FileHashes
from llmlab.services.host import EngineHost
from llmlab.services.reading import Reader
from llmlab.services.run_digests import RunDigests
from llmlab.tui.services import LabServices, RunsScreen
from llmlab.words import current_language

READING_PATIENCE: Final = 2.0
"""Seconds that a question waits for a document to be searched through; then it is answered from what was."""


async def open_services(paths: Paths, folder: Path) -> LabServices:
    """Everything behind the screen, with the stored chats in order.

    Args:
        paths: where settings, models and chats are.
        folder: the working directory, whose models.toml counts.
    """
    services, tidy = await asyncio.to_thread(_open, paths, folder)
    await tidy()
    return services


def _open(paths: Paths, folder: Path) -> tuple[LabServices, Callable[[], Awaitable[object]]]:
    """Everything slow, and what puts the stored chats in order."""
    host = wiring.make_host(paths)
    documents = wiring.open_documents(paths)
    shelf = wiring.open_shelf(paths, folder)
    vectors = wiring.make_vectors(paths, shelf.embeddings, READING_PATIENCE)
    reader = wiring.make_reader(documents, READING_PATIENCE, digests=paths.digests, vectors=vectors)
    # What is measured depends on nothing that may be ready or not.
    own: dict[str, Document] = {}
    measuring, run_digests = wiring.make_measuring(documents, own)
    chats = wiring.open_chats(paths, host, reader)
    comparing = wiring.make_comparing(paths, host, reader)
    hashes = FileHashes(paths.file_hashes)

    async def end() -> None:
        await reader.close()
        await measuring.close()
        await comparing.close()
        await hashes.close()
        await host.close()
        await chats.close()

    services = LabServices(
        chats,
        host,
        shelf,
        wiring.make_preview(host, reader),
        wiring.make_again(host, reader),
        comparing,
        wiring.make_shape_check(host),
        partial(append_record, paths.votes),
        paths,
        end,
        wiring.open_reasoning(paths, folder),
        open_shots=partial(wiring.open_shots, paths, folder),
        open_templates=partial(wiring.open_templates, paths, folder),
        open_runs=partial(_open_runs, paths, folder, host, _Measuring(measuring, run_digests, own), documents.keep),
        reader=reader,
        documents=documents,
        digesting=wiring.make_digesting(paths, host),
        hashes=hashes,
    )
    return services, partial(wiring.tidy, paths, chats, time.time())


@dataclass(frozen=True, slots=True)
class _Measuring:
    """What the prompts of trials are made with."""

    reader: Reader
    digests: RunDigests
    own: dict[str, Document]
    """Documents that the items of experiments bring along, by digest."""


def _open_runs(
    paths: Paths, folder: Path, host: EngineHost, measuring: _Measuring, keep: Callable[[Document], object]
) -> RunsScreen:
    """Runs, on the engine of the chat: two models at once may be more than memory holds."""
    from llmlab.headless.report import PAGES
    from llmlab.headless.run import job_of, report_of
    from llmlab.library.prompt_files import BadPrompt
    from llmlab.services.experimenting import Experimenting, Offer
    from llmlab.services.job import Job
    from llmlab.services.runner import Runner
    from llmlab.tui.screens import runs as screens

    runs = wiring.open_runs(paths)

    def offers() -> tuple[Offer, ...]:
        shelf = wiring.open_experiments(paths, folder)
        return tuple(
            Offer(name=one.key, title=one.key, problem=one.problem)
            if isinstance(one, BadPrompt)
            else Offer(name=one.key, title=one.title, description=one.description)
            for one in shelf.in_language(current_language())
        )

    def prepare(name: str, model: str) -> Job:
        loaded = wiring.load_experiment(paths, folder, name, model)
        measuring.own.update(own_documents(loaded.experiment))
        marks = wiring.file_marks(arm.recipe.model for arm in loaded.experiment.arms)
        return job_of(runs, loaded, marks, wiring.engine_build(), folder=paths.runs)

    experimenting = Experimenting(
        runs=runs,
        runner=Runner(host, wiring.make_preparing(measuring.reader), runs.store, measuring.digests),
        offers=offers,
        prepare=prepare,
        report=partial(report_of, runs),
        pages=PAGES,
        keep=keep,
    )
    return partial(screens.RunsScreen, experimenting)
