"""The prompt of an answer that goes on where it ended: from its very tokens if they are known, else from its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmlab.domain.assembly import last_question
from llmlab.domain.card import hash_tokens
from llmlab.domain.messages import Trail
from llmlab.domain.prompting import ChatMessage
from llmlab.services.preview import Prepared, Preparing, require_room
from llmlab.services.ready import Ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What an answer goes on from."""

    prepared: Prepared
    """The prompt that ends with what was said."""
    question: str
    """The question that it answers, as it was sent."""
    asked: tuple[int, ...]
    """The prompt as it was before a word was said."""
    start: tuple[int, ...]
    """The very tokens that it goes on from; empty: it goes on from the text."""

    @property
    def trail(self) -> Trail | None:
        """`start` as it is kept."""
        return Trail(hash_tokens(self.asked), self.start[len(self.asked) :]) if self.start else None


async def resume(
    preparing: Preparing, ready: Ready, history: Sequence[ChatMessage], said: str, trail: Trail | None
) -> Resumed:
    """The prompt of an answer that goes on.

    Args:
        preparing: makes prompts.
        ready: the loaded engine, and what to ask it with.
        history: what was said before the answer, as it was sent; its question last.
        said: the text of the answer.
        trail: its tokens, if they are known.

    Raises:
        LlmlabError: the prompt cannot be made, or does not fit.
    """
    asked = (await preparing.prepare_for(ready, history, None)).prompt.tokens
    prepared = await preparing.prepare_for(ready, history, None, prefill=said)
    require_room(prepared)
    start = _beginning(asked, trail, ready.card.n_ctx)
    return Resumed(prepared=prepared, question=last_question(history), asked=asked, start=start)


def _beginning(asked: tuple[int, ...], trail: Trail | None, n_ctx: int) -> tuple[int, ...]:
    """The tokens that an answer goes on from; none where they are unknown, of another prompt, or fill the window."""
    if trail is None or trail.prompt_hash != hash_tokens(asked) or len(asked) + len(trail.ids) >= n_ctx:
        return ()
    return asked + trail.ids
