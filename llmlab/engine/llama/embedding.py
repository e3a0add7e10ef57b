"""Turns texts into vectors, many of them in one computation, on a context of its own beside that of the answers."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import psutil
from llama_cpp import llama_cpp as api

from llmlab.domain.embedding import POOLINGS, Pooling
from llmlab.domain.generation import Timing, Usage
from llmlab.domain.model import ModelSpec
from llmlab.engine.health import longest_text
from llmlab.engine.llama import library
from llmlab.engine.llama.checks import check_purpose, is_encoder, reason_of
from llmlab.engine.llama.context import ABORTED, OK, SEQUENCES_OF_STATE, Context, ContextSettings
from llmlab.engine.llama.fit import compute_bytes
from llmlab.engine.llama.interrupt import Interrupt
from llmlab.engine.llama.model import Weights
from llmlab.engine.llama.outbox import Outbox
from llmlab.engine.llama.prefix import Tokens
from llmlab.engine.llama.threads import Governor
from llmlab.engine.wire import Embed, Embedded, Ended, Problem
from llmlab.errors import EngineError, LlmlabError, ModelError
from llmlab.words import say

TOGETHER: Final = 64
"""Texts of one computation at most."""
ROWS: Final = 256
"""Tokens of one computation, where no text is longer; each takes a row of logits in models that can also write."""
STEP: Final = 256
"""Contexts hold a multiple of so many tokens."""
_SHOWN: Final = 40
"""Characters by which a text is named."""

Vector = npt.NDArray[np.float32]
"""Shape (width,)."""


def pooling_of(weights: Weights) -> tuple[Pooling, bool]:
    """How the vectors of a text's tokens become one, and whether the model file says so."""
    named = POOLINGS.get(weights.gguf.of_architecture("pooling_type", -1))
    return (named, True) if named else ("mean", False)


@dataclass(slots=True)
class _Job:
    """The texts of one command that are not vectors yet."""

    id: int
    texts: deque[Tokens]


class EmbeddingContext:
    """llama.cpp's context for vectors; every computation begins with an empty memory."""

    def __init__(self, spec: ModelSpec, weights: Weights, rows: int, give_up: Callable[[], bool], log: library.Log):
        """Make room for `rows` tokens at once.

        Raises:
            EngineError: memory does not suffice, or llama.cpp refuses; the message says why.
        """
        self.rows = rows
        sequences = 1 if spec.deterministic else SEQUENCES_OF_STATE if weights.keeps_state else TOGETHER
        # A text must be in one piece: its vector is made of what was computed together.
        whole = dataclasses.replace(spec, n_batch=rows, n_ubatch=rows)
        _check_room(whole, weights, rows, sequences)
        settings = ContextSettings.of(whole, n_ctx=rows, sequences=sequences, threads=weights.n_threads)
        pooling, declared = pooling_of(weights)
        with log.errors() as errors:
            pointer = None
            for flash_attn in (settings.flash_attn, 0) if spec.flash_attn == "auto" else (settings.flash_attn,):
                params = dataclasses.replace(settings, flash_attn=flash_attn).params()
                params.embeddings, params.n_outputs_max = True, 0
                if not declared:
                    params.pooling_type = api.LLAMA_POOLING_TYPE_MEAN
                pointer = pointer or api.llama_init_from_model(weights.pointer, params)
        if not pointer:
            raise EngineError(
                say(
                    "llama.cpp cannot make room for {count} tokens of text: {reason}",
                    count=f"{rows:,}",
                    reason=reason_of(errors) or say("it gives no reason"),
                ),
                hint=say("Give shorter texts, or close other programs."),
            )
        self._context = Context(pointer, rewindable=True, give_up=give_up)
        self._context.interruptible(True)
        self._memory = api.llama_get_memory(pointer)
        self._width = int(api.llama_model_n_embd_out(weights.pointer))
        self.sequences = self._context.sequences
        self.pooling, self.declared = pooling, declared
        weights.adapters.apply(pointer, weights.adapters.wanted(None))

    def compute(self, texts: list[Tokens], threads: int) -> list[Vector] | None:
        """The vectors of `texts`, which fit in `rows` together; `None` when it was told to give up.

        Raises:
            EngineError: llama.cpp could not compute them.
        """
        context, count = self._context, 0
        if self._memory:
            api.llama_memory_clear(self._memory, False)
        for owner, tokens in enumerate(texts):
            place = slice(count, count + len(tokens))
            context.tokens[place], context.owners[place] = tokens, owner
            context.positions[place], context.wanted[place] = np.arange(len(tokens)), 1
            count += len(tokens)
        context.use_threads(threads)
        code = context.decode(count)
        if code == ABORTED:
            return None
        if code != OK:
            raise EngineError(
                say("llama.cpp could not compute the vectors (code {code}).", code=code),
                hint=say("Try again; the engine's log may tell more."),
            )
        return [self._vector(owner) for owner in range(len(texts))]

    def _vector(self, owner: int) -> Vector:
        pointer = api.llama_get_embeddings_seq(self._context.pointer, owner)
        raw = np.ctypeslib.as_array(pointer, (self._width,)).astype(np.float64) if pointer else np.zeros(1)
        length = float(np.linalg.norm(raw))
        if not np.isfinite(length) or not length:
            raise EngineError(
                say("The model computed no numbers: its file is damaged, or its settings do not suit it."),
                hint=say("Get the file again, or remove rope and cache_type settings from its table."),
            )
        scaled: Vector = (raw / length).astype(np.float32)
        return scaled

    def close(self) -> None:
        """Free the context."""
        self._context.close()


