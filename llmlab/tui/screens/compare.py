"""One question, two to four recipes side by side: streamed together, told apart by the one factor that differs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from llmlab.domain.diff import word_diff
from llmlab.domain.prompting import ChatMessage
from llmlab.domain.recipe import Recipe
from llmlab.domain.terminal import visible, visible_line
from llmlab.errors import LlmlabError
from llmlab.services.compare import MOST_ARMS, Arm, Comparing
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.notices import describe
from llmlab.tui.panes.variants import Variant, factor
from llmlab.words import say

INTERVAL: Final = 1 / 10
"""Seconds between two repaints while answers come."""

FOUND_STYLE: Final = "bold underline on $success 25%"
"""How the final answer looks inside the answer."""

Variants = Callable[[Recipe], Sequence[Variant]]


class VariantPicker(ModalScreen[Variant | None]):
    """Gives the one factor to change."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, variants: Sequence[Variant]) -> None:
        super().__init__()
        self._variants = variants

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical(classes="dialog"):
            yield Label(say("Change one thing"), classes="dialog-title", markup=False)
            yield OptionList(*(Option(Content(visible_line(variant.title))) for variant in self._variants))
            yield Label(say("enter takes it, esc leaves it"), classes="dialog-keys", markup=False)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._variants[event.option_index])


class Column(Vertical):
    """One recipe: its factor, its answer, its figures."""

    DEFAULT_CSS = """
    Column {
        width: 1fr; border-left: solid $foreground 20%;
        & > .head { height: auto; max-height: 3; padding: 0 1; background: $panel; text-style: bold; }
        & > VerticalScroll { height: 1fr; padding: 0 1; }
        & > .foot { height: auto; max-height: 4; padding: 0 1; color: $text-muted; }
        &.-better > .head { color: $text-success; }
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

    def show(self, head: str, arm: Arm, against: str | None, *, better: bool) -> None:
        """Show an arm; with `against`, what is not in that text is marked."""
        shown = (head, arm, against, better)
        if shown == self._shown:
            return
        self._shown = shown
        self.set_class(better, "-better")
        self.query_one(".head", Static).update(Content(visible_line(head)))
        self.query_one(".answer", Static).update(answer_content(arm, against))
        self.query_one(".foot", Static).update(Content(figures(arm)))


class CompareScreen(Screen[Recipe | None], Watched):
    """Gives the recipe to go on with, or `None`."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("f3", "leave", show=False, priority=True),
        Binding("f4", "add", show=False, priority=True),
        Binding("f6", "remove", show=False, priority=True),
        Binding("f7", "diff", show=False, priority=True),
        Binding("f8", "blind", show=False, priority=True),
        Binding("f10", "use", show=False, priority=True),
        *(Binding(f"alt+{place}", f"vote({place})", show=False, priority=True) for place in range(1, MOST_ARMS + 1)),
    ]
    DEFAULT_CSS = """
    CompareScreen {
        #compare-title { height: 1; padding: 0 1; background: $panel; color: $text-primary; text-style: bold; }
        #compare-columns { height: 1fr; }
        #compare-note { height: auto; padding: 0 1; color: $text-warning; }
        #compare-question { margin: 0; border: round $border; }
        #compare-keys { height: 1; padding: 0 1; background: $panel; color: $text-muted; }
    }
    """

    def __init__(
        self,
        comparing: Comparing,
        recipes: Sequence[Recipe],
        history: Sequence[ChatMessage],
        question: str,
        variants: Variants,
        tally: Callable[[dict[str, object]], None],
    ) -> None:
        """Compare `recipes`; `tally` keeps a vote and raises `LlmlabError` where it cannot."""
        super().__init__()
        self._comparing = comparing
        self._recipes = list(recipes)
        self._history = history
        self._question = question
        self._variants = variants
        self._tally = tally
        self._arms: tuple[Arm, ...] = tuple(Arm(recipe) for recipe in recipes)
        self._order = list(range(len(recipes)))
        """Which arm stands in which column."""
        self._votes = [0] * len(recipes)
        self._stop: asyncio.Event | None = None
        self._blind = self._diff = False
        self._better: int | None = None

    def compose(self) -> ComposeResult:
        """Title, columns, question, keys."""
        yield Static(say("Compare"), id="compare-title", markup=False)
        with Horizontal(id="compare-columns"):
            for _ in range(MOST_ARMS):
                yield Column()
        yield Label("", id="compare-note", markup=False)
        yield Input(
            self._question, placeholder=say("the question for all of them"), id="compare-question", compact=True
        )
        yield Static(self._keys(), id="compare-keys", markup=False)

    def _keys(self) -> str:
        return say(
            "enter asks  F4 variant  F6 remove  F7 differences  F8 blind  alt+1…4 better  F10 use the better  esc back"
        )

    def on_mount(self) -> None:
        """Show the recipes; with one alone, ask for the factor to change."""
        self._draw()
        if len(self._recipes) == 1:
            self.call_after_refresh(self.action_add)

    def _draw(self) -> None:
        first = self._arms[self._order[0]].text if self._order else ""
        for place, column in enumerate(self.query(Column)):
            column.display = place < len(self._order)
            if place >= len(self._order):
                continue
            number = self._order[place]
            arm = self._arms[number]
            hidden = self._blind and self._better is None
            name = say("hidden") if hidden else factor(arm.recipe, self._recipes[0])
            votes = say("  {count} votes", count=self._votes[number]) if self._votes[number] and not hidden else ""
            against = first if self._diff and place and first else None
            column.show(f"{place + 1}  {name}{votes}", arm, against, better=self._better == number)

    @on(Input.Submitted)
    def _asked(self, event: Input.Submitted) -> None:
        if self._stop is not None:
            self._say(say("Answers are being written; esc stops them."))
        elif not event.value.strip():
            self._say(say("Write the question first."))
        else:
            run_beside(self, partial(self._run, event.value), "compare")

    async def _run(self, question: str) -> None:
        self._stop = asyncio.Event()
        self._better = None
        self._say("")
        if self._blind:
            random.shuffle(self._order)
        values = self._comparing.run(self._recipes, self._history, question, self._stop, interval=INTERVAL)
        try:
            async with aclosing(values):
                async for self._arms in values:
                    self._draw()
        except LlmlabError as error:
            self._refuse(error)
        finally:
            self._question, self._stop = question, None

    def action_leave(self) -> None:
        """Stop the answers; with none running, go back."""
        if self._stop is not None:
            self._stop.set()
        else:
            self.dismiss(None)

    def action_add(self) -> None:
        """Another variant of the first recipe."""
        if self._stop is not None or len(self._recipes) >= MOST_ARMS:
            self._say(say("No more than {most} recipes side by side.", most=MOST_ARMS))
            return
        run_beside(self, self._pick, "variant")

    async def _pick(self) -> None:
        variants = [item for item in self._variants(self._recipes[0]) if item.recipe not in self._recipes]
        chosen = await self.app.push_screen_wait(VariantPicker(variants))
        if chosen is not None:
            self._set_recipes([*self._recipes, chosen.recipe])

    def action_remove(self) -> None:
        """Take the last recipe away."""
        if self._stop is None and len(self._recipes) > 1:
            self._set_recipes(self._recipes[:-1])

    def _set_recipes(self, recipes: list[Recipe]) -> None:
        kept = {id(arm.recipe): arm for arm in self._arms}
        self._recipes = recipes
        self._arms = tuple(kept.get(id(recipe), Arm(recipe)) for recipe in recipes)
        self._order, self._votes, self._better = list(range(len(recipes))), [0] * len(recipes), None
        self._draw()
        self.query_one(Input).focus()

    def action_diff(self) -> None:
        """Mark the words that the first answer does not have, or do not."""
        self._diff = not self._diff
        self._draw()

    def action_blind(self) -> None:
        """Hide which recipe is which until one is voted better, or do not."""
        self._blind = not self._blind
        self._better = None
        if not self._blind:
            self._order = list(range(len(self._recipes)))
        self._say(say("Blind: the order is drawn anew with each question.") if self._blind else "")
        self._draw()

    def action_vote(self, place: int) -> None:
        """The answer in this column is the better one."""
        done = all(arm.state in ("done", "failed") for arm in self._arms)
        if place > len(self._order) or not done or self._better is not None:
            return
        number = self._better = self._order[place - 1]
        self._votes[number] += 1
        try:
            self._tally(self._vote_record(number))
        except LlmlabError as error:
            self._refuse(error)
        self._draw()

    def _vote_record(self, better: int) -> dict[str, object]:
        base = self._recipes[0]
        return {
            "question": self._question,
            "blind": self._blind,
            "better": better,
            "arms": [
                {"model": arm.recipe.model.name, "factor": factor(arm.recipe, base), "text": arm.text}
                for arm in self._arms
            ],
        }

    def action_use(self) -> None:
        """Go on in the chat with the recipe that was voted better."""
        if self._better is None:
            self._say(say("Say first which answer is better: alt+1…4."))
        else:
            self.dismiss(self._recipes[self._better])

    def _say(self, text: str) -> None:
        self.query_one("#compare-note", Label).update(text)

    def _refuse(self, error: LlmlabError) -> None:
        notice = describe(error)
        self._say(f"{notice.title} {notice.text}")


