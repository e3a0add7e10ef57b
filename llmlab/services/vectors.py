"""Texts as vectors of the embedding model: made in batches in the background, kept on disk, held against questions."""

from __future__ import annotations

import asyncio
import hashlib
import math
from array import array
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from llmlab.domain.model import ModelSpec
from llmlab.engine.protocol import Engine
from llmlab.errors import EngineDied, EngineError, LlmlabError, ModelError, StoreError, UsageError
from llmlab.library.watching import Stamp, stamp_of
from llmlab.services.host import EngineHost
from llmlab.store.vectors import VectorStore
from llmlab.words import say

BATCH: Final = 16
"""Texts of one request: a question waits for no more than these."""
MOST: Final = 20_000
"""Texts that are held against a question at once."""
AT_HAND: Final = 40_000
"""Texts whose vectors are kept in memory, beside those used last."""
RETRY: Final = 300.0
"""Seconds after which a model that could not be used is tried again; sooner when its file or its table changes."""
_QUESTIONS: Final = 16
"""Questions whose vectors are remembered."""
_SHORTEST: Final = 64
"""Characters of a text that is not halved any more."""

Texts = Callable[[], Awaitable[Sequence[str]]]
"""Gives the texts once all of them are known."""
Progress = Callable[[str, int, int], None]
"""Called with the name of the model, how many texts are done, and how many there are."""
Failure = Callable[[ModelSpec, LlmlabError], None]
"""Called with a model that cannot be used, and why."""


