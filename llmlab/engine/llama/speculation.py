"""Speculative decoding: several guessed tokens of an answer are computed in one step, and kept while the model agrees.

The answer's own samplers draw at every guessed place as they would have drawn one token after the other, and a guess
stands while it is the token that is drawn (Leviathan et al. 2023, in the simplest exact form). So what is said is what
would have been said without, with a seed as well, up to last bits of numbers that depend on the rows of a batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from llama_cpp import llama_cpp as api

from llmlab.domain.model import ModelSpec
from llmlab.engine.llama.answer import Answer
from llmlab.engine.llama.context import Context
from llmlab.engine.llama.draft import Drafting, load_draft
from llmlab.engine.llama.drawing import Drawing, Drawn
from llmlab.engine.llama.lookup import PRIORS, Lookup
from llmlab.engine.llama.model import Model
from llmlab.engine.llama.packing import Share
from llmlab.engine.llama.payoff import WIDTHS, Account, Costs, Odds, best_count
from llmlab.engine.llama.prefix import Tokens
from llmlab.words import say

SLOWED: Final = 1.05
"""A step may take this many times longer for an answer for which nothing was guessed."""


class Speculation:
    """Decides before each step what to guess, and learns from each what it was worth."""

    def __init__(
        self, context: Context, *, lookup: bool, drafting: Drafting | None = None, costs: Costs | None = None
    ) -> None:
        """Prepare.

        Args:
            context: where answers are computed; its memory can drop the end of a sequence.
            lookup: guess from what stood in the text before.
            drafting: the draft model, asked where that finds nothing; owned here from now on.
            costs: learns what steps cost.
        """
        self._context, self._threads = context, context.threads
        self._lookup, self._drafting = lookup, drafting
        self._most = min(context.outputs, context.n_batch, context.n_ubatch, WIDTHS[-1])
        self._odds = Odds(PRIORS)
        self._costs = costs or Costs()
        self._account = Account()
        self._lookups: dict[Answer, Lookup] = {}
        self._writers: list[Answer] = []
        self._unit = 0.0
        """Seconds of a plain step, as known before the step that comes; 0 where nothing may be guessed."""
        self._asked = 0
        """Length of the answer for which the draft was asked before that step; 0 where it was not."""

    def guess(self, running: Sequence[Answer]) -> None:
        """Set the `guesses` of all answers for the next step."""
        for answer in running:
            answer.guesses = answer.tokens[:0]
            if self._lookup and answer.writing:
                self._lookups.setdefault(answer, Lookup(self._odds)).follow(answer.tokens, answer.length)
        if list(running) != self._writers:
            self._writers = list(running)
            self._lookups = {answer: lookup for answer, lookup in self._lookups.items() if answer in self._writers}
            self._costs.begin()
        if self._context.threads != self._threads:
            self._threads = self._context.threads
            self._costs.forget()
        self._asked = 0
        self._unit = self._costs.unit if all(answer.writing for answer in running) else 0.0
        if self._unit and any(lookup.matches for lookup in self._lookups.values()):
            self._look_up()
        if self._unit and self._drafting is not None and len(running) == 1 and not len(running[0].guesses):
            self._ask(self._drafting, running[0])

    def _look_up(self) -> None:
        """Guess from what stood before, as much as pays for all answers together and slows none of them down."""
        guesses = {}
        for answer in self._writers:
            guesses[answer] = self._lookups[answer].guess(answer.tokens, self._room(answer))
        ranked = sorted((chance for _, chances in guesses.values() for chance in chances), reverse=True)
        count = left = best_count(len(guesses), ranked, self._cost, self._account.balance)
        if not count:
            return
        price, least = self._cost(len(guesses) + count), ranked[count - 1]
        kept: dict[Answer, Tokens] = {}
        for answer, (tokens, chances) in guesses.items():
            # Chances fall along a guess, so what is likely enough is its beginning.
            here = min(sum(chance >= least for chance in chances), left)
            if (1.0 + sum(chances[:here])) * SLOWED < price:
                return
            kept[answer] = tokens[:here]
            left -= here
        for answer, tokens in kept.items():
            answer.guesses = tokens

    def _ask(self, drafting: Drafting, answer: Answer) -> None:
        """Let the draft guess for the only answer."""
        self._asked = answer.length
        guess = drafting.guess(answer, self._room(answer), self._unit, self._cost, self._threads)
        count = best_count(1, guess.chances, self._cost, drafting.afford)
        answer.guesses = np.array(guess.tokens[:count], np.int32)

    def _room(self, answer: Answer) -> int:
        """Tokens that may be guessed for `answer`: its last one is drawn, never computed."""
        return max(0, min(self._most - len(self._writers), answer.limit - answer.length - 1))

    def _cost(self, rows: int) -> float:
        return self._costs.of(len(self._writers), rows)

    def learn(self, shares: Sequence[Share], seconds: float, written: int) -> None:
        """A step that read nothing took `seconds` for `shares`, drawing included, and wrote so many tokens."""
        answers, rows, drafting = len(shares), shares[-1].row + 1, self._drafting
        asked = drafting is not None and self._asked > 0
        spent = drafting.spent if drafting is not None and asked else 0.0
        if rows == answers:
            self._costs.note_plain(seconds - spent)
            self._account.note_plain()
            if drafting is not None:
                drafting.note_plain()
        if not self._unit:
            return
        unit, gain = self._unit, 0.0
        if rows > answers:
            if seconds - spent < unit:
                # No step is quicker than a narrower one: whatever held the machine up is gone.
                unit = seconds - spent
                self._costs.begin()
            self._costs.note_wide(answers, rows, (seconds - spent) / unit)
            gain = written / answers - (seconds - spent) / unit
        if drafting is not None and asked:
            answer = shares[0].answer
            drafting.learn(answer.tokens[self._asked : answer.length], gain - spent / unit, unit)
        else:
            self._account.settle(gain)

    def make_room(self, shares: Sequence[Share]) -> bool:
        """There is no room in memory: guess nothing in the next steps; False when nothing was guessed in this one."""
        self._costs.begin()
        return any(share.guessed for share in shares)

    def close(self) -> None:
        """Free the draft model; may be called twice."""
        if self._drafting is not None:
            self._drafting.close()


def speculation_for(spec: ModelSpec, model: Model, load: Callable[[ModelSpec], Model]) -> Speculation | None:
    """What guesses for the answers of `model`; `None` where `spec` wants none, or, with a note, none can be taken back.

    Args:
        spec: of the model.
        model: that decides.
        load: loads the draft model.

    Raises:
        ModelError: the draft model cannot be used.
        EngineError: loading it was cancelled.
    """
    # Steps of other widths have other last bits, which is what a deterministic answer must not depend on.
    if spec.deterministic or (spec.speculate == "off" and spec.draft is None):
        return None
    if not model.context.rewindable or api.llama_model_n_swa(model.pointer):
        note = say("The memory of this model cannot take tokens back, so nothing is guessed: speculate has no effect.")
        model.notes = (*model.notes, note)
        return None
    drafting = None
    if spec.draft is not None:
        draft = load_draft(spec, model, load)
        drafting = Drafting(draft, int(api.llama_model_n_params(model.pointer)), time.monotonic)
    return Speculation(model.context, lookup=spec.speculate == "lookup", drafting=drafting)


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
