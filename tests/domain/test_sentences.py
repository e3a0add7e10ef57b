"""Sentences end where a reader would say so."""

from __future__ import annotations

from itertools import pairwise

import pytest

from llmlab.domain.sentences import sentence_ends


@pytest.mark.parametrize(
    "sentences",
    [
        ["他来了。", "她走了！", "为什么？", "没人知道"],
        ["他说：“走吧。”", "于是走了。"],
        ["等等……", "不对。"],
        ["It rained.", " We left!", " Why?", " Nobody knows"],
        ["Mr. Smith met Dr. J. Brown, i.e. the vicar.", " He wept."],
        ["Pi is 3.14 here.", " Version 2.0.1 is out."],
        ["“Go away.”", " He went."],
        ["She (he said.)", " Then."],
        ["It was I.", " Not he."],
        ["Really?!", " Yes..."],
        ["no end"],
        ["Oct. 5 and vol. 3, pp. 4."],
    ],
)
def test_sentences(sentences: list[str]) -> None:
    text = "".join(sentences)
    edges = [0, *sentence_ends(text, 0, len(text))]
    if edges[-1] != len(text):
        edges.append(len(text))
    assert [text[start:end] for start, end in pairwise(edges)] == sentences


def test_only_the_stretch_is_read() -> None:
    assert list(sentence_ends("一。二。三。", 2, 4)) == [4]


def test_a_million_marks_are_read_at_once() -> None:
    assert sum(1 for _ in sentence_ends("." * 1_000_000 + ")" * 1_000_000, 0, 2_000_000)) == 1
