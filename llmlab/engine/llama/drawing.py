"""Draws the tokens of one answer: by its samplers, within its grammar, and with how likely they were if that is asked.

The grammar is not applied to the whole vocabulary at every step, which costs more than a step of a small model. A token
is drawn first and checked alone; only one that is refused makes the grammar go over all tokens, as llama.cpp's own
programs do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from llmlab.domain.tokens import IMPOSSIBLE, TokenInfo
from llmlab.engine.llama.candidates import Candidates
from llmlab.engine.llama.context import Context
from llmlab.engine.llama.grammar import Grammar
from llmlab.engine.llama.likelihood import Floats, Likelihood, largest, no_number
from llmlab.engine.llama.sampler import GREEDY, Chain
from llmlab.engine.llama.vocabulary import Vocabulary
from llmlab.engine.llama.witness import Witness
from llmlab.errors import EngineError
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Drawn:
    """A token, and how likely it was when that was asked."""

    token: int
    info: TokenInfo | None = None


class Workbench:
    """Work space of one vocabulary, shared by all answers: one draws at a time."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.witness = Witness()
        self._candidates: Candidates | None = None
        self._likelihood: Likelihood | None = None

    @property
    def candidates(self) -> Candidates:
        """Room for every token; made when first wanted."""
        if self._candidates is None:
            self._candidates = Candidates(self.vocabulary.size)
        return self._candidates

    @property
    def likelihood(self) -> Likelihood:
        """Measures rows of logits; made when first wanted."""
        if self._likelihood is None:
            self._likelihood = Likelihood(self.vocabulary)
        return self._likelihood


class Drawing:
    """How one answer gets its tokens; owns samplers and grammar."""

    def __init__(
        self, chain: Chain, bench: Workbench, *, grammar: Grammar | None = None, logprobs: int | None = None
    ) -> None:
        """Prepare.

        Args:
            chain: the samplers, owned here from now on.
            bench: the work space.
            grammar: what the answer must follow, owned here from now on.
            logprobs: how many of the likeliest tokens are told with each token; `None` tells nothing.
        """
        self.chain = chain
        self._bench, self._grammar, self._logprobs = bench, grammar, logprobs
        if logprobs is not None and not chain.greedy:
            bench.witness.watch(chain.pointer)

    def draw(self, context: Context, row: int) -> Drawn:
        """The next token, from the output of batch entry `row`; samplers and grammar have accepted it.

        Raises:
            EngineError: the model computed no numbers, or the grammar leaves no token.
        """
        token = self._sampled(context, row) if self._grammar is None else self._allowed(self._grammar, context, row)
        if self._logprobs is None:
            return Drawn(token)
        return Drawn(token, self._info(context.output(row, self._bench.vocabulary.size), token, self._logprobs))

    def _sampled(self, context: Context, row: int) -> int:
        """A token that no grammar restricts; the samplers have accepted it."""
        if self.chain.steps == GREEDY:
            token = context.likeliest(row, self._bench.vocabulary.size)
        else:
            token = context.sample(self.chain.pointer, row)
        if token is None:
            raise no_number()
        return token

    def _allowed(self, grammar: Grammar, context: Context, row: int) -> int:
        """A token that the grammar allows; samplers and grammar have accepted it."""
        chain, candidates = self.chain, self._bench.candidates
        logits = context.output(row, self._bench.vocabulary.size)
        if math.isnan(logits[0]):
            raise no_number()
        if chain.remembers:
            # They must not see a token that is refused.
            candidates.fill(logits)
            token = candidates.draw(chain.pointer)
        else:
            token = self._sampled(context, row)
        if not grammar.allows(token):
            candidates.fill(logits)
            grammar.restrict(candidates)
            token = candidates.draw(chain.pointer) if candidates.possible else -1
            if token < 0 or not grammar.allows(token):
                raise EngineError(
                    say("The grammar allows no token that this model has."),
                    hint=say("Let the grammar end, or allow other characters there."),
                )
        if math.isnan(logits[token]):
            raise no_number()
        if chain.remembers:
            chain.accept((token,))
        grammar.accept(token)
        return token

    def _info(self, logits: Floats, token: int, top: int) -> TokenInfo:
        likelihood = self._bench.likelihood
        raw = likelihood.score(logits, token, top)
        final, tokens, logprobs = (0.0, [token][:top], [0.0][:top]) if self.chain.greedy else self._left(token, top)
        return TokenInfo(
            token=raw.token,
            text=raw.text,
            logprob=raw.logprob,
            rank=raw.rank,
            entropy=raw.entropy,
            top=raw.top,
            final_logprob=max(final, IMPOSSIBLE),
            final_top=likelihood.alternatives(tokens, logprobs),
        )

    def _left(self, token: int, top: int) -> tuple[float, list[int], list[float]]:
        """How likely the samplers left `token`, and what they left of the `top` likeliest, with log-probabilities."""
        tokens, shares = self._bench.witness.probabilities()
        own = float(shares[tokens == token][0])
        best = largest(shares, top)
        best = best[shares[best] > 0]
        return (
            math.log(own) if own else -math.inf,
            tokens[best].tolist(),
            np.log(shares[best], dtype=np.float64).tolist(),
        )

    def close(self) -> None:
        """Free samplers and grammar; may be called twice."""
        self.chain.close()
        if self._grammar is not None:
            self._grammar.close()
