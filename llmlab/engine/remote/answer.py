"""An answer that comes from a server, chunk by chunk: its text with thinking marked, its figures, its end."""

from __future__ import annotations

import time
from collections.abc import Iterator

from llmlab.domain.generation import Failed, Finished, FinishReason, Piece, Timing, Usage
from llmlab.domain.reasoning import THINK_CLOSE, THINK_OPEN
from llmlab.engine.remote.chat import Choice, Chunk, Delta, UsageTold, infos_of
from llmlab.words import say


class Answer:
    """One sample in the making."""

    def __init__(self, sample: int, prompt: int) -> None:
        """Begin.

        Args:
            sample: which one it is.
            prompt: tokens of the prompt, as estimated.
        """
        self._sample, self._prompt = sample, prompt
        self._began = time.monotonic()
        self._first = self._last = 0.0
        self._drawn = 0
        self._thinks = False
        self._usage: UsageTold | None = None
        self.reason = ""
        """Why the server says that it ended; empty while it has not said."""

    def pieces(self, chunk: Chunk) -> Iterator[Piece]:
        """The text that a chunk brings."""
        self._usage = chunk.usage or self._usage
        for choice in (chunk.choices or ())[:1]:
            yield from self._of(choice)
            self.reason = choice.finish_reason or self.reason

    def _of(self, choice: Choice) -> Iterator[Piece]:
        delta = choice.delta or choice.message or Delta()
        info = infos_of(choice.logprobs)
        text = self._thought(delta.reasoning_content or delta.reasoning or "") + self._said(delta.content or "")
        if not text and not info:
            return
        now = time.monotonic()
        self._first, self._last = self._first or now, now
        tokens = max(1, len(info))
        self._drawn += tokens
        yield Piece(text, tokens, self._sample, info)

    def _thought(self, text: str) -> str:
        if not text or self._thinks:
            return text
        self._thinks = True
        return f"{THINK_OPEN}\n{text}"

    def _said(self, text: str) -> str:
        if not text or not self._thinks:
            return text
        self._thinks = False
        return f"\n{THINK_CLOSE}\n\n{text}"

    def end(self) -> Finished | Failed:
        """Its terminal event."""
        if self.reason == "content_filter":
            return Failed(
                say("The server withheld the rest of the answer."),
                hint=say("Its filter did that; ask in other words, or another model."),
                sample=self._sample,
            )
        told = self._usage or UsageTold()
        prompt = _counted(told.prompt_tokens, self._prompt)
        details = told.prompt_tokens_details
        reused = min(prompt, _counted(details.cached_tokens if details else None, 0))
        generated = _counted(told.completion_tokens, self._drawn)
        first_s = self._first - self._began if self._first else time.monotonic() - self._began
        decode_s = self._last - self._first
        timing = Timing(
            prefill_s=first_s,
            first_token_s=first_s if self._first else 0.0,
            decode_s=decode_s,
            tokens_per_s=(generated - 1) / decode_s if generated > 1 and decode_s > 0 else 0.0,
        )
        reason: FinishReason = "length" if self.reason == "length" else "stop"
        return Finished(reason, Usage(prompt, reused, generated), timing, self._sample)


def _counted(told: int | None, otherwise: int) -> int:
    return told if told is not None and told >= 0 else otherwise
