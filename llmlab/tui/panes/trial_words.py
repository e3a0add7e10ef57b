"""A trial in the screen: what was asked, the answer with what was taken out of it, and why it counts as it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from textual.content import Content

from llmlab.domain.browsing import Judged, marked, ways_to_judge
from llmlab.domain.experiment import Experiment
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.results import scored_by
from llmlab.domain.summary_words import SIGNS, outcome_in_words
from llmlab.domain.terminal import visible, visible_line
from llmlab.tui.widgets.row_table import Tone
from llmlab.words import say

MOST_TEXT: Final = 20_000
"""Characters of a prompt or an answer that are shown."""
_STYLES: Final[dict[Tone, str]] = {
    "good": "$text-success",
    "bad": "$text-error",
    "warn": "$text-warning",
    "dim": "$foreground 60%",
    "strong": "bold",
    "": "",
}


def trial_content(experiment: Experiment, result: TrialResult, judged: Judged | None) -> Content:
    """All of a trial, from its question to its prompt."""
    parts = [
        *_head(result, judged),
        *_section(say("Question"), Content(_cut(result.question))),
        *_section(say("Expected"), Content(visible_line(" | ".join(result.gold)))),
        *_section(say("Answer"), _answer(result, judged)),
        *_section(say("Judged"), Content("\n").join(_judgements(experiment, result, judged))),
        *_section(say("Votes"), Content(_cut("\n".join(map(visible_line, result.samples))))),
        *_section(say("Thinking"), Content.styled(_cut(result.thinking), "italic $foreground 60%")),
        *_section(say("Prompt"), Content(_cut(result.prompt))),
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


def _answer(result: TrialResult, judged: Judged | None) -> Content:
    if result.problem:
        return Content.styled(_cut(result.problem), "$text-error")
    if judged is None:
        return Content(_cut(result.answer))
    cut = marked(result, judged)
    before = _cut(cut.before) if not cut.found else visible(cut.before[-MOST_TEXT:])
    # Brackets as well as colour: what was taken out can be seen without colours.
    found = ("⟦" + _cut(cut.found) + "⟧", "bold $warning") if cut.found else ""
    return Content.assemble(before, found, _cut(cut.after))


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
            told.append(f"{scored.value:.3g}")
        if scored.why:
            told.append(visible_line(scored.why))
        mark = "▸ " if way == judged else "  "
        yield Content.assemble((mark + way_in_words(way), "$foreground 60%"), "  ", (" · ".join(told), _STYLES[tone]))


def way_in_words(judged: Judged) -> str:
    """A scorer and its extractor."""
    how = {"strict": say("strict"), "flexible": say("flexible")}.get(judged.extractor, "")
    return f"{judged.use.name} {how}".strip()


def _cut(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return visible(text)
    return visible(text[:MOST_TEXT]) + say(" … ({count:,} more characters)", count=len(text) - MOST_TEXT)
