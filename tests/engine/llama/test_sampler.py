from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llmlab.domain.sampling import DEFAULTS, SETTINGS, Sampling
from llmlab.engine.llama.sampler import SEEDS, Chain, Step, plan
from tests.engine.llama.conftest import load

N_CTX = 1000
PLAIN = ("top_k", "top_p", "min_p", "temp", "dist")


def names(sampling: Sampling) -> tuple[str, ...]:
    return tuple(step.name for step in plan(sampling, N_CTX))


def test_the_defaults_are_those_of_llama_cpp_and_leave_out_what_does_nothing() -> None:
    assert plan(DEFAULTS, N_CTX) == (
        Step("top_k", (40,)),
        Step("top_p", (0.95,)),
        Step("min_p", (0.05,)),
        Step("temp", (0.8,)),
        Step("dist"),
    )


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"temperature": 0.0}, ("greedy",)),
        ({"temperature": 0.0, "repeat_penalty": 1.2}, ("penalties", "greedy")),
        ({"temperature": 1.0}, (*PLAIN[:3], "dist")),
        ({"dynatemp_range": 0.5}, (*PLAIN[:3], "temp_ext", "dist")),
        ({"top_k": 0}, PLAIN[1:]),
        ({"top_p": 1.0}, ("top_k", "min_p", "temp", "dist")),
        ({"min_p": 0.0}, ("top_k", "top_p", "temp", "dist")),
        ({"typical_p": 0.9}, ("top_k", "typical", *PLAIN[1:])),
        ({"top_n_sigma": 1.5}, ("top_n_sigma", *PLAIN)),
        ({"xtc_probability": 0.5}, (*PLAIN[:3], "xtc", *PLAIN[3:])),
        ({"dry_multiplier": 0.8}, ("dry", *PLAIN)),
        ({"repeat_penalty": 1.1}, ("penalties", *PLAIN)),
        ({"frequency_penalty": 0.1}, ("penalties", *PLAIN)),
        ({"presence_penalty": 0.1}, ("penalties", *PLAIN)),
        ({"repeat_penalty": 1.1, "repeat_last_n": 0}, PLAIN),
        ({"mirostat": 1}, ("temp", "mirostat1")),
        ({"mirostat": 2, "repeat_penalty": 1.1}, ("penalties", "temp", "mirostat2")),
    ],
)
def test_order_and_presence(changed: dict[str, float], expected: tuple[str, ...]) -> None:
    assert names(replace(DEFAULTS, **changed)) == expected  # type: ignore[arg-type]


ON = replace(
    DEFAULTS, temperature=0.7, dynatemp_range=0.3, typical_p=0.9, top_n_sigma=2.0, xtc_probability=0.4,
    dry_multiplier=0.5, repeat_penalty=1.1, frequency_penalty=0.1, presence_penalty=0.1,
)  # fmt: skip
"""Everything is switched on, but for mirostat."""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.6), ("dynatemp_range", 0.2), ("dynatemp_exponent", 2.0), ("top_k", 41), ("top_p", 0.5),
        ("min_p", 0.2), ("typical_p", 0.8), ("top_n_sigma", 1.0), ("xtc_probability", 0.1), ("xtc_threshold", 0.2),
        ("dry_multiplier", 0.6), ("dry_base", 2.0), ("dry_allowed_length", 3), ("dry_penalty_last_n", 77),
        ("repeat_penalty", 1.2), ("repeat_last_n", 5), ("frequency_penalty", 0.2), ("presence_penalty", 0.2),
        ("mirostat", 2),
    ],
)  # fmt: skip
def test_every_setting_changes_the_chain(name: str, value: float) -> None:
    assert plan(replace(ON, **{name: value}), N_CTX) != plan(ON, N_CTX)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["mirostat_tau", "mirostat_eta"])
def test_every_setting_of_mirostat_changes_the_chain(name: str) -> None:
    base = replace(DEFAULTS, mirostat=1)
    assert plan(replace(base, **{name: 0.7}), N_CTX) != plan(base, N_CTX)  # type: ignore[arg-type]


def test_no_setting_is_forgotten() -> None:
    asked = {*test_every_setting_changes_the_chain.pytestmark[0].args[1]}  # type: ignore[attr-defined]
    elsewhere = {"mirostat_tau", "mirostat_eta", "seed", "max_tokens", "stop", "logit_bias"}
    assert {name for name, _ in asked} | elsewhere == {setting.name for setting in SETTINGS}


def test_the_whole_window_is_as_far_back_as_penalties_look() -> None:
    steps = plan(replace(DEFAULTS, repeat_penalty=1.1, repeat_last_n=-1, dry_multiplier=0.5), N_CTX)
    assert steps[0].arguments[0] == N_CTX
    assert steps[1].arguments[-1] == N_CTX


def test_llama_cpp_builds_every_sampler(models: Path) -> None:
    model = load(models / "bytes.gguf")
    vocabulary = model.vocabulary
    settings = [DEFAULTS, ON, replace(ON, mirostat=1), replace(ON, mirostat=2), replace(ON, temperature=0.0)]
    for sampling in settings:
        for seed in (0, SEEDS - 1, SEEDS, 1 << 70):
            chain = Chain(plan(sampling, N_CTX), seed, vocabulary.pointer, vocabulary.size)
            chain.accept((1, 2, 3))
            chain.close()
            chain.close()
    model.close()
