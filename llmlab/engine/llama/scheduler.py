"""The loop of the engine: packs what all answers need next into one batch, computes it, and draws their tokens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from llmlab.domain.generation import FinishReason
from llmlab.engine.llama.answer import Answer
from llmlab.engine.llama.context import ABORTED, FULL, OK, Context
from llmlab.engine.llama.drawing import Drawing, Drawn
from llmlab.engine.llama.intake import Intake
from llmlab.engine.llama.interrupt import Interrupt
from llmlab.engine.llama.measuring import Measuring
from llmlab.engine.llama.outbox import Outbox
from llmlab.engine.llama.packing import WATCHED, Packer, Share, recover
from llmlab.engine.llama.reports import ended, reading, refusals, refused, scored
from llmlab.engine.llama.residents import Residents
from llmlab.engine.llama.speculation import Speculation, draw, drop_overhang
from llmlab.engine.llama.threads import Governor
from llmlab.engine.llama.vocabulary import Vocabulary
from llmlab.engine.wire import Generate, Score
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
        residents: Residents,
        clock: Callable[[], float],
        speculation: Speculation | None = None,
    ) -> None:
        """Prepare.

        Args:
            context: where to compute.
            vocabulary: of its model.
            outbox: where reports go.
            interrupt: tells which commands were cancelled.
            governor: adapts the number of threads; `None` keeps it.
            residents: the sequences of the context, and what is kept beside it.
            clock: monotonic seconds.
            speculation: guesses tokens, owned here from now on; `None` where that is not wanted, or not possible.
        """
        self._context, self._vocabulary = context, vocabulary
        self._outbox, self._interrupt = outbox, interrupt
        self._governor, self._clock = governor, clock
        self._packer = Packer(context)
        self._intake = Intake(context, vocabulary, clock)
        self._residents = residents
        self._speculation = speculation
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

    def submit(self, command: Generate | Score) -> None:
        """Queue what `command` asks for; what cannot be done is reported."""
        try:
            self._queue.extend(self._intake.take(command))
        except EngineError as error:
            self._outbox.send(*refusals(command, error))
        if self._interrupt.overtook(command.id):
            self._cancel((command.id,))

    # One step -------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Compute one batch for all answers, after ending those that were cancelled and seating those that wait."""
        if self._resting:
            self._wake()
        self._cancel(self._interrupt.take())
        self._seat_waiting()
        started = self._clock()
        if self._speculation is not None:
            self._speculation.guess(self._running)
        shares = self._packer.pack(self._running)
        if not shares:
            return
        reads = sum(share.count for share in shares if not share.answer.writing)
        if reads and any(share.answer.writing for share in shares):
            # What was written so far should not wait for a longer step.
            self._outbox.send()
        self._context.interruptible(self._packer.expected(reads) > WATCHED)
        code = self._compute(shares[-1].row + 1)
        seconds = self._clock() - started
        if code == OK:
            self._packer.measure(seconds, reads)
            self._adapt(seconds, shares, reads)
            written = self._advance(shares)
            if self._speculation is not None and not reads:
                self._speculation.learn(shares, self._clock() - started, written)
            self._outbox.flush()
        elif code == ABORTED:
            self._resume(shares)
        elif code == FULL:
            self._make_room(shares)
        else:
            self._break_off(shares, code)

    def _wake(self) -> None:
        self._resting = False
        if self._governor is not None:
            self._context.use_threads(self._governor.wake(self._clock()))

    def _compute(self, rows: int) -> int:
        code = self._context.decode(rows)
        while code == FULL and self._residents.make_room():
            code = self._context.decode(rows)
        return code

    def _adapt(self, seconds: float, shares: Sequence[Share], reads: int) -> None:
        """Choose the threads of the next step; only steps of one answer that writes compare with each other."""
        if self._governor is not None:
            alone = not reads and shares[-1].row == 0
            self._context.use_threads(self._governor.step(self._clock(), seconds if alone else 0.0))

    # After the computation ------------------------------------------------------------------------------------------

    def _advance(self, shares: Sequence[Share]) -> int:
        """Use what was computed; how many tokens were written."""
        written = 0
        for share in shares:
            answer, before = share.answer, share.answer.length
            answer.evaluated += share.count - share.guessed
            if not answer.generated and (share.count > 1 or not share.draws):
                self._outbox.send(reading(answer))
            if answer.evaluated == answer.mark:
                self._residents.mark(answer)
            if share.draws:
                self._use_output(answer, share)
            written += answer.length - before
        return written

    def _use_output(self, answer: Answer, share: Share) -> None:
        try:
            match answer.purpose:
                case Drawing() as drawing:
                    for drawn in draw(self._context, drawing, share):
                        self._say(answer, drawn)
                    drop_overhang(self._context, answer)
                case Measuring() as measuring:
                    scores = measuring.measure(self._context, answer.evaluated, share.row)
                    self._outbox.send(scored(answer, measuring, scores))
                    if measuring.done:
                        self._release(answer)
        except EngineError as error:
            self._fail(answer, error)

    def _say(self, answer: Answer, drawn: Drawn) -> None:
        first = not answer.first
        answer.tick(self._clock())
        piece, ends = self._vocabulary.look_up(drawn.token)
        if ends:
            if drawn.info is not None:
                self._outbox.write(answer.key, "", 0, drawn.info)
            self._finish(answer, "stop")
            return
        answer.append(drawn.token)
        self._outbox.write(answer.key, answer.text.feed(piece), 1, drawn.info, answer.said())
        if answer.text.stopped:
            self._finish(answer, "stop")
        elif answer.length >= answer.limit:
            self._finish(answer, "length")
        elif first:
            self._outbox.send()

    def _resume(self, shares: Sequence[Share]) -> None:
        for share in shares:
            recover(self._context, share)
            self._residents.resume(share.answer)

    def _make_room(self, shares: Sequence[Share]) -> None:
        """The memory is full and nothing idle is left: without guesses, or the youngest waits, or the only one ends."""
        if self._speculation is not None and self._speculation.make_room(shares):
            return
        if len(self._running) == 1:
            self._finish(self._running[0], "length")
            return
        youngest = self._running.pop()
        self._residents.unseat(youngest)
        self._queue.appendleft(youngest)
        self._full = True

    def _break_off(self, shares: Sequence[Share], code: int) -> None:
        what = say("llama.cpp could not compute the next step (code {code}).", code=code)
        for share in shares:
            self._fail(share.answer, EngineError(what, hint=say("Try again; the engine's log may tell more.")))

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
            if not self._context.adapt(answer.adapters, change=not self._running):
                waiting.append(answer)
                break
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
                self._outbox.send(reading(answer))
        self._queue.extendleft(reversed(waiting))

    def _cancel(self, commands: tuple[int, ...]) -> None:
        for answer in [*self._running, *self._queue] if commands else ():
            if answer.key.command in commands:
                self._finish(answer, "cancelled")

    def _finish(self, answer: Answer, reason: FinishReason) -> None:
        """`answer` ended; what it held back is said, unless a stop text ended it."""
        rest = answer.text.finish()
        if rest:
            self._outbox.write(answer.key, rest, 0)
        self._outbox.send(ended(answer, reason, self._clock()))
        self._release(answer)

    def _fail(self, answer: Answer, error: EngineError) -> None:
        self._outbox.send(refused(answer.key, error))
        # What was computed is not to be trusted, and would fail the next attempt as well.
        self._context.forget(answer.slot)
        answer.evaluated = 0
        self._release(answer)

    def _release(self, answer: Answer) -> None:
        answer.purpose.close()
        self._full = False
        drop_overhang(self._context, answer)
        if answer.slot >= 0:
            self._running.remove(answer)
            self._residents.leave(answer)
        else:
            self._queue.remove(answer)

    def close(self) -> None:
        """Free the samplers of answers that did not end, and the draft model."""
        for answer in [*self._running, *self._queue]:
            answer.purpose.close()
        if self._speculation is not None:
            self._speculation.close()
