"""Novels of any length, made by a grammar: seeded, in 120 chapters, with planted facts whose questions have a key."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.novels.chinese import Chinese
from benchmarks.novels.english import English
from benchmarks.novels.grammar import Fact, Grammar

Language = Literal["zh", "en"]
CHAPTERS: Final = 120
LETTERS: Final = 1_000_000
"""Characters of a novel at the least."""
FACTS: Final = 200


@dataclass(frozen=True, slots=True)
class Novel:
    """A text and what was planted in it."""

    text: str
    facts: tuple[Fact, ...]
    """Each sentence stands in the text once."""


def novel(language: Language, *, seed: int = 1, letters: int = LETTERS, facts: int = FACTS) -> Novel:
    """A novel of at least `letters` characters with so many planted facts; the same for the same arguments."""
    rng = random.Random(f"{language} {seed}")
    grammar: Grammar = Chinese(rng) if language == "zh" else English(rng)
    planted = grammar.facts(facts)
    chapters = [_chapter(grammar, letters // CHAPTERS + 1) for _ in range(CHAPTERS)]
    for fact in planted:
        for sentence in (fact.sentence, *fact.mentions):
            _put(rng, rng.choice(chapters), sentence)
    text = "\n\n".join(
        "\n".join([grammar.heading(number), "", *(grammar.indent + grammar.joint.join(part) for part in chapter)])
        for number, chapter in enumerate(chapters, 1)
    )
    return Novel(text + "\n", tuple(planted))


def _chapter(grammar: Grammar, letters: int) -> list[list[str]]:
    """Paragraphs of so many characters in all."""
    paragraphs: list[list[str]] = []
    length = 0
    while length < letters:
        paragraphs.append(grammar.paragraph())
        length += sum(map(len, paragraphs[-1]))
    return paragraphs


def _put(rng: random.Random, chapter: Sequence[list[str]], sentence: str) -> None:
    """Between two sentences of the chapter."""
    paragraph = rng.choice(chapter)
    paragraph.insert(rng.randrange(len(paragraph) + 1), sentence)
