"""The parent's side of the engine: a model in a process of its own, whose death harms nobody else."""

from __future__ import annotations

import asyncio
import sys
from array import array
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from llmlab.domain.embedding import Embeddings
from llmlab.domain.generation import Failed, Finished, FinishReason, Piece, Reading, StreamEvent
from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt
from llmlab.domain.scoring import ScoredText, joined
from llmlab.engine.gguf import read_gguf
from llmlab.engine.llama.checks import check_purpose
from llmlab.engine.log_file import LogFile
from llmlab.engine.process import WORKER, ChildProcess, Inbox, Patience, error_of
from llmlab.engine.protocol import GenerationRequest, ScoreRequest
from llmlab.engine.wire import (
    PROTOCOL,
    AnyReport,
    Cancel,
    Count,
    Counted,
    Embed,
    Embedded,
    Ended,
    Generate,
    Load,
    Loaded,
    Problem,
    Progress,
    Prompt,
    Prompted,
    Read,
    Score,
    Scored,
    Wrote,
)
from llmlab.errors import EngineError, LlmlabError, ModelError
from llmlab.words import say

CHARACTERS_PER_SECOND: Final = 100_000
"""Text that any machine can render and tokenise; longer texts get so much longer."""

_REASONS: Final[dict[str, FinishReason]] = {"stop": "stop", "length": "length", "cancelled": "cancelled"}


