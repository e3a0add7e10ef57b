"""The Jinja template and the trainer render the same text."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from training.bpe import SPECIAL, Tokenizer
from training.chat import ANSWER, CONTEXT, HISTORY_START, IGNORE, TEMPLATE, encode, prompt_text
from training.curriculum import mixture
from training.sample import Sample, Turn

TALK = (Turn("system", "Be brief."), Turn("user", "hi"), Turn("assistant", "Hello!"), Turn("user", "bye"))


@pytest.fixture(name="render", scope="module")
def _render() -> Any:
    jinja2 = pytest.importorskip("jinja2")
    environment = pytest.importorskip("jinja2.sandbox").ImmutableSandboxedEnvironment(undefined=jinja2.Undefined)
    return environment.from_string(TEMPLATE).render


def test_prompt_equals_the_template(render: Any) -> None:
    messages = [{"role": turn.role, "content": turn.text} for turn in TALK]
    sample = Sample("core:x", (*TALK, Turn("assistant", "Goodbye!")))
    assert render(messages=messages, add_generation_prompt=True) == prompt_text(sample)
    thinking = render(messages=messages, add_generation_prompt=True, enable_thinking=True)
    assert thinking == prompt_text(sample, thinking=True)
    assert thinking.endswith("<|im_start|>assistant\n")


def test_history_drops_thinking_and_the_last_answer_keeps_it(render: Any) -> None:
    old = {"role": "assistant", "content": "<think>\nsecret\n</think>\n\nFour.", "reasoning_content": None}
    new = {"role": "assistant", "content": "Six.", "reasoning_content": "3 + 3 = 6"}
    user = {"role": "user", "content": "go"}
    text = render(messages=[user, old, user, new])
    assert "secret" not in text
    assert "<|im_start|>assistant\nFour.<|im_end|>\n" in text
    assert text.endswith("<|im_start|>assistant\n<think>\n3 + 3 = 6\n</think>\n\nSix.<|im_end|>\n")


def test_training_text_begins_with_the_prompt() -> None:
    rng = Random(19)
    tokenizer = Tokenizer([], ["hello", " there"])
    for _ in range(200):
        sample = mixture(rng)
        if not sample.turns:
            continue
        text = tokenizer.decode(encode(sample, tokenizer)[0])
        assert text.startswith(prompt_text(sample, thinking=sample.thinking is not None))
        assert text.endswith(f"{sample.turns[-1].text}<|im_end|>\n<|endoftext|>")


def test_loss_falls_on_answers() -> None:
    tokenizer = Tokenizer([])
    sample = Sample("core:x", (Turn("user", "a"), Turn("assistant", "bc"), Turn("user", "d"), Turn("assistant", "e")))
    ids, classes = encode(sample, tokenizer)
    learned = [tokenizer.tokens[token] for token, kind in zip(ids, classes, strict=True) if kind >= ANSWER]
    assert learned == ["b", "c", "<|im_end|>", "e", "<|im_end|>"]
    assert classes.count(HISTORY_START) == 1
    assert {kind for token, kind in zip(ids, classes, strict=True) if tokenizer.tokens[token] == "<think>"} == {IGNORE}
    assert set(classes) == {IGNORE, CONTEXT, ANSWER, HISTORY_START}
    assert SPECIAL[2] == "<|im_end|>"


def test_answers_inside_a_question_are_learned() -> None:
    tokenizer = Tokenizer([], ["Input"])
    text = "猫 -> cat\ndog ->"
    turns = (Turn("user", text, ((text.index(" cat"), text.index("dog")),)), Turn("assistant", "x"))
    ids, classes = encode(Sample("core:x", turns), tokenizer)
    learned = tokenizer.decode(token for token, kind in zip(ids, classes, strict=True) if kind == ANSWER)
    assert learned == " cat\nx<|im_end|>"
