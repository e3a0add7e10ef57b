"""A trial in full: what each extractor took out of its answer is seen without colour."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmlab.domain.browsing import Judged
from llmlab.domain.outcomes import Extractor, TrialResult
from llmlab.tui.panes.trial_words import trial_content
from tests.support.made_runs import NUMBER, made_experiment, made_result

EXPERIMENT = made_experiment(1, (0,), twin=False)


def trial(strict: str, flexible: str, answer: str = "It is 18 apples or 7.") -> TrialResult:
    """A trial of which the two extractors took these texts out of the answer; nothing where one is empty."""
    made = made_result(EXPERIMENT.arms[0], EXPERIMENT.arms[0].items[0], "wrong", answer=answer)
    scores = tuple(
        replace(score, found=found, start=answer.index(found), end=answer.index(found) + len(found))
        for score, found in zip(made.scores, (strict, flexible), strict=True)
    )
    return replace(made, scores=scores)


@pytest.mark.parametrize(
    ("strict", "flexible", "extractor", "shown"),
    [
        ("18", "18", "strict", "It is ⟦18⟧ apples or 7."),
        ("18", "7", "strict", "It is ⟦18⟧ apples or ⟨7⟩."),
        ("18", "7", "flexible", "It is ⟨18⟩ apples or ⟦7⟧."),
        ("", "7", "strict", "It is 18 apples or ⟨7⟩."),
        ("18", "", "flexible", "It is ⟨18⟩ apples or 7."),
        ("18", "18 apples", "strict", "It is ⟨⟦18⟧ apples⟩ or 7."),
        ("18", "18 apples", "flexible", "It is ⟦⟨18⟩ apples⟧ or 7."),
        ("or 7", "7", "strict", "It is 18 apples ⟦or ⟨7⟩⟧."),
        ("apples", "18 apples or 7", "strict", "It is ⟨18 ⟦apples⟧ or 7⟩."),
    ],
)
def test_brackets_tell_what_either_extractor_took_out(
    strict: str, flexible: str, extractor: Extractor, shown: str
) -> None:
    text = trial_content(EXPERIMENT, trial(strict, flexible), Judged(NUMBER, extractor)).plain
    assert shown in text.splitlines()
    for name, found in (("strict", strict), ("flexible", flexible)):
        told = f"found “{found}”" if found else "found nothing"
        assert any(f"number {name}" in line and told in line for line in text.splitlines())
