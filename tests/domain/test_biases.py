"""The notation of biases: what is read, what is written, what is refused and how that is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.biases import EXAMPLE, MOST, Bias, check_ids, names_ids, parse_biases, written_biases


@pytest.mark.parametrize(
    ("text", "biases"),
    [
        ("", ()),
        (EXAMPLE, (Bias(" yes", -5.0), Bias(123, 2.5))),
        ('7 = +.5 , "中文"=1e2,', (Bias(7, 0.5), Bias("中文", 100.0))),
        (r'"a\"=1, \\\n"=3', (Bias('a"=1, \\\n', 3.0),)),
        ('"two\nlines"=1', (Bias("two\nlines", 1.0),)),
        ('"7"=1, 7=1', (Bias("7", 1.0), Bias(7, 1.0))),
        (r'"\ud800"=1', (Bias("\N{REPLACEMENT CHARACTER}", 1.0),)),
    ],
)
def test_what_is_read(text: str, biases: tuple[Bias, ...]) -> None:
    assert parse_biases(text) == biases


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("yes=1", "yes=1 is no bias: a text in double quotes or a token's id"),
        ('"yes', '"yes is no bias'),
        ('"yes"', '"yes" is no bias'),
        ('"yes"=', "is no bias"),
        ('"yes"=often', "is no bias"),
        ("-1=3", "-1=3 is no bias"),
        ("1=2 3=4", "1=2 3=4 is no bias"),
        (",1=2", ",1=2 is no bias"),
        ("1=2, and then " + "more" * 20, "and then moremoremoremor… is no bias"),
        ("1=1001", "1001 is no bias from -1000 to 1000"),
        ("1=-1e999", "-1e999 is no bias from"),
        ("1=nan", "is no bias"),
        ('""=1', "a text of no characters"),
        ("1" * 5000 + "=1", "is no bias"),
    ],
)
def test_what_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_biases(text)
    assert told in str(caught.value)


ANY = st.builds(
    Bias, st.integers(0, 999_999_999) | st.text(min_size=1), st.floats(-MOST, MOST, allow_nan=False, width=64)
)


@given(st.lists(ANY, max_size=4))
def test_what_is_written_is_read_again_and_can_be_shown(biases: list[Bias]) -> None:
    written = written_biases(biases)
    assert written.isprintable()
    assert parse_biases(written) == tuple(biases)


def test_ids_lie_in_the_vocabulary() -> None:
    check_ids(parse_biases('287=1, "a"=2'), 288)
    with pytest.raises(ValueError, match=r"no token 1000000: .* has 288, from 0 to 287"):
        check_ids(parse_biases('"a"=2, 1000000=1'), 288)
    assert names_ids(parse_biases('"a"=2, 7=1'))
    assert not names_ids(parse_biases('"7"=2'))
