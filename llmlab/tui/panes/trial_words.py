"""A trial in the screen: what was asked, the answer with what was taken out of it, and why it counts as it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from textual.content import Content

from llmlab.domain.browsing import Judged, readings, stretches, ways_to_judge
from llmlab.domain.experiment import Experiment
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.results import scored_by
from llmlab.domain.scorers.registry import unit_of
from llmlab.domain.summary_words import SIGNS, outcome_in_words, score_name
from llmlab.domain.terminal import visible, visible_line
from llmlab.domain.unit_words import value_text
from llmlab.tui.widgets.row_table import Tone
from llmlab.words import say

MOST_TEXT: Final = 20_000
"""Characters of a prompt or an answer that are shown."""
_CLOSING: Final = {"⟦": "⟧", "⟨": "⟩"}
_STYLES: Final[dict[Tone, str]] = {
    "good": "$text-success",
    "bad": "$text-error",
    "warn": "$text-warning",
    "dim": "$foreground 60%",
    "strong": "bold",
    "": "",
}


def trial_content(
    experiment: Experiment, result: TrialResult, judged: Judged | None, prompt: str | None = None
) -> Content:
    """All of a trial, from its question to its prompt.

    Args:
        experiment: whose trial it is.
        result: what came of it.
        judged: by which scorer and extractor it is told.
        prompt: the text of its `prompt_file`: `None` while that is not read yet, empty where it is not kept.
    """
    parts = [
        *_head(result, judged),
        *_section(say("Question"), Content(_cut(result.question))),
        *_section(say("Expected"), Content(visible_line(" | ".join(result.gold)))),
        *_section(say("Answer"), _answer(experiment, result, judged)),
        *_section(say("Judged"), Content("\n").join(_judgements(experiment, result, judged))),
        *_section(say("Votes"), Content(_cut("\n".join(map(visible_line, result.samples))))),
        *_section(say("Thinking"), Content.styled(_cut(result.thinking), "italic $foreground 60%")),
        *_section(say("Prompt"), _prompt(result, prompt)),
    ]
    return Content("\n").join(parts)


def _head(result: TrialResult, judged: Judged | None) -> Iterator[Content]:
    name = f"{result.item} #{result.repeat + 1}" if result.repeat else result.item
    yield Content.assemble((visible_line(name), "bold"), "  ", (visible_line(result.arm), "$text-primary"))
    told = say(
        "{model} · {prompt:,} tokens read ({reused:,} reused) · {written:,} written · {seconds:.2f} s · seed {seed}",
        model=visible_line(result.model),
        prompt=result.prompt_tokens,
        reused=result.reused_tokens,
        written=result.generated_tokens,
        seconds=result.seconds,
        seed=result.seed,
    )
    yield Content.styled(told + (" · " + say("measured by an earlier run") if result.cached else ""), "$foreground 60%")


def _section(title: str, text: Content) -> Iterator[Content]:
    if text.plain.strip():
        yield Content("")
        yield Content.styled(title, "bold $foreground 60%")
        yield text


def _answer(experiment: Experiment, result: TrialResult, judged: Judged | None) -> Content:
    """The answer; what was taken out of it stands in ⟦ ⟧, what another extractor of the scorer took out in ⟨ ⟩."""
    if result.problem:
        return Content.styled(_cut(result.problem), "$text-error")
    cut = stretches(result, readings(judged, experiment) if judged is not None else ())
    ours = [judged in stretch.ways for stretch in cut]
    theirs = [any(way != judged for way in stretch.ways) for stretch in cut]
    if theirs == ours:
        # What all extractors took out is marked once.
        theirs = [False] * len(cut)
    parts: list[tuple[str, str]] = []
    before = ""
    for number, stretch in enumerate(cut):
        # Brackets as well as colour: what was taken out can be seen without colours.
        both = ["⟨" * theirs[number], "⟦" * ours[number]]
        marks = "".join(reversed(both) if sum(ours) > sum(theirs) else both)  # the longer one goes around the other
        text = visible(stretch.text[-MOST_TEXT:]) if number == 0 and len(cut) > 1 else _cut(stretch.text)
        parts.append((_between(before, marks), "bold"))
        parts.append((text, "bold $warning" if ours[number] else "underline" if marks else ""))
        before = marks
    return Content.assemble(*parts, (_between(before, ""), "bold"))


def _between(before: str, marks: str) -> str:
    """The brackets between two stretches, each within its opening brackets: those that close, then those that open."""
    closed = "".join(_CLOSING[one] for one in reversed(before) if one not in marks)
    return closed + "".join(one for one in marks if one not in before)


def _judgements(experiment: Experiment, result: TrialResult, judged: Judged | None) -> Iterator[Content]:
    """What each scorer and extractor says."""
    for way in ways_to_judge(experiment):
        scored = scored_by(result, way.use, way.extractor)
        if scored is None:
            continue
        sign, tone = SIGNS[scored.outcome]
        told = [f"{sign} {outcome_in_words(scored.outcome)}"]
        if scored.found:
            told.append(say("found “{answer}”", answer=visible_line(scored.found)))
        elif scored.extractor:
            told.append(say("found nothing"))
        if way.use.graded and scored.value is not None:
            told.append(value_text(scored.value, unit_of(way.use)))
        if scored.why:
            told.append(visible_line(scored.why))
        mark = "▸ " if way == judged else "  "
        yield Content.assemble((mark + way_in_words(way), "$foreground 60%"), "  ", (" · ".join(told), _STYLES[tone]))


def _prompt(result: TrialResult, kept: str | None) -> Content:
    """The prompt, or how long it was and where it is to be had."""
    if result.prompt or not result.prompt_digest:
        return Content(_cut(result.prompt))
    if kept == "" or not result.prompt_file:
        told = say(
            "It is not kept: {tokens:,} tokens, their SHA-256 is {digest}. c goes on with it in the chat; F9 there "
            "shows the prompt.",
            tokens=result.prompt_tokens,
            digest=result.prompt_digest,
        )
        return Content.styled(told, "$text-warning")
    told = say(
        "{count:,} characters; all of them stand in {file} in the folder of the run.",
        count=result.prompt_characters,
        file=visible_line(result.prompt_file),
    )
    ends = _ends(kept) if kept else ""
    return Content.assemble((told, "$foreground 60%"), "\n" if ends else "", ends)


def way_in_words(judged: Judged) -> str:
    """A scorer and its extractor."""
    return score_name(judged.use.name, judged.extractor)


def _ends(text: str) -> str:
    """How a long text begins and how it ends: a question stands behind its document."""
    half = MOST_TEXT // 2
    left = say(" … ({count:,} characters left out here) … ", count=len(text) - 2 * half)
    return visible(text) if len(text) <= MOST_TEXT else visible(text[:half]) + left + visible(text[-half:])


def _cut(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return visible(text)
    return visible(text[:MOST_TEXT]) + say(" … ({count:,} more characters)", count=len(text) - MOST_TEXT)
