"""Measures a GGUF on held-out items through llama.cpp: greedy, with Wilson intervals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from training import chat
from training.curriculum import documents, examples, instructions, lexicon, steps, talk
from training.sample import Generator, Sample, draw

MAX_TOKENS = 200

Answerer = Callable[[Sequence[str]], Sequence[tuple[str, bool]]]
"""Completes rendered prompts greedily; each answer comes with whether it ended by itself."""

_HANZI = re.compile(r"[\u4e00-\u9fff]")
_FINAL = re.compile(r"(?:The answer is |答案是)(.+?)[.。]?\s*$")


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of the table: what is asked and when an answer counts."""

    name: str
    make: Generator
    right: Callable[[str, Sample], bool]
    native: bool = False
    """Whether native thinking is on."""


@dataclass(frozen=True, slots=True)
class Result:
    """How often a cell's answers counted."""

    name: str
    right: int
    items: int
    unfinished: int
    """Answers that did not end by themselves."""

    @property
    def share(self) -> float:
        """The share of right answers."""
        return self.right / self.items


def wilson(right: int, items: int, z: float = 1.959964) -> tuple[float, float]:
    """Give Wilson's 95 % interval of a share (Wilson 1927)."""
    share = right / items
    middle = (share + z * z / (2 * items)) / (1 + z * z / items)
    half = z / (1 + z * z / items) * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    return max(0.0, middle - half), min(1.0, middle + half)


def bare(text: str) -> str:
    """Drop citations, the closing stop and outer blanks."""
    return re.sub(r"\s*\[\d+\]", "", text.strip()).strip().rstrip(".。")


def exact(answer: str, sample: Sample) -> bool:
    """The whole answer must be the gold answer."""
    return bare(answer) == bare(sample.gold)


def final(answer: str, sample: Sample) -> bool:
    """The closing sentence must name the gold value."""
    found = _FINAL.search(answer.strip())
    return found is not None and found[1].strip() == sample.gold


def found(answer: str, sample: Sample) -> bool:
    """The answer must end with the gold value."""
    said = bare(answer)
    return said == bare(sample.gold) or bool(re.search(rf"(?<![0-9A-Za-z]){re.escape(bare(sample.gold))}$", said))


def cited(answer: str, sample: Sample) -> bool:
    """The answer must be the expected sentence together with its passage number."""
    return answer.strip() == sample.turns[-1].text.strip()


def refused(answer: str, _: Sample) -> bool:
    """The answer must say that it does not know."""
    return "don't know" in answer or "do not know" in answer or "不知道" in answer


def _is_chinese(sample: Sample) -> bool:
    return bool(_HANZI.search(sample.turns[-1].text))


def _in(make: Generator, *, chinese: bool) -> Generator:
    """Keep the samples whose answer is in one language."""

    def kept(rng: Random) -> Sample:
        while True:
            sample = make(rng)
            if _is_chinese(sample) == chinese:
                return sample

    return kept


def _asked(make: Generator, *, chinese: bool) -> Generator:
    """Keep the samples whose question is in one language."""

    def kept(rng: Random) -> Sample:
        while True:
            sample = make(rng)
            if bool(_HANZI.search(sample.turns[-2].text)) == chinese:
                return sample

    return kept


def _shots(count: int) -> Generator:
    return lambda rng: examples.build(rng, examples.any_rule(rng), count, rng.choice(("turns", "inline")))


def _steps(kind: str, operations: int, mode: str) -> Generator:
    return lambda rng: steps.steps_sample(rng, kind, operations, mode)


def _reading(kind: str, grounded: bool, sizes: tuple[int, int]) -> Generator:
    return lambda rng: documents.reading(rng, kind=kind, grounded=grounded, sizes=sizes, cite=False)


def _single(rng: Random) -> Sample:
    families = (instructions.word_verb, instructions.numbers, instructions.lists, instructions.kinds)
    return rng.choice(families)(rng)


def cells() -> list[Cell]:
    """List everything that is measured."""
    table: list[Cell] = []
    for name, make in (("small talk", talk.small_talk), ("glossary", talk.glossary), ("out of world", talk.unknown)):
        for language, chinese in (("en", False), ("zh", True)):
            table.append(Cell(f"{name}, {language}", _in(make, chinese=chinese), exact))
    table.append(Cell("name kept over turns", talk.name_memory, exact))
    table += [Cell(f"examples, {count}-shot", _shots(count), exact) for count in (0, 1, 2, 4)]
    for language, chinese in (("en", False), ("zh", True)):
        table.append(Cell(f"instructions, {language}", _asked(_single, chinese=chinese), exact))
    table.append(Cell("instructions, held-out verb pairs", instructions.two_verbs, exact))
    for operations in (2, 4, 6):
        for mode in steps.MODES:
            story = _steps("story", operations, mode)
            for language, chinese in (("en", False), ("zh", True)):
                cell = f"word problems, {operations} steps, {mode}, {language}"
                table.append(Cell(cell, _in(story, chinese=chinese), final, mode == "native"))
    for kind in ("last-letters", "two-hop", "cage"):
        for mode in ("direct", "prompted"):
            table.append(Cell(f"{kind}, {mode}", _steps(kind, 3, mode), final))
    table += [
        Cell("document, 1-4 facts, grounded", _reading("present", True, (3, 3)), found),
        Cell("document, 1-4 facts, plain", _reading("present", False, (3, 3)), found),
        Cell("document, 14 facts and 40 sentences, grounded", _reading("present", True, (14, 40)), found),
        Cell("document, fact and passage number", lambda rng: documents.reading(rng, kind="present", cite=True), cited),
        Cell("absent fact refused, grounded", _reading("absent", True, (3, 3)), refused),
        Cell("absent fact refused, plain", _reading("absent", False, (3, 3)), refused),
        Cell("lexicon, to Chinese", _in(lexicon.translation, chinese=True), exact),
        Cell("lexicon, to English", _in(lexicon.translation, chinese=False), exact),
    ]
    return table


def score_cell(answer: Answerer, cell: Cell, items: int, seed: int) -> Result:
    """Ask the same held-out items for a given seed."""
    rng = Random(f"{seed}/{cell.name}")
    samples = [draw(cell.make, rng, test=True) for _ in range(items)]
    answers = answer([chat.prompt_text(sample, thinking=cell.native) for sample in samples])
    verdicts = [
        cell.right(said.split("</think>")[-1], sample) for (said, _), sample in zip(answers, samples, strict=True)
    ]
    return Result(cell.name, sum(verdicts), items, sum(not ended for _, ended in answers))


def score_model(answer: Answerer, items: int, seed: int) -> list[Result]:
    """Measure every cell."""
    return [score_cell(answer, cell, items, seed) for cell in cells()]


def line(result: Result) -> str:
    """Write one row of the table."""
    low, high = wilson(result.right, result.items)
    return (
        f"| {result.name} | {100 * result.share:.1f} % | {100 * low:.1f} - {100 * high:.1f} | "
        f"{result.items} | {result.unfinished} |"
    )


def print_table(results: Sequence[Result]) -> None:
    """Print all rows as Markdown."""
    print("| held-out task | right | 95 % interval | items | unfinished |\n|---|---|---|---|---|")
    for result in results:
        print(line(result))
