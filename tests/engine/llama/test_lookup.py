from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.engine.llama.lookup import GRADES, LONGEST, PRIORS, SHORTEST, Lookup, find, grade
from llmlab.engine.llama.payoff import Odds
from llmlab.engine.llama.prefix import Tokens

TEXTS = st.lists(st.integers(0, 3), max_size=60)


def array(tokens: list[int] | str) -> Tokens:
    return np.array(list(tokens.encode()) if isinstance(tokens, str) else tokens, np.int32)


def slow_find(tokens: list[int]) -> tuple[int, int]:
    best = (-1, 0)
    for place in range(1, len(tokens)):
        match = 0
        while match < min(place, LONGEST) and tokens[place - 1 - match] == tokens[len(tokens) - 1 - match]:
            match += 1
        if match >= SHORTEST and match >= best[1]:
            best = (place, match)
    return best


@given(TEXTS)
def test_it_finds_the_longest_earlier_occurrence_and_of_equal_ones_the_last(tokens: list[int]) -> None:
    assert find(array(tokens)) == slow_find(tokens)


@pytest.mark.parametrize(
    ("text", "count", "guessed"),
    [
        ("the cat sat. the c", 5, "at sa"),
        ("abc abd ab", 1, "d"),
        ("xyz", 4, ""),
        ("ab", 4, ""),
        ("", 4, ""),
        ("no no no", 7, " no no "),  # the repetition goes on past the end of what is there
        ("aaaa", 3, "aaa"),
        ("the cat sat. the c", 0, ""),
    ],
)
def test_a_guess_is_what_followed_before(text: str, count: int, guessed: str) -> None:
    lookup = Lookup(Odds(PRIORS))
    tokens = array(text)
    lookup.follow(tokens, len(tokens))
    found, chances = lookup.guess(tokens, count)
    assert bytes(found.tolist()).decode() == guessed
    assert len(chances) == len(found)
    assert chances == sorted(chances, reverse=True)
    assert all(0 < chance < 1 for chance in chances)


@given(TEXTS, st.integers(1, 9), st.integers(1, 9))
def test_looking_at_a_text_as_it_grows_leads_to_a_match_as_good_as_any(
    tokens: list[int], first: int, step: int
) -> None:
    lookup, text = Lookup(Odds(PRIORS)), array(tokens)
    for length in [*range(first, len(tokens), step), len(tokens)]:
        if length > len(tokens):
            continue
        lookup.follow(text, length)
        guessed, _ = lookup.guess(text[:length], 4)
        assert lookup.matches == (len(guessed) > 0)
        if not lookup.matches:
            assert slow_find(tokens[:length]) == (-1, 0)
        else:
            # Whatever was guessed followed the last tokens somewhere.
            ending = [*tokens[max(0, length - SHORTEST) : length], int(guessed[0])]
            whole = [tokens[place : place + len(ending)] for place in range(length)]
            assert ending in whole


def test_guesses_that_are_not_used_teach_as_well() -> None:
    odds = Odds(PRIORS)
    lookup, text = Lookup(odds), array("abcdefgh" * 8)
    for length in range(9, len(text) + 1):
        lookup.follow(text, length)
    assert odds.of(grade(LONGEST)) > PRIORS[-1]
    wrong = Odds(PRIORS)
    lookup, text = Lookup(wrong), array("ab1ab2ab3ab4ab5ab6ab7ab8ab9ab0")
    for length in range(len(text) + 1):
        lookup.follow(text, length)
    assert wrong.of(grade(SHORTEST)) < PRIORS[0]


def test_every_length_of_a_match_has_a_grade() -> None:
    assert [grade(match) for match in (2, 3, 4, 5, 6, LONGEST)] == [0, 1, 2, 2, 3, len(GRADES) - 1]
    assert len(PRIORS) == len(GRADES)
