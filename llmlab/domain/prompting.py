"""What a chat template is given and what comes out: messages in, text with its origins and tokens out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llmlab.domain.reasoning import THINK, Marks

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message as the template sees it; its text is content and never becomes a control token."""

    role: Role
    text: str
    thinking: str = ""
    """Reasoning of an assistant message; the template decides whether it is shown to the model again."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a rendered prompt and where it comes from."""

    start: int
    """Offset into the text, in characters."""
    end: int
    message: int
    """Index of the message whose content this is; -1 for the template's scaffold."""
    tokens: int
    """Tokens that begin in this stretch."""


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """Exactly what the model is given."""

    text: str
    """Rendered by the model's chat template, control tokens written out."""
    tokens: tuple[int, ...]
    spans: tuple[Span, ...]
    """Cover `text` without gap or overlap, in order."""
    in_thinking: bool = False
    """The prompt ends inside a thinking block that the template opened."""
    offsets: tuple[int, ...] = ()
    """Where each token begins in `text`, in characters; ascending."""
    marks: Marks = THINK
    """How the model fences its thinking."""


@dataclass(frozen=True, slots=True)
class PromptOptions:
    """How a prompt ends."""

    thinking: bool | None = None
    """`enable_thinking` of the template; `None` leaves it out, so that the template's default holds."""
    prefill: str = ""
    """Text that the answer already has (continue): it follows the generation prompt as content."""
