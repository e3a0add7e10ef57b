from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmlab.domain.sampling import Sampling
from llmlab.engine.llama.answer import Answer, AnswerKey
from llmlab.engine.llama.context import FULL, Context
from llmlab.engine.llama.drawing import Drawing
from llmlab.engine.llama.packing import Share
from llmlab.engine.llama.payoff import Costs, width_of
from llmlab.engine.llama.speculation import Speculation
from llmlab.engine.llama.text import AnswerText
from llmlab.errors import ModelError
from tests.engine.llama.conftest import GREEDY, Harness, Told
from tests.support.gguf_fixtures import (
    IM_END,
    VOCABULARY,
    random_log_odds,
    script_log_odds,
    write_bigram_model,
    write_random_model,
)

Make = Callable[..., Harness]
WARM = Sampling(temperature=0.9, seed=3)


class Free(Costs):
    """Rows cost nothing, so that whatever can be guessed is."""

    unit = 1e9

    def of(self, answers: int, rows: int) -> float:
        return 1.0


def eager(engine: Harness) -> Harness:
    """`engine`, guessing at every step."""
    speculation = engine.speculation()
    assert speculation is not None
    speculation._costs = Free()
    engine.scheduler._speculation = speculation
    return engine


@pytest.fixture
def pair(harness: Make) -> Callable[..., tuple[Harness, Harness]]:
    """Makes two engines on one model: one that guesses nothing, and one that guesses at every step."""

    def make(model: str | Path, **wishes: Any) -> tuple[Harness, Harness]:
        speculate = {"draft": wishes.pop("draft")} if "draft" in wishes else {"speculate": "lookup"}
        return harness(model, **wishes), eager(harness(model, **wishes, **speculate))

    return make


