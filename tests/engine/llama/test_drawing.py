"""What is drawn and how likely it was, against a model whose log-probabilities are known."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmlab.domain.sampling import Sampling
from llmlab.domain.tokens import TokenInfo
from tests.engine.llama.conftest import GREEDY, Harness
from tests.support.gguf_fixtures import IM_END, random_log_odds, script_log_odds, write_bigram_model

Make = Callable[..., Harness]
HELLO = tuple(b"hello")
PLAIN = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, seed=5, max_tokens=12)


def check_raw(info: tuple[TokenInfo, ...], before: int, top: int) -> None:
    """The raw figures of a chain of tokens are those of the construction."""
    for each in info:
        odds = random_log_odds()[before]
        assert each.logprob == pytest.approx(odds[each.token], abs=0.01)
        assert each.rank == 1 + np.count_nonzero(odds > odds[each.token])
        assert each.entropy == pytest.approx(-(np.exp(odds) * odds).sum(), abs=0.01)
        assert [other.token for other in each.top] == np.argsort(-odds, kind="stable")[:top].tolist()
        assert [other.logprob for other in each.top] == pytest.approx(np.sort(odds)[::-1][:top], abs=0.01)
        before = each.token


@pytest.mark.parametrize("top", [0, 1, 5, 100])
def test_raw_log_probabilities_are_those_of_the_model(harness: Make, top: int) -> None:
    told = harness("bigram").answer(HELLO, PLAIN, logprobs=top)
    assert len(told.info) == 12
    check_raw(told.info, ord("o"), top)


def test_without_samplers_the_final_figures_are_the_raw_ones(harness: Make) -> None:
    for each in harness("bigram").answer(HELLO, PLAIN, logprobs=4).info:
        assert each.final_logprob == pytest.approx(each.logprob, abs=1e-4)
        assert [other.token for other in each.final_top] == [other.token for other in each.top]


def test_the_final_figures_are_what_the_samplers_left(harness: Make) -> None:
    warm = replace(PLAIN, temperature=0.5, top_k=3)
    told = harness("bigram").answer(HELLO, warm, logprobs=10)
    before = ord("o")
    for each in told.info:
        odds = random_log_odds()[before].astype(float)
        best = np.argsort(-odds)[:3]
        left = odds[best] / 0.5
        final = left - np.log(np.exp(left).sum())
        assert [other.token for other in each.final_top] == best.tolist()
        assert [other.logprob for other in each.final_top] == pytest.approx(final, abs=0.02)
        assert each.final_logprob == pytest.approx(final[best.tolist().index(each.token)], abs=0.02)
        assert len(each.top) == 10
        before = each.token


def test_the_greedy_choice_is_certain(harness: Make) -> None:
    for each in harness("bigram").answer(HELLO, replace(GREEDY, max_tokens=5), logprobs=3).info:
        assert (each.rank, each.final_logprob) == (1, 0.0)
        assert [(other.token, other.logprob) for other in each.final_top] == [(each.token, 0.0)]


def test_the_greedy_choice_is_that_of_llama_cpp(harness: Make) -> None:
    """A penalty too small to matter leaves the choice to llama.cpp's own samplers."""
    engine = harness("bigram")
    greedy = replace(GREEDY, max_tokens=60)
    assert engine.answer(HELLO, greedy).text == engine.answer(HELLO, replace(greedy, presence_penalty=1e-9)).text


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"temperature": 0.0},
        {"top_k": 40, "top_p": 0.9, "min_p": 0.05},
        {"repeat_penalty": 1.3, "top_k": 20},
        {"dry_multiplier": 0.8},
        {"mirostat": 1},
        {"mirostat": 2},
        {"xtc_probability": 0.5, "typical_p": 0.9},
        {"dynatemp_range": 0.4, "top_n_sigma": 2.0},
    ],
)
def test_asking_how_likely_changes_no_token(harness: Make, changes: dict[str, float]) -> None:
    sampling = replace(PLAIN, max_tokens=40, **changes)  # type: ignore[arg-type]  # names of number fields
    engine = harness("bigram")
    told = engine.answer(HELLO, sampling, logprobs=5)
    assert told.text == engine.answer(HELLO, sampling).text
    assert all(math.isfinite(each.final_logprob) and each.final_logprob <= 1e-6 for each in told.info)
    for each in told.info:
        shown = [other.logprob for other in each.final_top]
        assert shown == sorted(shown, reverse=True)
        assert each.final_logprob in shown or (len(shown) == 5 and each.final_logprob <= shown[-1])