class Vectors:
    """Makes vectors with the model that models.toml names for it; only the event loop's thread may use it.

    Args:
        model: which model that is now; `None` where there is none.
        host: loads it, beside the engine of the chat.
        store: keeps what was made.
        mark: what tells the vectors of one model from those of another; reads its file.
        fits: whether a model fits into what memory is free now; reads its file.
        patience: seconds that a question waits for texts to be embedded; `None` waits for all of them.
        progress: told how far the texts of a document or of a set have come.
        failed: told once when a model cannot be used.
    """

    def __init__(
        self,
        model: Callable[[], ModelSpec | None],
        host: EngineHost,
        store: VectorStore,
        mark: Callable[[ModelSpec], bytes],
        fits: Callable[[ModelSpec], bool],
        *,
        patience: float | None = None,
        progress: Progress = lambda _model, _done, _count: None,
        failed: Failure = lambda _spec, _error: None,
    ) -> None:
        self._failed = failed
        self._model, self._host, self._store, self._mark, self._fits = model, host, store, mark, fits
        self.patience, self.progress = patience, progress
        self._making = asyncio.Lock()
        self._known: OrderedDict[tuple[str, ModelSpec], Likeness] = OrderedDict()
        self._asked: OrderedDict[tuple[ModelSpec, str], bytes] = OrderedDict()
        self._problem: tuple[ModelSpec, Stamp, float, LlmlabError] | None = None
        self.paused = False
        """Nothing is embedded in the background until `resume` is called."""
        self.unkept: StoreError | None = None
        """Why vectors are not kept on disk."""

    @property
    def model(self) -> ModelSpec | None:
        """The model that is in use; `None` where there is none."""
        return self._model()

    @property
    def problem(self) -> LlmlabError | None:
        """Why the model that is in use cannot be used."""
        spec = self._model()
        if self._problem is None or spec is None:
            return None
        failed, stamp, moment, error = self._problem
        same = failed == spec and stamp == stamp_of(Path(spec.path))
        return error if same and asyncio.get_running_loop().time() - moment <= RETRY else None

    def fail(self, spec: ModelSpec, error: LlmlabError) -> None:
        """Do without `spec` for a while, or until its file or its table changes."""
        if self.problem is None:
            self._problem = spec, stamp_of(Path(spec.path)), asyncio.get_running_loop().time(), error
            self._failed(spec, error)

    def likeness(self, name: str, spec: ModelSpec, texts: Texts) -> Likeness:
        """The texts of a document or of a set as vectors; they are made once it begins.

        Args:
            name: tells these texts from all others.
            spec: the model.
            texts: gives them.
        """
        key = name, spec
        found = self._known.pop(key, None) or Likeness(self, spec, texts)
        self._known[key] = found
        held = sum(each.count for each in self._known.values())
        while held > AT_HAND and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            oldest.pause()
            held -= oldest.count
        return found

    def find(self, name: str) -> Likeness | None:
        """What `likeness` gave under this name for the model that is in use."""
        spec = self._model()
        return self._known.get((name, spec)) if spec is not None else None

    def pause(self) -> None:
        """Embed nothing in the background."""
        self.paused = True
        for each in self._known.values():
            each.pause()

    def resume(self) -> None:
        """Embed in the background again, once a question asks for it."""
        self.paused = False

    async def close(self) -> None:
        """End what runs in the background, and the engine."""
        for each in self._known.values():
            await each.close()
        await self._host.close()

    # Vectors ----------------------------------------------------------------------------------------------------------

    async def of(self, spec: ModelSpec, texts: Sequence[str], told: Callable[[int], None]) -> list[bytes]:
        """The vectors of `texts` in their order, each of length 1 in 32-bit floats; those that are kept are not made.

        Args:
            spec: the model.
            texts: one longer than the model reads is the mean of its parts.
            told: called with how many are done.

        Raises:
            LlmlabError: the model cannot be used.
        """
        mark = await asyncio.to_thread(self._mark, spec)
        keys = [hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=20).digest() for text in texts]
        found = await asyncio.to_thread(self._store.find, mark, list(dict.fromkeys(keys)))
        waiting = iter({key: text for key, text in zip(keys, texts, strict=True) if key not in found}.items())
        times = Counter(keys)
        done = sum(times[key] for key in found)
        told(done)
        while batch := list(islice(waiting, BATCH)):
            async with self._making:
                vectors = await self._made(spec, [text or " " for _, text in batch])
            made = {key: vector.tobytes() for (key, _), vector in zip(batch, vectors, strict=True)}
            found.update(made)
            await self._keep(mark, made)
            done += sum(times[key] for key in made)
            told(done)
        return [found[key] for key in keys]

    async def of_question(self, spec: ModelSpec, text: str) -> bytes:
        """The vector of a question; it is not kept on disk."""
        key = spec, text
        vector = self._asked.pop(key, None)
        if vector is None:
            async with self._making:
                vector = (await self._made(spec, [text]))[0].tobytes()
        self._asked[key] = vector
        while len(self._asked) > _QUESTIONS:
            self._asked.popitem(last=False)
        return vector

    async def _keep(self, mark: bytes, made: dict[bytes, bytes]) -> None:
        if self.unkept is None:
            try:
                await asyncio.to_thread(self._store.keep, mark, made)
            except StoreError as error:
                self.unkept = error

    async def _made(self, spec: ModelSpec, texts: Sequence[str]) -> list[array[float]]:
        engine = await self._engine(spec)
        try:
            return list((await engine.embed(texts)).vectors)
        except EngineDied:
            raise
        except EngineError:
            # One of them is longer than the model reads.
            if len(texts) > 1:
                return [vector for text in texts for vector in await self._made(spec, [text])]
            halves = halved(texts[0])
            if not halves:
                raise
            return [mean(await self._made(spec, halves))]

    async def _engine(self, spec: ModelSpec) -> Engine:
        spec = replace(spec, purpose="vectors")
        loaded = self._host.loaded(spec)
        if loaded is not None:
            return loaded
        if not await asyncio.to_thread(self._fits, spec):
            raise ModelError(
                say("Memory has no room for {model} beside the other model.", model=spec.name),
                hint=say("Choose a smaller model for embeddings in models.toml."),
            )
        return (await self._host.engine_for(spec))[0]


