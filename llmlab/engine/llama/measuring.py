"""Measures how likely the tokens of a given text are, as the outputs before them are computed."""

from __future__ import annotations

from llmlab.domain.scoring import ScoredText
from llmlab.domain.tokens import TokenScore
from llmlab.engine.llama.context import Context
from llmlab.engine.llama.drawing import Workbench
from llmlab.engine.llama.prefix import Tokens
from llmlab.engine.llama.vocabulary import Vocabulary


class Measuring:
    """The measuring of one text; the output of each token tells how likely the next one was."""

    def __init__(self, tokens: Tokens, start: int, top: int, bench: Workbench, text: str | None = None) -> None:
        """Prepare.

        Args:
            tokens: context and text, shape (n,).
            start: place of the first token to measure, at least 1.
            top: how many of the likeliest are told with each.
            bench: the work space.
            text: what is measured, as it was given; without, it is what the tokens stand for.
        """
        self.start = start
        self.next_output = start - 1
        """Place of the first token whose output was not measured yet."""
        self._tokens, self._top, self._bench = tokens, top, bench
        self._text = _content(bench.vocabulary, tokens[start:]) if text is None else text.encode("utf-8", "replace")

    @property
    def done(self) -> bool:
        """Every token was measured."""
        return self.next_output == len(self._tokens) - 1

    def measure(self, context: Context, evaluated: int, row: int) -> tuple[TokenScore, ...]:
        """The tokens that the outputs of the last batch tell about.

        Args:
            context: where it was computed.
            evaluated: tokens that were computed so far.
            row: batch entry of the last of them.

        Raises:
            EngineError: the model computed no numbers.
        """
        scores = []
        for place in range(self.next_output, evaluated):
            logits = context.output(row - (evaluated - 1 - place), self._bench.vocabulary.size)
            token = int(self._tokens[place + 1])
            scores.append(self._bench.likelihood.score(logits, token, self._top))
        self.next_output = evaluated
        return tuple(scores)

    def told(self, scores: tuple[TokenScore, ...], reused: int) -> ScoredText:
        """`scores` as a part of the text; `reused` tokens of its context were in the cache."""
        characters = len(self._text.decode("utf-8", "replace"))
        return ScoredText(scores, self.start, reused, len(self._text), characters)

    def close(self) -> None:
        """It holds nothing of llama.cpp."""


def _content(vocabulary: Vocabulary, tokens: Tokens) -> bytes:
    return b"".join(vocabulary.content_piece(int(token)) for token in tokens)
