"""Fills a batch with what all running answers need next, within what one step may cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from llmlab.engine.llama.answer import Answer
from llmlab.engine.llama.context import Context

READ_ALONE: Final = 3.0
"""Seconds that a step may take while all answers still read: what progress and patience allow."""
READ_BESIDE: Final = 0.25
"""Seconds that reading may add to a step while somebody writes."""
SMALLEST_READ: Final = 64
"""Tokens of a prompt that are read at once at least; fewer waste the matrix kernels."""
WATCHED: Final = 0.05
"""Steps that are expected to take longer, in seconds, ask whether to give up."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one answer has in a batch."""

    answer: Answer
    start: int
    """Tokens of it that were in memory before."""
    count: int
    row: int
    """Batch entry of its last token."""
    draws: bool
    """Output is wanted: a token is drawn after this step, or given ones are measured."""
    guessed: int = 0
    """Of the `count` tokens, those at the end that are guessed: they stay when they are drawn."""


def recover(context: Context, share: Share) -> None:
    """After an abort: find out what of the answer is still in memory."""
    answer = share.answer
    kept = min(context.length(answer.slot), share.start + share.count)
    # An output that was computed before the abort is lost: its token is computed once more.
    kept = min(kept, answer.outputs_from)
    if not answer.writing:
        kept -= kept % context.grain
    answer.evaluated = kept if context.truncate(answer.slot, kept) else 0


class Packer:
    """Packs one batch after the other for one context, and learns what they cost."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._read_speed = 0.0
        """Prompt tokens a second; 0 until the first step that read."""
        self._wrote_for = 0.0
        """Seconds of the last step that only wrote."""

    def expected(self, reads: int) -> float:
        """Seconds that a step may take which reads `reads` tokens of prompts."""
        if not reads:
            return self._wrote_for
        return reads / self._read_speed if self._read_speed else WATCHED * 2

    def measure(self, seconds: float, reads: int) -> None:
        """A step that read `reads` tokens of prompts took `seconds`."""
        if reads:
            speed = reads / max(seconds, 1e-6)
            self._read_speed = (self._read_speed + speed) / 2 if self._read_speed else speed
        else:
            self._wrote_for = seconds

    def pack(self, running: Sequence[Answer]) -> list[Share]:
        """Fill the batch: a token for each answer that writes, then prompts as far as room and time allow."""
        shares: list[Share] = []
        row = 0
        readers = []
        for answer in running:
            if answer.writing:
                shares.append(self._put(answer, 1, row) if not len(answer.guesses) else self._put_guesses(answer, row))
                row += shares[-1].count
            else:
                readers.append(answer)
        if not readers:
            return shares
        room, outputs = self._room(beside=row), self._context.outputs - row
        readers.sort(key=lambda answer: answer.pending)
        for index, answer in enumerate(readers):
            # Shortest first, each at most an equal part of what is left: short prompts do not wait for long ones.
            count = self._count(answer, -(-room // (len(readers) - index)), outputs)
            if count > 0:
                shares.append(self._put(answer, count, row))
                row += count
                room -= count
                outputs -= max(0, shares[-1].start + count - answer.outputs_from)
        return shares

    def _count(self, answer: Answer, fair: int, outputs: int) -> int:
        """Tokens of its prompt that `answer` reads in this step, `fair` being its part of the room.

        At most `outputs` of them may be such whose output is wanted.
        """
        grain = self._context.grain
        # Pieces that depend on nothing but the prompt: then so do their sums, to the last bit.
        most = min(self._context.n_ubatch, fair) if grain == 1 else grain - answer.evaluated % grain
        stop = answer.mark - answer.evaluated if answer.mark else answer.pending
        return min(answer.pending, most, stop, answer.outputs_from + outputs - answer.evaluated)

    def _room(self, beside: int) -> int:
        """Prompt tokens that one step may read, `beside` answers that write."""
        context = self._context
        most = (context.n_ubatch - beside) if beside else context.n_batch
        wish = self._read_speed * (READ_BESIDE if beside else READ_ALONE)
        if not wish and beside:
            wish = SMALLEST_READ
        return min(most, max(SMALLEST_READ, int(wish))) if wish else most

    def _put(self, answer: Answer, count: int, row: int) -> Share:
        """Write the next `count` tokens of `answer` into the batch, from entry `row` on."""
        context, start = self._context, answer.evaluated
        outputs_from = answer.outputs_from
        draws = start + count > outputs_from
        if count == 1:
            context.tokens[row] = answer.tokens[start]
            context.positions[row] = start
            context.owners[row] = answer.slot
            context.wanted[row] = draws
            return Share(answer, start, 1, row, draws)
        end = row + count
        context.tokens[row:end] = answer.tokens[start : start + count]
        context.positions[row:end] = np.arange(start, start + count, dtype=np.int32)
        context.owners[row:end] = answer.slot
        context.wanted[row:end] = 0
        if draws:
            context.wanted[end - (start + count - max(outputs_from, start)) : end] = 1
        return Share(answer, start, count, end - 1, draws)

    def _put_guesses(self, answer: Answer, row: int) -> Share:
        """Write the token of `answer`, and those guessed after it, into the batch, from entry `row` on."""
        context, start, guessed = self._context, answer.evaluated, len(answer.guesses)
        end = row + 1 + guessed
        context.tokens[row] = answer.tokens[start]
        context.tokens[row + 1 : end] = answer.guesses
        context.positions[row:end] = np.arange(start, start + 1 + guessed, dtype=np.int32)
        context.owners[row:end] = answer.slot
        context.wanted[row:end] = 1
        return Share(answer, start, 1 + guessed, end - 1, draws=True, guessed=guessed)
