"""Samplers at the ends of what their settings may be: a token is drawn, and it is one that can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from llama_cpp import llama_cpp as api

from llmlab.domain.sampling import DEFAULTS, SETTINGS, Sampling
from llmlab.engine.llama.sampler import COLDEST, DRY_KEPT, Step, plan
from tests.engine.llama.conftest import GREEDY, Harness

HELLO = tuple(b"hello")
COUNT = 8
ON = replace(
    DEFAULTS, temperature=0.9, dynatemp_range=0.3, typical_p=0.9, top_n_sigma=2.0, xtc_probability=0.4,
    dry_multiplier=0.5, repeat_penalty=1.1, frequency_penalty=0.1, presence_penalty=0.1, seed=3, max_tokens=COUNT,
)  # fmt: skip
"""Everything is switched on, but for mirostat."""
NUMBERS = [setting for setting in SETTINGS if setting.kind in ("int", "float") and setting.name != "max_tokens"]
ENDS = [(setting.name, end) for setting in NUMBERS for end in (setting.low, setting.high)]
OPEN = replace(DEFAULTS, top_k=0, top_p=1.0, min_p=0.0, temperature=1.0, seed=3, max_tokens=COUNT)
"""Nothing is kept out."""


def with_value(sampling: Sampling, name: str, value: float) -> Sampling:
    kind = next(setting.kind for setting in SETTINGS if setting.name == name)
    return replace(sampling, **{name: int(value) if kind == "int" else value})  # type: ignore[arg-type]


def test_every_end_of_every_setting_draws_tokens(harness: Callable[..., Harness]) -> None:
    engine = harness("bigram")
    for name, value in ENDS:
        bases = (ON, replace(ON, mirostat=1), replace(ON, mirostat=2)) if name.startswith("mirostat_") else (ON, OPEN)
        for base in bases:
            told = engine.answer(HELLO, with_value(base, name, value), logprobs=2)
            assert told.problem is None, (name, value)
            assert told.ended is not None, (name, value)
            assert told.ended.usage.generated == COUNT, (name, value)
            assert all(each.final_logprob <= 1e-6 for each in told.info), (name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("top_k", 1), ("top_p", 0.0), ("min_p", 1.0), ("temperature", 1e-30), ("temperature", COLDEST)],
)
def test_what_leaves_one_token_is_the_likeliest(harness: Callable[..., Harness], name: str, value: float) -> None:
    engine = harness("bigram")
    sure = engine.answer(HELLO, replace(GREEDY, max_tokens=COUNT)).text
    assert engine.answer(HELLO, with_value(OPEN, name, value)).text == sure


@pytest.mark.parametrize("temperature", [1e-38, COLDEST / 2, 0.0])
def test_a_temperature_that_no_logit_survives_takes_the_likeliest(temperature: float) -> None:
    assert plan(replace(DEFAULTS, temperature=temperature), 100) == (Step("greedy"),)


def test_a_vocabulary_is_looked_through_once_for_all_answers_with_the_same_dry_settings(
    harness: Callable[..., Harness], monkeypatch: pytest.MonkeyPatch
) -> None:
    dry = replace(OPEN, dry_multiplier=5.0, dry_allowed_length=1, max_tokens=30)
    fresh = [harness("bigram").answer(HELLO, replace(dry, seed=seed)).text for seed in (3, 4)]
    made: list[float] = []
    real = api.llama_sampler_init_dry

    def counted(vocabulary: object, multiplier: float, *more: object) -> object:
        made.append(multiplier)
        return real(vocabulary, multiplier, *more)

    monkeypatch.setattr(api, "llama_sampler_init_dry", counted)
    engine = harness("bigram")
    for _ in range(2):
        command = engine.submit(HELLO, dry, samples=2)
        engine.run()
        assert [engine.told(command, sample).text for sample in range(2)] == fresh
    assert made == [5.0]
    for number in range(DRY_KEPT + 2):
        assert engine.answer(HELLO, replace(dry, dry_multiplier=1.0 + number)).ended is not None
    assert engine.answer(HELLO, dry).text == fresh[0]


@pytest.mark.parametrize("changed", [{"repeat_penalty": 1.5, "repeat_last_n": 8}, {"dry_penalty_last_n": 8}])
def test_of_a_long_prompt_samplers_see_what_they_can_remember(
    harness: Callable[..., Harness], monkeypatch: pytest.MonkeyPatch, changed: dict[str, float]
) -> None:
    asked = replace(OPEN, dry_multiplier=5.0 if "dry_penalty_last_n" in changed else 0.0, **changed)  # type: ignore[arg-type]
    prompt = tuple(b"a long story with words that come again and again, again and again " * 3)
    short = harness("bigram").answer(prompt[-9:], asked).text
    seen: list[int] = []
    real = api.llama_sampler_accept

    def noted(chain: object, token: int) -> None:
        seen.append(token)
        real(chain, token)

    monkeypatch.setattr(api, "llama_sampler_accept", noted)
    assert harness("bigram").answer(prompt, asked).text == short
    assert tuple(seen) == prompt[-8:]
