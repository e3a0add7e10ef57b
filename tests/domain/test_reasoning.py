"""Thinking and answer are told apart, also while the tag is still coming."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.reasoning import HARMONY, MARKS, THINK_CLOSE, THINK_OPEN, Marks, Split, marks_of, split_thinking


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", Split("", "", open=False)),
        ("Hello", Split("", "Hello", open=False)),
        ("<", Split("", "", open=False)),
        ("<th", Split("", "", open=False)),
        ("<b>bold</b>", Split("", "<b>bold</b>", open=False)),
        ("<think>", Split("", "", open=True)),
        ("<think>\nfirst", Split("first", "", open=True)),
        ("<think>first</thi", Split("first", "", open=True)),
        ("<think>a < b</think>\n\nyes", Split("a < b", "yes", open=False)),
        ("<think>\n\n</think>\n\nyes", Split("", "yes", open=False)),
        ("\n<think>a</think>b", Split("a", "b", open=False)),
        ("no <think>a</think>", Split("", "no <think>a</think>", open=False)),
    ],
)
def test_split_while_writing(raw: str, expected: Split) -> None:
    assert split_thinking(raw) == expected


def test_a_prompt_that_opened_the_block_needs_no_opening_tag() -> None:
    assert split_thinking("so 4</think>4", in_thinking=True) == Split("so 4", "4", open=False)
    assert split_thinking("<think>so 4</think>4", in_thinking=True) == Split("so 4", "4", open=False)
    assert split_thinking("so 4", in_thinking=True) == Split("so 4", "", open=True)


def test_an_ended_answer_holds_nothing_back() -> None:
    assert split_thinking("<th", ended=True) == Split("", "<th", open=False)
    assert split_thinking("<think>a</thi", ended=True) == Split("a</thi", "", open=True)


@given(st.text(alphabet="<>/think ab\n", max_size=40), st.booleans())
def test_what_was_shown_is_never_taken_back(raw: str, in_thinking: bool) -> None:
    """Growing the text grows what is shown: a reader never sees a tag or sees text vanish."""
    shown = ""
    for length in range(len(raw) + 1):
        split = split_thinking(raw[:length], in_thinking=in_thinking)
        assert split.answer.startswith(shown)
        shown = split.answer


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_whole_block_splits_into_its_two_halves(thinking: str, answer: str) -> None:
    if THINK_CLOSE in thinking or thinking.lstrip().startswith(THINK_OPEN):
        return
    split = split_thinking(f"{THINK_OPEN}{thinking}{THINK_CLOSE}{answer}", ended=True)
    assert split == Split(thinking.strip(), answer.lstrip("\n"), open=False)


@pytest.mark.parametrize("marks", MARKS, ids=lambda marks: marks.open)
def test_every_family_is_told_by_its_template_and_taken_apart(marks: Marks) -> None:
    assert marks_of(f"{{{{ '{marks.open}' }}}} and {{{{ '{marks.close}' }}}}") is marks
    raw = f"{marks.open}so 4{marks.end}4"
    assert split_thinking(raw, marks=marks) == Split("so 4", "4", open=False)
    assert split_thinking(marks.bare + "4", marks=marks) == Split("", "4", open=False)
    assert all(token in marks.open + marks.end for token in marks.tokens)
    shown = ""
    for length in range(len(raw) + 1):
        split = split_thinking(raw[:length], marks=marks)
        assert split.answer.startswith(shown)
        assert not any(token in split.answer or token in split.thinking for token in marks.tokens)
        shown = split.answer


def test_a_template_without_thinking_has_no_marks() -> None:
    assert marks_of("{{ message.content }}<|end|>") is None


def test_an_answer_that_ends_before_its_bridge_keeps_what_was_written() -> None:
    assert split_thinking("<|channel|>analysis<|message|>so<|end|>", ended=True, marks=HARMONY) == Split(
        "so", "", False
    )
    begun = "<|channel|>analysis<|message|>so<|end|><|start|>assistant"
    assert split_thinking(begun, marks=HARMONY) == Split("so", "", open=False)
