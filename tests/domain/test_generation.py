"""Events fold into a turn that ends exactly once."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.generation import Failed, Finished, Piece, Reading, StreamEvent, Timing, Turn, Usage, fold
from llmlab.domain.tokens import TokenInfo


def test_reading_then_writing_then_done() -> None:
    usage, timing = Usage(10, 4, 2), Timing(tokens_per_s=5.0)
    events: list[StreamEvent] = [
        Reading(4, 10, 4),
        Reading(10, 10, 4),
        Piece("a"),
        Piece("b"),
        Finished("stop", usage, timing),
    ]
    turn = reduce(fold, events, Turn())
    assert turn == Turn("done", "ab", 10, 10, 4, 2, "stop", usage, timing)


def test_the_tokens_of_the_answer_come_with_its_end() -> None:
    assert fold(Turn(), Finished("stop", ids=(3, 1, 2))).ids == (3, 1, 2)


def test_tokens_are_known_as_far_as_they_stand_for_the_text() -> None:
    turn = reduce(fold, [Piece("a", ids=(1, 2)), Piece("", 1), Piece("b", 1, ids=(3, 4))], Turn())
    assert (turn.raw, turn.ids, turn.loose) == ("ab", (1, 2, 3, 4), False)
    # A token ends one character and begins the next: its text is out, the token is not done with.
    turn = fold(turn, Piece("c", 1))
    assert (turn.ids, turn.loose) == ((1, 2, 3, 4), True)
    assert not fold(turn, Piece("d", 1, ids=(5, 6))).loose
    assert fold(turn, Piece("de", 2, ids=(5, 6), loose=True)).loose
    assert not fold(turn, Finished("stop", ids=(1, 2))).loose


def test_a_failure_keeps_what_was_said() -> None:
    events: list[StreamEvent] = [Piece("half"), Failed("died", "decode", "try again")]
    turn = reduce(fold, events, Turn())
    assert (turn.state, turn.raw, turn.ended) == ("failed", "half", True)
    assert turn.problem == Failed("died", "decode", "try again")


EVENTS = st.one_of(
    st.builds(Reading, st.integers(0, 9), st.just(9)),
    st.builds(Piece, st.text(max_size=3)),
    st.just(Finished("stop", Usage(generated=1))),
    st.just(Failed("died")),
)


@given(st.lists(EVENTS, max_size=12))
def test_nothing_changes_after_the_terminal_event(events: list[StreamEvent]) -> None:
    turn, ended_with = Turn(), None
    for event in events:
        turn = fold(turn, event)
        if turn.ended and ended_with is None:
            ended_with = turn
    assert ended_with is None or turn == ended_with


def test_how_likely_tokens_were_is_kept() -> None:
    one, two = (TokenInfo(token=token, text="x", logprob=-1.0, rank=1, entropy=0.5) for token in (1, 2))
    turn = fold(fold(Turn(), Piece("a", 1, 0, (one,))), Piece("", 0, 0, (two,)))
    assert turn.info == (one, two)
    assert turn.generated == 1
