"""How a document is parted, how notes come together, and what the model is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.digest import (
    Cost,
    Request,
    groups_of,
    is_chinese,
    key_of,
    merges_ahead,
    parts_of,
    size_within,
    sizes_of,
)
from llmlab.domain.digest_words import cost_lines, progress_in_words
from llmlab.domain.document import Document
from llmlab.domain.model import ModelSpec
from llmlab.domain.passages import Passage
from llmlab.domain.sampling import Sampling
from tests.support.fake_worker import card


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(20, 100))
def test_parts_tile_what_the_passages_do(tokens: list[int], most: int) -> None:
    passages = [Passage(at + 1, at * 10, at * 10 + 10) for at in range(len(tokens))]
    parts = parts_of(passages, tokens, most)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert [part.start for part in parts] == [0, *(part.end for part in parts[:-1])]
    assert parts[-1].end == passages[-1].end
    assert sum(part.tokens for part in parts) == sum(tokens)
    assert all(part.tokens <= most or part.end - part.start == 10 for part in parts)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=60), st.integers(1, 200))
def test_notes_are_never_merged_alone(tokens: list[int], most: int) -> None:
    groups = groups_of(tokens, most)
    assert [start for start, _ in groups] == [0, *(end for _, end in groups[:-1])]
    assert groups[-1][1] == len(tokens)
    assert all(end - start >= 2 for start, end in groups)
    largest = max(tokens)
    assert all(sum(tokens[start:end]) <= max(most, 2 * largest) + largest for start, end in groups)


@given(st.integers(0, 3000), st.integers(1, 50), st.integers(1, 500))
def test_merging_ends(notes: int, size: int, most: int) -> None:
    merges = [count for merged in merges_ahead(notes, size, most) for count in merged]
    assert sum(merges) - len(merges) == max(0, notes - 1)


@pytest.mark.parametrize(
    ("window", "room"), [(512, 512), (1024, 1024), (2048, 1024), (4096, 1024), (8192, 2048), (65536, 2048)]
)
def test_requests_share_the_window(window: int, room: int) -> None:
    sizes = sizes_of(replace(card(ModelSpec(name="a", path="/a")), n_ctx=window), 100)
    assert (sizes.room, sizes.note) == (room, room // 6)
    assert sizes.text + sizes.note + sizes.frame == sizes.room
    assert size_within(sizes.text) <= sizes.text


def test_a_request_is_framed_in_the_language_of_the_document() -> None:
    english = Document("a.txt", "", "text", "Some </document> text.")
    request = Request("note", 2, 2, 7, 0, 22, (english.text,))
    prompt = request.prompt(english)
    assert prompt.startswith('<document-2 name="a.txt">\nSome </document> text.\n</document-2>')
    assert "part 2 of 7" in prompt
    chinese = Document("a.txt", "", "text", "从前有座山。")
    assert "第2部分，共7部分" in replace(request, material=(chinese.text,)).prompt(chinese)
    assert is_chinese(chinese.text)
    assert not is_chinese(english.text)
    refined = Request("refine", 1, 4, 7, 0, 9, ("So far.", "Next."))
    assert "So far.\nNext." in refined.prompt(english)
    assert "parts 1 to 3" in refined.prompt(english)
    assert (request.name, refined.name) == ("note-0002", "refine-0001-0004")


def test_an_answer_is_known_by_all_that_it_depends_on() -> None:
    keys = [
        key_of(*depends)
        for depends in (
            ("a", (1, 2), Sampling()), ("b", (1, 2), Sampling()), ("a", (1, 3), Sampling()), ("a", (12,), Sampling()),
            ("a", (1, 2), Sampling(seed=1)),
        )
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert key_of("a", [1, 2], Sampling()) == keys[0]


def test_what_it_takes_and_how_far_it_is_in_words() -> None:
    assert progress_in_words(3, 10, None) == "3 of 10 requests"
    assert progress_in_words(3, 10, 42.0) == "3 of 10 requests, 42 s left"
    assert progress_in_words(10, 10, 0.0) == "10 of 10 requests"
    assert cost_lines(Cost(6, 9, 0, 6000, 1500, 2000.0, 500.0, 6.0)) == [
        "6 parts, 9 requests: 6,000 tokens to read, at most 1,500 to write.",
        "At most 6 s, from the speed measured: 2,000 tokens/s read, 500 written.",
    ]
    assert cost_lines(Cost(6, 9, 9, 0, 0)) == ["9 requests were answered in an earlier run."]
    assert cost_lines(Cost(6, 9, 2, 10, 10))[1] == "2 more were answered in an earlier run."
