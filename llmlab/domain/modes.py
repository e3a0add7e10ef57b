"""Reasoning modes: what each adds to a prompt, what follows the first answer, and where the final answer stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Rule = Literal["whole", "after", "last_number", "first_number", "letter", "last_line", "json"]
"""Where the final answer stands in what the model wrote."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """How the final answer is taken out of what the model wrote."""

    rule: Rule = "whole"
    marker: str = ""
    """For `after`: the answer stands behind its last occurrence, up to the end of the line."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What follows an answer before it counts."""

    cue: str
    kind: Literal["answer", "question"] = "answer"
    """The answer goes on after the cue, or the cue is asked as another question."""
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningMode:
    """One file of prompts/reasoning, validated."""

    name: str
    language: str
    title: str
    description: str = ""
    system: str = ""
    """Added to the system prompt."""
    question: str = ""
    """Added after the question."""
    answer: str = ""
    """What the answer begins with."""
    thinking: bool | None = None
    """Native thinking on or off; `None` leaves it as it is."""
    shot_reasoning: bool = False
    """Examples show their steps."""
    stages: tuple[Stage, ...] = ()
    votes: int = 1
    """Answers drawn; the final answer that most of them give is the one."""
    temperature: float | None = None
    """At which several answers are drawn, unless the recipe says otherwise."""
    budget: int | None = None
    """Tokens of native thinking at most."""
    budget_message: str = ""
    """Written into the thinking when its budget is used up."""
    extraction: Extraction = field(default_factory=Extraction)
    source: str = ""

    @property
    def key(self) -> str:
        """Name and language, as files are called."""
        return f"{self.name}.{self.language}"


@dataclass(frozen=True, slots=True)
class ReasoningUse:
    """A mode and what was changed about it."""

    mode: ReasoningMode
    votes: int | None = None
    budget: int | None = None

    @property
    def vote_count(self) -> int:
        """Answers to draw."""
        return max(1, self.mode.votes if self.votes is None else self.votes)
