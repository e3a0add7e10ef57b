"""Turns what is asked for into work for the engine's loop, or says why that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from llmlab.domain.biases import check_ids, parse_biases
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.domain.tokens import MOST_LIKELY
from llmlab.engine.llama.answer import Answer, AnswerKey
from llmlab.engine.llama.context import Context
from llmlab.engine.llama.drawing import Drawing, Workbench
from llmlab.engine.llama.grammar import Grammar, gbnf_of
from llmlab.engine.llama.measuring import Measuring
from llmlab.engine.llama.prefix import Tokens, common_prefix
from llmlab.engine.llama.sampler import Chain, DrySamplers, plan
from llmlab.engine.llama.text import AnswerText
from llmlab.engine.llama.vocabulary import Vocabulary
from llmlab.engine.wire import Generate, Score
from llmlab.errors import EngineError
from llmlab.words import say

Ids = tuple[int, ...]
"""Tokens."""
Biases = tuple[tuple[int, float], ...]
"""Tokens, each with what is added to its logit."""


class Intake:
    """Checks requests for one context."""

    def __init__(self, context: Context, vocabulary: Vocabulary, clock: Callable[[], float]) -> None:
        self._context, self._vocabulary, self._clock = context, vocabulary, clock
        self._bench, self._dry = Workbench(vocabulary), DrySamplers(vocabulary.pointer)

    def take(self, command: Generate | Score) -> list[Answer]:
        """What `command` asks for.

        Raises:
            EngineError: it cannot be done.
        """
        return self._answers(command) if isinstance(command, Generate) else self._scores(command)

    def _answers(self, command: Generate) -> list[Answer]:
        """The answers that `command` asks for.

        Raises:
            EngineError: there can be none: its tokens, grammar, schema, biases or adapters are wrong.
        """
        self._check(command.tokens)
        _check_top(command.logprobs or 0)
        self._context.adapters.wanted(command.lora)
        prompt = np.array(command.tokens, np.int32)
        n_ctx = self._context.n_ctx
        most = command.sampling.max_tokens
        limit = n_ctx if most is None else min(n_ctx, len(prompt) + most)
        settings, grammar = command.sampling.over(DEFAULTS), gbnf_of(command.grammar, command.schema)
        biases = self._biases(settings.logit_bias or "")
        answers: list[Answer] = []
        try:
            for sample in range(command.samples):
                drawing = self._drawing(command, sample, settings, biases, grammar)
                answers.append(self._answer(command, sample, prompt, limit, drawing))
        except EngineError:
            for answer in answers:
                answer.purpose.close()
            raise
        return answers

    def _answer(self, command: Generate, sample: int, prompt: Tokens, limit: int, drawing: Drawing) -> Answer:
        key, text = AnswerKey(command.id, sample), AnswerText(command.sampling.stop or ())
        answer = Answer(key, prompt, limit, drawing, text, self._clock())
        answer.adapters = self._context.adapters.wanted(command.lora)
        return answer

    def _drawing(
        self, command: Generate, sample: int, settings: Sampling, biases: Biases, grammar: str | None
    ) -> Drawing:
        vocabulary = self._vocabulary
        rules = None if grammar is None else Grammar(grammar, vocabulary)
        try:
            steps = plan(settings, self._context.n_ctx, biases)
            chain = Chain(steps, (settings.seed or 0) + sample, vocabulary.pointer, vocabulary.size, self._dry)
        except EngineError:
            if rules is not None:
                rules.close()
            raise
        if chain.remembers:
            chain.accept(command.tokens)
        return Drawing(chain, self._bench, grammar=rules, logprobs=command.logprobs)

    def _scores(self, command: Score) -> list[Answer]:
        """The texts that `command` gives, to be measured.

        Raises:
            EngineError: one of them cannot be.
        """
        _check_top(command.top)
        return [self._score(command, sample, text) for sample, text in enumerate(command.texts)]

    def _score(self, command: Score, sample: int, text: str | tuple[int, ...]) -> Answer:
        vocabulary = self._vocabulary
        before, given = self._split(command.prompt, text)
        whole = bool(before)
        if not before:
            # Nothing comes before the first token of a text, unless the vocabulary begins every text itself.
            before, given = given[:1], given[1:]
        if not given:
            raise EngineError(
                say("The text has no token to score."), hint=say("A text that nothing precedes needs two tokens.")
            )
        tokens = np.array((*before, *given), np.int32)
        if tokens.min() < 0 or tokens.max() >= vocabulary.size:
            raise EngineError(say("The text has tokens that are not in the model's vocabulary."))
        if len(tokens) - 1 > self._context.n_ctx:
            raise EngineError(
                say(
                    "The text has {count} tokens with what precedes it; the window has {n_ctx}.",
                    count=f"{len(tokens):,}",
                    n_ctx=f"{self._context.n_ctx:,}",
                ),
                hint=say("Score it in parts, or give the model a larger n_ctx."),
            )
        written = text if whole and isinstance(text, str) else None
        measuring = Measuring(tokens, len(before), command.top, self._bench, written)
        key = AnswerKey(command.id, sample)
        # The output of the last token tells nothing about the text.
        answer = Answer(key, tokens[:-1], len(tokens), measuring, AnswerText(), self._clock())
        answer.adapters = self._context.adapters.wanted(command.lora)
        return answer

    def _split(self, prompt: str | tuple[int, ...], text: str | tuple[int, ...]) -> tuple[Ids, Ids]:
        """What comes before a text and its own tokens; a text that nothing precedes has nothing before it."""
        vocabulary = self._vocabulary
        begin = (vocabulary.bos,) if vocabulary.adds_bos else ()
        if not isinstance(prompt, str):
            given = tuple(vocabulary.tokenise(text, special=False)) if isinstance(text, str) else text
            return prompt or begin, given
        before = vocabulary.tokenise(prompt, special=False)
        if not isinstance(text, str):
            return (*begin, *before), text
        joint = vocabulary.tokenise(prompt + text, special=False)
        shared = common_prefix(np.array(before, np.int32), np.array(joint, np.int32))
        return (*begin, *joint[:shared]), tuple(joint[shared:])

    def _biases(self, written: str) -> Biases:
        """The tokens of biases as they are written; a text is all of its tokens, each once.

        Raises:
            EngineError: there is no such token.
        """
        try:
            biases = parse_biases(written)
            check_ids(biases, self._vocabulary.size)
        except ValueError as error:
            raise EngineError(f"logit_bias: {error}", hint=say("Change it, or take it out.")) from None
        return tuple((token, bias.amount) for bias in biases for token in self._ids(bias.token))

    def _ids(self, token: str | int) -> Sequence[int]:
        if isinstance(token, int):
            return (token,)
        return tuple(dict.fromkeys(self._vocabulary.tokenise(token, special=False)))

    def _check(self, tokens: Sequence[int]) -> None:
        """That these tokens can be a prompt.

        Raises:
            EngineError: they cannot.
        """
        n_ctx = self._context.n_ctx
        if not tokens:
            raise EngineError(say("The prompt is empty."), hint=say("Write a message first."))
        if min(tokens) < 0 or max(tokens) >= self._vocabulary.size:
            raise EngineError(
                say("The prompt has tokens that are not in the model's vocabulary."),
                hint=say("Send the message again; the model may have been changed."),
            )
        if len(tokens) >= n_ctx:
            raise EngineError(
                say(
                    "The prompt has {count} tokens; the window of {n_ctx} leaves no room for an answer.",
                    count=f"{len(tokens):,}",
                    n_ctx=f"{n_ctx:,}",
                ),
                hint=say("Shorten the conversation, or give the model a larger n_ctx."),
            )


def _check_top(count: int) -> None:
    """That so many of the likeliest tokens may be asked for.

    Raises:
        EngineError: they may not.
    """
    if not 0 <= count <= MOST_LIKELY:
        raise EngineError(say("From 0 to {most} of the likeliest tokens can be told.", most=MOST_LIKELY))
