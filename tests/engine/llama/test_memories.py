"""Whatever a model's memory is, an answer is that of an engine that was asked nothing before."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from llmlab.domain.sampling import Sampling
from llmlab.engine.llama.residents import MARK_BEFORE_END
from llmlab.engine.wire import Ended
from tests.engine.llama.conftest import GREEDY, WINDOW, Harness, Told, save

Make = Callable[..., Harness]
Ids = tuple[int, ...]
Fresh = Callable[..., Ids]
KINDS = ("bytes", "recurrent", "hybrid", "sliding")
CANNOT_BE_CUT = ("recurrent", "hybrid")
WARM = Sampling(temperature=1.3, top_k=0, top_p=1.0, min_p=0.0, seed=11)


def limited(count: int, sampling: Sampling = GREEDY) -> Sampling:
    return replace(sampling, max_tokens=count)


def text(length: int, seed: int = 0) -> Ids:
    """A prompt that has nothing in common with those of other seeds."""
    return tuple(random.Random(seed).choices(range(32, 127), k=length))


def ids(told: Told) -> Ids:
    return ended(told).ids


def reused(told: Told) -> int:
    return ended(told).usage.reused


def ended(told: Told) -> Ended:
    assert told.problem is None
    assert told.ended is not None
    return told.ended


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fresh(harness: Make, kind: str) -> Fresh:
    """What an engine that was asked nothing before answers."""

    def answer(prompt: Ids, count: int, sampling: Sampling = GREEDY, **settings: Any) -> Ids:
        return ids(harness(kind, **settings).answer(prompt, limited(count, sampling)))

    return answer


def test_memories_are_what_they_should_be(harness: Make, kind: str) -> None:
    assert harness(kind).model.context.rewindable == (kind not in CANNOT_BE_CUT)


def test_turn_after_turn(harness: Make, kind: str, fresh: Fresh) -> None:
    engine = harness(kind)
    said = text(150)
    for turn in range(4):
        told = engine.answer(said, limited(20))
        assert ids(told) == fresh(said, 20)
        # All but the last token, which was drawn and never computed, unless the answer before ended elsewhere.
        assert reused(told) == (len(said) - 31 if turn else 0)
        said = (*said, *ids(told), *text(30, seed=1 + turn))


def test_the_same_question_again(harness: Make, kind: str, fresh: Fresh) -> None:
    engine = harness(kind)
    prompt = text(200)
    expected = fresh(prompt, 25)
    for again in range(3):
        told = engine.answer(prompt, limited(25))
        assert ids(told) == expected
        marked = 1 + MARK_BEFORE_END if kind in CANNOT_BE_CUT else 1
        assert reused(told) == (len(prompt) - marked if again else 0)


def test_an_edited_question_and_back(harness: Make, kind: str, fresh: Fresh) -> None:
    engine = harness(kind)
    first = text(120)
    for prompt in (first, (*first[:70], *text(60, seed=1)), first, (*first[:119], 65), (*first[:20], 66, *first[20:])):
        assert ids(engine.answer(prompt, limited(20))) == fresh(prompt, 20)


@pytest.mark.parametrize("between", [0, 3], ids=["resident", "shelved"])
def test_branches_of_a_long_answer(harness: Make, kind: str, fresh: Fresh, between: int) -> None:
    engine = harness(kind, n_ctx=512)
    prompt = text(100)
    answer = ids(engine.answer(prompt, limited(4 * WINDOW)))
    for place in (3 * WINDOW, 4 * WINDOW - 1, 1, WINDOW, 2 * WINDOW + 5):
        for other in range(between):
            engine.answer(text(150, seed=1 + other), limited(5))
        branch = (*prompt, *answer[:place], (answer[place] + 1) % 256)
        told = engine.answer(branch, limited(25))
        assert ids(told) == fresh(branch, 25, n_ctx=512), place
        if kind == "bytes":
            assert reused(told) == len(prompt) + place


def test_an_answer_that_is_still_written_is_branched_from(harness: Make, kind: str, fresh: Fresh) -> None:
    engine = harness(kind)
    prompt = text(100)
    reference = fresh(prompt, 5 * WINDOW)
    source = engine.submit(prompt, limited(5 * WINDOW))
    engine.run(until=lambda: sum(getattr(report, "tokens", 0) or 0 for report in engine.reports) >= 4 * WINDOW)
    forks = {}
    for place in (10, WINDOW + 3, 3 * WINDOW):
        branch = (*prompt, *reference[:place], (reference[place] + 1) % 256)
        forks[engine.submit(branch, limited(20))] = branch
    engine.run()
    assert ids(engine.told(source)) == reference
    for command, branch in forks.items():
        assert ids(engine.told(command)) == fresh(branch, 20)


def test_samples_and_requests_that_share_a_beginning(harness: Make, kind: str, fresh: Fresh) -> None:
    engine = harness(kind)
    shared = text(200)
    prompts = [(*shared, *text(20, seed=seed)) for seed in range(1, 6)]
    samples = engine.submit(shared, limited(12, WARM), samples=3)
    commands = [engine.submit(prompt, limited(15)) for prompt in prompts]
    engine.run()
    for sample in range(3):
        seeded = replace(WARM, seed=11 + sample)
        assert ids(engine.told(samples, sample)) == fresh(shared, 12, seeded)
    for command, prompt in zip(commands, prompts, strict=True):
        assert ids(engine.told(command)) == fresh(prompt, 15)


def test_a_full_memory_changes_no_answer(harness: Make, kind: str, fresh: Fresh) -> None:
    """Cells of a window that has moved on are used again while others still begin from there."""
    engine = harness(kind, n_ctx=256)
    shared = text(90)
    prompts = [(*shared[:60], *text(40, seed=seed)) if seed % 2 else (*shared, 65 + seed) for seed in range(1, 9)]
    commands = [engine.submit(prompt, limited(60)) for prompt in prompts]
    engine.run()
    for command, prompt in zip(commands, prompts, strict=True):
        assert ids(engine.told(command)) == fresh(prompt, 60, n_ctx=256)


def test_work_in_random_order(harness: Make, kind: str, fresh: Fresh) -> None:
    dice = random.Random(5)
    engine = harness(kind, n_ctx=512)
    roots = [text(140, seed=seed) for seed in range(3)]
    asked: dict[int, Ids] = {}
    for _ in range(30):
        root = dice.choice(roots)
        prompt = (*root[: dice.randrange(1, 140)], *text(dice.randrange(1, 40), seed=dice.randrange(10)))
        asked[engine.submit(prompt, limited(dice.randrange(1, 50)))] = prompt
        for _ in range(dice.randrange(12)):
            if engine.scheduler.busy:
                engine.scheduler.step()
    engine.run()
    for command, prompt in asked.items():
        answer = ids(engine.told(command))
        assert answer == fresh(prompt, len(answer), n_ctx=512)


# After a restart ------------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(stored: Callable[..., Harness], kind: str) -> Callable[[], Harness]:
    """Engines of one kind that share a folder of snapshots."""
    return partial(stored, kind)


def test_a_chat_goes_on_after_a_restart(stored: Callable[[], Harness], fresh: Fresh) -> None:
    prompt = text(400)
    before = stored()
    first = ids(before.answer(prompt, limited(20)))
    save(before)
    longer = (*prompt, *first, *text(20, seed=1))
    after = stored()
    told = after.answer(longer, limited(20))
    assert reused(told) == len(prompt) + 19
    assert ids(told) == fresh(longer, 20)
    # Edited in the middle, and asked again.
    for changed in ((*longer[:300], *text(30, seed=2)), (*prompt, *first[:5], 65), prompt):
        assert ids(after.answer(changed, limited(15))) == fresh(changed, 15)


# To the last bit ------------------------------------------------------------------------------------------------------


def test_deterministic_answers_do_not_depend_on_what_came_before(harness: Make, kind: str, fresh: Fresh) -> None:
    settings = {
        "deterministic": True,
        "n_ctx": 1024,
        "flash_attn": "auto",
        "cache_type_k": "f16",
        "cache_type_v": "f16",
    }
    base = text(350)
    answer = fresh(base, 60, WARM, **settings)
    asked = [
        (base, 60),
        ((*base, *answer, *text(60, seed=1)), 20),
        ((*base, *answer[:40], 65), 20),
        (text(90, seed=2), 15),
        ((*base[:200], *text(100, seed=3)), 20),
        (base, 30),
    ]
    engine = harness(kind, **settings)
    commands = [engine.submit(prompt, limited(count, WARM)) for prompt, count in asked]
    engine.run()
    for command, (prompt, count) in zip(commands, asked, strict=True):
        assert ids(engine.told(command)) == fresh(prompt, count, WARM, **settings)