class Near(float):
    """A log-probability: its last bits depend on how many rows are computed together."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and abs(float(self) - float(other)) < 1e-3

    __hash__ = None  # type: ignore[assignment]  # what is only nearly equal has no hash


def outcome(told: Told) -> dict[str, object]:
    """What must be the same with guesses and without."""
    assert told.ended is not None, told.problem
    return {
        "text": told.text,
        "tokens": told.tokens,
        "ids": told.ended.ids,
        "reason": told.ended.reason,
        "usage": told.ended.usage,
        "info": [(info.token, info.text, info.rank, Near(info.logprob)) for info in told.info],
    }


def guesses(told: Told) -> tuple[int, int]:
    assert told.ended is not None
    return told.ended.timing.drafted, told.ended.timing.accepted


PROMPTS = st.lists(st.sampled_from(list(b"abc \n<0")), min_size=1, max_size=60).map(tuple) | st.lists(
    st.sampled_from(list(b"ab")), min_size=2, max_size=4
).map(lambda part: tuple(part) * 9)
SAMPLINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.3, 1.0]),
    seed=st.integers(0, 99),
    max_tokens=st.integers(0, 48),
    repeat_penalty=st.sampled_from([None, 1.3]),
    stop=st.sampled_from([None, ("a",), ("\n\n", "ab"), ("the",)]),
)


def test_answers_are_the_same_with_guesses_and_without(pair: Callable[..., tuple[Harness, Harness]]) -> None:
    engines = {model: pair(model) for model in ("bytes", "bigram")}
    drafted = accepted = 0

    @settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(["bytes", "bigram"]), PROMPTS, SAMPLINGS, st.sampled_from([None, 0, 3]))
    def check(model: str, prompt: tuple[int, ...], sampling: Sampling, logprobs: int | None) -> None:
        nonlocal drafted, accepted
        plain, guessing = (engine.answer(prompt, sampling, logprobs=logprobs) for engine in engines[model])
        assert outcome(guessing) == outcome(plain)
        drafted += guesses(guessing)[0]
        accepted += guesses(guessing)[1]

    check()
    assert drafted > accepted > 10, "the engine hardly guessed"


@pytest.mark.parametrize(
    "wishes",
    [
        {"schema": '{"type": "array", "items": {"enum": ["ab", "abc"]}, "minItems": 3, "maxItems": 6}'},
        {"grammar": 'root ::= ("ab" | "ba")+ "."'},
        {"grammar": 'root ::= "abababababababab"', "logprobs": 5},
        {"logit_bias": '"a"=6, "b"=5.5'},
    ],
)
@pytest.mark.parametrize("sampling", [GREEDY, WARM])
def test_grammars_schemas_and_biases_hold_for_guesses(
    pair: Callable[..., tuple[Harness, Harness]], wishes: dict[str, Any], sampling: Sampling
) -> None:
    plain, guessing = pair("bytes")
    wishes = dict(wishes)
    sampling = replace(sampling, max_tokens=60, logit_bias=wishes.pop("logit_bias", None))
    prompt = tuple(b'["ab", "ab", "abc"] abab abab')
    told = guessing.answer(prompt, sampling, **wishes)
    assert outcome(told) == outcome(plain.answer(prompt, sampling, **wishes))
    assert guesses(told)[0] > 0


def test_an_end_inside_a_guess_is_the_end(pair: Callable[..., tuple[Harness, Harness]], tmp_path: Path) -> None:
    passage = b"abcdefghijklmnop"
    path = write_bigram_model(tmp_path / "script.gguf", script_log_odds([(*passage, IM_END)]))
    plain, guessing = pair(path)
    prompt = (*passage, ord("X"), ord("a"), ord("b"))
    for sampling, shown, reason in (
        (GREEDY, "cdefghijklmnop", "stop"),
        (replace(GREEDY, stop=("ij",)), "cdefgh", "stop"),
        (replace(GREEDY, max_tokens=5), "cdefg", "length"),
    ):
        told = guessing.answer(prompt, sampling)
        assert told.text == shown
        assert outcome(told) == outcome(plain.answer(prompt, sampling))
        assert told.ended is not None
        assert told.ended.reason == reason
        assert guesses(told)[1] > 0
        # What the memory holds is what was said, so that the next answer begins where the same one without would.
        assert outcome(guessing.answer((*prompt, *told.ended.ids), sampling)) == outcome(
            plain.answer((*prompt, *told.ended.ids), sampling)
        )


def test_memory_ends_with_what_was_said(harness: Make) -> None:
    engine = eager(harness("bigram", speculate="lookup"))
    context = engine.model.context
    for limit in range(1, 40):
        told = engine.answer(tuple(b"abab"), replace(WARM, max_tokens=limit))
        assert told.ended is not None
        held = [slot for slot in engine.residents._slots if slot.length]
        assert [context.length(slot.sequence) for slot in held] == [slot.length for slot in held] == [3 + limit]


def test_many_samples_beside_each_other(pair: Callable[..., tuple[Harness, Harness]]) -> None:
    plain, guessing = pair("bigram")
    prompt, sampling = tuple(b"abcabcabc"), replace(WARM, temperature=0.3, max_tokens=80)
    numbers = [engine.submit(prompt, sampling, samples=6) for engine in (plain, guessing)]
    for engine in (plain, guessing):
        engine.run()
    told = [guessing.told(numbers[1], sample) for sample in range(6)]
    assert [outcome(each) for each in told] == [outcome(plain.told(numbers[0], sample)) for sample in range(6)]
    assert sum(guesses(each)[1] for each in told) > 0


def test_a_cancelled_answer_leaves_a_sound_memory(pair: Callable[..., tuple[Harness, Harness]]) -> None:
    plain, guessing = pair("bigram")
    prompt = tuple(b"abab")
    for length in range(1, 30, 3):
        number = guessing.submit(prompt, replace(WARM, max_tokens=500))
        guessing.run(until=lambda number=number, length=length: guessing.told(number).tokens >= length)  # type: ignore[misc]
        guessing.interrupt.cancel(number)
        guessing.run()
        told = guessing.told(number)
        assert told.ended is not None
        assert told.ended.reason == "cancelled"
        begun = (*prompt, *told.ended.ids)
        ends = [engine.answer(begun, replace(GREEDY, max_tokens=30)) for engine in (plain, guessing)]
        assert ends[0].text == ends[1].text


def test_guesses_give_way_where_memory_is_full(pair: Callable[..., tuple[Harness, Harness]]) -> None:
    plain, guessing = pair("bigram", n_ctx=256)
    prompts = [tuple(b"ab" * 20), tuple(b"cd" * 20)]
    numbers = [
        [engine.submit(prompt, replace(WARM, max_tokens=120)) for prompt in prompts] for engine in (plain, guessing)
    ]
    for engine in (plain, guessing):
        engine.run()
    for first, second in zip(*numbers, strict=True):
        assert outcome(guessing.told(second)) == outcome(plain.told(first))


def test_a_step_that_finds_no_room_is_taken_without_guesses(harness: Make) -> None:
    engine = eager(harness("bigram", speculate="lookup"))
    decode, refused = engine.model.context.decode, 0

    def full(count: int) -> int:
        nonlocal refused
        wide = engine.scheduler._running[0].writing and count > 1
        refused += wide
        return FULL if wide else decode(count)

    engine.model.context.decode = full  # type: ignore[method-assign]
    speculation = engine.scheduler._speculation
    assert speculation is not None
    speculation._costs = Costs()
    told = engine.answer(tuple(b"abababab"), replace(GREEDY, max_tokens=60))
    assert told.tokens == 60
    assert told.ended is not None
    assert told.ended.reason == "length"


@pytest.mark.parametrize(
    ("model", "wishes", "noted"),
    [
        ("recurrent", {"speculate": "lookup"}, True),
        ("recurrent", {"draft": "none.gguf"}, True),
        ("bytes", {"speculate": "lookup", "deterministic": True}, False),
        ("bytes", {}, False),
    ],
)
def test_nothing_is_guessed_where_it_could_not_be_taken_back(
    harness: Make, model: str, wishes: dict[str, Any], noted: bool
) -> None:
    engine = harness(model, **wishes)
    assert engine.scheduler._speculation is None
    assert any("speculate" in note for note in engine.model.notes) == noted
    assert guesses(engine.answer(tuple(b"abababab"), replace(GREEDY, max_tokens=20))) == (0, 0)


# A draft model -------------------------------------------------------------------------------------------------------


@pytest.fixture
def drafts(tmp_path: Path) -> dict[str, Path]:
    """Draft models for `bigram`: the same, one that is often right, one that never is."""
    same = random_log_odds()
    often = np.where(np.arange(VOCABULARY)[:, None] % 4 > 0, same, random_log_odds(9))
    never = same.copy()
    never[np.arange(VOCABULARY), same.argmax(axis=1)] = -50.0
    return {
        name: write_bigram_model(tmp_path / f"{name}.gguf", odds)
        for name, odds in (("same", same), ("often", often), ("never", never))
    }


@pytest.mark.parametrize("sampling", [GREEDY, WARM])
@pytest.mark.parametrize(("name", "least", "most"), [("same", 0.9, 1.0), ("often", 0.1, 0.95), ("never", 0.0, 0.0)])
def test_answers_are_the_same_with_a_draft_model(
    pair: Callable[..., tuple[Harness, Harness]],
    drafts: dict[str, Path],
    sampling: Sampling,
    name: str,
    least: float,
    most: float,
) -> None:
    plain, guessing = pair("bigram", draft=str(drafts[name]))
    asked = free_draft(guessing)
    for prompt in (b"hello", b"a", b"the quick brown fox " * 40):
        for limit in (1, 2, 30, 100):
            told = guessing.answer(tuple(prompt), replace(sampling, max_tokens=limit))
            assert outcome(told) == outcome(plain.answer(tuple(prompt), replace(sampling, max_tokens=limit)))
            asked.append(guesses(told))
    drafted, accepted = map(sum, zip(*asked, strict=True))
    assert drafted > 0
    if sampling is GREEDY:
        assert least <= accepted / drafted <= most


def free_draft(engine: Harness) -> list[tuple[int, int]]:
    """Let the draft of `engine` cost nothing, whatever it says."""
    speculation = engine.scheduler._speculation
    assert speculation is not None
    drafting = speculation._drafting
    assert drafting is not None
    drafting._step = drafting._token = 1e-9
    drafting._count = lambda most, cost: min(most, 7)  # type: ignore[method-assign]
    drafting.account.settle = lambda won: None  # type: ignore[method-assign]
    return []


def test_a_draft_that_costs_as_much_as_the_model_is_not_asked(harness: Make, models: Path) -> None:
    engine = harness("bytes", draft=str(models / "bytes.gguf"))
    told = engine.answer(tuple(b"hello"), replace(GREEDY, max_tokens=60))
    assert guesses(told) == (0, 0)


def test_a_draft_of_another_vocabulary_is_refused_with_the_difference(
    harness: Make, models: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="another vocabulary") as caught:
        harness("bytes", draft=str(write_random_model(tmp_path / "other.gguf", long_token="other")))
    assert "token 287 is" in caught.value.what
    assert caught.value.where.endswith("other.gguf")
    with pytest.raises(ModelError, match="no model file"):
        harness("bytes", draft=str(tmp_path / "gone.gguf"))
    with pytest.raises(ModelError, match="draft model's memory"):
        harness("bytes", draft=str(models / "recurrent.gguf"))


# What it costs -------------------------------------------------------------------------------------------------------


class Room:
    """As much of a context as guessing looks at."""

    threads, outputs, n_batch, n_ubatch = 1, 64, 2048, 512


def simulate(prompt: Sequence[int], text: Sequence[int], cost: Callable[[int], float]) -> tuple[float, int]:
    """Plain steps that an answer takes which says `text`, where `rows` cost `cost(rows)`; and tokens guessed right."""
    speculation = Speculation(cast("Context", Room()), lookup=True)
    tokens = np.array(prompt, np.int32)
    purpose = cast("Drawing", None)
    answer = Answer(AnswerKey(1, 0), tokens, len(prompt) + len(text), purpose, AnswerText(), 0.0)
    answer.evaluated = len(prompt)
    answer.append(text[0])
    spent, said, right = 1.0, 1, 0
    while said < len(text):
        speculation.guess([answer])
        guessed = answer.guesses.tolist()
        drawn = text[said : said + len(guessed) + 1]
        agreed = next(
            (place for place, token in enumerate(drawn[: len(guessed)]) if guessed[place] != token), len(guessed)
        )
        rows, written = 1 + len(guessed), agreed + 1
        share = Share(answer, answer.evaluated, rows, rows - 1, draws=True, guessed=len(guessed))
        for token in text[said : said + written]:
            answer.append(token)
        said, right = said + written, right + agreed
        answer.evaluated = answer.length - 1
        speculation.learn([share], cost(rows), written)
        spent += cost(rows)
    return spent, right


MACHINES = {
    "two cores": {1: 1.0, 2: 1.6, 4: 2.5, 8: 4.6, 16: 6.5, 32: 13.0},
    "one core": {1: 1.0, 2: 1.9, 4: 3.2, 8: 6.1, 16: 9.2, 32: 17.9},
    "nothing gained": {1: 1.0, 2: 2.0, 4: 4.0, 8: 8.0, 16: 16.0, 32: 32.0},
    "a GPU": {1: 1.0, 2: 1.05, 4: 1.1, 8: 1.2, 16: 1.5, 32: 2.0},
}
"""Plain steps that batches of so many rows cost; the first two were measured with a 0.5B model in Q4_0."""


def on(machine: str, rows: int) -> float:
    return MACHINES[machine][1 if rows == 1 else width_of(rows)]


FRAGMENTS = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=12), min_size=1, max_size=6)


@pytest.mark.parametrize("machine", MACHINES)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(fragments=FRAGMENTS, order=st.lists(st.integers(0, 5), min_size=120, max_size=120), stray=st.integers(1, 40))
def test_no_text_is_written_much_slower_than_without_guesses(
    machine: str, fragments: list[list[int]], order: list[int], stray: int
) -> None:
    """Texts of pieces that come back in any order, with a new token every so often: whatever lookup believes."""
    text: list[int] = []
    for number in order:
        text += fragments[number % len(fragments)]
        if number % 3 == 0:
            text.append(1000 + len(text) // stray)
    text = [*text[:100], *text[:400]]
    prompt, said = text[:100], (text[100:] * 4)[:400]
    spent, _ = simulate(prompt, said, partial(on, machine))
    assert spent <= len(said) / 0.95


def test_lookup_is_worth_it_on_texts_that_copy_and_costs_nothing_on_others() -> None:
    random = np.random.default_rng(5)
    passage = random.integers(0, 30_000, 400).tolist()
    edited = [token if place % 20 else token + 50_000 for place, token in enumerate(passage)]
    fresh = random.integers(0, 30_000, 400).tolist()
    for machine, copied, corrected in (("two cores", 2.0, 1.3), ("one core", 1.5, 1.2), ("a GPU", 8.0, 3.0)):
        cost = partial(on, machine)
        assert 400 / simulate([*passage, 7, *passage[:2]], passage[2:], cost)[0] > copied
        assert 400 / simulate([*passage, 7, *passage[:2]], edited[2:], cost)[0] > corrected
        assert simulate(passage, fresh, cost) == (400, 0)


def test_nothing_is_guessed_any_more_where_it_never_pays() -> None:
    passage = np.random.default_rng(5).integers(0, 30_000, 2000).tolist()
    spent, _ = simulate([*passage, *passage[:2]], passage[2:], partial(on, "nothing gained"))
    assert spent <= len(passage) * 1.03
