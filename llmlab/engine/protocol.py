"""The engine as the services know it: load, describe, prompt, count, generate, close."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from llmlab.domain.embedding import Embeddings
from llmlab.domain.generation import StreamEvent
from llmlab.domain.model import AdapterScales, ModelCard, ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt
from llmlab.domain.sampling import Sampling
from llmlab.domain.scoring import ScoredText
from llmlab.errors import LlmlabError


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One prompt and how to go on from it."""

    tokens: tuple[int, ...]
    """The prompt, as `Engine.prompt` gave it."""
    sampling: Sampling = field(default_factory=Sampling)
    """Complete settings: every field but `max_tokens` set, `seed` among them."""
    samples: int = 1
    """Answers to draw from the one prompt; sample i uses seed + i."""
    lora: AdapterScales | None = None
    """Adapters of the model by name, with their scales, those left out at 0; `None` is as the model's spec says."""
    logprobs: int | None = None
    """Tell how likely each token was, with this many of the likeliest, 0 to 100; `None` tells nothing."""
    grammar: str | None = None
    """GBNF text that the answer follows; not beside `schema`."""
    schema: str | None = None
    """JSON schema, as text, that the answer follows."""


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """Texts whose likelihood is asked, each by itself after the same beginning."""

    texts: tuple[str | tuple[int, ...], ...]
    """Each as text, which is tokenised as content, or as tokens."""
    prompt: str | tuple[int, ...] = ()
    """What comes before each of them: text, which is tokenised together with each, or tokens from `Engine.prompt`.

    Where a token spans the end of the prompt's text, as a space and the word after it do, it is scored whole. Without a
    prompt it is the model's BOS, if it wants one.
    """
    top: int = 0
    """How many of the likeliest tokens are told at each place, 0 to 100."""
    lora: AdapterScales | None = None
    """As in `GenerationRequest`."""


class Engine(Protocol):
    """One model in one process. Every verb raises `EngineError` or `ModelError`, never anything else."""

    @property
    def alive(self) -> bool:
        """The process runs and a model is loaded."""

    async def load(self, spec: ModelSpec, progress: Callable[[float], None]) -> ModelCard:
        """Start the process and load the model; `progress` is called with the share loaded, 0 to 1.

        Cancelling the task stops the load and ends the process.

        Raises:
            ModelError: the file or its settings cannot be used; the message holds llama.cpp's own reason.
            EngineError: the process could not be started, or died.
        """
        ...

    async def prompt(self, messages: Sequence[ChatMessage], options: PromptOptions) -> RenderedPrompt:
        """Render `messages` by the model's chat template and tokenise them, content never as control tokens.

        Raises:
            ModelError: the template fails on these messages, with its reason.
        """
        ...

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, as content."""
        ...

    def generate(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes: events of every sample, exactly one terminal event a sample.

        Closing the iterator cancels. A dead process ends the stream with `Failed`; it does not raise.
        """
        ...

    async def score(
        self, request: ScoreRequest, progress: Callable[[float], None] = lambda _share: None
    ) -> list[ScoredText]:
        """How likely the model finds each token of each text, in order; cancelling the task stops it.

        Args:
            request: the texts and what comes before them.
            progress: called with the share that is done, 0 to 1.

        Raises:
            EngineError: a text has nothing to score, does not fit the window, or the process died.
        """
        ...

    async def embed(self, texts: Sequence[str], progress: Callable[[int], None] = lambda _done: None) -> Embeddings:
        """Each text as a vector of length 1, in order; cancelling the task stops it.

        Args:
            texts: never cut; what an embedding model wants in front of them (`query: `) is part of them.
            progress: called with how many are done.

        Raises:
            ModelError: the model gives no vectors.
            EngineError: a text is empty or longer than the model reads, or the process died.
        """
        ...

    async def ended(self) -> LlmlabError:
        """Wait until the process of a loaded engine has ended, by itself or by `close`; why it did."""
        ...

    async def close(self) -> None:
        """End the process and return its memory; never raises, may be called twice."""
        ...


EngineFactory = Callable[[], Engine]
"""Makes an engine that is not loaded yet."""
