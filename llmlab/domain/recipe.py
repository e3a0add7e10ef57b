"""The recipe: one immutable value that says everything an answer depends on besides the conversation."""

from __future__ import annotations

from dataclasses import dataclass, field

from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.sampling import DEFAULTS, Sampling


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

    @property
    def system_prompt(self) -> str | None:
        """The system prompt that holds; an empty one is none."""
        return (self.model.system if self.system is None else self.system) or None

    @property
    def thinks(self) -> bool | None:
        """The thinking switch that holds; `None` leaves it to the chat template."""
        return self.model.thinking if self.thinking is None else self.thinking

    def complete_sampling(self, card: ModelCard, seed: int) -> Sampling:
        """Settings with nothing left open: the user's, the table's, the file's, llama.cpp's, in this order."""
        wished = self.sampling.over(self.model.sampling)
        return wished.over(card.sampling).over(DEFAULTS).over(Sampling(seed=seed))
