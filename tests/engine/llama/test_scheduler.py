from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llmlab.domain.sampling import Sampling
from llmlab.engine.llama import residents
from llmlab.engine.llama.answer import Answer
from llmlab.engine.llama.packing import Packer
from llmlab.engine.wire import Ended
from tests.engine.llama.conftest import GREEDY, Harness
from tests.support.gguf_fixtures import (
    END_THINK,
    IM_END,
    IM_START,
    THINK,
    random_log_odds,
    script_log_odds,
    write_bigram_model,
    write_random_model,
)

Make = Callable[..., Harness]
HELLO = tuple(b"hello")


def greedy_chain(start: int, count: int) -> list[int]:
    odds = random_log_odds()
    chain, current = [], start
    for _ in range(count):
        current = int(odds[current].argmax())
        chain.append(current)
    return chain


def text_of(tokens: list[int]) -> str:
    return bytes(tokens).decode("utf-8", "replace")


def limited(count: int) -> Sampling:
    return replace(GREEDY, max_tokens=count)


def test_greedy_tokens_are_those_that_the_model_was_built_to_say(harness: Make) -> None:
    told = harness("bigram").answer(HELLO, limited(40))
    assert told.text == text_of(greedy_chain(ord("o"), 40))
    assert told.ended is not None
    assert told.ended.reason == "length"
    assert (told.ended.usage.prompt, told.ended.usage.reused, told.ended.usage.generated) == (5, 0, 40)
    assert told.tokens == 40


def test_log_probabilities_are_those_of_the_construction(harness: Make) -> None:
    engine = harness("bigram")
    seen = []
    context = engine.model.context
    likeliest = context.likeliest

    def watch(row: int, n_vocab: int) -> int | None:
        seen.append(context.logits(row, n_vocab))
        return likeliest(row, n_vocab)

    context.likeliest = watch  # type: ignore[method-assign]
    engine.answer(HELLO, limited(5))
    chain = [ord("o"), *greedy_chain(ord("o"), 4)]
    assert len(seen) == 5
    for logits, current in zip(seen, chain, strict=True):
        top = logits.max()
        log_probabilities = logits - top - np.log(np.exp(logits - top).sum())
        assert np.abs(log_probabilities - random_log_odds()[current])[:256].max() < 0.01


def test_sampled_frequencies_follow_the_odds(harness: Make) -> None:
    engine = harness("bigram")
    plain = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, seed=5, max_tokens=1)
    command = engine.submit((ord("a"),), plain, samples=400)
    engine.run()
    odds = np.exp(random_log_odds()[ord("a")])
    # Of the tokens that are a character by themselves, so that the text shows which was drawn.
    likeliest = int(odds[:128].argmax())
    shown = [engine.told(command, sample) for sample in range(400)]
    assert all(told.ended is not None for told in shown)
    hits = sum(told.text == text_of([likeliest]) for told in shown)
    expected = 400 * odds[likeliest]
    assert abs(hits - expected) < 5 * np.sqrt(expected)


def test_an_end_token_ends_and_is_not_shown(harness: Make, tmp_path: Path) -> None:
    script = script_log_odds([(ord("a"), ord("b"), IM_END)])
    told = harness(write_bigram_model(tmp_path / "script.gguf", script)).answer((ord("a"),))
    assert told.ended is not None
    assert (told.text, told.ended.reason, told.ended.usage.generated) == ("b", "stop", 1)


def test_thinking_marks_are_shown_and_other_control_tokens_are_not(harness: Make, tmp_path: Path) -> None:
    script = script_log_odds([(ord("a"), THINK, ord("x"), IM_START, ord("y"), END_THINK, ord("z"), IM_END)])
    told = harness(write_bigram_model(tmp_path / "think.gguf", script)).answer((ord("a"),))
    assert told.text == "<think>xy</think>z"
    assert told.tokens == 6


def test_characters_of_several_tokens_arrive_whole_and_stray_bytes_as_replacement(
    harness: Make, tmp_path: Path
) -> None:
    # Each byte occurs once, so that a bigram can say them in this order.
    said = "aé€😀".encode() + b"\xf8" + b"z"
    assert len(set(said)) == len(said)
    path = write_bigram_model(tmp_path / "bytes.gguf", script_log_odds([(ord("Q"), *said, IM_END)]))
    told = harness(path).answer((ord("Q"),))
    assert told.text == "aé€😀\ufffdz"


