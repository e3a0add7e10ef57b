"""What a key takes, and what is said when it does not."""

from __future__ import annotations

import pytest

from llmlab.domain.sampling import SETTINGS
from llmlab.library.checks import Check, Unfit, check_of, near, number, one_of, texts, whole, words, yes_or_no

KEYS = ("n_ctx", "n_gpu_layers", "n_threads", "flash_attn", "system", "sampling", "thinking", "chat_template")
SAMPLERS = tuple(setting.name for setting in SETTINGS)


@pytest.mark.parametrize(
    ("check", "value", "kept"),
    [
        (one_of("a", "b"), "b", "b"),
        (whole(0, 10), 10, 10),
        (whole(0, 10, "auto"), "auto", "auto"),
        (number(0, 1), 1, 1.0),
        (yes_or_no, False, False),
        (words, "", ""),
        (texts, "x", ("x",)),
        (texts, ["x", "y"], ("x", "y")),
        (texts, [], ()),
    ],
)
def test_what_fits_is_kept(check: Check, value: object, kept: object) -> None:
    result = check(value)
    assert result == kept
    assert type(result) is type(kept)


@pytest.mark.parametrize(
    ("check", "value", "said"),
    [
        (one_of("linear", "yarn"), "yarm", '"yarm" is not one of "linear", "yarn"; did you mean yarn?'),
        (one_of("a"), 3, '3 is not one of "a"'),
        (whole(1, 10), 11, "11 is not a whole number from 1 to 10"),
        (whole(1, 10), True, "true is not a whole number from 1 to 10"),
        (whole(1, 10), 2.0, "2.0 is not a whole number from 1 to 10"),
        (whole(0, 10, "auto"), "outo", '"outo" is neither "auto" nor a whole number from 0 to 10; did you mean auto?'),
        (number(0, 1), float("nan"), "nan is not a number from 0 to 1"),
        (number(0, 1), float("inf"), "inf is not a number from 0 to 1"),
        (number(0, 1), "0.5", '"0.5" is not a number from 0 to 1'),
        (number(0, 1), 10**30, "a huge number is not a number from 0 to 1"),
        (yes_or_no, 1, "1 is neither true nor false"),
        (words, {"a": 1}, "a table is not a text in quotes"),
        (texts, [""], "a list is neither a text nor a list of texts that are not empty"),
        (words, ["x"], "a list is not a text in quotes"),
    ],
)
def test_what_does_not_fit_says_what_was_given_and_what_is_allowed(check: Check, value: object, said: str) -> None:
    with pytest.raises(Unfit) as refusal:
        check(value)
    assert str(refusal.value) == said


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("n_ctxx", "n_ctx"),
        ("N_CTX", "n_ctx"),
        ("gpu_layers", "n_gpu_layers"),
        ("n-threads", "n_threads"),
        ("think", "thinking"),
        ("template", "chat_template"),
        ("sytem", "system"),
        ("zzz", None),
        ("", None),
    ],
)
def test_the_near_miss_of_a_key(wrong: str, right: str | None) -> None:
    assert near(wrong, KEYS) == right


@pytest.mark.parametrize(
    ("wrong", "right"), [("temp", "temperature"), ("topk", "top_k"), ("rep_penalty", "repeat_penalty")]
)
def test_the_near_miss_of_a_sampler_setting(wrong: str, right: str) -> None:
    assert near(wrong, SAMPLERS) == right


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_sampler_setting_takes_its_bounds_and_nothing_beyond(setting: object) -> None:
    (found,) = [item for item in SETTINGS if item is setting]
    check = check_of(found)
    if found.kind == "texts":
        assert check(["a"]) == ("a",)
        return
    if found.kind == "biases":
        assert check(f"1={found.low}, 2={found.high}") == "1=-1000, 2=1000"
        for amount in (found.low - 1, found.high + 1):
            with pytest.raises(Unfit):
                check(f"1={amount}")
        return
    for bound in (found.low, found.high):
        assert check(int(bound) if found.kind == "int" else bound) == bound
    for beyond in (found.low - 1, found.high + 1):
        with pytest.raises(Unfit):
            check(int(beyond) if found.kind == "int" else beyond)
