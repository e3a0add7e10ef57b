"""A model behind an OpenAI-compatible server, as an `Engine`: nothing runs here, and everything is sent there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Final

import msgspec

from llmlab.domain.biases import parse_biases
from llmlab.domain.embedding import Embeddings
from llmlab.domain.generation import Failed, Finished, Reading, StreamEvent
from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt
from llmlab.domain.remote import Remote
from llmlab.domain.scoring import ScoredText
from llmlab.engine.protocol import GenerationRequest, ScoreRequest
from llmlab.engine.remote.answer import Answer
from llmlab.engine.remote.card import card_of
from llmlab.engine.remote.chat import Chunk, body_of, chunk_of, reason_in
from llmlab.engine.remote.events import EventReader, TooLong
from llmlab.engine.remote.http import Broken, Exchange, Head
from llmlab.engine.remote.problems import broken, refused, unreadable
from llmlab.engine.remote.prompt_code import estimate, messages_of, rendered
from llmlab.engine.remote.server import Server, chosen
from llmlab.errors import EngineDied, EngineError, LlmlabError, ModelError
from llmlab.words import say

TRIES: Final = 4
"""Times that a request is sent which the server is too busy for."""
LONGEST_WAIT: Final = 30.0
"""Seconds between two of them at the most."""
BUSY: Final = (429, 503)
"""What a server says that has too much to do, or is still loading its model."""
DISPENSABLE: Final = frozenset({"stream_options", "seed"})
"""Keys that are always sent, and without which there is an answer as well."""
TOLD: Final = (400, 422)
"""What a server says that does not know a key."""


class RemoteEngine:
    """An `Engine` that asks a server."""

    def __init__(self, connect_s: float = 10.0, pause_s: float = 1.0) -> None:
        """Prepare; nothing is connected to.

        Args:
            connect_s: seconds until a server that cannot be reached is given up.
            pause_s: seconds until a busy server is asked a second time; each further time twice as long.
        """
        self._connect_s, self._pause_s = connect_s, pause_s
        self._server: Server | None = None
        self._remote = Remote(url="")
        self._model = ""
        self._over = asyncio.Event()
        self._why: LlmlabError | None = None
        self._places = asyncio.Semaphore(1)
        self._unknown: set[str] = set()
        """Keys that the server does not take, and that an answer can do without."""

    @property
    def alive(self) -> bool:
        """See `Engine.alive`; a server that could not be reached is asked anew by the next load."""
        return bool(self._model) and not self._over.is_set()

    async def load(self, spec: ModelSpec, progress: Callable[[float], None]) -> ModelCard:
        """See `Engine.load`: asks the server for its models, which tells whether it is there and takes the key.

        Raises:
            ModelError: the key is not there or not taken, or the server has no such model.
            EngineError: it cannot be reached, or answers with something else.
        """
        if spec.remote is None:
            raise ModelError(say("This model is a file."), where=spec.path)
        self._remote = remote = spec.remote
        self._places = asyncio.Semaphore(remote.parallel)
        self._server = server = Server(remote, self._connect_s)
        progress(0.0)
        listed = chosen(await server.listed(), remote)
        self._model = remote.model or (listed.id if listed else "")
        return card_of(spec, remote, self._model, listed.window if listed else None, has_key=bool(server.key))

    async def prompt(self, messages: Sequence[ChatMessage], options: PromptOptions) -> RenderedPrompt:
        """See `Engine.prompt`; its scaffold and its tokens stand for those of the server, which tells neither."""
        return rendered(messages, options)

    async def count(self, texts: Sequence[str]) -> list[int]:
        """See `Engine.count`; an estimate."""
        return [estimate(text) for text in texts]

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        """See `Engine.generate`; each sample is a request of its own."""
        arrived: asyncio.Queue[StreamEvent] = asyncio.Queue()
        tasks = [
            asyncio.create_task(self._sample(request, sample, arrived.put_nowait)) for sample in range(request.samples)
        ]
        running = request.samples
        try:
            while running:
                event = await arrived.get()
                running -= isinstance(event, Finished | Failed)
                yield event
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def score(
        self, request: ScoreRequest, progress: Callable[[float], None] = lambda _share: None
    ) -> list[ScoredText]:
        """See `Engine.score`; the protocol has nothing for it."""
        raise EngineError(
            say("A model behind a server cannot tell how likely a given text is."),
            where=self._remote.host,
            hint=say("Use a model file, or a scorer that reads the answer."),
        )

    async def embed(self, texts: Sequence[str], progress: Callable[[int], None] = lambda _done: None) -> Embeddings:
        """See `Engine.embed`; documents stay on this machine unless a question sends their passages."""
        raise ModelError(
            say("A model behind a server makes no vectors here."),
            where=self._remote.host,
            hint=say("Use an embedding model in a file."),
        )

    async def ended(self) -> LlmlabError:
        """See `Engine.ended`."""
        await self._over.wait()
        return self._why or EngineDied(say("The engine stopped."), hint=say("Send again to start it anew."))

    async def close(self) -> None:
        """See `Engine.close`."""
        self._over.set()
        if self._server is not None:
            self._server.close()

    async def _sample(self, request: GenerationRequest, sample: int, tell: Callable[[StreamEvent], None]) -> None:
        """One answer, told event by event; its terminal event comes last, whatever happens."""
        end: Finished | Failed = Failed(say("The engine ended the answer without saying why."), sample=sample)
        try:
            body = self._body(request, sample)
            tell(Reading(0, len(request.tokens), 0, sample))
            async with self._places:
                server = self._running()
                end = await self._answered(server, body, Answer(sample, len(request.tokens)), tell)
        except Broken as error:
            end = self._failed(broken(error, self._remote), sample)
        except LlmlabError as error:
            end = self._failed(error, sample)
        finally:
            tell(end)

    def _failed(self, error: LlmlabError, sample: int) -> Failed:
        if isinstance(error, EngineDied):
            self._why = error
            self._over.set()
        return Failed(error.what, error.where, error.hint, sample)

    def _running(self) -> Server:
        """The server, while it is one.

        Raises:
            EngineDied: it could not be reached, or the engine was closed.
        """
        if self._server is None or not self.alive:
            raise self._why or EngineDied(say("The engine stopped."), hint=say("Send again to start it anew."))
        return self._server

    def _body(self, request: GenerationRequest, sample: int) -> dict[str, Any]:
        """What is sent.

        Raises:
            EngineError: the request holds what the protocol has no word for.
        """
        try:
            biases = parse_biases(request.sampling.logit_bias or "")
        except ValueError as error:
            raise EngineError(f"logit_bias: {error}", hint=say("Change it, or take it out.")) from None
        lacking = [
            what
            for what, asked in (
                (say("a grammar"), request.grammar),
                (say("bias for a text, only for ids"), any(isinstance(bias.token, str) for bias in biases)),
                (say("LoRA adapters"), request.lora),
            )
            if asked
        ]
        if lacking:
            raise EngineError(
                say("A model behind a server takes no {what}.", what=", ".join(lacking)),
                where=self._remote.host,
                hint=say("Take it out, use a JSON schema instead of a grammar, or a model file."),
            )
        try:
            messages, options = messages_of(request.tokens)
            return body_of(request, sample, self._model, messages, options)
        except ValueError:
            raise EngineError(
                say("This prompt or schema cannot be sent to a server."),
                where=self._remote.host,
                hint=say("It was made for a model in a file; ask anew."),
            ) from None

    async def _answered(
        self, server: Server, body: dict[str, Any], answer: Answer, tell: Callable[[StreamEvent], None]
    ) -> Finished | Failed:
        """Send a request, again where the server is too busy or does not know a key, and tell its pieces.

        Raises:
            Broken: the exchange did not come to its end.
            LlmlabError: the server refuses.
        """
        spared: set[str] = set()
        for attempt in range(TRIES):
            sent = {key: value for key, value in body.items() if key not in spared | self._unknown}
            with server.exchange("chat/completions", sent) as exchange:
                head = await exchange.head()
                if head.status == 200:
                    return await self._read(server, exchange, head, answer, tell)
                said = await server.reason(exchange)
            if head.status in TOLD and (unknown := _spared(said, sent)):
                spared |= unknown
                self._unknown |= unknown & DISPENSABLE
            elif head.status in BUSY and attempt < TRIES - 1 and not self._over.is_set():
                await self._pause(head, attempt)
            else:
                break
        raise refused(head, said, self._remote, self._model)

    async def _read(
        self, server: Server, exchange: Exchange, head: Head, answer: Answer, tell: Callable[[StreamEvent], None]
    ) -> Finished | Failed:
        """The answer of a server that gives one."""
        whole = head.kind == "application/json"
        try:
            async with aclosing(_whole(exchange) if whole else _events(exchange)) as events:
                async for data in events:
                    if data.strip() == b"[DONE]":
                        break
                    if not data.strip():
                        continue
                    for piece in answer.pieces(_sound(chunk_of(data), server)):
                        tell(piece)
        except (msgspec.DecodeError, UnicodeDecodeError, TooLong) as error:
            raise unreadable(self._remote, server.shown(str(error) or type(error).__name__)) from None
        except Broken:
            # What is told after the end is figures, and an answer without them is an answer.
            if not answer.reason:
                raise
        if not answer.reason:
            raise Broken("closed")
        return answer.end()

    async def _pause(self, head: Head, attempt: int) -> None:
        """Leave a busy server alone for a while; ends at once when the engine is closed."""
        wanted = float(head.retry_after) if head.retry_after.isdecimal() else self._pause_s * 2**attempt
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._over.wait(), min(wanted, LONGEST_WAIT))


def _spared(said: str, sent: Mapping[str, Any]) -> set[str]:
    """The keys that a server complains of and that nobody asked for; what somebody did is refused, not left out."""
    # An answer in a form is asked for without thinking before it; a server that knows no such switch may do without.
    switch = sent.get("chat_template_kwargs") == {"enable_thinking": False} and "response_format" in sent
    return {key for key in (*DISPENSABLE, *(["chat_template_kwargs"] if switch else [])) if key in sent and key in said}


def _sound(chunk: Chunk, server: Server) -> Chunk:
    """`chunk`, unless it tells of a failure.

    Raises:
        EngineError: it does.
    """
    if not chunk.error:
        return chunk
    said, host = server.shown(reason_in({"error": chunk.error})), server.remote.host
    raise EngineError(
        say("The server failed in the middle of the answer."),
        where=say("{host} said: {reason}", host=host, reason=said) if said else host,
        hint=say("Its own log may say why; try again."),
    )


async def _events(exchange: Exchange) -> AsyncGenerator[bytes, None]:
    reader = EventReader()
    async for piece in exchange.pieces():
        for data in reader.feed(piece):
            yield data
    for data in reader.end():
        yield data


async def _whole(exchange: Exchange) -> AsyncGenerator[bytes, None]:
    """The one object of a server that does not stream."""
    yield b"".join([piece async for piece in exchange.pieces()])
