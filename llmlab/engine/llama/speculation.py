"""Speculative decoding: several guessed tokens of an answer are computed in one step, and kept while the model agrees.

The answer's own samplers draw at every guessed place as they would have drawn one token after the other, and a guess
stands while it is the token that is drawn (Leviathan et al. 2023, in the simplest exact form). So what is said is what
would have been said without, with a seed as well, up to last bits of numbers that depend on the rows of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from llmlab.engine.llama.answer import Answer
from llmlab.engine.llama.context import Context
from llmlab.engine.llama.drawing import Drawing, Drawn
from llmlab.engine.llama.lookup import PRIORS, Lookup
from llmlab.engine.llama.packing import Share
from llmlab.engine.llama.payoff import WIDTHS, Account, Costs, Odds, best_count

SLOWED: Final = 1.05
"""A step may take this many times longer for an answer for which nothing was guessed."""


class Speculation:
    """Decides before each step what to guess, and learns from each what it was worth."""

    def __init__(self, context: Context) -> None:
        """Prepare for the answers of `context`, whose memory can drop the end of a sequence."""
        self._context, self._threads = context, context.threads
        self._most = min(context.outputs, context.n_batch, context.n_ubatch, WIDTHS[-1])
        self._odds = Odds(PRIORS)
        self._costs = Costs()
        self._account = Account()
        self._lookups: dict[Answer, Lookup] = {}
        self._writers: list[Answer] = []

    def guess(self, running: Sequence[Answer]) -> None:
        """Set the `guesses` of all answers for the next step."""
        for answer in running:
            answer.guesses = answer.tokens[:0]
            if answer.writing:
                self._lookups.setdefault(answer, Lookup(self._odds)).follow(answer.tokens, answer.length)
        if list(running) != self._writers:
            self._writers = list(running)
            self._lookups = {answer: lookup for answer, lookup in self._lookups.items() if answer in self._writers}
            self._costs.begin()
        if self._context.threads != self._threads:
            self._threads = self._context.threads
            self._costs.forget()
        if self._costs.unit and all(answer.writing for answer in running):
            self._choose()

    def _choose(self) -> None:
        """Guess for the answers that write, as much as pays for them together and slows none of them down."""
        writers = self._writers
        room = self._most - len(writers)
        guesses = {}
        for answer in writers:
            # The last token of an answer is drawn, never computed.
            count = min(room, answer.limit - answer.length - 1)
            guesses[answer] = self._lookups[answer].guess(answer.tokens, count)
        ranked = sorted((chance for _, chances in guesses.values() for chance in chances), reverse=True)
        count = best_count(len(writers), ranked, lambda rows: self._costs.of(len(writers), rows), self._account.balance)
        if not count:
            return
        least = ranked[count - 1]
        for answer, (tokens, chances) in guesses.items():
            # Chances fall along a guess, so what is likely enough is its beginning.
            kept = min(sum(chance >= least for chance in chances), room)
            answer.guesses = tokens[:kept]
            room -= kept
        price = self._costs.of(len(writers), len(writers) + count)
        for answer, (_, chances) in guesses.items():
            if (1.0 + sum(chances[: len(answer.guesses)])) * SLOWED < price:
                self._drop()
                return

    def _drop(self) -> None:
        for answer in self._writers:
            answer.guesses = answer.tokens[:0]

    def learn(self, shares: Sequence[Share], seconds: float, written: int) -> None:
        """A step that read nothing took `seconds` for `shares`, drawing included, and wrote so many tokens."""
        answers, rows = len(shares), shares[-1].row + 1
        if rows == answers:
            self._costs.note_plain(seconds)
            self._account.note_plain()
        elif unit := self._costs.unit:
            self._costs.note_wide(answers, rows, seconds / unit)
            self._account.settle(written / answers - seconds / unit)

    def make_room(self, shares: Sequence[Share]) -> bool:
        """There is no room in memory: guess nothing in the next steps; False when nothing was guessed in this one."""
        self._costs.begin()
        return any(share.guessed for share in shares)


def draw(context: Context, drawing: Drawing, share: Share) -> Iterator[Drawn]:
    """Draw the next token of an answer; while it is the one that was guessed and the answer goes on, also the next.

    Raises:
        EngineError: as `Drawing.draw`.
    """
    answer, first = share.answer, share.row - share.guessed
    guessed = answer.guesses[: share.guessed].tolist()
    answer.drafted += share.guessed
    answer.overhang = share.guessed
    for row, guess in enumerate([*guessed, None], first):
        drawn = drawing.draw(context, row)
        right = drawn.token == guess
        answer.accepted += right
        yield drawn
        if not right or answer.slot < 0:
            return
        answer.evaluated += 1
        answer.overhang -= 1


def drop_overhang(context: Context, answer: Answer) -> None:
    """Let the memory of `answer` end with what was said: guesses that did not come true are dropped."""
    if answer.overhang and answer.slot >= 0:
        answer.overhang = 0
        if not context.truncate(answer.slot, answer.evaluated):
            answer.evaluated = 0