def test_the_token_that_ends_an_answer_is_told_too(harness: Make, tmp_path: Path) -> None:
    path = write_bigram_model(tmp_path / "script.gguf", script_log_odds([(*b"ab", IM_END)]))
    told = harness(path).answer(tuple(b"a"), GREEDY, logprobs=1)
    assert [(each.token, each.text) for each in told.info] == [(ord("b"), "b"), (IM_END, "<|im_end|>")]
    assert told.tokens == 1


def test_sequences_that_ask_for_different_things_share_batches(harness: Make) -> None:
    engine = harness("bigram")
    wishes: list[dict[str, Any]] = [
        {},
        {"logprobs": 3},
        {"grammar": 'root ::= [a-z]{6} "!"'},
        {"grammar": "root ::= [0-9]+", "logprobs": 0},
        {"schema": '{"type": "boolean"}', "logprobs": 2},
        {"logprobs": 50},
    ]
    alone = [harness("bigram").answer(HELLO, PLAIN, **wish) for wish in wishes]
    commands = [engine.submit(HELLO, PLAIN, **wish) for wish in wishes]
    engine.run()
    told = [engine.told(command) for command in commands]
    assert [each.text for each in told] == [each.text for each in alone]
    assert [each.info for each in told] == [each.info for each in alone]
    assert told[2].text[:6].isalpha()
    assert told[2].text[6:] == "!"
    assert told[3].text.isdigit()
    assert json.loads(told[4].text) in (True, False)


def test_a_grammar_that_the_model_follows_anyway_changes_nothing(harness: Make, tmp_path: Path) -> None:
    path = write_bigram_model(tmp_path / "yes.gguf", script_log_odds([(*b"Q{1}", IM_END)]))
    engine = harness(path)
    free, bound = engine.answer(tuple(b"Q")), engine.answer(tuple(b"Q"), grammar='root ::= "{" [0-9] "}"')
    assert (bound.text, bound.ended and bound.ended.reason) == (free.text, "stop") == ("{1}", "stop")


def test_an_answer_ends_only_where_the_grammar_lets_it(harness: Make, tmp_path: Path) -> None:
    # The model wants to end after one letter; the grammar wants three.
    path = write_bigram_model(tmp_path / "short.gguf", script_log_odds([(*b"Qa", IM_END)]))
    told = harness(path).answer(tuple(b"Q"), GREEDY, grammar='root ::= "a" "b" "c"')
    assert told.ended is not None
    assert (told.text, told.ended.reason) == ("abc", "stop")


def test_samples_follow_one_grammar_each(harness: Make) -> None:
    engine = harness("bigram")
    command = engine.submit(
        HELLO, replace(PLAIN, temperature=4.0, max_tokens=30), samples=6, grammar='root ::= ("ab" | "ba"){3} "."'
    )
    engine.run()
    texts = [engine.told(command, sample).text for sample in range(6)]
    assert all(len(text) == 7 and text[-1] == "." and set(text[:6]) == {"a", "b"} for text in texts)
    assert len(set(texts)) > 1


def test_a_schema_shapes_the_answer(harness: Make) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"enum": ["ada", "bob"]}, "age": {"type": "integer", "maxLength": 3}},
        "required": ["name", "age"],
    }
    told = harness("bigram").answer(HELLO, replace(PLAIN, max_tokens=200), schema=json.dumps(schema))
    assert json.loads(told.text)["name"] in ("ada", "bob")


def test_a_grammar_without_a_token_for_it_fails_and_the_engine_goes_on(harness: Make) -> None:
    engine = harness("bigram")
    # A token of this number does not exist.
    told = engine.answer(HELLO, PLAIN, grammar='root ::= "a" <[999999]>')
    assert told.ended is None
    assert told.problem is not None
    assert engine.answer(HELLO, PLAIN).ended is not None