def answer_content(arm: Arm, against: str | None) -> Content:
    """The answer of an arm; the final answer inside it is marked, or the words that `against` does not have."""
    if arm.problem is not None:
        notice = describe(arm.problem)
        return Content.styled(f"{notice.title} {notice.text}", "$text-error")
    thinking = Content.styled(visible(arm.thinking) + "\n\n", "italic $text-muted") if arm.thinking else Content("")
    if against is None:
        reasoned = arm.progress.reasoned if arm.progress else None
        start, end = (reasoned.place_in(arm.text) if reasoned else None) or (0, 0)
        before, found, after = (visible(part) for part in (arm.text[:start], arm.text[start:end], arm.text[end:]))
        return thinking + Content.assemble(before, (found, FOUND_STYLE), after)
    parts = [
        (visible(text), "" if kind == "same" else "bold $text-warning underline")
        for text, kind in word_diff(against, arm.text)
    ]
    return thinking + Content.assemble(*parts)


def figures(arm: Arm) -> str:
    """Tokens, seconds, speed, and what a vote came to."""
    match arm.state:
        case "waiting":
            return ""
        case "loading":
            return say("loading {model}…", model=arm.recipe.model.name)
    if arm.progress is None:
        return ""
    turn = arm.progress.turn
    words = [say("{count:,} tokens", count=turn.generated)]
    if turn.timing:
        words.append(f"{turn.timing.prefill_s + turn.timing.decode_s:.1f} s")
        words.append(say("{speed:.0f} tok/s", speed=turn.timing.tokens_per_s))
    if turn.usage:
        words.append(say("{reused:,} of {prompt:,} reused", reused=turn.usage.reused, prompt=turn.usage.prompt))
    lines = [" · ".join(words)]
    reasoned = arm.progress.reasoned
    if reasoned and reasoned.answer:
        lines.append(say("answer: {answer}", answer=visible_line(reasoned.answer)))
    if reasoned and reasoned.votes:
        votes = ", ".join(f"{visible_line(vote.answer)} ×{vote.count}" for vote in reasoned.votes)
        lines.append(say("{count} votes: {votes}", count=reasoned.cast, votes=votes))
    return "\n".join(lines)
