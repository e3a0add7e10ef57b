"""Final answers: what each rule takes, from where, and how votes on them are counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.extraction import Extracted, chinese_number, extract, normalised, tally
from llmlab.domain.modes import Extraction

ANSWER_IS = Extraction("after", "The answer is", "number")
ANSWER_COLON = Extraction("after", "Answer:", "value")
CHINESE = Extraction("after", "答案是", "value", numerals=True)


def taken(written: str, how: Extraction, *, flexible: bool = False) -> str | None:
    """The text of the answer, its place checked."""
    found = extract(written, how, flexible=flexible)
    if found is None:
        return None
    assert written[found.start : found.end] == found.text
    return found.text


@pytest.mark.parametrize(
    ("written", "how", "answer"),
    [
        ("The answer is 18", ANSWER_IS, "18"),
        ("The answer is 18\nBecause of that.", ANSWER_IS, "18"),
        ("The answer is 5", ANSWER_IS, "5"),
        ("The answer is **18**.", ANSWER_IS, "18"),
        ("The answer is $18.", ANSWER_IS, "18"),
        ("The answer is 1,234,567.50 dollars.", ANSWER_IS, "1,234,567.50"),
        ("The answer is -3.", ANSWER_IS, "-3"),
        ("The answer is −3.", ANSWER_IS, "−3"),
        ("The answer is 3/4.", ANSWER_IS, "3/4"),
        ("The answer is 5. No: The answer is 7.", ANSWER_IS, "7"),
        ("Answer: 18 (see step 2)", ANSWER_COLON, "18"),
        ("Answer:\n**18**", ANSWER_COLON, "18"),
        ("Answer: Paris.", ANSWER_COLON, "Paris"),
        ("Answer: the 3rd of May", ANSWER_COLON, "the 3rd of May"),
        ("Answer: $18 a week", ANSWER_COLON, "18"),
        ("ANSWER 18", ANSWER_COLON, None),
        ("5 + 6 = 11\n答案是11。", CHINESE, "11"),
        ("答案是二十三。", CHINESE, "二十三"),
        ("答案是２３个。", CHINESE, "２３"),
        ("答案是巴黎。", CHINESE, "巴黎"),
        ("3 + 4 = 7, so 7 apples", Extraction("last_number"), "7"),
        # The trap of every rule that takes what stands last.
        ("Answer: 18 (see step 2)", Extraction("last_number"), "2"),
        ("10-5", Extraction("last_number"), "5"),
        ("f(2)-5", Extraction("last_number"), "5"),
        ("1.5.", Extraction("last_number"), "1.5"),
        ("12,34", Extraction("last_number"), "34"),
        ("no number", Extraction("last_number"), None),
        ("7 then 8", Extraction("first_number"), "7"),
        ("A cat? (B) it is. I'm sure.", Extraction("letter"), "B"),
        ("**C**", Extraction("letter"), "C"),
        ("ABC", Extraction("letter"), None),
        ("Ja\n\nSo:\n  **23**  \n", Extraction("last_line"), "23"),
        ('{"a": [1, {"b": 2}]}', Extraction("json"), '{"a": [1, {"b": 2}]}'),
        ('Here:\n```json\n{"a": 1}\n```\nDone.', Extraction("json"), '{"a": 1}'),
        ('First {"a": 1}, then {"b": 2}.', Extraction("json"), None),
        (r"So \boxed{1} or \boxed{\frac{3}{4}}.", Extraction("boxed"), r"\frac{3}{4}"),
        (r"\boxed{3", Extraction("boxed"), None),
        ("  all of it \n", Extraction("whole"), "all of it"),
        ("", Extraction("whole"), None),
    ],
)
def test_a_rule_takes(written: str, how: Extraction, answer: str | None) -> None:
    assert taken(written, how) == answer


@pytest.mark.parametrize(
    ("written", "how", "answer"),
    [
        ("the ANSWER  is 5? The Answer is: 18", ANSWER_IS, "18"),
        ("So there are 18 apples", ANSWER_IS, "18"),
        ("**Final answer:** 18 (in 3 steps)", ANSWER_IS, "18"),
        ("答案：18，共3步", ANSWER_IS, "18"),
        ("answer： Paris", ANSWER_COLON, "Paris"),
        ("It must be\nParis.", ANSWER_COLON, "Paris"),
        ("I choose (D).", Extraction("after", "Answer:", "letter"), "D"),
        ('First {"a": 1}, then {"b": 2}.', Extraction("json"), '{"b": 2}'),
        ("The result is 12.", Extraction("boxed"), "12"),
        ("nothing to be seen", ANSWER_IS, None),
    ],
)
def test_a_flexible_reading_takes(written: str, how: Extraction, answer: str | None) -> None:
    assert taken(written, how) is None or "?" in written
    assert taken(written, how, flexible=True) == answer


def test_it_is_told_which_reading_found_the_answer() -> None:
    assert extract("The answer is 18.", ANSWER_IS) == Extracted("18", 14, 16)
    assert extract("18 it is", ANSWER_IS) == Extracted("18", 0, 2, strict=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,234", "1234"),
        ("18.00", "18"),
        ("$18", "18"),
        ("**18**", "18"),
        ("18%", "18"),
        ("007", "7"),
        ("-0", "0"),
        ("−3", "-3"),
        ("２３", "23"),
        ("二十三", "23"),
        ("Paris.", "paris"),
        ("  The  Seine ", "the seine"),
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}'),
    ],
)
def test_answers_that_say_the_same_are_the_same(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), [("18", "-18"), ("1.8", "18"), ("1,2", "12"), ("3/4", "3"), ("?", "!")])
def test_answers_that_differ_stay_apart(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("十", 10),
        ("二十三", 23),
        ("一百零五", 105),
        ("一万零五", 10005),
        ("三亿二千万", 320_000_000),
        ("负三点五", -3.5),
        ("二〇二四", 2024),
        ("两百", 200),
    ],
)
def test_chinese_numerals_have_their_value(text: str, value: float) -> None:
    assert chinese_number(text) == value


def test_most_votes_win_and_the_first_seen_of_equal_ones() -> None:
    counted = tally(["22", "23", "23.0", None, "22", "twenty"])
    assert [(vote.answer, vote.count) for vote in counted.votes] == [("22", 2), ("23", 2), ("twenty", 1)]
    assert (counted.winner, counted.silent, counted.share) == (0, 1, 2 / 6)


def test_without_an_answer_nobody_wins() -> None:
    assert tally([None, None]).winner is None
    assert tally([]).share == 0.0


ANSWERS = st.lists(st.one_of(st.none(), st.text(max_size=4), st.integers().map(str)), max_size=12)


@given(ANSWERS)
def test_every_answer_is_counted_once(answers: list[str | None]) -> None:
    counted = tally(answers)
    assert sum(vote.count for vote in counted.votes) + counted.silent == len(answers)
    assert 0.0 <= counted.share <= 1.0
    if counted.winner is not None:
        assert answers[counted.winner] == counted.votes[0].answer


RULES = st.builds(
    Extraction,
    st.sampled_from(["whole", "after", "last_number", "first_number", "letter", "last_line", "json", "boxed"]),
    st.sampled_from(["", "The answer is", "Answer:", "答案是", "İ"]),
    st.sampled_from(["line", "value", "number", "letter"]),
    numerals=st.booleans(),
)
WORDS = ("The answer is", "Answer: ", "答案是", "二十三", "18", "1,234", "A", "\\boxed{", '{"a": 1}', "```", "İ")
PIECES = st.sampled_from([*WORDS, *"{}*$.\n "])


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)), RULES)
def test_an_answer_stands_where_it_is_said_to(written: str, how: Extraction) -> None:
    strict, loose = extract(written, how, flexible=False), extract(written, how)
    if strict is not None:
        assert loose == strict
    if loose is not None:
        assert written[loose.start : loose.end] == loose.text != ""


@given(st.integers(-(10**9), 10**9))
def test_a_number_is_found_however_it_is_grouped(number: int) -> None:
    for written in (f"The answer is {number:,}.", f"The answer is **{number}**", f"The answer is {number}.0"):
        found = extract(written, ANSWER_IS)
        assert found is not None
        assert normalised(found.text) == normalised(str(number))
