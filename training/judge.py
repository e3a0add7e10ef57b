"""When an answer counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from training.sample import Sample

Judge = Callable[[str, Sample], bool]
"""Says whether an answer, without its thinking, is right."""

_FINAL = re.compile(r"(?:The answer is |答案是)(.+?)[.。]?\s*$")


def spoken(answer: str) -> str:
    """Drop the thinking block."""
    return answer.split("</think>")[-1]


def bare(text: str) -> str:
    """Drop citations, the closing stop and outer blanks."""
    return re.sub(r"\s*\[\d+\]", "", text.strip()).strip().rstrip(".。")


def exact(answer: str, sample: Sample) -> bool:
    """The whole answer must be the gold answer."""
    return bare(answer) == bare(sample.gold)


def final_value(answer: str) -> str | None:
    """Give the value that the closing sentence names."""
    found = _FINAL.search(answer.strip())
    return found[1].strip() if found else None


def final(answer: str, sample: Sample) -> bool:
    """The closing sentence must name the gold value."""
    return final_value(answer) == sample.gold


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


def vote(answers: Sequence[str]) -> str:
    """Give the value that most answers close with, the earliest among equals (Wang et al. 2022)."""
    values = Counter(value for value in map(final_value, answers) if value is not None)
    return values.most_common(1)[0][0] if values else ""
