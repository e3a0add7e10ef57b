from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.domain.generation import Turn
from llmlab.domain.messages import Message
from llmlab.tui.widgets.transcript_entry import Entry
from llmlab.tui.widgets.transcript_roll import Changed, Place, Roll
from tests.tui.transcript_host import ANSWER, CHINESE, answer, live, long_chat, question, small_chat

WRITING = Turn(state="writing")


def roll(path: tuple[Message, ...], width: int = 60) -> Roll:
    made = Roll()
    made.set_width(width)
    made.replace_entries([Entry(message) for message in path])
    return made


def rows(made: Roll) -> list[str]:
    measure(made)
    return [found.line.text for y in range(made.height) if (found := made.find(y)) is not None]


def measure(made: Roll) -> None:
    while not made.measure(lambda: False):
        pass


def test_an_empty_roll_has_no_rows() -> None:
    empty = roll(())
    assert empty.height == 0
    assert empty.find(0) is None
    assert empty.place(3) == Place(0, 0, 0)
    assert empty.settle(5, 20) == 0
    assert empty.settle_end(20) == 0
    assert empty.measured


@given(st.integers(8, 90), st.lists(st.integers(-5, 2_000), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_a_place_is_where_it_says_it_is_after_any_looking_around(width: int, looks: list[int]) -> None:
    made = roll(long_chat(12), width)
    for y in looks:
        made.settle(y, 20)
        place = made.place(y)
        assert made.place(made.row_of(place)) == place
    measure(made)
    exact = roll(long_chat(12), width)
    assert rows(made) == rows(exact)


def test_looking_above_a_row_tells_where_the_row_is_now() -> None:
    made = roll(long_chat(30))
    made.settle_end(30)
    y = made.height - 200
    text = [found.line.text for row in range(y, y + 30) if (found := made.find(row))]
    place = made.place(y)
    measure(made)
    now = made.row_of(place)
    again = [found.line.text for row in range(now, now + 30) if (found := made.find(row))]
    assert now != y
    assert again == text


def test_a_message_out_of_sight_keeps_its_height_and_nothing_else() -> None:
    made = roll(long_chat(100))
    measure(made)
    opened = sum(entry.opened for entry in made.entries)
    assert opened <= 40
    height = made.height
    made.settle(0, 40)
    assert made.height == height
    assert made.measured


def test_one_more_word_changes_one_row() -> None:
    made = roll((*small_chat(), live(ANSWER + "\n\nThe last")))
    made.settle_end(40)
    index = len(made.entries) - 1
    changed = made.renew(index, live(ANSWER + "\n\nThe last words"), (1, 1), WRITING)
    assert changed is not None
    assert not changed.moved
    assert changed.last - changed.first == 1
    found = made.find(changed.first)
    assert found is not None
    assert found.line.text == "The last words"


def test_a_new_row_moves_what_is_below_it() -> None:
    made = roll((question(1, "?"), live("one")))
    made.settle_end(40)
    changed = made.renew(1, live("one\ntwo"), (1, 1), WRITING)
    assert changed == Changed(5, 8, moved=True)
    assert [line.strip() for line in rows(made)] == ["you", "?", "", "pocket-m", "one", "two", "writing…", ""]


def test_an_unchanged_message_changes_nothing() -> None:
    made = roll(small_chat())
    assert made.renew(1, made.entries[1].message, (1, 1), None) is None


def test_a_growing_block_of_code_is_laid_out_line_by_line() -> None:
    text = "```python\n" + "x = 1\n" * 400 + "y ="
    made = roll((live(text),))
    made.settle_end(40)
    changed = made.renew(0, live(text + " 2"), (1, 1), WRITING)
    assert changed is not None
    assert changed.last - changed.first == 1


def test_a_renewed_message_is_the_same_as_a_new_one() -> None:
    made = roll((live(""),))
    made.settle_end(40)
    for end in range(0, len(ANSWER + CHINESE), 11):
        made.renew(0, live((ANSWER + CHINESE)[:end], "a\nb"), (1, 1), WRITING)
    done = replace(answer(1, ANSWER + CHINESE, thinking="a\nb"), id="live")
    made.renew(0, done, (2, 2), None)
    fresh = Roll()
    fresh.set_width(60)
    fresh.replace_entries([Entry(done, (2, 2))])
    assert rows(made) == rows(fresh)


def test_thinking_folds_with_all_and_by_itself() -> None:
    entry = Entry(answer(1, "x", thinking="a\nb"))
    folded = entry.height(60)
    assert entry.toggle_thinking()
    assert entry.shows_thinking
    assert not Entry(question(1, "x")).toggle_thinking()
    assert entry.fold_all(False)
    assert not entry.shows_thinking
    assert entry.height(60) == folded
    assert not entry.fold_all(False)


def test_lines_between_two_places() -> None:
    made = roll(small_chat())
    texts = [line.text for _, line in made.lines(Place(0, 1, 1), Place(1, 2, 0))]
    assert texts == ["How many are left?", "", "pocket-m", "▸ thinking, 38 tokens, 1.2 s", "The answer is 13."]
    assert len(list(made.lines(Place(0, 0, 0), made.end))) == len(rows(made))