class ChildEngine:
    """An `Engine` in a child process.

    Args:
        log: file that gets what llama.cpp and the process say.
        command: what to run instead of the worker, for tests.
        patience: how long the process may take.
        snapshots: folder for the state of long prompts, so that they need not be read again; `None` for none.
    """

    def __init__(
        self,
        *,
        log: Path,
        command: Sequence[str] = WORKER,
        patience: Patience | None = None,
        snapshots: Path | None = None,
    ) -> None:
        self._snapshots = snapshots
        self._patience = patience or Patience()
        self._process = ChildProcess(LogFile(log), command, self._patience)
        self._loaded = False
        self._used = False
        self._answering = 0
        """Answers that have not ended."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: set[asyncio.Task[None]] = set()
        """What must come to its end even when nobody waits for it any more."""

    @property
    def alive(self) -> bool:
        """See `Engine.alive`."""
        return self._loaded and self._process.running

    async def load(self, spec: ModelSpec, progress: Callable[[float], None]) -> ModelCard:
        """See `Engine.load`; an engine loads once."""
        if self._used:
            raise EngineError(say("This engine was used before."))
        self._used = True
        if _sendable(spec.path) != spec.path:
            raise ModelError(
                say("The model's path is no valid text."), where=_sendable(spec.path), hint=say("Rename the file.")
            )
        # Damaged files are refused here, where nothing can crash.
        await asyncio.to_thread(lambda: check_purpose(read_gguf(spec.path), spec.purpose))
        progress(0.0)
        try:
            card = await self._load(spec, progress)
        except BaseException:
            # The process ends on failure and on cancellation alike; both go on to the caller.
            await self._see_through(self._process.end())
            raise
        self._loaded = True
        self._process.loading = False
        self._process.phase = say("idle")
        return card

    async def _load(self, spec: ModelSpec, progress: Callable[[float], None]) -> ModelCard:
        hello = await self._process.start()
        if hello.protocol != PROTOCOL:
            raise EngineError(
                say("The engine process belongs to another version of llmlab."),
                where=hello.build,
                hint=say("Install llmlab again."),
            )
        self._process.phase = say("loading the model")
        self._process.loading, self._process.servers = True, spec.rpc
        folder = _sendable(str(self._snapshots)) if self._snapshots else ""
        command = Load(id=self._process.new_id(), spec=spec, snapshots=folder)
        inbox = self._process.ask(command)
        try:
            while True:
                report = await inbox.get()
                if isinstance(report, Progress):
                    progress(min(max(report.fraction, 0.0), 1.0))
                elif isinstance(report, Loaded):
                    return report.card
                else:
                    raise error_of(report)
        finally:
            self._process.forget(command.id)

    async def prompt(self, messages: Sequence[ChatMessage], options: PromptOptions) -> RenderedPrompt:
        """See `Engine.prompt`; a template that does not finish costs the process its life."""
        given = tuple(ChatMessage(item.role, _sendable(item.text), _sendable(item.thinking)) for item in messages)
        wanted = PromptOptions(options.thinking, _sendable(options.prefill))
        length = sum(len(item.text) + len(item.thinking) for item in given)
        command = Prompt(id=self._process.new_id(), messages=given, options=wanted)
        report = await self._answer(command, self._patience.prompt + length / CHARACTERS_PER_SECOND)
        if isinstance(report, Prompted):
            return report.prompt
        raise error_of(report)

    async def count(self, texts: Sequence[str]) -> list[int]:
        """See `Engine.count`."""
        command = Count(id=self._process.new_id(), texts=tuple(map(_sendable, texts)))
        length = sum(map(len, texts))
        report = await self._answer(command, self._patience.prompt + length / CHARACTERS_PER_SECOND)
        if isinstance(report, Counted) and len(report.counts) == len(texts):
            return list(report.counts)
        raise error_of(report)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        """See `Engine.generate`."""
        stops = tuple(map(_sendable, request.sampling.stop or ()))
        command = Generate(
            id=self._process.new_id(),
            tokens=request.tokens,
            sampling=replace(request.sampling, stop=stops),
            samples=request.samples,
            lora=request.lora,
            logprobs=request.logprobs,
            grammar=None if request.grammar is None else _sendable(request.grammar),
            schema=None if request.schema is None else _sendable(request.schema),
        )
        running = set(range(request.samples))
        inbox = self._process.ask(command)
        self._count_answers(1)
        try:
            while running:
                event = _event_of(await inbox.get())
                if event is None or event.sample not in running:
                    continue
                if isinstance(event, Finished | Failed):
                    running.discard(event.sample)
                yield event
        except LlmlabError as error:
            for sample in sorted(running):
                running.discard(sample)
                yield Failed(error.what, error.where, error.hint, sample)
        finally:
            await self._see_through(self._finish(command, inbox, running))

    async def score(
        self, request: ScoreRequest, progress: Callable[[float], None] = lambda _share: None
    ) -> list[ScoredText]:
        """See `Engine.score`."""
        texts = tuple(_sendable(text) if isinstance(text, str) else text for text in request.texts)
        before = _sendable(request.prompt) if isinstance(request.prompt, str) else request.prompt
        command = Score(id=self._process.new_id(), texts=texts, prompt=before, top=request.top, lora=request.lora)
        running = set(range(len(texts)))
        parts: list[list[ScoredText]] = [[] for _ in texts]
        shares = [0.0] * len(texts)
        inbox = self._process.ask(command)
        self._count_answers(1)
        try:
            while running:
                report = await inbox.get()
                if isinstance(report, Scored):
                    parts[report.sample].append(report.text)
                    if report.done:
                        running.discard(report.sample)
                elif isinstance(report, Read):
                    shares[report.sample] = report.done / report.total if report.total else 0.0
                    progress(sum(shares) / len(shares))
                else:
                    if isinstance(report, Problem):
                        running.discard(report.sample)
                    raise error_of(report)
        finally:
            await self._see_through(self._finish(command, inbox, running))
        return [joined(text) for text in parts]

    async def embed(self, texts: Sequence[str], progress: Callable[[int], None] = lambda _done: None) -> Embeddings:
        """See `Engine.embed`."""
        command = Embed(id=self._process.new_id(), texts=tuple(map(_sendable, texts)))
        running = {0}
        vectors: list[array[float]] = []
        tokens: list[int] = []
        inbox = self._process.ask(command)
        self._count_answers(1)
        try:
            while True:
                report = await inbox.get()
                if not isinstance(report, Embedded):
                    running.clear()
                    raise error_of(report)
                vectors += map(_floats, report.vectors)
                tokens += report.tokens
                progress(len(vectors))
                if report.done:
                    running.clear()
                    return Embeddings(tuple(vectors), tuple(tokens), report.pooling, report.declared)
        finally:
            await self._see_through(self._finish(command, inbox, running))

    async def ended(self) -> LlmlabError:
        """See `Engine.ended`."""
        return await self._process.ended()

    async def close(self) -> None:
        """See `Engine.close`."""
        self._used = True
        await self._see_through(self._process.end(gently=True))

    async def _finish(self, command: Generate | Score | Embed, inbox: Inbox, running: set[int]) -> None:
        """Stop what still runs of an answer; a process that does not obey is ended."""
        try:
            if running and self._process.running:
                self._process.send(Cancel(id=command.id))
                await asyncio.wait_for(_run_out(inbox, running), self._patience.cancel)
        except LlmlabError:
            # It died meanwhile, which stops the answer as well.
            return
        except asyncio.TimeoutError:
            self._process.fail(say("it did not stop when it was told to"))
            await self._process.end()
        finally:
            self._process.forget(command.id)
            self._count_answers(-1)

    def _count_answers(self, change: int) -> None:
        self._answering += change
        if self._answering:
            self._process.phase = say("answering")
            self._idle.clear()
        else:
            self._process.phase = say("idle")
            self._idle.set()

    async def _see_through(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for `work`, which goes on when the wait is cancelled."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    async def _answer(self, command: Prompt | Count, seconds: float) -> AnyReport:
        """The answer to a command; a process that owes it for `seconds` while it writes no answer is ended."""
        inbox = self._process.ask(command)
        answer = asyncio.ensure_future(inbox.get())
        try:
            while not answer.done():
                await _idle_or_answered(self._idle, answer)
                await asyncio.wait({answer}, timeout=seconds)
                if not answer.done() and self._idle.is_set():
                    error = _overdue(command, seconds)
                    self._process.fail(error.what)
                    await self._see_through(self._process.end())
                    raise error
            return answer.result()
        finally:
            answer.cancel()
            self._process.forget(command.id)


async def _idle_or_answered(idleness: asyncio.Event, answer: asyncio.Future[AnyReport]) -> None:
    """Wait until nothing is being written, or the answer is there."""
    idle = asyncio.ensure_future(idleness.wait())
    try:
        waiting: set[asyncio.Future[Any]] = {answer, idle}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        idle.cancel()


async def _run_out(inbox: Inbox, running: set[int]) -> None:
    """Take reports until every sample has ended."""
    while running:
        report = await inbox.get()
        if isinstance(report, Ended | Problem) or (isinstance(report, Scored) and report.done):
            running.discard(report.sample)
        elif isinstance(report, Embedded) and report.done:
            running.clear()


def _event_of(report: AnyReport) -> StreamEvent | None:
    """The stream event that a report stands for, if it does."""
    match report:
        case Read(done=done, total=total, reused=reused, sample=sample):
            return Reading(done, total, reused, sample)
        case Wrote(text=text, tokens=tokens, sample=sample, info=info, ids=ids, loose=loose):
            return Piece(text, tokens, sample, info, ids, loose)
        case Ended(reason=reason, usage=usage, timing=timing, sample=sample, ids=ids):
            return Finished(_REASONS.get(reason, "stop"), usage, timing, sample, ids)
        case Problem(what=what, where=where, hint=hint, sample=sample):
            return Failed(what, where, hint, sample)
    return None


def _overdue(command: Prompt | Count, seconds: float) -> EngineError:
    """The error of a command that got no answer."""
    if isinstance(command, Prompt):
        return EngineError(
            say(
                "The prompt was not ready after {seconds:.0f} s: the chat template does not seem to end.",
                seconds=seconds,
            ),
            where=say("chat template"),
            hint=say('Set chat_template = "chatml" in the model\'s table, or another named template.'),
        )
    return EngineError(
        say("The engine did not answer within {seconds:.0f} s.", seconds=seconds),
        hint=say("The next request starts it anew."),
    )


def _floats(data: bytes) -> array[float]:
    """The numbers of a vector as the wire has it."""
    numbers = array("f", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _sendable(text: str) -> str:
    """`text` without lone surrogates, which no encoding can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