@pytest.mark.parametrize(
    ("stop", "shown"),
    [(("lm",), "hijk"), (("jklmn",), "hi"), (("x", "hi"), ""), (("lmx",), "hijklmno"), (("o",), "hijklmn")],
)
def test_stop_texts_end_the_answer_before_them(
    harness: Make, tmp_path: Path, stop: tuple[str, ...], shown: str
) -> None:
    path = write_bigram_model(tmp_path / "stop.gguf", script_log_odds([(*b"ghijklmno", IM_END)]))
    told = harness(path).answer(tuple(b"g"), replace(GREEDY, stop=stop))
    assert told.text == shown
    assert told.ended is not None
    assert told.ended.reason == "stop"


def test_an_answer_that_fills_the_window_ends_with_length(harness: Make) -> None:
    engine = harness("bigram", n_ctx=256)
    told = engine.answer(tuple(b"x" * 200))
    assert told.ended is not None
    assert told.ended.reason == "length"
    assert told.ended.usage.prompt + told.ended.usage.generated == engine.model.context.n_ctx


def test_the_second_turn_reads_only_what_is_new(harness: Make) -> None:
    engine = harness("bytes")
    prompt = tuple(b"a conversation that goes on for a while. " * 12)
    first = engine.answer(prompt, limited(20))
    assert first.ended is not None
    said = answer_tokens(engine, prompt, 20)
    again = engine.answer((*prompt, *said, *b" and now?"), limited(5))
    assert again.ended is not None
    # The last token of the first answer was never computed.
    assert again.ended.usage.reused == len(prompt) + 19
    assert again.reads[-1].done == again.reads[-1].total == len(prompt) + 20 + 9


def answer_tokens(engine: Harness, prompt: tuple[int, ...], count: int) -> list[int]:
    """The tokens of the greedy answer."""
    seen: list[int] = []
    append = Answer.append

    def watch(answer: Answer, token: int) -> None:
        seen.append(token)
        append(answer, token)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Answer, "append", watch)
        engine.answer(prompt, limited(count))
    return seen


def test_the_same_prompt_again_computes_its_last_token_alone(harness: Make) -> None:
    engine = harness("bytes")
    prompt = tuple(b"the same question, word for word, as before it")
    first, second = engine.answer(prompt, limited(30)), engine.answer(prompt, limited(30))
    assert first.ended is not None
    assert second.ended is not None
    assert (first.ended.usage.reused, second.ended.usage.reused) == (0, len(prompt) - 1)
    assert first.text == second.text


def test_chats_that_take_turns_keep_their_prefixes(harness: Make) -> None:
    engine = harness("bytes", n_ctx=512)
    prompts = [tuple(b"chat number %d " % number + b"says this " * 30) for number in range(4)]
    texts = [engine.answer(prompt, limited(10)).text for prompt in prompts]
    # Four of them do not fit the window of 512 tokens together: the shelf holds those that are idle.
    for prompt, text in zip(prompts, texts, strict=True):
        told = engine.answer(prompt, limited(10))
        assert told.ended is not None
        assert (told.text, told.ended.usage.reused) == (text, len(prompt) - 1)


def test_a_changed_middle_reads_from_there(harness: Make) -> None:
    engine = harness("bytes")
    start = tuple(b"the beginning stays as it was, all of it. ")
    engine.answer((*start, *b"one end"), limited(5))
    told = engine.answer((*start, *b"another end"), limited(5))
    fresh = harness("bytes").answer((*start, *b"another end"), limited(5))
    assert told.ended is not None
    assert told.ended.usage.reused == len(start)
    assert told.text == fresh.text


def test_answers_side_by_side_equal_answers_alone(harness: Make) -> None:
    prompts = [tuple(f"prompt {number} ".encode() * (number + 1) * 7) for number in range(6)]
    alone = [harness("bytes").answer(prompt, limited(40)).text for prompt in prompts]
    engine = harness("bytes")
    commands = []
    for prompt in prompts:
        commands.append(engine.submit(prompt, limited(40)))
        engine.run(until=lambda: len(engine.reports) > 4 * len(commands))
    engine.run()
    assert [engine.told(command).text for command in commands] == alone


def test_samples_share_the_reading_and_differ_by_seed(harness: Make) -> None:
    engine = harness("bytes")
    prompt = tuple(b"a prompt of some length that is read once " * 5)
    warm = Sampling(temperature=1.5, top_k=0, top_p=1.0, min_p=0.0, seed=40, max_tokens=12)
    command = engine.submit(prompt, warm, samples=5)
    engine.run()
    told = [engine.told(command, sample) for sample in range(5)]
    assert len({each.text for each in told}) == 5
    reused = [each.ended.usage.reused for each in told if each.ended]
    assert reused == [0] + [len(prompt) - 1] * 4
    third = harness("bytes").answer(prompt, replace(warm, seed=42))
    assert third.text == told[2].text


