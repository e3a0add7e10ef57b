"""A trial in full: what each extractor took out of its answer is seen without colour."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmlab.domain.browsing import Judged
from llmlab.domain.outcomes import Extractor, TrialResult, prompt_file_of
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


LONG = f"It begins. {'word ' * 9_000}It ends."


def long_trial() -> TrialResult:
    """A trial whose prompt does not stand in its line."""
    file = prompt_file_of(LONG)
    digest = {"prompt_digest": "ab12", "prompt_tokens": 9_004}
    return replace(trial("18", "18"), prompt="", prompt_file=file, prompt_characters=len(LONG), **digest)  # type: ignore[arg-type]


def test_a_long_prompt_is_shown_with_both_its_ends_and_where_all_of_it_stands() -> None:
    judged = Judged(NUMBER, "strict")
    before = trial_content(EXPERIMENT, long_trial(), judged).plain
    shown = trial_content(EXPERIMENT, long_trial(), judged, LONG).plain
    for text in (before, shown):
        assert f"45,019 characters; all of them stand in {long_trial().prompt_file} in the folder of the run." in text
    assert "It begins." not in before
    assert "It begins." in shown
    assert shown.endswith("It ends.")
    assert "(25,019 characters left out here)" in shown
    assert len(shown) < 22_000


@pytest.mark.parametrize("result", [long_trial(), replace(long_trial(), prompt_file="", prompt_characters=0)])
def test_a_prompt_that_is_not_kept_says_so_with_its_length_its_hash_and_how_to_get_it_again(
    result: TrialResult,
) -> None:
    text = trial_content(EXPERIMENT, result, Judged(NUMBER, "strict"), "").plain
    assert "It is not kept: 9,004 tokens, their SHA-256 is ab12." in text
    assert "c goes on with it in the chat; F9 there shows the prompt." in text
