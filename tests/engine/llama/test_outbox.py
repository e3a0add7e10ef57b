from __future__ import annotations

from llmlab.engine.llama.answer import AnswerKey
from llmlab.engine.llama.interrupt import Interrupt
from llmlab.engine.llama.outbox import GATHER, Outbox
from llmlab.engine.wire import Counted, Wrote, decode_report


class Pipe:
    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.now = 10.0
        self.outbox = Outbox(self.writes.append, lambda: self.now)

    def texts(self) -> list[str]:
        reports = [decode_report(line) for data in self.writes for line in data.splitlines()]
        return [report.text if isinstance(report, Wrote) else type(report).__name__ for report in reports]


KEY = AnswerKey(1, 0)


def test_text_of_a_moment_is_one_write() -> None:
    pipe = Pipe()
    pipe.outbox.send()
    for letter in "abc":
        pipe.outbox.write(KEY, letter, 1)
    pipe.outbox.write(AnswerKey(1, 1), "other", 2)
    pipe.outbox.flush()
    assert len(pipe.writes) == 1
    pipe.outbox.write(KEY, "d", 1)
    pipe.outbox.write(KEY, "e", 1)
    pipe.now += GATHER / 2
    pipe.outbox.flush()
    assert len(pipe.writes) == 1
    pipe.now += GATHER
    pipe.outbox.flush()
    assert pipe.texts() == ["abc", "other", "de"]
    last = decode_report(pipe.writes[-1])
    assert isinstance(last, Wrote)
    assert last.tokens == 2


def test_tokens_that_the_text_has_come_to_the_end_of_go_with_it() -> None:
    pipe = Pipe()
    for text, ids in (("a", [1]), ("", []), ("bc", [2, 3])):
        pipe.outbox.write(KEY, text, 1, None, ids)
    pipe.outbox.send()
    pipe.outbox.write(KEY, "d", 1, None, [4])
    pipe.outbox.write(KEY, "e", 1)
    pipe.outbox.send()
    first, second = (decode_report(line) for data in pipe.writes for line in data.splitlines())
    assert isinstance(first, Wrote)
    assert isinstance(second, Wrote)
    assert (first.text, first.ids, first.loose) == ("abc", (1, 2, 3), False)
    assert (second.text, second.ids, second.loose) == ("de", (4,), True)


def test_events_come_after_the_text_before_them_and_at_once() -> None:
    pipe = Pipe()
    pipe.outbox.write(KEY, "a", 1)
    pipe.outbox.send(Counted(id=2, counts=()))
    assert pipe.texts() == ["a", "Counted"]


def test_nothing_to_say_writes_nothing() -> None:
    pipe = Pipe()
    pipe.outbox.send()
    pipe.outbox.flush()
    assert pipe.writes == []


def test_cancelled_commands_are_taken_once() -> None:
    interrupt = Interrupt()
    assert interrupt.take() == ()
    interrupt.cancel(4)
    interrupt.cancel(5)
    assert interrupt.raised
    assert interrupt.take() == (4, 5)
    assert not interrupt.raised
    assert interrupt.take() == ()


def test_an_end_stays_raised() -> None:
    interrupt = Interrupt()
    interrupt.end()
    interrupt.take()
    assert interrupt.raised
    assert interrupt.shutdown