@pytest.mark.parametrize(
    ("grammar", "reason"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ('root ::= ( "a"', "expecting ')'"),
        ("root ::= missing", "Undefined rule"),
        ('root ::= root "a" | "b"', "left recursion"),
        ('start ::= "a"', "root"),
        ("root ::= [", "unexpected"),
        ('root ::= "a\0b"', "NUL"),
        ("root ::= " + "(" * 60_000 + '"a"' + ")" * 60_000, "too large"),
        ("".join(f"{'root' if not i else f'r{i}'} ::= r{i + 1}\n" for i in range(90_000)), "too large"),
        ("\ud800", "cannot be used"),
    ],
)
def test_a_bad_grammar_is_refused_with_its_reason(harness: Make, grammar: str, reason: str) -> None:
    engine = harness("bigram")
    told = engine.answer(HELLO, PLAIN, grammar=grammar)
    assert told.problem is not None
    assert reason in told.problem.what
    assert engine.answer(HELLO, PLAIN).ended is not None


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("", "Expecting value"),
        ("[1]", "object"),
        ("{", "Expecting"),
        ('{"type": "nonsense"}', "nonsense"),
        ('{"$ref": "https://example.org/schema.json"}', "not inside"),
        ('{"$ref": "#/nowhere"}', "nowhere"),
        ('{"properties": 5}', "cannot be used"),
        ('{"type": "string", "pattern": "no anchors"}', "Pattern"),
        ('{"items":' * 5000 + "{}" + "}" * 5000, "too deeply"),
    ],
)
def test_a_bad_schema_is_refused_with_its_reason(harness: Make, schema: str, reason: str) -> None:
    told = harness("bigram").answer(HELLO, PLAIN, schema=schema)
    assert told.problem is not None
    assert reason in told.problem.what


@pytest.mark.parametrize("wishes", [{"logprobs": -1}, {"logprobs": 101}, {"grammar": 'root ::= "a"', "schema": "{}"}])
def test_wishes_that_cannot_be_are_refused(harness: Make, wishes: dict[str, Any]) -> None:
    assert harness("bigram").answer(HELLO, PLAIN, **wishes).problem is not None


def test_biases_move_the_choice_and_leave_the_raw_figures_alone(harness: Make) -> None:
    engine = harness("bigram")
    free = engine.answer(HELLO, replace(GREEDY, max_tokens=1), logprobs=0)
    banned = engine.answer(HELLO, replace(GREEDY, max_tokens=1, logit_bias=f"{free.info[0].token}=-1000"), logprobs=1)
    assert (free.info[0].rank, banned.info[0].rank) == (1, 2)
    assert banned.info[0].top[0].token == free.info[0].token
    wanted = engine.answer(HELLO, replace(PLAIN, logit_bias=f"{ord('z')}=500"))
    assert wanted.text == "z" * 12


def test_every_token_of_a_text_is_biased_once(harness: Make) -> None:
    engine = harness("bigram")
    assert engine.answer(HELLO, replace(PLAIN, logit_bias='"z"=500')).text == "z" * 12
    both = engine.answer(HELLO, replace(PLAIN, max_tokens=40, logit_bias='"yzzz"=500')).text
    assert set(both) <= {"y", "z"}
    odds = random_log_odds()[ord("o"), [ord("y"), ord("z")]]
    likelier = "yz"[int(odds.argmax())]
    # A character that a text has three times is not three times as likely.
    assert engine.answer(HELLO, replace(GREEDY, max_tokens=1, logit_bias='"yzzz"=500')).text == likelier
    assert engine.answer(HELLO, replace(GREEDY, max_tokens=1, logit_bias='"zyyy"=500')).text == likelier


@pytest.mark.parametrize(("bias", "told"), [("288=1", "288"), ('"a"=2, 999999=1', "from 0 to 287"), ("z=1", "no bias")])
def test_biases_of_tokens_that_are_none_are_refused(harness: Make, bias: str, told: str) -> None:
    problem = harness("bigram").answer(HELLO, replace(PLAIN, logit_bias=bias)).problem
    assert problem is not None
    assert told in problem.what
