"""What was computed once is used again: by branches, by later turns, after a restart, and to the last bit."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from llmlab.domain.sampling import Sampling
from llmlab.engine.llama.packing import Packer
from llmlab.engine.llama.residents import MARK_BEFORE_END, MARK_EVERY
from llmlab.engine.wire import Ended
from tests.engine.llama.conftest import GREEDY, Harness, Told, save

Make = Callable[..., Harness]
WARM = Sampling(temperature=1.3, top_k=0, top_p=1.0, min_p=0.0, seed=11)


def limited(count: int, sampling: Sampling = GREEDY) -> Sampling:
    return replace(sampling, max_tokens=count)


def text(length: int, seed: int = 0) -> tuple[int, ...]:
    """A prompt that has nothing in common with those of other seeds."""
    return tuple(random.Random(seed).choices(range(32, 127), k=length))


def ended(told: Told) -> Ended:
    assert told.ended is not None
    return told.ended


def reused(told: Told) -> int:
    return ended(told).usage.reused


# Branches -----------------------------------------------------------------------------------------------------------


def test_the_tokens_of_an_answer_are_told_at_its_end(harness: Make) -> None:
    engine = harness("bigram")
    told = engine.answer(text(5), limited(30))
    ids = ended(told).ids
    assert len(ids) == 30
    assert bytes(ids).decode("utf-8", "replace") == told.text


@pytest.mark.parametrize("between", [0, 3], ids=["resident", "shelved"])
def test_any_place_of_an_answer_can_be_branched_from_and_nothing_is_read_again(harness: Make, between: int) -> None:
    engine = harness("bytes", n_ctx=512)
    prompt = text(100)
    ids = ended(engine.answer(prompt, limited(60))).ids
    for place in (40, 59, 1, 20, 58):
        for other in range(between):
            engine.answer(text(150, seed=1 + other), limited(5))
        branch = (*prompt, *ids[:place], (ids[place] + 1) % 256)
        told = engine.answer(branch, limited(25))
        assert reused(told) == len(prompt) + place, place
        assert told.text == harness("bytes").answer(branch, limited(25)).text


def test_an_answer_goes_on_from_its_exact_tokens(harness: Make) -> None:
    engine = harness("bytes")
    prompt = text(50)
    whole = engine.answer(prompt, limited(40))
    first = harness("bytes").answer(prompt, limited(15))
    rest = engine.answer((*prompt, *ended(first).ids), limited(25))
    assert (*ended(first).ids, *ended(rest).ids) == ended(whole).ids
    assert reused(rest) == len(prompt) + 14


def test_an_answer_that_is_still_written_can_be_branched_from(harness: Make) -> None:
    engine = harness("bytes")
    prompt = text(100)
    reference = ended(harness("bytes").answer(prompt, limited(80))).ids
    source = engine.submit(prompt, limited(80))
    engine.run(until=lambda: sum(getattr(report, "tokens", 0) or 0 for report in engine.reports) >= 40)
    branch = (*prompt, *reference[:30], (reference[30] + 1) % 256)
    fork = engine.submit(branch, limited(20))
    engine.run()
    assert ended(engine.told(source)).ids == reference
    assert reused(engine.told(fork)) == len(prompt) + 30
    assert engine.told(fork).text == harness("bytes").answer(branch, limited(20)).text


# Memories that only go forward ----------------------------------------------------------------------------------------


def test_a_memory_that_cannot_be_cut_goes_on_from_marked_places(harness: Make) -> None:
    engine = harness("recurrent")
    assert not engine.model.context.rewindable
    prompt = text(200)
    first = engine.answer(prompt, limited(12))
    again = engine.answer(prompt, limited(12))
    assert again.text == first.text
    assert reused(again) == len(prompt) - 1 - MARK_BEFORE_END
    longer = (*prompt, *ended(first).ids, *text(9, seed=1))
    extended = engine.answer(longer, limited(12))
    assert reused(extended) == len(prompt) + 11
    assert extended.text == harness("recurrent").answer(longer, limited(12)).text
    # The next turn leaves the end of the prompt and the answer out, as templates do with what was thought.
    other = (*prompt[:-6], *text(30, seed=2))
    changed = engine.answer(other, limited(12))
    assert reused(changed) == len(prompt) - 1 - MARK_BEFORE_END
    assert changed.text == harness("recurrent").answer(other, limited(12)).text
    # And back to the end of the second turn, which went on from the first.
    back = engine.answer((*longer, *ended(extended).ids, 65), limited(5))
    assert reused(back) == len(longer) + 11


def test_samples_of_a_memory_that_cannot_be_cut_read_the_prompt_once(harness: Make) -> None:
    engine = harness("recurrent")
    prompt = text(300)
    command = engine.submit(prompt, limited(10, WARM), samples=3)
    engine.run()
    told = [engine.told(command, sample) for sample in range(3)]
    assert [reused(each) for each in told] == [0, *[len(prompt) - 1 - MARK_BEFORE_END] * 2]
    assert told[2].text == harness("recurrent").answer(prompt, limited(10, replace(WARM, seed=13))).text


def test_a_long_document_is_marked_on_the_way(harness: Make) -> None:
    engine = harness("recurrent", n_ctx=4096)
    document = text(MARK_EVERY + 500)
    engine.answer(document, limited(3))
    question = (*document[: MARK_EVERY + 200], *text(40, seed=3))
    told = engine.answer(question, limited(8))
    assert reused(told) == MARK_EVERY
    assert told.text == harness("recurrent", n_ctx=4096).answer(question, limited(8)).text


# Snapshots ------------------------------------------------------------------------------------------------------------


def test_a_chat_goes_on_after_a_restart(stored: Make, harness: Make) -> None:
    prompt = text(400)
    before = stored("bytes")
    first = before.answer(prompt, limited(20))
    save(before)
    longer = (*prompt, *ended(first).ids, *text(20, seed=1))
    after = stored("bytes")
    told = after.answer(longer, limited(20))
    assert reused(told) == len(prompt) + 19
    assert told.text == harness("bytes").answer(longer, limited(20)).text
    # What the disk gave stays for the branch after the next.
    assert reused(after.answer((*prompt, *ended(first).ids[:4], 65), limited(5))) == len(prompt) + 4


def test_part_of_a_snapshot_is_used_and_one_for_another_cache_is_not(stored: Make) -> None:
    before = stored("bytes")
    before.answer(text(400), limited(5))
    save(before)
    question = (*text(400)[:300], *text(50, seed=1))
    assert reused(stored("bytes", cache_type_k="f16", cache_type_v="f16").answer(question, limited(5))) == 0
    assert reused(stored("bytes").answer(question, limited(5))) == 300


def test_a_state_that_cannot_only_go_back_is_restored_whole(stored: Make, harness: Make) -> None:
    prompt = text(400)
    before = stored("recurrent")
    first = before.answer(prompt, limited(8))
    save(before)
    after = stored("recurrent")
    longer = (*prompt, *ended(first).ids, *text(9, seed=1))
    told = after.answer(longer, limited(8))
    assert reused(told) == len(prompt) + 7
    assert told.text == harness("recurrent").answer(longer, limited(8)).text
    assert reused(after.answer(prompt, limited(8))) == len(prompt) - 1 - MARK_BEFORE_END


def test_a_snapshot_with_another_models_bytes_is_dropped_and_the_prompt_is_read(stored: Make, harness: Make) -> None:
    before = stored("bytes")
    before.answer(text(400), limited(5))
    save(before)
    assert before.snapshots is not None
    (entry,) = before.snapshots.entries
    entry.path.write_bytes(entry.path.read_bytes()[:-100] + bytes(100))
    after = stored("bytes")
    told = after.answer(text(400), limited(5))
    assert reused(told) == 0
    assert told.text == harness("bytes").answer(text(400), limited(5)).text
    assert not entry.path.exists()


# To the last bit ------------------------------------------------------------------------------------------------------


def outputs(engine: Harness) -> list[np.ndarray[Any, Any]]:
    """The logits of every token that is drawn from now on."""
    seen: list[np.ndarray[Any, Any]] = []
    context = engine.model.context
    sample, likeliest = context.sample, context.likeliest

    def watch_sample(chain: object, row: int) -> int | None:
        seen.append(context.logits(row, engine.model.vocabulary.size))
        return sample(chain, row)

    def watch_likeliest(row: int, n_vocab: int) -> int | None:
        seen.append(context.logits(row, n_vocab))
        return likeliest(row, n_vocab)

    context.sample = watch_sample  # type: ignore[method-assign]
    context.likeliest = watch_likeliest  # type: ignore[method-assign]
    return seen


FAST = {"flash_attn": "auto", "cache_type_k": "f16", "cache_type_v": "f16"}
CASES = [("bytes", {}), ("bytes", FAST), ("bytes", {**FAST, "n_ubatch": 48}), ("recurrent", {})]


@pytest.mark.parametrize(("model", "settings"), CASES)
def test_deterministic_answers_are_the_same_to_the_last_bit_whatever_came_before(
    harness: Make, model: str, settings: dict[str, Any]
) -> None:
    def fresh(prompt: Sequence[int], sampling: Sampling) -> tuple[tuple[int, ...], list[np.ndarray[Any, Any]]]:
        engine = harness(model, deterministic=True, n_ctx=1024, **settings)
        seen = outputs(engine)
        return ended(engine.answer(prompt, sampling)).ids, seen

    base = text(350)
    first_ids, _ = fresh(base, limited(30, WARM))
    asked = [
        (base, 30),
        ((*base, *first_ids, *text(60, seed=1)), 20),
        ((*base, *first_ids[:10], 65), 20),
        (text(90, seed=2), 15),
        ((*base[:200], *text(100, seed=3)), 20),
        (base, 30),
    ]
    engine = harness(model, deterministic=True, n_ctx=1024, **settings)
    seen = outputs(engine)
    commands = [engine.submit(prompt, limited(count, WARM)) for prompt, count in asked]
    engine.run()
    for command, (prompt, count) in zip(commands, asked, strict=True):
        ids, logits = fresh(prompt, limited(count, WARM))
        assert ended(engine.told(command)).ids == ids
        for ours, theirs in zip(seen[: len(logits)], logits, strict=True):
            assert ours.tobytes() == theirs.tobytes()
        del seen[: len(logits)]
    assert seen == []
    assert any(reused(engine.told(command)) for command in commands)


def test_a_deterministic_engine_reads_in_pieces_that_depend_on_the_prompt_alone(
    harness: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = harness("bytes", deterministic=True)
    monkeypatch.setattr(Packer, "_room", lambda _packer, beside: 64)
    told = engine.answer(text(300), limited(2))
    assert [read.done for read in told.reads] == [0, 128, 256, 300]
    again = engine.answer((*text(270), 65), limited(2))
    assert reused(again) == 256
    assert reused(engine.answer(text(256), limited(2))) == 128
