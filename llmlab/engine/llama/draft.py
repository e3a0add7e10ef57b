"""A draft model: a small model of the same vocabulary guesses what an answer of a larger one says next.

Its guesses cost time whether they come true or not, so they are bounded twice: an account says what may be lost on
them, and how often guesses of each confidence came true says how far to go (Leviathan et al. 2023; that a draft stops
where it is unsure is llama.cpp's `--draft-p-min`, here learned instead of given).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from llama_cpp import llama_cpp as api

from llmlab.domain.model import ModelSpec
from llmlab.domain.terminal import visible_line
from llmlab.engine.llama.answer import Answer
from llmlab.engine.llama.context import OK, Context
from llmlab.engine.llama.draft_spec import MOST_READ, draft_spec
from llmlab.engine.llama.model import Model
from llmlab.engine.llama.payoff import WIDTHS, WORTH, Account, Odds
from llmlab.engine.llama.prefix import Tokens, common_prefix
from llmlab.engine.llama.vocabulary import Vocabulary
from llmlab.errors import ModelError
from llmlab.words import say

TENTHS: Final = tuple((tenth + 0.5) / 10 for tenth in range(10))
"""Share of guesses that come true, by tenths of the draft's own confidence, before any was seen."""
LEAST_READ: Final = 32
"""Tokens of a text that the draft must be able to read to be asked at all."""
READ_SHARE: Final = 0.25
"""Cost of reading a token in a batch, as a part of a step of the draft, before it was measured."""
PADDING: Final = 128
"""Tokens by which vocabularies of one family differ in size, because tables are rounded up."""
SMOOTH: Final = 0.3
"""Weight of the cost that was measured last."""
HOPE: Final = 0.9
"""Share of guesses that is hoped to come true before any was seen, and again when none was seen for long."""
LEARN: Final = 0.1
"""Weight of the guess that came true, or not, last."""
FADE: Final = 0.002
"""Part of what was learned that is given up with each step for which the draft was not asked."""


