"""An engine as one table of models.toml sees it: with its LoRA adapters at the strengths that stand there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace

from llmlab.domain.embedding import Embeddings
from llmlab.domain.generation import StreamEvent
from llmlab.domain.model import AdapterScales, ModelCard, ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt
from llmlab.domain.scoring import ScoredText
from llmlab.engine.protocol import Engine, GenerationRequest, ScoreRequest
from llmlab.errors import LlmlabError


def as_seen_by(spec: ModelSpec, engine: Engine) -> Engine:
    """`engine`, whose model was loaded with the adapters of `spec`: a request that names none gets those of `spec`."""
    return AdaptedEngine(engine, spec.adapter_scales) if spec.lora else engine


@dataclass(frozen=True, slots=True)
class AdaptedEngine:
    """An `Engine` on top of another one; two that do the same are equal."""

    engine: Engine
    scales: AdapterScales

    @property
    def alive(self) -> bool:
        """See `Engine.alive`."""
        return self.engine.alive

    async def load(self, spec: ModelSpec, progress: Callable[[float], None]) -> ModelCard:
        """See `Engine.load`."""
        return await self.engine.load(spec, progress)

    async def prompt(self, messages: Sequence[ChatMessage], options: PromptOptions) -> RenderedPrompt:
        """See `Engine.prompt`."""
        return await self.engine.prompt(messages, options)

    async def count(self, texts: Sequence[str]) -> list[int]:
        """See `Engine.count`."""
        return await self.engine.count(texts)

    def generate(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        """See `Engine.generate`."""
        return self.engine.generate(request if request.lora is not None else replace(request, lora=self.scales))

    async def score(
        self, request: ScoreRequest, progress: Callable[[float], None] = lambda _share: None
    ) -> list[ScoredText]:
        """See `Engine.score`."""
        adapted = request if request.lora is not None else replace(request, lora=self.scales)
        return await self.engine.score(adapted, progress)

    async def embed(self, texts: Sequence[str], progress: Callable[[int], None] = lambda _done: None) -> Embeddings:
        """See `Engine.embed`; the adapters are those that the model was loaded with."""
        return await self.engine.embed(texts, progress)

    async def ended(self) -> LlmlabError:
        """See `Engine.ended`."""
        return await self.engine.ended()

    async def close(self) -> None:
        """See `Engine.close`."""
        await self.engine.close()
