"""The recipe: one immutable value that says everything an answer depends on besides the conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.modes import ReasoningUse
from llmlab.domain.reading import ReadingUse
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.domain.shots import ShotUse
from llmlab.domain.template import TemplateUse

OverflowPolicy = Literal["ask", "drop_turns", "fewer_examples"]
"""What happens to a prompt that does not fit: nothing is sent, the oldest turns are left out, or the last examples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What panes edit and what a prompt is made from."""

    model: ModelSpec
    system: str | None = None
    """System prompt; `None` is the model's own."""
    sampling: Sampling = field(default_factory=Sampling)
    """What the user set; the rest comes from the model's table, its metadata, then llama.cpp's defaults."""
    thinking: bool | None = None
    """Whether a model that can think does; `None` is the model's own."""
    keep_thinking: bool = False
    """The thinking of earlier answers is shown to the model again."""
    template: TemplateUse | None = None
    shots: ShotUse | None = None
    reasoning: ReasoningUse | None = None
    reading: ReadingUse | None = None
    """The documents and how they are read; their texts are kept apart, under their digests."""
    grammar: str | None = None
    """GBNF that the answer follows; not beside a schema."""
    schema: str | None = None
    """JSON schema, as text, that the answer follows."""
    overflow: OverflowPolicy = "ask"

    def over(self, base: Recipe) -> Recipe:
        """What is said here, and `base` elsewhere; the model is always the one here, a shape replaces a shape."""
        shape = self if self.grammar is not None or self.schema is not None else base
        return Recipe(
            model=self.model,
            system=base.system if self.system is None else self.system,
            sampling=self.sampling.over(base.sampling),
            thinking=base.thinking if self.thinking is None else self.thinking,
            keep_thinking=self.keep_thinking or base.keep_thinking,
            template=self.template or base.template,
            shots=self.shots or base.shots,
            reasoning=self.reasoning or base.reasoning,
            reading=self.reading or base.reading,
            grammar=shape.grammar,
            schema=shape.schema,
            overflow=base.overflow if self.overflow == "ask" else self.overflow,
        )

    @property
    def system_prompt(self) -> str | None:
        """The system prompt that holds; an empty one is none."""
        return (self.model.system if self.system is None else self.system) or None

    @property
    def thinks(self) -> bool | None:
        """The thinking switch that holds; `None` leaves it to the chat template."""
        of_mode = self.reasoning.thinking if self.reasoning else None
        if of_mode is not None:
            return of_mode
        return self.model.thinking if self.thinking is None else self.thinking

    def complete_sampling(self, card: ModelCard, seed: int) -> Sampling:
        """Settings with nothing left open: the user's, the table's, the file's, llama.cpp's, in this order."""
        use = self.reasoning
        # One answer drawn again and again would be the same: votes are drawn at the temperature of their mode.
        drawn = Sampling(temperature=use.mode.temperature) if use and use.vote_count > 1 else Sampling()
        wished = self.sampling.over(drawn).over(self.model.sampling)
        return wished.over(card.sampling).over(DEFAULTS).over(Sampling(seed=seed))