class Draft:
    """The draft model and the one text that it holds."""

    def __init__(self, model: Model, target: Vocabulary) -> None:
        """Use `model`, which is owned here from now on, to guess for a model of the vocabulary `target`."""
        self._model = model
        self._context: Context = model.context
        self._size, self._usable = model.vocabulary.size, min(model.vocabulary.size, target.size)
        self._answer: Answer | None = None
        self._start = 0
        """Place in the text of the first token that it holds."""
        self._held: Tokens = np.zeros(0, np.int32)

    @property
    def parameters(self) -> int:
        """Numbers in the model."""
        return int(api.llama_model_n_params(self._model.pointer))

    def unread(self, answer: Answer) -> int:
        """Tokens at the end of `answer` that it did not read; all of them where it does not hold its beginning."""
        if answer is not self._answer:
            return answer.length
        text = answer.tokens[self._start : answer.length]
        return len(text) - common_prefix(self._held, text)

    def read(self, answer: Answer, most: int, room: int, threads: int) -> int:
        """Read `answer` to its end, from at most `most` tokens before it; how many were read, 0 when it cannot.

        `room` tokens more are about to be guessed.
        """
        self._context.use_threads(threads)
        n_ctx = self._context.n_ctx
        if self.unread(answer) > most or answer.length - self._start + room > n_ctx:
            self._start = max(0, answer.length - min(most, n_ctx // 2))
        self._answer = answer
        text = answer.tokens[self._start : answer.length]
        known = min(common_prefix(self._held, text), len(text) - 1)
        if not self._context.truncate(0, known):
            known = 0
        self._held = text[:known].copy()
        step = self._context.n_ubatch
        done = all(self._compute(text[place : place + step]) for place in range(known, len(text), step))
        return len(text) - known if done else 0

    def next(self) -> tuple[int, float]:
        """The likeliest token after what it holds, and how likely it is."""
        logits = self._context.output(self._row, self._size)[: self._usable]
        token = int(logits.argmax())
        return token, float(1.0 / np.exp(logits - logits[token]).sum(dtype=np.float64))

    def take(self, token: int) -> bool:
        """Go on as if `token` had been said; False when it cannot."""
        return self._compute(np.array((token,), np.int32))

    def _compute(self, tokens: Tokens) -> bool:
        context, count, start = self._context, len(tokens), len(self._held)
        context.tokens[:count] = tokens
        context.positions[:count] = np.arange(start, start + count, dtype=np.int32)
        context.owners[:count] = 0
        context.wanted[:count] = 0
        context.wanted[count - 1] = 1
        if context.decode(count) != OK:
            context.forget(0)
            self._answer, self._held = None, self._held[:0]
            return False
        self._row = count - 1
        self._held = np.concatenate((self._held, tokens))
        return True

    def close(self) -> None:
        """Free the model; may be called twice."""
        self._model.close()


def load_draft(spec: ModelSpec, target: Model, load: Callable[[ModelSpec], Model]) -> Draft:
    """The draft model that `spec` names for `target`.

    Raises:
        ModelError: it cannot be loaded, has another vocabulary, or its memory cannot take tokens back.
        EngineError: loading was cancelled.
    """
    its = draft_spec(spec, target.context.n_ctx)
    model = load(its)
    try:
        check_vocabulary(target.vocabulary, model.vocabulary, its.path)
        if not model.context.rewindable or api.llama_model_n_swa(model.pointer):
            raise ModelError(
                say("This draft model's memory cannot take tokens back."),
                where=its.path,
                hint=say("Choose a draft model that has attention over its whole window."),
            )
    except ModelError:
        model.close()
        raise
    return Draft(model, target.vocabulary)


def check_vocabulary(target: Vocabulary, draft: Vocabulary, where: str) -> None:
    """That tokens of the `draft` model mean the same to the `target`.

    Raises:
        ModelError: they do not; the message says what differs.
    """
    differs = ""
    if abs(target.size - draft.size) > PADDING:
        differs = say("{draft} tokens, not {target}", draft=f"{draft.size:,}", target=f"{target.size:,}")
    elif target.kind != draft.kind:
        differs = say("another kind of vocabulary")
    elif (token := _first_difference(target, draft)) is not None:
        shown, wanted = (visible_line(each.text(token)) for each in (draft, target))
        differs = say("token {token} is {draft}, not {target}", token=token, draft=repr(shown), target=repr(wanted))
    elif (target.bos, target.eos, target.adds_bos) != (draft.bos, draft.eos, draft.adds_bos):
        differs = say("other tokens begin and end its texts")
    if differs:
        raise ModelError(
            say(
                "The draft model has another vocabulary than the model that it guesses for: {differs}.",
                differs=differs,
            ),
            where=where,
            hint=say("Take a smaller model of the same family, or remove draft from the model's table."),
        )


def _first_difference(target: Vocabulary, draft: Vocabulary) -> int | None:
    """The first token that both have and write differently; asks llama.cpp for every one."""
    both = range(min(target.size, draft.size))
    return next((token for token in both if target.raw(token) != draft.raw(token)), None)


@dataclass(slots=True)
class Guess:
    """What the draft said."""

    tokens: list[int] = field(default_factory=list)
    grades: list[int] = field(default_factory=list)
    """How sure it was of each, in tenths."""
    chances: list[float] = field(default_factory=list)
    """For each, that it and all before it come true."""


class Drafting:
    """Decides when the draft is asked and for how much, and learns what that is worth."""

    def __init__(self, draft: Draft, parameters: int, clock: Callable[[], float]) -> None:
        """Prepare.

        Args:
            draft: the model that guesses; owned here from now on.
            parameters: numbers in the model that it guesses for.
            clock: monotonic seconds.
        """
        self._draft, self._clock = draft, clock
        self.account = Account()
        self._odds = Odds(TENTHS)
        self._agreed = HOPE
        """Share of guesses that came true lately."""
        self._step = draft.parameters / parameters
        """Cost of a step of the draft, in plain steps."""
        self._token = self._step * READ_SHARE
        """Cost of reading one token."""
        self._won = 0.0
        """Plain steps that an attempt won lately."""
        self.spent = 0.0
        """Seconds that the draft took before the step that comes."""
        self._reading = 0.0
        """Of these, seconds of reading."""
        self._last = Guess()

    def note_plain(self) -> None:
        """A step was taken without the draft."""
        self.account.note_plain()
        self._agreed += FADE * (HOPE - self._agreed)

    @property
    def afford(self) -> float:
        """Plain steps that may be lost: as the account says, and some more while it wins."""
        return self.account.balance + (Account.MOST if self._won > 0 else 0.0)

    def guess(self, answer: Answer, most: int, unit: float, cost: Callable[[int], float], threads: int) -> Guess:
        """What the draft says next after `answer`; nothing where that does not pay.

        Args:
            answer: the only one that writes.
            most: tokens that may be guessed.
            unit: seconds of a plain step.
            cost: of a step of so many rows, in plain steps.
            threads: to compute with.
        """
        self.spent = self._reading = 0.0
        self._last = Guess()
        count = self._count(most, cost)
        unread = self._draft.unread(answer)
        risk = cost(count + 1) - 1.0 + count * self._step
        readable = (self.afford - risk) / self._token
        if not count or min(unread, LEAST_READ) > readable:
            return self._last
        began = self._clock()
        read = self._draft.read(answer, min(MOST_READ, int(readable)), count, threads)
        if read >= LEAST_READ:
            self._reading = self._clock() - began
            self._token += SMOOTH * (self._reading / read / unit - self._token)
        if read:
            self._extend(count)
        self.spent = self._clock() - began
        if self._last.tokens:
            steps = len(self._last.tokens) - (self._reading > 0)
            self._step += SMOOTH * ((self.spent - self._reading) / max(1, steps) / unit - self._step)
        return self._last

    def _count(self, most: int, cost: Callable[[int], float]) -> int:
        """How many tokens to ask for, going by how often the draft was right lately."""
        best, count = WORTH, 0
        for width in WIDTHS:
            guessed = min(width - 1, most)
            if guessed <= 0:
                continue
            written = sum(self._agreed**place for place in range(guessed + 1))
            gain = written / (cost(guessed + 1) + guessed * self._step)
            if gain > best:
                best, count = gain, guessed
        return count

    def _extend(self, count: int) -> None:
        guess, chance = self._last, 1.0
        while True:
            token, sure = self._draft.next()
            grade = min(9, int(sure * 10))
            chance *= self._odds.of(grade)
            guess.tokens.append(token)
            guess.grades.append(grade)
            guess.chances.append(chance)
            # A token that is as likely wrong as right is worth a row, but nothing is worth building on it.
            if len(guess.tokens) >= count or chance < 0.5 or not self._draft.take(token):
                return

    def learn(self, said: Tokens, gain: float, unit: float) -> None:
        """After the last guess the model `said` these; the step won `gain` plain steps, each of `unit` seconds."""
        for grade, guessed, token in zip(self._last.grades, self._last.tokens, said.tolist(), strict=False):
            self._odds.note(grade, right=guessed == token)
            self._agreed += LEARN * ((guessed == token) - self._agreed)
            if guessed != token:
                break
        self.account.settle(gain)
        # What was read stays read: only what comes again with every guess tells whether to go on.
        self._won += SMOOTH * (gain + self._reading / unit - self._won)

    def close(self) -> None:
        """Free the draft model; may be called twice."""
        self._draft.close()