class Likeness:
    """Texts that are made vectors of in the background, once for all questions.

    Args:
        vectors: makes them.
        spec: the model.
        texts: gives the texts.
    """

    def __init__(self, vectors: Vectors, spec: ModelSpec, texts: Texts) -> None:
        self._vectors, self._spec, self._texts = vectors, spec, texts
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0
        self._made: object = None
        self.count = 0
        """Texts, once they are known."""
        self.done = 0
        """Texts whose vectors are made."""
        self.problem: LlmlabError | None = None
        """Why they cannot be made with any model."""

    @property
    def complete(self) -> bool:
        """Every text has its vector."""
        return self._made is not None

    @property
    def going_on(self) -> bool:
        """Vectors are being made."""
        return self._task is not None and not self._task.done()

    @property
    def share(self) -> float:
        """Share of the texts that have their vectors, 0 to 1; 1 only once questions can be held against them."""
        return 1.0 if self.complete else min(0.99, self.done / max(1, self.count))

    def begin(self) -> None:
        """Make what is not made yet, in the background."""
        if self.complete or self.problem or self.going_on or self._vectors.paused:
            return
        self._began = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._make(), name=f"embed with {self._spec.name}")

    async def wait(self) -> bool:
        """Wait until all are made, or patience ends, counted from the beginning; whether all are."""
        if self._task is not None and not self.complete:
            patience = self._vectors.patience
            spent = asyncio.get_running_loop().time() - self._began
            left = None if patience is None else patience - spent
            if left is None or left > 0:
                await asyncio.wait({self._task}, timeout=left)
        return self.complete

    async def scores(self, question: str) -> list[float]:
        """How alike each text is to a question, -1 to 1, in order; all must be made.

        Raises:
            LlmlabError: the model cannot be used any more.
        """
        vector = await self._vectors.of_question(self._spec, question)
        return await asyncio.to_thread(_products, self._made, vector)

    def pause(self) -> None:
        """Make no more; what is made is kept."""
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """End what runs in the background."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _make(self) -> None:
        try:
            texts = await self._texts()
            self.count = len(texts)
            if self.count > MOST:
                raise UsageError(
                    say("{count:,} texts are more than the {most:,} that are embedded.", count=self.count, most=MOST)
                )
            made = await self._vectors.of(self._spec, texts, self._tell)
        except UsageError as error:
            self.problem = error
        except LlmlabError as error:
            self._vectors.fail(self._spec, error)
        else:
            self._made = await asyncio.to_thread(_table, made)

    def _tell(self, done: int) -> None:
        self.done = done
        self._vectors.progress(self._spec.name, self.done, self.count)


def by_words_alone(spec: ModelSpec, problem: LlmlabError) -> str:
    """That a model cannot be used, why, and what is done without it."""
    what = say("Passages and examples are found by their words alone: {model} cannot be used.", model=spec.name)
    return " ".join(filter(None, (what, problem.what, problem.where and f"({problem.where})", problem.hint)))


def halved(text: str) -> list[str]:
    """A text in two parts, cut at the blank nearest to its middle; empty when it is too short for that."""
    if len(text) < _SHORTEST:
        return []
    middle = len(text) // 2
    before, after = text.rfind(" ", 1, middle), text.find(" ", middle, len(text) - 1)
    cuts = [cut for cut in (before, after) if cut > 0]
    cut = min(cuts, key=lambda place: abs(place - middle)) if cuts else middle
    return [part or " " for part in (text[:cut].strip(), text[cut:].strip())]


def mean(vectors: Sequence[Sequence[float]]) -> array[float]:
    """The mean of vectors, of length 1."""
    summed = [math.fsum(column) for column in zip(*vectors, strict=True)]
    length = math.sqrt(math.fsum(number * number for number in summed)) or 1.0
    return array("f", (number / length for number in summed))


def _table(vectors: Sequence[bytes]) -> object:
    """All vectors as one array."""
    import numpy as np

    return np.frombuffer(b"".join(vectors), np.float32).reshape(len(vectors), -1 if vectors else 0)


def _products(table: object, vector: bytes) -> list[float]:
    import numpy as np

    assert isinstance(table, np.ndarray)
    if not len(table):
        return []
    products: list[float] = (table @ np.frombuffer(vector, np.float32)).tolist()
    return products
