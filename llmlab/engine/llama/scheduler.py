"""The loop of the engine: packs what all answers need next into one batch, computes it, and draws their tokens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from llmlab.domain.generation import FinishReason
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.llama.answer import Answer, AnswerKey
from llmlab.engine.llama.context import ABORTED, FULL, OK, Context
from llmlab.engine.llama.interrupt import Interrupt
from llmlab.engine.llama.outbox import Outbox
from llmlab.engine.llama.packing import WATCHED, Packer, Share
from llmlab.engine.llama.prefix import Tokens
from llmlab.engine.llama.residents import Residents
from llmlab.engine.llama.sampler import Chain, plan
from llmlab.engine.llama.shelf import Shelf
from llmlab.engine.llama.text import AnswerText
from llmlab.engine.llama.threads import Governor
from llmlab.engine.llama.vocabulary import Vocabulary
from llmlab.engine.wire import Ended, Generate, Problem, Read
from llmlab.errors import EngineError
from llmlab.words import say


class Scheduler:
    """Runs any number of answers on one context; all but `submit`'s arguments belong to the thread that computes."""

    def __init__(
        self,
        context: Context,
        vocabulary: Vocabulary,
        outbox: Outbox,
        interrupt: Interrupt,
        governor: Governor | None,
        shelf: Shelf,
        clock: Callable[[], float],
    ) -> None:
        """Prepare.

        Args:
            context: where to compute.
            vocabulary: of its model.
            outbox: where reports go.
            interrupt: tells which commands were cancelled.
            governor: adapts the number of threads; `None` keeps it.
            shelf: where sequences wait that are not in use.
            clock: monotonic seconds.
        """
        self._context, self._vocabulary = context, vocabulary
        self._outbox, self._interrupt = outbox, interrupt
        self._governor, self._clock = governor, clock
        self._packer = Packer(context)
        self._residents = Residents(context, context.sequences, shelf)
        self._queue: deque[Answer] = deque()
        self._running: list[Answer] = []
        """In the order in which they were given a sequence."""
        self._resting = True
        self._full = False
        """There is no room for the next that waits; nobody is seated before somebody ends."""

    def rest(self) -> None:
        """Nothing is to be done for a while."""
        self._outbox.send()
        self._resting = True
        if self._governor is not None:
            self._governor.rest(self._clock())

    @property
    def busy(self) -> bool:
        """An answer runs or waits."""
        return bool(self._running or self._queue)

    def submit(self, command: Generate) -> None:
        """Queue the answers of `command`; what cannot be answered is reported."""
        try:
            answers = self._answers(command)
        except EngineError as error:
            for sample in range(command.samples):
                self._refuse(AnswerKey(command.id, sample), error.what, error.hint)
            return
        self._queue.extend(answers)

    def _answers(self, command: Generate) -> list[Answer]:
        self._check(command.tokens)
        prompt = np.array(command.tokens, np.int32)
        n_ctx = self._context.n_ctx
        most = command.sampling.max_tokens
        limit = n_ctx if most is None else min(n_ctx, len(prompt) + most)
        settings = command.sampling.over(DEFAULTS)
        return [self._answer(command, sample, prompt, limit, settings) for sample in range(command.samples)]

    def _answer(self, command: Generate, sample: int, prompt: Tokens, limit: int, settings: Sampling) -> Answer:
        steps = plan(settings, self._context.n_ctx)
        chain = Chain(steps, (settings.seed or 0) + sample, self._vocabulary.pointer, self._vocabulary.size)
        if chain.remembers:
            chain.accept(command.tokens)
        key, text = AnswerKey(command.id, sample), AnswerText(settings.stop or ())
        return Answer(key, prompt, limit, chain, text, self._clock())

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

    # One step -------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Compute one batch for all answers, after ending those that were cancelled and seating those that wait."""
        if self._resting:
            self._wake()
        self._end_cancelled()
        self._seat_waiting()
        shares = self._packer.pack(self._running)
        if not shares:
            return
        reads = sum(share.count for share in shares if not share.answer.writing)
        if reads and any(share.answer.writing for share in shares):
            # What was written so far should not wait for a longer step.
            self._outbox.send()
        self._context.interruptible(self._packer.expected(reads) > WATCHED)
        started = self._clock()
        code = self._compute(shares)
        seconds = self._clock() - started
        if code == OK:
            self._packer.measure(seconds, reads)
            self._adapt(seconds, shares, reads)
            self._advance(shares)
            self._outbox.flush()
        elif code == ABORTED:
            self._resume(shares)
        elif code == FULL:
            self._make_room()
        else:
            self._break_off(shares, code)

    def _wake(self) -> None:
        self._resting = False
        if self._governor is not None:
            self._context.use_threads(self._governor.wake(self._clock()))

    def _compute(self, shares: Sequence[Share]) -> int:
        count = shares[-1].row + 1
        code = self._context.decode(count)
        while code == FULL and self._residents.make_room():
            code = self._context.decode(count)
        return code

    def _adapt(self, seconds: float, shares: Sequence[Share], reads: int) -> None:
        """Choose the threads of the next step; only steps of one answer that writes compare with each other."""
        if self._governor is not None:
            telling = seconds if not reads and len(shares) == 1 else 0.0
            self._context.use_threads(self._governor.step(self._clock(), telling))

    # After the computation ------------------------------------------------------------------------------------------

    def _advance(self, shares: Sequence[Share]) -> None:
        for share in shares:
            answer = share.answer
            reading = not answer.generated
            answer.evaluated += share.count
            if reading and (share.count > 1 or not share.draws):
                self._tell_reading(answer)
            if share.draws:
                self._draw(answer, share.row)

    def _tell_reading(self, answer: Answer) -> None:
        key = answer.key
        self._outbox.send(
            Read(
                id=key.command, done=answer.evaluated, total=answer.prompt, reused=answer.reused or 0, sample=key.sample
            )
        )

    def _draw(self, answer: Answer, row: int) -> None:
        token = self._context.sample(answer.chain.pointer, row)
        if token is None:
            hint = say("The file may be damaged: get it again, or try cache_type_k and cache_type_v at f16.")
            self._fail(answer, say("The model computed something that is not a number."), hint)
            return
        first = not answer.first
        answer.tick(self._clock())
        piece, ends = self._vocabulary.look_up(token)
        if ends:
            self._finish(answer, "stop")
            return
        answer.append(token)
        self._outbox.write(answer.key, answer.text.feed(piece), 1)
        if answer.text.stopped:
            self._finish(answer, "stop")
        elif answer.length >= answer.limit:
            self._finish(answer, "length")
        elif first:
            self._outbox.send()

    def _resume(self, shares: Sequence[Share]) -> None:
        """After an abort: find out what of each answer is still in memory."""
        for share in shares:
            answer = share.answer
            kept = min(self._context.length(answer.slot), share.start + share.count)
            # An output that was computed before the abort is lost: its token is computed once more.
            kept = min(kept, answer.length - 1)
            answer.evaluated = kept if self._context.truncate(answer.slot, kept) else 0

    def _make_room(self) -> None:
        """The memory is full and nothing idle is left: the youngest answer waits, the only one ends."""
        youngest = self._running[-1]
        if len(self._running) == 1:
            self._finish(youngest, "length")
            return
        self._running.pop()
        self._residents.unseat(youngest)
        self._queue.appendleft(youngest)
        self._full = True

    def _break_off(self, shares: Sequence[Share], code: int) -> None:
        for share in shares:
            what = say("llama.cpp could not compute the next step (code {code}).", code=code)
            self._fail(share.answer, what, say("Try again; the engine's log may tell more."))

    # Beginning and ending -------------------------------------------------------------------------------------------

    def _seat_waiting(self) -> None:
        """Give sequences to those that wait, in order; one that waits for a prefix lets others pass."""
        if not self._queue or (self._full and self._running):
            return
        self._full = False
        n_ctx = self._context.n_ctx
        taken = sum(answer.length - answer.shared for answer in self._running)
        waiting: deque[Answer] = deque()
        while self._queue and len(self._running) < self._context.sequences:
            answer = self._queue.popleft()
            seating = self._residents.seat(answer, room=n_ctx - taken if self._running else n_ctx)
            if seating != "seated":
                waiting.append(answer)
                if seating == "full":
                    self._full = True
                    break
                continue
            self._running.append(answer)
            taken += answer.length - answer.shared
            answer.began = answer.began or self._clock()
            if not answer.generated:
                self._tell_reading(answer)
        self._queue.extendleft(reversed(waiting))

    def _end_cancelled(self) -> None:
        for command in self._interrupt.take():
            for answer in [*self._running, *self._queue]:
                if answer.key.command == command:
                    self._finish(answer, "cancelled")

    def _finish(self, answer: Answer, reason: FinishReason) -> None:
        """`answer` ended; what it held back is said, unless a stop text ended it."""
        rest = answer.text.finish()
        if rest:
            self._outbox.write(answer.key, rest, 0)
        key = answer.key
        timing = answer.timing(self._clock())
        self._outbox.send(Ended(id=key.command, reason=reason, usage=answer.usage, timing=timing, sample=key.sample))
        self._release(answer)

    def _fail(self, answer: Answer, what: str, hint: str) -> None:
        self._refuse(answer.key, what, hint)
        # What was computed is not to be trusted, and would fail the next attempt as well.
        self._context.forget(answer.slot)
        answer.evaluated = 0
        self._release(answer)

    def _refuse(self, key: AnswerKey, what: str, hint: str) -> None:
        self._outbox.send(Problem(id=key.command, kind="engine", what=what, hint=hint, sample=key.sample))

    def _release(self, answer: Answer) -> None:
        answer.chain.close()
        self._full = False
        if answer.slot >= 0:
            self._running.remove(answer)
            self._residents.leave(answer)
        else:
            self._queue.remove(answer)

    def close(self) -> None:
        """Free the samplers of answers that did not end."""
        for answer in [*self._running, *self._queue]:
            answer.chain.close()
