"""How likely given texts are, against a model whose log-probabilities are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
import pytest

from llmlab.domain.sampling import Sampling
from llmlab.domain.scoring import ScoredText, joined
from llmlab.engine.llama.context import OUTPUTS
from llmlab.engine.wire import Ended, Problem, Score, Scored
from tests.engine.llama.conftest import Harness
from tests.support.gguf_fixtures import random_log_odds

Make = Callable[..., Harness]
NUMBERS = count(1000)


def submit(engine: Harness, texts: Sequence[str | tuple[int, ...]], **wishes: Any) -> int:
    number = next(NUMBERS)
    engine.scheduler.submit(Score(id=number, texts=tuple(texts), **wishes))
    return number


def scored(engine: Harness, number: int, sample: int = 0) -> ScoredText:
    parts = [each for each in engine.reports if isinstance(each, Scored) and (each.id, each.sample) == (number, sample)]
    assert [each.done for each in parts] == [False] * (len(parts) - 1) + [True]
    return joined([each.text for each in parts])


def score(engine: Harness, text: str | tuple[int, ...], **wishes: Any) -> ScoredText:
    number = submit(engine, [text], **wishes)
    engine.run()
    return scored(engine, number)


def check(text: ScoredText, before: int, tokens: Sequence[int], top: int = 0) -> None:
    assert [each.token for each in text.tokens] == list(tokens)
    for each in text.tokens:
        odds = random_log_odds()[before]
        assert each.logprob == pytest.approx(odds[each.token], abs=0.01)
        assert each.rank == 1 + np.count_nonzero(odds > odds[each.token])
        assert [other.token for other in each.top] == np.argsort(-odds, kind="stable")[:top].tolist()
        before = each.token


@pytest.mark.parametrize("length", [1, 2, OUTPUTS - 1, OUTPUTS, OUTPUTS + 1, 700])
def test_every_token_of_a_text_is_measured(harness: Make, length: int) -> None:
    tokens = tuple(np.random.default_rng(length).integers(0, 256, length).tolist())
    text = score(harness("bigram"), tokens, prompt=tuple(b"before"), top=3)
    check(text, ord("e"), tokens, top=3)
    assert (text.context, text.reused) == (6, 0)


def test_without_a_prompt_the_first_token_is_the_context(harness: Make) -> None:
    text = score(harness("bigram"), "xyz")
    check(text, ord("x"), b"yz")
    assert text.context == 1


def test_text_is_content_and_never_a_control_token(harness: Make) -> None:
    text = score(harness("bigram"), "a<|im_end|>", prompt=(65,))
    assert [each.token for each in text.tokens] == list(b"a<|im_end|>")


def test_a_prompt_as_text_is_read_together_with_what_follows(harness: Make) -> None:
    engine = harness("bigram")
    split = score(engine, "lo you", prompt="hel")
    check(split, ord("l"), b"lo you")
    assert (split.context, split.size, split.characters) == (3, 6, 6)
    # `the` is one token of this vocabulary: it spans the border and is scored whole.
    spanning = score(engine, "he", prompt="at")
    assert [token.text for token in spanning.tokens] == ["the"]
    assert (spanning.context, spanning.size, spanning.characters) == (1, 2, 2)


def test_the_size_of_a_text_is_that_of_what_was_scored(harness: Make) -> None:
    engine = harness("bigram")
    alone = score(engine, "a语言")
    assert (alone.size, alone.characters) == (6, 2)
    after = score(engine, "a语言", prompt=(65,))
    assert (after.size, after.characters) == (7, 3)
    tokens = score(engine, tuple(b"xyz"), prompt=(65,))
    assert (tokens.size, tokens.characters) == (3, 3)


def test_what_an_answer_drew_is_scored_as_it_was_told(harness: Make) -> None:
    engine = harness("bytes")
    warm = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, seed=3, max_tokens=90)
    told = engine.answer(tuple(b"a prompt"), warm, logprobs=2)
    text = score(engine, tuple(each.token for each in told.info), prompt=tuple(b"a prompt"), top=2)
    assert text.reused == 7
    for drawn, given in zip(told.info, text.tokens, strict=True):
        assert given.token == drawn.token
        assert given.logprob == pytest.approx(drawn.logprob, abs=2e-3)


def test_choices_share_their_prompt(harness: Make) -> None:
    engine = harness("bigram")
    prompt = tuple(b"one prompt that is read once for all the choices that follow it")
    choices = ["yes", "no", "maybe", "a bit of all"]
    number = submit(engine, choices, prompt=prompt)
    engine.run()
    texts = [scored(engine, number, sample) for sample in range(4)]
    for text, choice in zip(texts, choices, strict=True):
        check(text, prompt[-1], choice.encode())
    assert [text.reused for text in texts] == [0, *[len(prompt) - 1] * 3]


def test_texts_are_measured_beside_answers(harness: Make) -> None:
    engine = harness("bytes", n_ctx=512)
    longer = Sampling(temperature=0.0, seed=1, max_tokens=60)
    alone = [harness("bytes").answer(tuple(b"%d answers" % number), longer).text for number in range(3)]
    answers = [engine.submit(tuple(b"%d answers" % number), longer) for number in range(3)]
    numbers = [submit(engine, [bytes([97 + each] * 150).decode()], prompt=(each,)) for each in range(3)]
    engine.run()
    assert [engine.told(command).text for command in answers] == alone
    for number in numbers:
        assert len(scored(engine, number).tokens) == 150
    fresh = score(harness("bytes"), "b" * 150, prompt=(1,))
    for one, other in zip(scored(engine, numbers[1]).tokens, fresh.tokens, strict=True):
        assert one.logprob == pytest.approx(other.logprob, abs=1e-3)


def test_memory_that_cannot_be_rewound_measures_as_well(harness: Make) -> None:
    engine = harness("recurrent")
    first, second = score(engine, "some text", prompt=(1, 2)), score(engine, "some text", prompt=(1, 2))
    assert [each.logprob for each in first.tokens] == pytest.approx([each.logprob for each in second.tokens], abs=1e-3)


def test_a_cancelled_measuring_ends_once(harness: Make) -> None:
    engine = harness("bytes")
    number = submit(engine, ["x" * 1500], prompt=(1,))
    engine.scheduler.step()
    engine.interrupt.cancel(number)
    engine.run()
    ended = [each.reason for each in engine.reports if isinstance(each, Ended) and each.id == number]
    assert ended == ["cancelled"]
    check(score(harness("bigram"), "still up"), ord("s"), b"till up")


@pytest.mark.parametrize(
    ("texts", "wishes"),
    [
        ([""], {}),
        (["x"], {}),
        ([""], {"prompt": (1,)}),
        (["x" * 3000], {}),
        ([(99_999,)], {"prompt": (1,)}),
        ([(-1, 2)], {"prompt": (1,)}),
        (["ab"], {"top": 101}),
        (["ab"], {"top": -1}),
    ],
)
def test_what_cannot_be_measured_is_refused(harness: Make, texts: list[Any], wishes: dict[str, Any]) -> None:
    engine = harness("bigram")
    number = submit(engine, texts, **wishes)
    assert [each.id for each in engine.reports if isinstance(each, Problem)] == [number]
    assert not engine.scheduler.busy
