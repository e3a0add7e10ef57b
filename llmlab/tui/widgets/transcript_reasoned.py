"""What a reasoning mode made of an answer, in the transcript: drafts, other answers, the final answer and its votes."""

from __future__ import annotations

from collections.abc import Iterator

from llmlab.domain.extraction import normalised
from llmlab.domain.messages import Message, Reasoned
from llmlab.domain.terminal import visible_line
from llmlab.tui.markup.found import Range
from llmlab.tui.markup.lines import Line, Look, Span
from llmlab.tui.markup.wrapping import flow
from llmlab.tui.widgets.transcript_frame import seconds
from llmlab.words import say
from llmlab.words.counts import votes_text

LONGEST_ANSWER = 60
"""Characters of a final answer that are shown."""
MOST_VOTES_SHOWN = 5
"""Different answers that are named with their votes."""
_MUTED = Look("muted")
_ANSWER = Look("number", bold=True)
_CHANGED = Look("warning")
_FOLDED = Look("thinking")


def answer_place(message: Message) -> Range | None:
    """Where the final answer stands in a message that is written; `None` where that cannot be told."""
    reasoned = message.reasoned
    return reasoned.place_in(message.text) if reasoned is not None and message.state != "writing" else None


def folded_texts(message: Message) -> Iterator[tuple[str, str]]:
    """What is folded away beside the thinking, each with the line that stands for it."""
    for draft in message.drafts:
        title = say("draft: {answer}", answer=_short(draft.answer)) if draft.answer else say("draft")
        yield title, "\n\n".join(text for text in (draft.thinking, draft.text) if text.strip())


def folded_samples(message: Message) -> tuple[str, str] | None:
    """The answers that are not shown, as one text, with the line that stands for them."""
    reasoned = message.reasoned
    if reasoned is None or not reasoned.samples:
        return None
    texts = [
        f"{number}. " + "\n\n".join(text.strip() for text in (sample.thinking, sample.text) if text.strip())
        for number, sample in enumerate(reasoned.samples, 1)
    ]
    return say("{count} other answers", count=len(texts)), "\n\n".join(texts)


def fold_line(title: str, *, shown: bool, width: int) -> list[Line]:
    """The line that stands for something folded."""
    spans: list[Span] = [("▾ " if shown else "▸ ", _FOLDED), (title, _FOLDED)]
    return [Line(line.spans, line.glue, line.lead, line.ground, chrome=True) for line in flow(spans, width)]


def reasoned_lines(message: Message, width: int) -> list[Line]:
    """One dim line: mode, time, votes, and the final answer, with what was said before it where that differs."""
    reasoned = message.reasoned
    if reasoned is None:
        return []
    spans: list[Span] = []
    for part in _parts(message, reasoned):
        spans += [(" · ", _MUTED)] * bool(spans) + part
    return [Line(line.spans, line.glue, line.lead, line.ground, chrome=True) for line in flow(spans, width)]


def _parts(message: Message, reasoned: Reasoned) -> Iterator[list[Span]]:
    yield [(visible_line(reasoned.title or reasoned.mode), _MUTED)]
    if message.state == "writing":
        if reasoned.wanted > 1:
            yield [(say("{done} of {wanted} answers", done=reasoned.cast, wanted=reasoned.wanted), _MUTED)]
            yield from _votes(reasoned)
        return
    timing = message.origin.timing if message.origin else None
    if timing and (took := timing.prefill_s + timing.decode_s):
        yield [(seconds(took), _MUTED)]
    if reasoned.answer:
        label = say("final answer") if reasoned.strict else say("final answer, as far as can be told")
        yield [(f"{label} ", _MUTED), (_short(reasoned.answer), _ANSWER)]
    else:
        yield [(say("no final answer found"), _CHANGED)]
    if reasoned.wanted > 1:
        yield [(say("{counted}: ", counted=votes_text(reasoned.cast)), _MUTED), *next(_votes(reasoned), [])]
    for earlier, told in _before(message, reasoned):
        if earlier and reasoned.answer:
            same = normalised(earlier) == normalised(reasoned.answer)
            yield [(told, _MUTED if same else _CHANGED)]
    if reasoned.cut:
        yield [(say("thinking cut short"), _MUTED)]


def _before(message: Message, reasoned: Reasoned) -> Iterator[tuple[str, str]]:
    """The answers that came before this one, each with words for it."""
    for draft in message.drafts[-1:]:
        yield draft.answer, say("draft said {answer}", answer=_short(draft.answer))
    earlier = reasoned.before
    if earlier:
        yield earlier, say("version before said {answer}", answer=_short(earlier))


def _votes(reasoned: Reasoned) -> Iterator[list[Span]]:
    shown = [f"{_short(vote.answer)} ×{vote.count}" for vote in reasoned.votes[:MOST_VOTES_SHOWN]]
    if more := len(reasoned.votes) - MOST_VOTES_SHOWN:
        shown += [say("{count} more", count=more)] if more > 0 else []
    if reasoned.silent:
        shown.append(say("none ×{count}", count=reasoned.silent))
    if shown:
        yield [(say(", ").join(shown), _MUTED)]


def _short(answer: str) -> str:
    line = visible_line(" ".join(answer.split()))
    return line if len(line) <= LONGEST_ANSWER else line[: LONGEST_ANSWER - 1] + "…"
