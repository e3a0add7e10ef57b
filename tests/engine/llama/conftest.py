"""Models made on the spot, and the engine's loop run in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.sampling import Sampling
from llmlab.domain.tokens import TokenInfo
from llmlab.engine.llama import library
from llmlab.engine.llama.interrupt import Interrupt
from llmlab.engine.llama.model import Loader, Model
from llmlab.engine.llama.outbox import Outbox
from llmlab.engine.llama.residents import Residents
from llmlab.engine.llama.scheduler import Scheduler
from llmlab.engine.llama.shelf import Shelf
from llmlab.engine.llama.snapshots import Snapshots, model_mark
from llmlab.engine.llama.speculation import Speculation, speculation_for
from llmlab.engine.wire import AnyReport, Ended, Generate, Problem, Read, Wrote, decode_report
from tests.support.gguf_fixtures import random_log_odds, write_bigram_model, write_random_model
from tests.support.gguf_memories import write_hybrid_model, write_recurrent_model, write_sliding_model

LOG = library.Log()
EXACT = {"flash_attn": "off", "cache_type_k": "f32", "cache_type_v": "f32"}
"""The order in which sums are built depends on what else is computed; with these it decides no token."""
WINDOW = 32
"""Tokens that every other layer of the model `sliding` sees."""
GREEDY = Sampling(temperature=0.0, seed=1)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models `bytes`, `bigram`, `recurrent`, `hybrid` and `sliding`."""
    folder = tmp_path_factory.mktemp("models")
    write_random_model(folder / "bytes.gguf", dtype=np.float32)
    write_bigram_model(folder / "bigram.gguf", random_log_odds())
    write_recurrent_model(folder / "recurrent.gguf")
    write_hybrid_model(folder / "hybrid.gguf")
    write_sliding_model(folder / "sliding.gguf", window=WINDOW)
    return folder


def load(path: Path, **settings: Any) -> Model:
    """Load a model in this process."""
    LOG.install()
    spec = ModelSpec(**{"name": "test", "path": str(path), "n_threads": 1, **settings})
    return Loader(spec, LOG, lambda _fraction: None, lambda: False, abort=lambda: False).load()


@dataclass
class Told:
    """What the engine said about one answer."""

    text: str = ""
    tokens: int = 0
    info: tuple[TokenInfo, ...] = ()
    reads: list[Read] = field(default_factory=list)
    ended: Ended | None = None
    problem: Problem | None = None


class Harness:
    """The engine's loop on one model, driven step by step."""

    def __init__(self, model: Model, interrupt: Interrupt, spec: ModelSpec) -> None:
        self.model = model
        self.interrupt = interrupt
        self.spec = spec
        self.reports: list[AnyReport] = []
        self._ids = 0
        self.use(Shelf(64 << 20), None)

    def use(self, shelf: Shelf, snapshots: Snapshots | None) -> None:
        """Begin anew with this memory beside the context."""
        model, outbox = self.model, Outbox(self._receive, time.monotonic)
        self.snapshots = snapshots
        self.residents = Residents(model.context, model.context.sequences, shelf, snapshots)
        self.scheduler = Scheduler(
            model.context,
            model.vocabulary,
            outbox,
            self.interrupt,
            None,
            self.residents,
            time.monotonic,
            self.speculation(),
        )

    def speculation(self) -> Speculation | None:
        """What guesses for this model, if anything does."""
        return speculation_for(
            self.spec, self.model, lambda spec: load(Path(spec.path), **{**EXACT, "n_ctx": spec.n_ctx})
        )

    def _receive(self, data: bytes) -> None:
        self.reports += [decode_report(line) for line in data.splitlines()]

    def submit(self, tokens: Sequence[int], sampling: Sampling = GREEDY, samples: int = 1, **wishes: Any) -> int:
        self._ids += 1
        command = Generate(id=self._ids, tokens=tuple(tokens), sampling=sampling, samples=samples, **wishes)
        self.scheduler.submit(command)
        return self._ids

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Steps until nothing is left to do, or `until`."""
        for _ in range(20_000):
            if not self.scheduler.busy or until():
                self.scheduler.rest()
                return
            self.scheduler.step()
        raise AssertionError("the engine does not come to an end")

    def told(self, command: int, sample: int = 0) -> Told:
        told = Told()
        for report in self.reports:
            if report.id != command or getattr(report, "sample", 0) != sample:
                continue
            match report:
                case Wrote():
                    assert told.ended is None
                    told.text += report.text
                    told.tokens += report.tokens
                    told.info += report.info
                case Read():
                    told.reads.append(report)
                case Ended():
                    assert told.ended is None
                    told.ended = report
                case Problem():
                    assert told.problem is None
                    told.problem = report
                case _:
                    raise AssertionError(report)
        return told

    def answer(self, tokens: Sequence[int], sampling: Sampling = GREEDY, **wishes: Any) -> Told:
        """One answer from beginning to end; `wishes` are other fields of `Generate`."""
        command = self.submit(tokens, sampling, **wishes)
        self.run()
        return self.told(command)


@pytest.fixture
def harness(models: Path) -> Iterator[Callable[..., Harness]]:
    """Makes a loop on one of the models, by name or path; all are freed at the end."""
    made: list[Harness] = []

    def make(model: str | Path, **settings: Any) -> Harness:
        path = models / f"{model}.gguf" if isinstance(model, str) else model
        interrupt = Interrupt()
        LOG.install()
        spec = ModelSpec(**{"name": "test", "path": str(path), "n_threads": 1, **EXACT, **settings})
        loader = Loader(spec, LOG, lambda _fraction: None, lambda: False, abort=lambda: interrupt.raised)
        made.append(Harness(loader.load(), interrupt, spec))
        return made[-1]

    yield make
    for each in made:
        each.scheduler.close()
        each.model.close()


def save(engine: Harness) -> None:
    """All that an idle engine writes."""
    while engine.residents.save_one():
        assert engine.snapshots is not None
        engine.snapshots.settle(10)


@pytest.fixture
def stored(harness: Callable[..., Harness], tmp_path: Path) -> Iterator[Callable[..., Harness]]:
    """Engines that share a folder of snapshots, as one after the other would."""
    opened: list[Snapshots] = []

    def make(model: str, **settings: Any) -> Harness:
        engine = harness(model, **settings)
        keep = not engine.model.context.rewindable
        opened.append(Snapshots(tmp_path / "snapshots", model_mark(engine.spec), 64 << 20, keep_beginnings=keep))
        engine.use(Shelf(64 << 20), opened[-1])
        return engine

    yield make
    for each in opened:
        each.close(10)
