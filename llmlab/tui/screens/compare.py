"""One question, two to four recipes side by side: streamed together, told apart by the one factor that differs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Input, Label, Static

from llmlab.domain.prompting import ChatMessage
from llmlab.domain.recipe import Recipe
from llmlab.errors import LlmlabError
from llmlab.services.compare import MOST_ARMS, Arm, Comparing
from llmlab.services.votes import mark_of
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.notices import describe
from llmlab.tui.panes.compare_card import OpenCard, why_no_card
from llmlab.tui.panes.compare_column import Column, Veil
from llmlab.tui.panes.compare_picker import VariantPicker
from llmlab.tui.panes.variants import Variant, factor
from llmlab.words import say
from llmlab.words.counts import votes_text

INTERVAL: Final = 1 / 10
"""Seconds between two repaints while answers come."""

Variants = Callable[[Recipe], Awaitable[Sequence[Variant]]]
Past = Callable[[Sequence[Recipe]], Awaitable[Sequence[int]]]
"""How many votes each of some recipes got against just the others."""


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
        Binding("f9", "card", show=False, priority=True),
        Binding("i", "card", show=False),
        Binding("f10", "use", show=False, priority=True),
        *(Binding(f"alt+{place}", f"vote({place})", show=False, priority=True) for place in range(1, MOST_ARMS + 1)),
    ]
    DEFAULT_CSS = """
    CompareScreen {
        #compare-title { height: 1; padding: 0 1; background: $panel; color: $text-primary; text-style: bold; }
        #compare-columns { height: 1fr; }
        #compare-note { height: auto; padding: 0 1; color: $text-warning; }
        #compare-question { margin: 0; border: round $border; }
        #compare-keys { height: auto; padding: 0 1; background: $panel; color: $text-muted; }
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
        past: Past,
        card: OpenCard,
    ) -> None:
        """Compare `recipes`; `tally` keeps a vote and `past` counts kept ones: `LlmlabError` where they cannot."""
        super().__init__()
        self._comparing = comparing
        self._recipes = list(recipes)
        self._history = history
        self._question = question
        self._variants = variants
        self._tally, self._past, self._card = tally, past, card
        self._arms: tuple[Arm, ...] = tuple(Arm(recipe) for recipe in recipes)
        self._order = list(range(len(recipes)))
        """Which arm stands in which column."""
        self._votes = [0] * len(recipes)
        """For each arm, of all times."""
        self._stop: asyncio.Event | None = None
        self._blind = self._diff = False
        self._unseen = False
        """Nobody has seen which of the answers is whose."""
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
        yield Static(keys_line(), id="compare-keys", markup=False)

    def on_mount(self) -> None:
        """Show the recipes; with one alone, ask for the factor to change."""
        self._draw()
        if len(self._recipes) == 1:
            self.call_after_refresh(self.action_add)

    def _veil(self) -> Veil:
        """What is hidden: nothing once one was voted better, or where nothing but failures could be."""
        if not self._blind or self._better is not None or all(arm.state == "failed" for arm in self._arms):
            return "none"
        return "words" if self._stop is None or self._all_ended() else "all"

    def _all_ended(self) -> bool:
        return all(arm.ended for arm in self._arms)

    def _draw(self) -> None:
        veil = self._veil()
        first = self._arms[self._order[0]].text
        for place, column in enumerate(self.query(Column)):
            column.display = place < len(self._order)
            if place >= len(self._order):
                continue
            number = self._order[place]
            name = self._factor(number) if veil == "none" else say("hidden")
            count = self._votes[number] if veil == "none" else 0
            votes = f"  {votes_text(count)}" if count else ""
            against = first if self._diff and place and first else None
            head = f"{place + 1}  {name}{votes}"
            column.show(head, self._arms[number], against, veil, better=self._better == number)

    def _factor(self, number: int) -> str:
        # That of the recipe as it was wished: documents may give an arm another window.
        return factor(self._recipes[number], self._recipes[0])

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
        self._better, self._unseen = None, self._blind
        # Answers that were told apart must not tell the new order.
        self._arms = tuple(Arm(recipe) for recipe in self._recipes)
        self._say("")
        if self._blind:
            random.shuffle(self._order)
        self._draw()
        values = self._comparing.run(self._recipes, self._history, question, self._stop, interval=INTERVAL)
        try:
            async with aclosing(values):
                async for self._arms in values:
                    self._draw()
                    self._tell_progress()
        except LlmlabError as error:
            self._refuse(error)
        finally:
            self._question, self._stop = question, None
        self._draw()

    def _tell_progress(self) -> None:
        """Give a sign of life where the columns give none."""
        match self._veil():
            case "all":
                tokens = sum(arm.progress.turn.generated for arm in self._arms if arm.progress)
                ended = sum(arm.ended for arm in self._arms)
                self._say(
                    say(
                        "{ended} of {arms} answers, {tokens:,} tokens", ended=ended, arms=len(self._arms), tokens=tokens
                    )
                )
            case "words":
                self._say(say("Which answer is better? alt+1…4 says it, and shows which is which."))

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
        try:
            variants = await self._variants(self._recipes[0])
        except LlmlabError as error:
            self._refuse(error)
            return
        others = [variant for variant in variants if variant.recipe not in self._recipes]
        chosen = await self.app.push_screen_wait(VariantPicker(others))
        if chosen is not None:
            self._set_recipes([*self._recipes, chosen.recipe])

    def action_remove(self) -> None:
        """Take the last recipe away."""
        if self._stop is None and len(self._recipes) > 1:
            self._set_recipes(self._recipes[:-1])

    def _set_recipes(self, recipes: list[Recipe]) -> None:
        self._recipes = recipes
        kept = self._arms[: len(recipes)]
        self._arms = (*kept, *(Arm(recipe) for recipe in recipes[len(kept) :]))
        self._order, self._votes, self._better = list(range(len(recipes))), [0] * len(recipes), None
        self._unseen = False
        self._draw()
        self.query_one(Input).focus()
        run_beside(self, self._count_votes, "votes", exclusive=True)

    async def _count_votes(self) -> None:
        """Show what was voted between these recipes before."""
        recipes = self._recipes
        try:
            votes = await self._past(recipes)
        except LlmlabError as error:
            self._refuse(error)
            return
        if recipes is self._recipes and not any(self._votes):
            self._votes = list(votes)
            self._draw()

    def action_diff(self) -> None:
        """Mark the words that the first answer does not have, or do not."""
        self._diff = not self._diff
        self._draw()

    def action_blind(self) -> None:
        """Hide which recipe is which until one is voted better, or do not."""
        self._blind = not self._blind
        if not self._blind:
            self._order, self._unseen = list(range(len(self._recipes))), False
        self._say(say("Blind: the order is drawn anew with each question.") if self._blind else "")
        self._draw()

    def action_card(self) -> None:
        """Show what the answer in the column with the focus came from; of the first, with the focus elsewhere."""
        focused = (place for place, column in enumerate(self.query(Column)) if column.has_focus_within)
        arm = self._arms[self._order[next(focused, 0)]]
        refusal = why_no_card(arm, self._veil(), running=self._stop is not None)
        self._say(refusal)
        if not refusal and arm.card is not None:
            self.app.push_screen(self._card(arm, arm.card, self._question))

    def action_vote(self, place: int) -> None:
        """The answer in this column is the better one."""
        if place > len(self._order) or not self._all_ended() or self._better is not None:
            return
        number = self._better = self._order[place - 1]
        self._votes[number] += 1
        self._say("")
        try:
            self._tally(vote_record(self._question, self._recipes, self._arms, number, blind=self._unseen))
        except LlmlabError as error:
            self._refuse(error)
        self._draw()

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


def keys_line() -> str:
    """What the keys do."""
    return say(
        "enter asks  F4 variant  F6 remove  F7 differences  F8 blind  alt+1…4 better  F9 card (tab chooses)  "
        "F10 use the better  esc back"
    )


def vote_record(
    question: str, recipes: Sequence[Recipe], arms: Sequence[Arm], better: int, *, blind: bool
) -> dict[str, object]:
    """A vote as it is kept; the factors are those of the recipes as they were wished."""
    return {
        "question": question,
        "blind": blind,
        "better": better,
        "arms": [
            {
                "model": recipe.model.name,
                "factor": factor(recipe, recipes[0]),
                "recipe": mark_of(recipe),
                "text": arm.text,
            }
            for recipe, arm in zip(recipes, arms, strict=True)
        ],
    }
