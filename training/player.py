"""Answers from one GGUF through llmlab's own engine, many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from llmlab.domain.generation import Failed, Finished, Piece
from llmlab.domain.model import ModelSpec, Rope
from llmlab.domain.prompting import ChatMessage, PromptOptions, Role
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.protocol import GenerationRequest
from llmlab.errors import LlmlabError
from training.sample import Turn

LANES = 16
"""Prompts that are answered together."""
_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}


@dataclass(frozen=True, slots=True)
class Ask:
    """One prompt and how to answer it."""

    turns: tuple[Turn, ...]
    """The conversation up to the question."""
    thinking: bool = False
    temperature: float = 0.0
    """0 is greedy."""
    samples: int = 1
    seed: int = 0
    max_tokens: int = 200


@dataclass(frozen=True, slots=True)
class Said:
    """One answer."""

    text: str
    """As the model wrote it, a thinking block included."""
    ended: bool
    """It ended by itself."""


class Player:
    """One model and how it is loaded; every `answer` starts an engine process and ends it."""

    def __init__(self, path: Path, *, threads: int = 0, window: int = 1024, rope: Rope | None = None) -> None:
        self._spec = ModelSpec(
            name=path.stem, path=str(path.absolute()), n_ctx=window, rope=rope or Rope(), n_threads=threads or "auto"
        )

    def answer(self, asks: Sequence[Ask]) -> list[list[Said]]:
        """Answer every prompt, each with its samples in order."""
        return asyncio.run(self._answer(asks))

    async def _answer(self, asks: Sequence[Ask]) -> list[list[Said]]:
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            engine = ChildEngine(log=Path(folder) / "engine.log")
            try:
                await engine.load(self._spec, lambda _share: None)
                lanes = asyncio.Semaphore(LANES)
                return await asyncio.gather(*(_one(engine, lanes, ask) for ask in asks))
            finally:
                await engine.close()


async def _one(engine: ChildEngine, lanes: asyncio.Semaphore, ask: Ask) -> list[Said]:
    messages = [ChatMessage(_ROLES[turn.role], turn.text) for turn in ask.turns]
    async with lanes:
        prompt = await engine.prompt(messages, PromptOptions(thinking=ask.thinking))
        # No other sampler may interfere: what is measured is the model's own distribution.
        plain = Sampling(top_k=0, top_p=1.0, min_p=0.0, temperature=ask.temperature, seed=ask.seed)
        sampling = Sampling(max_tokens=ask.max_tokens).over(plain.over(DEFAULTS))
        texts, ended = [""] * ask.samples, [False] * ask.samples
        async for event in engine.generate(GenerationRequest(prompt.tokens, sampling, ask.samples)):
            if isinstance(event, Piece):
                texts[event.sample] += event.text
            elif isinstance(event, Finished):
                ended[event.sample] = event.reason == "stop"
            elif isinstance(event, Failed):
                raise LlmlabError(event.what, where=event.where, hint=event.hint)
        return [Said(text, end) for text, end in zip(texts, ended, strict=True)]