class Embedder:
    """Works on the texts of any number of commands, a batch at a time; belongs to the thread that computes."""

    def __init__(
        self,
        spec: ModelSpec,
        weights: Weights,
        outbox: Outbox,
        interrupt: Interrupt,
        log: library.Log,
        governor: Governor | None,
        clock: Callable[[], float],
    ) -> None:
        """Prepare; the context is made when a text comes.

        Args:
            spec: the settings of the model.
            weights: the loaded model.
            outbox: where reports go.
            interrupt: tells which of these commands were cancelled.
            log: where llama.cpp's reasons come in.
            governor: adapts the number of threads; `None` keeps it.
            clock: monotonic seconds.
        """
        self._spec, self._weights, self._outbox, self._interrupt = spec, weights, outbox, interrupt
        self._log, self._governor, self._clock = log, governor, clock
        self._limit = longest_text(spec, weights.gguf)
        self._context: EmbeddingContext | None = None
        self._jobs: deque[_Job] = deque()

    @property
    def busy(self) -> bool:
        """There are texts to work on."""
        return bool(self._jobs)

    def submit(self, command: Embed) -> None:
        """Queue the texts of `command`; one that cannot be read whole is reported, and none is worked on."""
        try:
            check_purpose(self._weights.gguf, "vectors")
            texts = deque(self._tokens(number, text) for number, text in enumerate(command.texts, 1))
        except LlmlabError as error:
            self._refuse(command.id, error)
            return
        if not texts:
            self._refuse(command.id, EngineError(say("There is no text.")))
            return
        if self._interrupt.overtook(command.id):
            self._tell_cancelled(command.id)
            return
        if not self._jobs and self._governor is not None:
            self._governor.wake(self._clock())
        self._jobs.append(_Job(command.id, texts))

    def _tokens(self, number: int, text: str) -> Tokens:
        tokens = self._weights.vocabulary.tokenise(text, special=False, framed=True)
        where = say("text {number}: {beginning}", number=number, beginning=_name(text))
        if not tokens:
            raise EngineError(say("A text is empty."), where=where, hint=say("Leave it out."))
        if len(tokens) > self._limit:
            raise EngineError(
                say(
                    "A text has {count} tokens; the model reads {limit} at most.",
                    count=f"{len(tokens):,}",
                    limit=f"{self._limit:,}",
                ),
                where=where,
                hint=say("Split it; a text that is cut would be found by its beginning alone."),
            )
        return np.array(tokens, np.int32)

    def step(self) -> None:
        """Compute one batch of the oldest command."""
        self._end_cancelled()
        if not self._jobs:
            return
        job = self._jobs[0]
        try:
            context = self._room_for(len(job.texts[0]))
            texts = _batch(job.texts, context)
            threads, started = self._threads(), self._clock()
            vectors = context.compute(texts, threads)
        except LlmlabError as error:
            self._jobs.popleft()
            self._refuse(job.id, error)
            self._tidy()
            return
        if self._governor is not None:
            self._governor.step(self._clock(), 0.0 if vectors is None else self._clock() - started)
        if vectors is None:
            return
        for _ in texts:
            job.texts.popleft()
        self._tell(job, context, texts, vectors)

    def _threads(self) -> int:
        return self._weights.n_threads if self._governor is None else self._governor.threads

    def _tell(self, job: _Job, context: EmbeddingContext, texts: list[Tokens], vectors: list[Vector]) -> None:
        self._outbox.send(
            Embedded(
                id=job.id,
                vectors=tuple(vector.astype("<f4").tobytes() for vector in vectors),
                tokens=tuple(map(len, texts)),
                pooling=context.pooling,
                declared=context.declared,
                done=not job.texts,
            )
        )
        if not job.texts:
            self._jobs.popleft()
            self._tidy()

    def _room_for(self, tokens: int) -> EmbeddingContext:
        """The context, made anew where it is too small for a text."""
        if self._context is None or self._context.rows < tokens:
            self._close_context()
            rows = max(min(ROWS, self._spec.n_ubatch), 1 << (tokens - 1).bit_length())
            rows = max(tokens, min(rows, -(-self._limit // STEP) * STEP))
            self._context = EmbeddingContext(self._spec, self._weights, rows, lambda: self._interrupt.raised, self._log)
        return self._context

    def _end_cancelled(self) -> None:
        for command in self._interrupt.take():
            for job in [job for job in self._jobs if job.id == command]:
                self._jobs.remove(job)
                self._tell_cancelled(command)
        self._tidy()

    def _tell_cancelled(self, command: int) -> None:
        self._outbox.send(Ended(id=command, reason="cancelled", usage=Usage(), timing=Timing()))

    def _tidy(self) -> None:
        """A context that was made large for a long text is given up when nothing waits."""
        if not self._jobs:
            if self._governor is not None:
                self._governor.rest(self._clock())
            if self._context is not None and self._context.rows > ROWS:
                self._close_context()

    def _refuse(self, command: int, error: LlmlabError) -> None:
        kind = "model" if isinstance(error, ModelError) else "engine"
        self._outbox.send(Problem(id=command, kind=kind, what=error.what, where=error.where, hint=error.hint))

    def _close_context(self) -> None:
        if self._context is not None:
            self._context.close()
            self._context = None

    def close(self) -> None:
        """Free the context; the weights belong to others."""
        self._close_context()


def _batch(waiting: deque[Tokens], context: EmbeddingContext) -> list[Tokens]:
    """The next texts, as many as fit together."""
    texts: list[Tokens] = []
    left = context.rows
    for tokens in waiting:
        if len(tokens) > left or len(texts) == context.sequences:
            break
        texts.append(tokens)
        left -= len(tokens)
    return texts


def _check_room(spec: ModelSpec, weights: Weights, rows: int, sequences: int) -> None:
    """That computing `rows` tokens at once fits into memory; asking for too much can end in the process being killed.

    Raises:
        EngineError: it does not.
    """
    vocabulary = 0 if is_encoder(weights.gguf) else weights.vocabulary.size
    need = compute_bytes(weights.gguf, spec, rows, sequences) + 4 * rows * vocabulary
    need += int(rows * weights.sizes.cache_per_token)
    free = psutil.virtual_memory().available
    if need > free:
        raise EngineError(
            say(
                "A text of {count} tokens needs {need} MB of memory to be read at once; {free} MB are free.",
                count=f"{rows:,}",
                need=f"{need >> 20:,}",
                free=f"{free >> 20:,}",
            ),
            hint=say("Give shorter texts, or close other programs."),
        )


def _name(text: str) -> str:
    """The beginning of a text."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
