"""The trials of a run on the report's page: unfolded and filtered without a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from llmlab.domain.browsing import Judged, Key, disagreements, outcomes_of, stretches, ways_to_judge
from llmlab.domain.experiment import Experiment
from llmlab.domain.outcomes import Outcome, TrialResult
from llmlab.domain.plots.svg import clean
from llmlab.domain.results import scored_by
from llmlab.domain.scorers.registry import unit_of
from llmlab.domain.summary_words import SIGNS, outcome_in_words, score_name
from llmlab.domain.unit_words import value_text
from llmlab.headless.report_parts import element, folded
from llmlab.words import say

MOST_TRIALS: Final = 2_000
"""Trials on the page; those on which arms disagree come first. The rest is in `results.jsonl`."""
MOST_TEXT: Final = 6_000
"""Characters of a prompt or an answer on the page."""
FILTERS: Final = (
    "".join(
        f"body:has(#pick-{name}:checked) .questions>details:not(.o-{name}){{display:none}}"
        for name in ("apart", *SIGNS)
    )
    + "label:has(:checked){background:var(--mark);color:var(--mark-ink)}"
)
"""Rules that hide what the chosen button does not show."""


def trials(experiment: Experiment, results: Sequence[TrialResult]) -> str:
    """Every question with what each arm answered, the final answers marked."""
    ways = ways_to_judge(experiment)
    if not ways or not results:
        return element("p", clean(say("Nothing is measured yet.")))
    outcomes = outcomes_of(results, ways[0])
    apart = disagreements(results, outcomes)
    questions: dict[Key, list[tuple[TrialResult, Outcome]]] = {}
    for result, outcome in zip(results, outcomes, strict=True):
        questions.setdefault((result.item, result.repeat), []).append((result, outcome))
    shown = _within(questions, apart)
    seen = {outcome for key in shown for _, outcome in questions[key]}
    inside = "".join(_question(key, questions[key], ways, apart=key in apart) for key in shown)
    return _picks(seen, bool(apart)) + element("div", inside, class_="questions") + _left_out(questions, shown)


def _within(questions: dict[Key, list[tuple[TrialResult, Outcome]]], apart: frozenset[Key]) -> list[Key]:
    """As many questions as the page takes, whole, those with disagreement first when not all fit."""
    keys = list(questions)
    if sum(map(len, questions.values())) <= MOST_TRIALS:
        return keys
    kept: set[Key] = set()
    room = MOST_TRIALS
    for key in sorted(keys, key=lambda key: key not in apart):
        room -= len(questions[key])
        if room < 0:
            break
        kept.add(key)
    return [key for key in keys if key in kept]


def _left_out(questions: dict[Key, list[tuple[TrialResult, Outcome]]], shown: Sequence[Key]) -> str:
    count = sum(map(len, questions.values())) - sum(len(questions[key]) for key in shown)
    if not count:
        return ""
    words = say("{count:,} trials are not on this page; results.jsonl has them all.", count=count)
    return element("p", clean(words), class_="dim")


def _picks(seen: set[Outcome], apart: bool) -> str:
    """Buttons that filter: each is a radio button, and `FILTERS` hides what does not fit."""
    choices = [("all", say("all questions"))]
    if apart:
        choices.append(("apart", say("arms disagree")))
    choices += [(outcome, outcome_in_words(outcome)) for outcome in SIGNS if outcome in seen]
    buttons = []
    for name, words in choices:
        checked = ' checked="checked"' if name == "all" else ""
        picker = f'<input class="pick" type="radio" name="pick" id="pick-{name}"{checked}/>'
        buttons.append(element("label", picker + element("span", clean(words))))
    return element("div", "".join(buttons), class_="picks", role="group", aria_label=say("Show"))


def _question(key: Key, answers: Sequence[tuple[TrialResult, Outcome]], ways: Sequence[Judged], *, apart: bool) -> str:
    first = answers[0][0]
    kinds = " ".join(sorted({f"o-{outcome}" for _, outcome in answers} | ({"o-apart"} if apart else set())))
    signs = "".join(
        f'<span class="{SIGNS[outcome][1]}" title="{clean(f"{result.arm}: {outcome_in_words(outcome)}")}">'
        f"{SIGNS[outcome][0]}</span>"
        for result, outcome in answers
    )
    title = " ".join(first.question.split())
    title = title if len(title) <= 120 else title[:119] + "…"
    number = f" #{key[1] + 1}" if key[1] else ""
    head = f'<span class="tag">{signs}</span><b>{clean(key[0] + number)}</b> {clean(title)}'
    gold = say("expected: {answer}", answer=" | ".join(first.gold)) if first.gold else ""
    inside = element("pre", clean(_cut(first.question))) + (element("p", clean(gold), class_="dim") if gold else "")
    inside += "".join(_trial(result, outcome, ways) for result, outcome in answers)
    return f'<details class="{kinds}">{element("summary", head)}{inside}</details>'


def _trial(result: TrialResult, outcome: Outcome, ways: Sequence[Judged]) -> str:
    sign, kind = SIGNS[outcome]
    words = f"{sign} {outcome_in_words(outcome)}"
    head = element("b", clean(result.arm or result.model)) + " " + element("span", clean(words), class_=kind)
    cost = say(
        "{prompt:,} tokens read, {written:,} written, {seconds:.1f} s",
        prompt=result.prompt_tokens,
        written=result.generated_tokens,
        seconds=result.seconds,
    )
    parts = [element("p", f'{head} <span class="dim">{clean(cost)}</span>')]
    if result.problem:
        parts.append(element("pre", clean(_cut(result.problem)), class_="bad"))
    else:
        parts.append(element("pre", _marked(result, ways) or "&#160;"))
    parts += _judgements(result, ways)
    if result.samples:
        votes = ", ".join(f"“{one}”" for one in result.samples)
        parts.append(element("p", clean(say("votes: {votes}", votes=_cut(votes))), class_="dim"))
    if result.thinking:
        parts.append(folded(say("thinking"), element("pre", clean(_cut(result.thinking)))))
    if result.prompt:
        parts.append(folded(say("the prompt, as the model was given it"), element("pre", clean(_cut(result.prompt)))))
    elif result.prompt_digest:
        parts.append(element("p", clean(_prompt_elsewhere(result)), class_="dim"))
    return element("div", "".join(parts), class_="trial")


def _prompt_elsewhere(result: TrialResult) -> str:
    """Where the prompt is that is not on the page."""
    if result.prompt_file:
        return say(
            "the prompt: {count:,} characters, in {file}", count=result.prompt_characters, file=result.prompt_file
        )
    return say(
        "the prompt is not kept: {tokens:,} tokens, their SHA-256 is {digest}",
        tokens=result.prompt_tokens,
        digest=result.prompt_digest,
    )


def _judgements(result: TrialResult, ways: Sequence[Judged]) -> Iterator[str]:
    """What each scorer and extractor says, side by side."""
    for way in ways:
        scored = scored_by(result, way.use, way.extractor)
        if scored is None:
            continue
        sign, kind = SIGNS[scored.outcome]
        found = say("found “{answer}”", answer=scored.found) if scored.found else say("found nothing")
        told = [score_name(way.use.name, way.extractor), f"{sign} {outcome_in_words(scored.outcome)}"]
        if scored.extractor or scored.found:
            told.append(found)
        if scored.value is not None and way.use.graded:
            told.append(value_text(scored.value, unit_of(way.use)))
        if scored.why:
            told.append(scored.why)
        yield element("p", clean(" · ".join(told)), class_=kind)


def _marked(result: TrialResult, ways: Sequence[Judged]) -> str:
    """The answer with what each extractor of the first scorer took out of it marked, its long parts cut.

    What the extractor that counts passed over is marked in another way.
    """
    first, parts = ways[0], []
    cut = stretches(result, [way for way in ways if way.use == first.use])
    for number, stretch in enumerate(cut):
        if stretch.ways:
            by = ", ".join(score_name(way.use.name, way.extractor) for way in stretch.ways)
            other = "" if first in stretch.ways else "other"
            parts.append(element("mark", clean(_cut(stretch.text)), class_=other, title=by))
        elif number == 0 and len(cut) > 1 and len(stretch.text) > MOST_TEXT:
            # What stands right before a final answer says more than how the answer begins.
            parts.append(clean("…" + stretch.text[-MOST_TEXT:]))
        else:
            parts.append(clean(_cut(stretch.text)))
    return "".join(parts)


def _cut(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return text
    return text[:MOST_TEXT] + say(" … ({count:,} more characters)", count=len(text) - MOST_TEXT)