def test_more_answers_than_sequences_wait_and_all_end(harness: Make) -> None:
    engine = harness("bytes")
    assert engine.model.context.sequences < 40
    commands = [engine.submit(tuple(b"%d bottles of beer" % number), limited(10)) for number in range(40)]
    engine.run()
    assert all((ended := engine.told(command).ended) and ended.reason == "length" for command in commands)


def test_more_than_the_window_holds_waits_and_ends_as_if_alone(harness: Make) -> None:
    prompts = [tuple(b"%d" % number + b"many words " * 9) for number in range(8)]
    alone = [harness("bytes", n_ctx=256).answer(prompt).text for prompt in prompts]
    engine = harness("bytes", n_ctx=256)
    commands = [engine.submit(prompt) for prompt in prompts]
    engine.run()
    told = [engine.told(command) for command in commands]
    assert all(each.ended and each.ended.reason == "length" for each in told)
    assert [each.text for each in told] == alone


def test_a_batch_smaller_than_the_crowd_is_enough(harness: Make) -> None:
    engine = harness("bigram", n_batch=4, n_ubatch=4)
    commands = [engine.submit(tuple(b"%d tiny steps" % number), limited(12)) for number in range(9)]
    engine.run()
    assert all(engine.told(command).text == text_of(greedy_chain(ord("s"), 12)) for command in commands)


def test_cancelling_while_reading_leaves_the_engine_usable(harness: Make) -> None:
    engine = harness("bytes", n_ctx=2048, n_ubatch=64, n_batch=64)
    long = tuple(b"word " * 380)
    command = engine.submit(long)
    engine.run(until=lambda: len(engine.reports) >= 4)
    engine.interrupt.cancel(command)
    engine.run()
    ended = engine.told(command).ended
    assert ended is not None
    assert (ended.reason, ended.usage.generated) == ("cancelled", 0)
    again = engine.answer(long, limited(8))
    assert again.ended is not None
    assert 0 < again.ended.usage.reused < len(long) - 1
    assert again.text == harness("bytes").answer(long, limited(8)).text


