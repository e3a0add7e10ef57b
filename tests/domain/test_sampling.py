"""Sampler settings: their bounds, their layers, and the text a person types."""

from __future__ import annotations

from dataclasses import fields

import pytest

from llmlab import words
from llmlab.domain.sampling import DEFAULTS, SETTINGS, Sampling, check_number, parse_setting


def test_every_field_is_a_setting_and_every_setting_a_field() -> None:
    assert {setting.name for setting in SETTINGS} == {field.name for field in fields(Sampling)}


def test_every_default_lies_within_its_bounds() -> None:
    for setting in SETTINGS:
        value = getattr(DEFAULTS, setting.name)
        if isinstance(value, int | float):
            assert check_number(setting, value) == value


def test_layers_keep_what_is_set_above() -> None:
    wished = Sampling(temperature=0.0, top_k=5)
    model = Sampling(temperature=0.7, min_p=0.1)
    assert wished.over(model) == Sampling(temperature=0.0, top_k=5, min_p=0.1)
    assert wished.changed() == {"temperature": 0.0, "top_k": 5}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("temperature", "0.5", 0.5),
        ("top_k", "7", 7),
        ("stop", "END", ("END",)),
        ("seed", "4294967294", 4_294_967_294),
        ("logit_bias", '7 = +2.50,"a"=-1', '7=2.5, "a"=-1'),
    ],
)
def test_parse(name: str, text: str, value: object) -> None:
    assert parse_setting(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("temperature", "warm", "a number"),
        ("top_k", "1.5", "a whole number"),
        ("temperature", "nan", "between 0 and 10"),
        ("top_p", "1.1", "between 0 and 1"),
        ("seed", "-1", "between 0 and"),
        ("logit_bias", "yes=1", "logit_bias: yes=1 is no bias"),
    ],
)
def test_parse_says_what_is_allowed(name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_setting(name, text)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("temperature", "warm", "需要数字"),
        ("top_k", "1.5", "需要整数"),
        ("top_p", "2", "须在 0 到 1 之间"),
        ("logit_bias", "1=2000", "不是 -1000 到 1000 之间的偏置"),
    ],
)
def test_it_is_said_in_chinese_too(name: str, text: str, message: str) -> None:
    words.use_language("zh")
    with pytest.raises(ValueError, match=message):
        parse_setting(name, text)


def test_an_unknown_setting_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        parse_setting("temprature", "1")
