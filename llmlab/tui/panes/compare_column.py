"""One of the recipes that are compared: its factor, its answer, its figures; what a blind vote hides of it."""

from __future__ import annotations

from typing import Final, Literal

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from llmlab.domain.diff import word_diff
from llmlab.domain.terminal import visible, visible_line
from llmlab.services.compare import Arm
from llmlab.services.preview import left_out_in_words
from llmlab.tui.notices import describe
from llmlab.words import say
from llmlab.words.counts import tokens_text, votes_text

FOUND_STYLE: Final = "bold underline on $success 25%"
"""How the final answer looks inside the answer."""
OTHER_STYLE: Final = "bold $text-warning underline"
"""How words look that the first answer does not have."""

Veil = Literal["none", "words", "all"]
"""Nothing is hidden; all but the words of the answer, which would tell the recipe; or they as well, while answers are
still written: which comes first, and how fast, tells the recipe too."""


class Column(Vertical):
    """One recipe: its factor, its answer, its figures."""

    DEFAULT_CSS = """
    Column {
        width: 1fr; border-left: solid $foreground 20%;
        & > .head { height: auto; max-height: 3; padding: 0 1; background: $panel; text-style: bold; }
        & > VerticalScroll { height: 1fr; padding: 0 1; }
        & > .foot { height: auto; max-height: 5; padding: 0 1; color: $text-muted; }
        &.-better > .head { color: $text-success; }
        &:focus-within > .head { text-style: bold underline; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Head, answer, foot."""
        yield Static("", classes="head", markup=False)
        with VerticalScroll():
            yield Static("", classes="answer", markup=False)
        yield Static("", classes="foot", markup=False)

    def show(self, head: str, arm: Arm, against: str | None, veil: Veil, *, better: bool) -> None:
        """Show an arm; with `against`, what is not in that text is marked."""
        shown = (head, arm, against, veil, better)
        if shown == self._shown:
            return
        self._shown = shown
        self.set_class(better, "-better")
        self.query_one(".head", Static).update(Content(visible_line(head)))
        self.query_one(".answer", Static).update(answer_content(arm, against, veil))
        self.query_one(".foot", Static).update(Content(foot(arm, veil)))


def answer_content(arm: Arm, against: str | None, veil: Veil) -> Content:
    """The answer of an arm; the final answer inside it is marked, or the words that `against` does not have."""
    if veil == "all":
        return Content("")
    if arm.problem is not None:
        notice = describe(arm.problem)
        text = f"{notice.title} {notice.text}" if veil == "none" else say("no answer")
        return Content.styled(text, "$text-error")
    if against is not None:
        parts = [(visible(text), "" if kind == "same" else OTHER_STYLE) for text, kind in word_diff(against, arm.text)]
        answer = Content.assemble(*parts)
    else:
        answer = Content(visible(arm.text)) if veil == "words" else _with_found(arm)
    thought = visible(arm.thinking) if veil == "none" else ""
    return Content.styled(f"{thought}\n\n", "italic $text-muted") + answer if thought else answer


def _with_found(arm: Arm) -> Content:
    reasoned = arm.progress.reasoned if arm.progress else None
    start, end = (reasoned.place_in(arm.text) if reasoned else None) or (0, 0)
    before, found, after = (visible(part) for part in (arm.text[:start], arm.text[start:end], arm.text[end:]))
    return Content.assemble(before, (found, FOUND_STYLE), after)


def foot(arm: Arm, veil: Veil) -> str:
    """What stands below an answer."""
    match veil:
        case "none":
            return figures(arm)
        case "words":
            return say("done") if arm.ended else ""
        case "all":
            return "…"


def figures(arm: Arm) -> str:
    """Tokens, seconds, speed, what was left out of the prompt, and what a vote came to."""
    match arm.state:
        case "waiting":
            return ""
        case "loading":
            return say("loading {model}…", model=arm.recipe.model.name)
    if arm.progress is None:
        return ""
    turn = arm.progress.turn
    words = [tokens_text(turn.generated)]
    if turn.timing:
        words.append(f"{turn.timing.prefill_s + turn.timing.decode_s:.1f} s")
        words.append(say("{speed:.0f} tok/s", speed=turn.timing.tokens_per_s))
    if turn.usage:
        words.append(say("{reused:,} of {prompt:,} reused", reused=turn.usage.reused, prompt=turn.usage.prompt))
    lines = [" · ".join(words)]
    if left_out := left_out_in_words(arm.left_out):
        lines.append(left_out)
    reasoned = arm.progress.reasoned
    if reasoned and reasoned.answer:
        lines.append(say("answer: {answer}", answer=visible_line(reasoned.answer)))
    if reasoned and reasoned.votes:
        votes = ", ".join(f"{visible_line(vote.answer)} ×{vote.count}" for vote in reasoned.votes)
        lines.append(say("{counted}: {votes}", counted=votes_text(reasoned.cast), votes=votes))
    return "\n".join(lines)