def test_an_abort_inside_a_computation_loses_nothing(harness: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = harness("bytes", n_ctx=2048)
    prompt = tuple(b"a rather long prompt " * 60)
    other = engine.submit(tuple(b"another one is being written"), limited(60))
    engine.run(until=lambda: engine.told(other).tokens > 3)
    command = engine.submit(prompt, limited(10))
    monkeypatch.setattr(Packer, "expected", lambda _packer, _reads: 1.0)
    aborted: list[int] = []
    decode = engine.model.context.decode

    def interrupted(count: int) -> int:
        if not aborted and count > 32:
            # A cancel of somebody else arrives while the batch is computed.
            engine.interrupt.cancel(999)
        code = decode(count)
        if code == 2:
            aborted.append(count)
        return code

    monkeypatch.setattr(engine.model.context, "decode", interrupted)
    engine.run()
    assert aborted
    assert engine.told(other).text == harness("bytes").answer(tuple(b"another one is being written"), limited(60)).text
    assert engine.told(command).text == harness("bytes").answer(prompt, limited(10)).text


def test_cancelling_while_writing_keeps_what_was_said(harness: Make) -> None:
    engine = harness("bytes")
    command = engine.submit(HELLO)
    engine.run(until=lambda: engine.told(command).tokens > 5)
    engine.interrupt.cancel(command)
    engine.run()
    told = engine.told(command)
    assert told.ended is not None
    assert told.ended.reason == "cancelled"
    assert told.tokens == told.ended.usage.generated > 5
    assert engine.answer(HELLO, limited(3)).ended is not None


def test_cancelling_what_waits_or_is_unknown(harness: Make) -> None:
    engine = harness("bytes")
    first = engine.submit(HELLO, limited(5))
    second = engine.submit(tuple(b"waits"), limited(5))
    engine.interrupt.cancel(second)
    engine.interrupt.cancel(12345)
    engine.run()
    one, two = engine.told(first).ended, engine.told(second).ended
    assert one is not None
    assert two is not None
    assert (one.reason, two.reason) == ("length", "cancelled")


def test_a_cancellation_that_overtakes_its_request_is_not_lost(harness: Make) -> None:
    engine = harness("bytes")
    first = engine.submit(HELLO, limited(5))
    engine.interrupt.cancel(first + 1)
    engine.scheduler.step()
    late = engine.submit(tuple(b"late"), limited(5), samples=2)
    engine.run()
    for sample in range(2):
        ended = engine.told(late, sample).ended
        assert ended is not None
        assert (ended.reason, ended.usage.generated) == ("cancelled", 0)
    told = engine.told(first).ended
    assert told is not None
    assert told.reason == "length"


@pytest.mark.parametrize(
    ("tokens", "said"),
    [((), "empty"), ((-1,), "vocabulary"), ((1, 100_000), "vocabulary"), ((5,) * 5000, "5,000 tokens")],
)
def test_an_impossible_prompt_fails_alone(harness: Make, tokens: tuple[int, ...], said: str) -> None:
    engine = harness("bytes", n_ctx=512)
    fine = engine.submit(HELLO, limited(5))
    wrong = engine.submit(tokens, samples=2)
    engine.run()
    for sample in range(2):
        problem = engine.told(wrong, sample).problem
        assert problem is not None
        assert said in problem.what
    assert engine.told(fine).ended is not None


def test_logits_that_are_no_numbers_fail_the_answer_alone(harness: Make, tmp_path: Path) -> None:
    path = write_random_model(tmp_path / "nan.gguf", weight=float("nan"))
    engine = harness(path)
    for _ in range(2):
        problem = engine.answer(HELLO).problem
        assert problem is not None
        assert "not a number" in problem.what


def cancelling_at(step: int, engine: Harness, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Cancel something else during one decode, counted from 0, which aborts it; the codes of all decodes so far."""
    codes: list[int] = []
    decode = engine.model.context.decode

    def interrupted(count: int) -> int:
        if len(codes) == step:
            engine.interrupt.cancel(999)
        codes.append(decode(count))
        return codes[-1]

    monkeypatch.setattr(engine.model.context, "decode", interrupted)
    return codes


def test_a_state_is_rebuilt_after_an_abort(harness: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = harness("recurrent")
    prompt = tuple(b"a state that only goes forward " * 8)
    monkeypatch.setattr(Packer, "expected", lambda _packer, _reads: 1.0)
    monkeypatch.setattr(Packer, "_room", lambda _packer, beside: 100)
    codes = cancelling_at(1, engine, monkeypatch)
    told = engine.answer(prompt, limited(12))
    assert 2 in codes
    assert told.text == harness("recurrent").answer(prompt, limited(12)).text


def test_an_abort_costs_no_more_than_what_was_read_since_the_last_mark(
    harness: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = tuple(b"a state that only goes forward " * 10)
    whole = harness("recurrent").answer(prompt, limited(12)).text
    engine = harness("recurrent")
    monkeypatch.setattr(residents, "MARK_EVERY", 64)
    monkeypatch.setattr(Packer, "expected", lambda _packer, _reads: 1.0)
    monkeypatch.setattr(Packer, "_room", lambda _packer, beside: 64)
    codes = cancelling_at(3, engine, monkeypatch)
    told = engine.answer(prompt, limited(12))
    assert 2 in codes
    done = [read.done for read in told.reads]
    assert done == sorted(done)
    assert told.text == whole


def test_times_add_up(harness: Make) -> None:
    told = harness("bytes").answer(tuple(b"time flies " * 20), limited(50))
    assert isinstance(told.ended, Ended)
    timing = told.ended.timing
    assert timing.first_token_s >= timing.prefill_s > 0
    assert timing.decode_s > 0
    assert timing.tokens_per_s == pytest.approx(49 / timing.decode_s)


@pytest.mark.parametrize("seed", range(2))
def test_a_crowd_with_cancels_in_a_small_window_ends_each_answer_once_and_rightly(harness: Make, seed: int) -> None:
    engine = harness("bigram", n_ctx=256, n_batch=64, n_ubatch=32)
    dice = random.Random(seed)
    asked: dict[int, tuple[int, int, int]] = {}
    cancelled = set()
    while len(asked) < 60 or engine.scheduler.busy:
        if len(asked) < 60 and dice.random() < 0.4:
            prompt = (
                *b"a shared beginning "[: dice.randrange(20)],
                *dice.choices(range(256), k=dice.randrange(1, 120)),
            )
            most, samples = dice.randrange(1, 100), dice.choice((1, 1, 1, 4))
            asked[engine.submit(prompt, limited(most), samples)] = (prompt[-1], min(most, 256 - len(prompt)), samples)
        if asked and dice.random() < 0.05:
            cancelled.add(chosen := dice.choice(list(asked)))
            engine.interrupt.cancel(chosen)
        engine.scheduler.step()
    engine.scheduler.rest()
    for command, (last, most, samples) in asked.items():
        whole = text_of(greedy_chain(last, most))
        for sample in range(samples):
            told = engine.told(command, sample)
            assert told.ended is not None
            assert told.tokens == told.ended.usage.generated
            if command not in cancelled or told.ended.reason == "length":
                assert (told.text, told.ended.usage.generated) == (whole, most)
            else:
                assert told.text == text_of(greedy_chain(last, told.tokens))
