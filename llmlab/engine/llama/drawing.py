"""Draws the tokens of one answer: by its samplers, within its grammar, and with how likely they were if that is asked.

The grammar is not applied to the whole vocabulary at every step, which costs more than a step of a small model. A token
is drawn first and checked alone; only one that is refused makes the grammar go over all tokens, as llama.cpp's own
programs do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from llmlab.domain.tokens import TokenInfo
from llmlab.engine.llama.candidates import Candidates
from llmlab.engine.llama.context import Context
from llmlab.engine.llama.grammar import Grammar
from llmlab.engine.llama.likelihood import Floats, Likelihood, largest, no_number
from llmlab.engine.llama.sampler import Chain
from llmlab.engine.llama.vocabulary import Vocabulary
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

    @property
    def plain(self) -> bool:
        """Neither a grammar nor log-probabilities: llama.cpp may draw by itself."""
        return self._grammar is None and self._logprobs is None

    def draw(self, context: Context, row: int) -> Drawn:
        """The next token, from the output of batch entry `row`; samplers and grammar have accepted it.

        Raises:
            EngineError: the model computed no numbers, or the grammar leaves no token.
        """
        if self.plain:
            token = context.sample(self.chain.pointer, row)
            if token is None:
                raise no_number()
            return Drawn(token)
        logits = context.output(row, self._bench.vocabulary.size)
        if math.isnan(logits[0]):
            raise no_number()
        token = self._choose(logits)
        if math.isnan(logits[token]):
            raise no_number()
        info = None if self._logprobs is None else self._info(logits, token, self._logprobs)
        self.chain.accept((token,))
        if self._grammar is not None:
            self._grammar.accept(token)
        return Drawn(token, info)

    def _choose(self, logits: Floats) -> int:
        """A token that the grammar allows; the candidates are left as they were when it was drawn."""
        candidates, grammar = self._bench.candidates, self._grammar
        candidates.fill(logits)
        candidates.pass_through(self.chain.pointer)
        token = candidates.selected
        if grammar is None or grammar.allows(token):
            return token
        candidates.fill(logits)
        grammar.restrict(candidates)
        if candidates.possible:
            candidates.pass_through(self.chain.pointer)
            token = candidates.selected
            if grammar.allows(token):
                return token
        raise EngineError(
            say("The grammar allows no token that this model has."),
            hint=say("Let the grammar end, or allow other characters there."),
        )

    def _info(self, logits: Floats, token: int, top: int) -> TokenInfo:
        likelihood = self._bench.likelihood
        raw = likelihood.score(logits, token, top)
        if self.chain.greedy:
            final, pairs = 0.0, [(token, 0.0)][:top]
        else:
            tokens, shares = self._bench.candidates.probabilities()
            best = largest(shares, top)
            with np.errstate(divide="ignore"):
                logs = np.log(shares[best].astype(np.float64))
            own = float(shares[tokens == token][0])
            final = math.log(own) if own > 0 else -math.inf
            pairs = [pair for pair in zip(tokens[best].tolist(), logs.tolist(), strict=True) if pair[1] > -math.inf]
        own_final, *_ = (each.logprob for each in likelihood.alternatives([(token, final)]))
        return TokenInfo(
            token=raw.token,
            text=raw.text,
            logprob=raw.logprob,
            rank=raw.rank,
            entropy=raw.entropy,
            top=raw.top,
            final_logprob=own_final,
            final_top=likelihood.alternatives(pairs),
        )

    def close(self) -> None:
        """Free samplers and grammar; may be called twice."""
        self.chain.close()
        if self._grammar is not None:
            self._grammar.close()
