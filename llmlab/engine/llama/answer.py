"""One answer in the making: its tokens, its samplers, its text and its clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from llmlab.domain.generation import Timing, Usage
from llmlab.domain.model import AdapterScales
from llmlab.engine.llama.drawing import Drawing
from llmlab.engine.llama.measuring import Measuring
from llmlab.engine.llama.prefix import Tokens
from llmlab.engine.llama.text import AnswerText

_GROWTH: Final = 256
"""Tokens of room that are added at a time to an answer's array."""


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """Names an answer: the command that asked for it, and which of its samples it is."""

    command: int
    sample: int


class Answer:
    """The state of one answer between two steps; `tokens[:length]` is the prompt and what was written so far."""

    def __init__(
        self, key: AnswerKey, prompt: Tokens, limit: int, purpose: Drawing | Measuring, text: AnswerText, asked: float
    ) -> None:
        """Begin an answer.

        Args:
            key: its name.
            prompt: tokens of the prompt, shape (n,), at least one; shared, never written to.
            limit: tokens of prompt and answer together at which it ends with `length`.
            purpose: what its outputs are for; owned here from now on.
            text: turns its tokens into text.
            asked: clock reading when it was asked for, in seconds.
        """
        self.key = key
        self.tokens = prompt
        self.length = self.prompt = len(prompt)
        self.limit = limit
        self.purpose = purpose
        self.text = text
        self.evaluated = 0
        """Tokens whose state is in memory."""
        self.adapters: AdapterScales = ()
        """LoRA adapters that it is computed with."""
        self.mark = 0
        """Tokens after which reading stops for a moment, so that the state there can be kept; 0 for nowhere."""
        self.slot = -1
        """The sequence it occupies; -1 while it waits."""
        self.reused: int | None = None
        """Prompt tokens that were in memory when it began."""
        self.shared = 0
        """Tokens whose memory it shares with an answer that was running when it began."""
        self.guesses: Tokens = prompt[:0]
        """Tokens that may come next and are computed with the last one in the next step."""
        self.overhang = 0
        """Tokens in memory after the `evaluated` ones: guesses that did not come true, yet to be dropped."""
        self.drafted = self.accepted = 0
        """Guesses that were computed; of these, those that came true."""
        self.began = self.first = self.last = 0.0
        """Clock readings: first reading step, first token, last token."""
        self._asked = asked
        self._said = len(prompt)

    @property
    def pending(self) -> int:
        """Tokens still to be computed; one while it writes."""
        return self.length - self.evaluated

    @property
    def outputs_from(self) -> int:
        """Place of the first token whose output is still wanted: the last one, unless a given text is measured."""
        return self.purpose.next_output if isinstance(self.purpose, Measuring) else self.length - 1

    @property
    def read_alike(self) -> int:
        """Tokens that any prompt which begins with them reads in the same pieces: outputs cut the pieces of others."""
        return self.purpose.start - 1 if isinstance(self.purpose, Measuring) else self.prompt

    @property
    def generated(self) -> int:
        """Tokens written."""
        return self.length - self.prompt

    @property
    def ids(self) -> tuple[int, ...]:
        """The tokens written."""
        return tuple(self.tokens[self.prompt : self.length].tolist())

    @property
    def writing(self) -> bool:
        """The prompt is read and tokens come one by one."""
        return self.length - self.evaluated == 1 and self.length > self.prompt

    def said(self) -> list[int]:
        """The tokens whose text is shown to its end, and that were not given before."""
        if not self.text.whole:
            return []
        ids: list[int] = self.tokens[self._said : self.length].tolist()
        self._said = self.length
        return ids

    def append(self, token: int) -> None:
        """Add a token that was drawn."""
        if self.length == len(self.tokens):
            grown = np.empty(self.length + max(_GROWTH, self.length // 4), np.int32)
            grown[: self.length] = self.tokens
            self.tokens = grown
        self.tokens[self.length] = token
        self.length += 1

    def tick(self, now: float) -> None:
        """A token was drawn at `now`."""
        if not self.first:
            self.first = now
        self.last = now

    @property
    def usage(self) -> Usage:
        """Its tokens so far."""
        return Usage(self.prompt, self.reused or 0, self.generated)

    def timing(self, now: float) -> Timing:
        """Its seconds so far."""
        first = self.first or now
        decode = max(0.0, self.last - self.first)
        drawn = self.generated - 1
        return Timing(
            prefill_s=max(0.0, first - self.began) if self.began else 0.0,
            first_token_s=first - self._asked if self.first else 0.0,
            decode_s=decode,
            tokens_per_s=drawn / decode if drawn > 0 and decode > 0 else 0.0,
            drafted=self.drafted,
            accepted=self.accepted,
        )
