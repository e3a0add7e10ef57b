"""Everything that is measured: what is asked, how, and when an answer counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from llmlab.domain.model import Rope
from training.curriculum import documents, examples, instructions, lexicon, lookups, notes, steps, talk
from training.curriculum.facts import BACKWARDS
from training.judge import Judge, cited, exact, final, found, refused
from training.sample import Generator, Sample

_HANZI = re.compile(r"[\u4e00-\u9fff]")
Length = Callable[[Sample], int]
"""Counts the tokens of a sample."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of the table."""

    name: str
    make: Generator
    right: Judge
    native: bool = False
    """Whether native thinking is on."""
    window: int = 1024
    """Tokens of the window."""
    rope: Rope | None = None
    """How positions are scaled."""
    temperature: float = 0.0
    samples: int = 1
    """Answers to each item; of several, the closing values vote."""
    items: str = ""
    """Cells with the same text here are asked the same items."""


def _chinese_answer(sample: Sample) -> bool:
    return bool(_HANZI.search(sample.turns[-1].text))


def _chinese_question(sample: Sample) -> bool:
    return bool(_HANZI.search(sample.turns[-2].text))


def _only(make: Generator, wanted: Callable[[Sample], bool]) -> Generator:
    """Keep the samples that are wanted."""

    def kept(rng: Random) -> Sample:
        while True:
            sample = make(rng)
            if wanted(sample):
                return sample

    return kept


def _languages(
    name: str, make: Generator, right: Judge, *, by_question: bool = False, native: bool = False
) -> list[Cell]:
    """The same task in English and in Chinese."""
    is_chinese = _chinese_question if by_question else _chinese_answer
    return [
        Cell(f"{name}, en", _only(make, lambda sample: not is_chinese(sample)), right, native),
        Cell(f"{name}, zh", _only(make, is_chinese), right, native),
    ]


def _shots(count: int) -> Generator:
    return lambda rng: examples.build(rng, examples.any_rule(rng), count, rng.choice(("turns", "inline")))


def _steps(kind: str, operations: int, mode: str) -> Generator:
    return lambda rng: steps.steps_sample(rng, kind, operations, mode)


def _single(rng: Random) -> Sample:
    families = (instructions.word_verb, instructions.numbers, instructions.lists, instructions.kinds)
    return rng.choice(families)(rng)


def _reading(kind: str, *, grounded: bool, sizes: tuple[int, int], cite: bool = False) -> Generator:
    return lambda rng: documents.reading(rng, kind=kind, grounded=grounded, sizes=sizes, cite=cite, questions=1)


def _long_reading(length: Length, low: int, high: int, wanted: Callable[[Sample], bool] = lambda _: True) -> Generator:
    """Documents of `low` to `high` tokens with the question, its fact at any depth; only those that are `wanted`."""

    def made(rng: Random) -> Sample:
        facts, fillers = rng.randint(low // 60, high // 45), rng.randint(low // 24, high // 14)
        return documents.reading(rng, kind="present", grounded=True, sizes=(facts, fillers), cite=False, questions=1)

    return _only(made, lambda sample: wanted(sample) and low <= length(sample) <= high)


def _value_first(sample: Sample) -> bool:
    """The document tells the fact in question with its value before what is asked."""
    _, place, attribute, value = sample.key.split("|")
    told = BACKWARDS.format(v=value, a=attribute, e=place)
    return any(told in turn.text for turn in sample.turns[:-1])


def _reasoning_cells() -> list[Cell]:
    table: list[Cell] = []
    for operations in (2, 4, 6):
        for mode in steps.MODES:
            make = _steps("story", operations, mode)
            name = f"word problems, {operations} steps, {mode}"
            table += _languages(name, make, final, native=mode == "native")
    for kind in ("last-letters", "two-hop", "cage"):
        for mode in ("direct", "prompted"):
            table.append(Cell(f"{kind}, {mode}", _steps(kind, 3, mode), final))

    def hard(rng: Random) -> Sample:
        return steps.steps_sample(rng, "story", rng.choice((5, 6)), "prompted")

    for samples in (1, 9):
        name = f"word problems, 5-6 steps, {samples} sample{'s' * (samples > 1)} at 0.8"
        table.append(Cell(name, hard, final, temperature=0.8, samples=samples, items="self-consistency"))
    return table


def _list(kind: str) -> Generator:
    return lambda rng: lookups.listed(rng, size=6, questions=1, kind=kind)


def _document_cells(length: Length) -> list[Cell]:
    far = _long_reading(length, 1300, 1900)
    stretched = Rope(scaling="yarn", factor=2.0)
    return [
        Cell("list, 6 rows", _list("present"), exact),
        Cell("list, absent name refused", _list("absent"), refused),
        *_languages("document, 3 facts, grounded", _reading("present", grounded=True, sizes=(3, 3)), found),
        Cell("document, 3 facts, plain", _reading("present", grounded=False, sizes=(3, 3)), found),
        Cell("document, 500-900 tokens, grounded", _long_reading(length, 500, 900), found),
        Cell("document, 500-900 tokens, value first", _long_reading(length, 500, 900, _value_first), found),
        Cell("document, fact and passage number", _reading("present", grounded=True, sizes=(3, 6), cite=True), cited),
        Cell("absent fact refused, grounded", _reading("absent", grounded=True, sizes=(3, 3)), refused),
        Cell("absent fact refused, plain", _reading("absent", grounded=False, sizes=(3, 3)), refused),
        Cell("notes, 5 facts", lambda rng: notes.noting(rng, sizes=(5, 8)), exact),
        Cell("document, 1300-1900 tokens, as trained", far, found, window=2048, items="far"),
        Cell("document, 1300-1900 tokens, YaRN x2", far, found, window=2048, rope=stretched, items="far"),
    ]


def cells(length: Length) -> list[Cell]:
    """List everything that is measured; `length` counts by the model's own tokenizer."""
    table: list[Cell] = []
    for name, make in (("small talk", talk.small_talk), ("glossary", talk.glossary), ("out of world", talk.unknown)):
        table += _languages(name, make, exact)
    table.append(Cell("name kept over turns", talk.name_memory, exact))
    table += [Cell(f"examples, {count}-shot", _shots(count), exact) for count in (0, 1, 2, 4)]
    table += _languages("instructions", _single, exact, by_question=True)
    table.append(Cell("instructions, held-out verb pairs", instructions.two_verbs, exact))
    table += _reasoning_cells()
    table += _document_cells(length)
    to_chinese, to_english = _languages("lexicon", lexicon.translation, exact)[::-1]
    table += [replace(to_chinese, name="lexicon, to Chinese"), replace(to_english, name="lexicon, to English")]
    return table
