"""Reasoning modes: what each adds to a prompt, what follows the first answer, and where the final answer stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

MOST_VOTES: Final = 15
"""Answers that are drawn for one question at the most."""
BUDGET_MESSAGE: Final = (
    "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking directly now.\n"
)
"""What Qwen's authors write into thinking that is cut short (Qwen3 model card); `</think>` follows."""

Rule = Literal["whole", "after", "last_number", "first_number", "letter", "last_line", "json", "boxed"]
"""Where the final answer stands in what the model wrote."""
Taken = Literal["line", "value", "number", "letter"]
"""What is taken behind a marker: the rest of its line, the number that it begins with or else all of it, its first
number, or its first lone letter."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """How the final answer is taken out of what the model wrote."""

    rule: Rule = "whole"
    marker: str = ""
    """For `after`: the answer stands behind its last occurrence, up to the end of the line."""
    take: Taken = "line"
    """For `after`."""
    letters: str = "ABCDE"
    """The letters that `letter` knows."""
    numerals: bool = False
    """Chinese numerals count as numbers."""


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
    """What follows the first answer, one after the other."""
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
        return max(1, min(MOST_VOTES, self.mode.votes if self.votes is None else self.votes))

    @property
    def thinking_budget(self) -> int | None:
        """Tokens of native thinking at most; `None` is without end, 0 is not at all."""
        return self.mode.budget if self.budget is None else self.budget

    @property
    def thinking(self) -> bool | None:
        """The switch of native thinking that this use sets; `None` leaves it as it is."""
        return False if self.thinking_budget == 0 else self.mode.thinking

    @property
    def budget_message(self) -> str:
        """What is written into thinking whose budget is used up."""
        return self.mode.budget_message or BUDGET_MESSAGE
