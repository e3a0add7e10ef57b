"""The double of the engine: says what a test wrote, when the test lets it."""

from __future__ import annotations

import asyncio
import math
import re
import zlib
from array import array
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

from llmlab.domain.embedding import Embeddings
from llmlab.domain.generation import Failed, Finished, FinishReason, Piece, Reading, StreamEvent, Timing, Usage
from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt, Span
from llmlab.domain.sampling import Sampling
from llmlab.domain.scoring import ScoredText
from llmlab.domain.tokens import Alternative, TokenInfo, TokenScore
from llmlab.engine.protocol import GenerationRequest, ScoreRequest
from llmlab.errors import EngineDied, EngineError, LlmlabError
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Say:
    """One piece of the answer; a plain string in a reply is `Say(text)`."""

    text: str
    tokens: int = 1
    info: tuple[TokenInfo, ...] = ()
    """Told when the request asks how likely tokens are."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Waits until the test sets `gate`; `reached` is set when the answer has come this far."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Fail:
    """The answer fails here; the engine lives on."""

    what: str
    where: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Die:
    """The process dies here, and with it every answer that is running."""


Step = str | Say | Hold | Fail | Die
"""What an answer does next."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer."""

    steps: tuple[Step, ...] = ("Hello", " there", ".")
    finish: FinishReason = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a `ScriptedEngine` does."""

    replies: tuple[Reply, ...] = (Reply(),)
    """One for each sample drawn, in order; the last one repeats."""
    load_error: LlmlabError | None = None
    load_hold: Hold | None = None
    """Where loading waits, half done."""
    tokens_per_s: float | None = None
    """Pace of the pieces; `None` is as fast as they are taken."""
    unit: Literal["words", "bytes"] = "words"
    """What counts as a token."""
    opens_thinking: bool = False
    """The prompt ends inside a thinking block, unless thinking is switched off."""
    logprobs: Mapping[str, float] = field(default_factory=dict)
    """What `score` says of a token, by its text without spaces around it; -1 where nothing is said."""
    n_ctx: int = 4096
    notes: tuple[str, ...] = ()


class ScriptedEngine:
    """An `Engine` without a process: chatml prompts, words as tokens, answers from a `Script`.

    `spec`, `prompts`, `requests`, `scored`, `embedded`, `cancelled` and `closed` tell a test what was asked of it.
    """

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.spec: ModelSpec | None = None
        self.prompts: list[tuple[ChatMessage, ...]] = []
        self.requests: list[GenerationRequest] = []
        self.scored: list[ScoreRequest] = []
        self.embedded: list[tuple[str, ...]] = []
        self.cancelled = 0
        """Streams that were closed before their end."""
        self.closed = False
        self._loaded = False
        self._stop = asyncio.Event()
        self._drawn = 0
        self._resident: tuple[int, ...] = ()

    @property
    def alive(self) -> bool:
        """Loaded, neither closed nor dead."""
        return self._loaded and not self._stop.is_set()

    def die(self) -> None:
        """End as a killed process does: running answers fail."""
        self._stop.set()

    async def load(self, spec: ModelSpec, progress: Callable[[float], None]) -> ModelCard:
        """See `Engine.load`; raises the script's `load_error`."""
        self.spec = spec
        progress(0.0)
        if self.script.load_hold is not None:
            progress(0.5)
            self.script.load_hold.reached.set()
            await self.script.load_hold.gate.wait()
        if self.script.load_error is not None:
            raise self.script.load_error
        if self._stop.is_set():
            raise EngineError(say("The engine was closed."))
        progress(1.0)
        self._loaded = True
        return self._card(spec)

    async def prompt(self, messages: Sequence[ChatMessage], options: PromptOptions) -> RenderedPrompt:
        """See `Engine.prompt`."""
        self._require_alive()
        self.prompts.append(tuple(messages))
        in_thinking = self.script.opens_thinking and options.thinking is not False
        stretches: list[tuple[str, int]] = []
        for index, message in enumerate(messages):
            stretches += [(f"<|im_start|>{message.role}\n", -1), (message.text, index), ("<|im_end|>\n", -1)]
        stretches.append(("<|im_start|>assistant\n" + ("<think>\n" if in_thinking else ""), -1))
        stretches.append((options.prefill, len(messages)))
        return self._rendered([item for item in stretches if item[0]], in_thinking)

    async def count(self, texts: Sequence[str]) -> list[int]:
        """See `Engine.count`."""
        self._require_alive()
        return [len(self.tokenise(text)) for text in texts]

    def tokenise(self, text: str) -> list[int]:
        """Stable token ids of `text`."""
        if self.script.unit == "bytes":
            return list(text.encode())
        return [_id_of(word) for word in self._words(text)]

    def _words(self, text: str) -> list[str]:
        """What the tokens of `text` stand for."""
        if self.script.unit == "bytes":
            return [bytes([byte]).decode("utf-8", "replace") for byte in text.encode()]
        return re.findall(r"\s*\S+|\s+$", text)

    async def score(
        self, request: ScoreRequest, progress: Callable[[float], None] = lambda _share: None
    ) -> list[ScoredText]:
        """See `Engine.score`; every token is the likeliest there is."""
        self._require_alive()
        self.scored.append(request)
        progress(1.0)
        return [self._scored(text, request) for text in request.texts]

    def _scored(self, text: str | tuple[int, ...], request: ScoreRequest) -> ScoredText:
        words = self._words(text) if isinstance(text, str) else [str(token) for token in text]
        tokens = self.tokenise(text) if isinstance(text, str) else list(text)
        known = self.script.logprobs
        scores = [
            TokenScore(
                token=token,
                text=word,
                logprob=(logprob := known.get(word.strip(), -1.0)),
                rank=1,
                entropy=0.0,
                top=(Alternative(token, word, logprob),) if request.top else (),
            )
            for token, word in zip(tokens, words, strict=True)
        ]
        unseen = 0 if request.prompt else 1
        if len(scores) <= unseen:
            raise EngineError(say("The text has no token to score."))
        before = len(self.tokenise(request.prompt) if isinstance(request.prompt, str) else request.prompt)
        written = "".join(words[unseen:])
        return ScoredText(tuple(scores[unseen:]), before or unseen, 0, len(written.encode()), len(written))

    async def embed(self, texts: Sequence[str], progress: Callable[[int], None] = lambda _done: None) -> Embeddings:
        """See `Engine.embed`; texts are alike by the words that they share."""
        self._require_alive()
        self.embedded.append(tuple(texts))
        vectors: list[array[float]] = []
        for number, text in enumerate(texts, 1):
            if not text:
                raise EngineError(say("A text is empty."))
            vectors.append(_counted([zlib.crc32(word.strip().lower().encode()) for word in self._words(text)]))
            progress(number)
        return Embeddings(tuple(vectors), tuple(len(self.tokenise(text)) for text in texts), "mean")

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        """See `Engine.generate`."""
        self.requests.append(request)
        reused = self._reuse(request.tokens)
        running = {sample: self._answer(request, sample, reused) for sample in range(request.samples)}
        try:
            while running:
                for sample, events in list(running.items()):
                    event = await anext(events)
                    if isinstance(event, Finished | Failed):
                        del running[sample]
                    yield event
        finally:
            self.cancelled += bool(running)
            for events in running.values():
                await events.aclose()

    async def ended(self) -> LlmlabError:
        """See `Engine.ended`."""
        await self._stop.wait()
        return EngineDied(say("The engine stopped."), hint=say("Send again to start it anew."))

    async def close(self) -> None:
        """See `Engine.close`."""
        self.closed = True
        self._stop.set()

    async def _answer(self, request: GenerationRequest, sample: int, reused: int) -> AsyncGenerator[StreamEvent, None]:
        total = len(request.tokens)
        reply = self._next_reply()
        limit = request.sampling.max_tokens
        generated = 0
        ids: list[int] = []
        if self.alive:
            yield Reading(total, total, reused, sample)
        for step in (*reply.steps, None):
            if isinstance(step, str | Say) and limit is not None and generated >= limit:
                break
            if isinstance(step, Hold):
                step.reached.set()
                await self._until(step.gate)
            elif isinstance(step, Die):
                self.die()
            elif isinstance(step, Fail):
                yield Failed(step.what, step.where, step.hint, sample)
                return
            elif isinstance(step, str | Say) and self.script.tokens_per_s is not None:
                await self._until(self._stop, timeout=1 / self.script.tokens_per_s)
            if not self.alive:
                yield Failed(say("The engine stopped."), hint=say("Send again to start it anew."), sample=sample)
                return
            if isinstance(step, str | Say):
                piece = Say(step) if isinstance(step, str) else step
                generated += piece.tokens
                ids += [_id_of(piece.text)] * piece.tokens
                info = () if request.logprobs is None else piece.info
                yield Piece(piece.text, piece.tokens, sample, info, tuple(ids[len(ids) - piece.tokens :]))
        cut = limit is not None and generated >= limit
        usage = Usage(total, reused, generated)
        yield Finished("length" if cut else reply.finish, usage, Timing(), sample, tuple(ids))

    async def _until(self, gate: asyncio.Event, timeout: float | None = None) -> None:
        """Wait for the gate, the end of the engine, or `timeout` seconds."""
        waits = [asyncio.ensure_future(event.wait()) for event in (gate, self._stop)]
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _next_reply(self) -> Reply:
        reply = self.script.replies[min(self._drawn, len(self.script.replies) - 1)]
        self._drawn += 1
        return reply

    def _reuse(self, tokens: tuple[int, ...]) -> int:
        """Tokens shared with the prompt before, one of them always left to read."""
        shared = 0
        for old, new in zip(self._resident, tokens[:-1], strict=False):
            if old != new:
                break
            shared += 1
        self._resident = tokens
        return shared

    def _rendered(self, stretches: Sequence[tuple[str, int]], in_thinking: bool) -> RenderedPrompt:
        tokens = tuple(token for text, _ in stretches for token in self.tokenise(text))
        spans, words = tuple(self._spans(stretches)), [word for text, _ in stretches for word in self._words(text)]
        offsets = tuple(accumulate((len(word) for word in words[:-1]), initial=0)) if words else ()
        return RenderedPrompt("".join(text for text, _ in stretches), tokens, spans, in_thinking, offsets)

    def _spans(self, stretches: Sequence[tuple[str, int]]) -> Iterator[Span]:
        start = 0
        for text, message in stretches:
            yield Span(start, start + len(text), message, len(self.tokenise(text)))
            start += len(text)

    def _require_alive(self) -> None:
        if not self.alive:
            raise EngineDied(say("The engine is not running."), hint=say("Send again to start it anew."))

    def _card(self, spec: ModelSpec) -> ModelCard:
        return ModelCard(
            name=spec.name,
            path=spec.path,
            title=spec.name,
            architecture="scripted",
            quantisation="none",
            parameters=0,
            file_bytes=0,
            n_ctx=spec.n_ctx or self.script.n_ctx,
            n_ctx_train=self.script.n_ctx,
            n_vocab=256,
            n_layer=0,
            n_gpu_layers=0,
            device="CPU",
            n_threads=1,
            build="scripted",
            template_name="chatml",
            can_think=self.script.opens_thinking,
            sampling=Sampling(),
            load_s=0.0,
            notes=self.script.notes,
        )


def _id_of(word: str) -> int:
    """A token id as llama.cpp has them: 32 bits with a sign."""
    return zlib.crc32(word.encode()) >> 1


def _counted(tokens: Sequence[int], width: int = 64) -> array[float]:
    """A vector of length 1 that counts tokens."""
    counts = [0.0] * width
    for token in tokens:
        counts[token % width] += 1.0
    length = math.sqrt(sum(count * count for count in counts)) or 1.0
    return array("f", (count / length for count in counts))
