"""The reasoning pane: how the model comes to its answer, with what each mode adds, its votes and its budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from llmlab.domain.modes import MOST_VOTES, ReasoningMode, ReasoningUse
from llmlab.domain.terminal import visible, visible_line
from llmlab.tui.panes.reasoning_words import Chosen, mode_in_words
from llmlab.words import current_language, say

LARGEST_BUDGET: Final = 1_000_000
"""Tokens of thinking."""


class ReasoningPane(ModalScreen[Chosen | None]):
    """Gives what was chosen; `None` leaves it as it was."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f8", "dismiss(None)", show=False, priority=True),
        Binding("enter", "take", show=False),
        Binding("pagedown,ctrl+down", "read_on(1)", show=False, priority=True),
        Binding("pageup,ctrl+up", "read_on(-1)", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    ReasoningPane {
        & #modes { height: 1fr; }
        & #modes OptionList { width: 28; height: 1fr; max-height: 100%; margin: 0; padding: 0 1 0 0; }
        & #what { width: 1fr; height: 1fr; padding: 0 0 0 2; border-left: solid $foreground 20%; }
        & #what > Static { width: 1fr; height: auto; }
        & #numbers { height: auto; margin-top: 1; }
    }
    """

    def __init__(
        self,
        modes: Sequence[ReasoningMode],
        now: ReasoningUse | None,
        problems: Sequence[str] = (),
        remarks: Callable[[ReasoningUse], Sequence[str]] = lambda use: (),
        *,
        can_think: bool = True,
    ) -> None:
        """Offer `modes`.

        Args:
            modes: those of all languages; those of the interface's language come first.
            now: what is on.
            problems: what is wrong in files of modes, a text each.
            remarks: tells what of a mode has no effect here, a sentence each.
            can_think: the model may think before it answers, so that a budget has an effect.
        """
        super().__init__()
        self._can_think = can_think
        self._remarks = remarks
        language = current_language()
        self._modes: list[ReasoningMode | None] = [
            None, *sorted(modes, key=lambda mode: (mode.language != language, mode.key))
        ]  # fmt: skip
        self._now = now
        self._problems = tuple(problems)

    def compose(self) -> ComposeResult:
        """The modes, what the highlighted one does, and the two numbers that it can be given."""
        now = self._now
        with Vertical(classes="dialog --wide --tall"):
            yield Label(say("Reasoning"), classes="dialog-title", markup=False)
            with Horizontal(id="modes"):
                yield OptionList(*(Option(self._line(mode)) for mode in self._modes), markup=False)
                with VerticalScroll(id="what", can_focus=False):
                    yield Static(id="does", markup=False)
            with Vertical(id="numbers"):
                yield from self._number("votes", say("Votes"), now.votes if now else None)
                yield from self._number("budget", say("Thinking budget"), now.budget if now else None)
            yield Label("\n".join(map(visible, self._problems)), id="problem", markup=False)
            yield Label(
                say("enter uses it, tab to the numbers, page down reads on, esc leaves it as it was"),
                classes="dialog-keys",
            )

    def _number(self, name: str, title: str, value: int | None) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Label(title, markup=False)
            yield Input("" if value is None else str(value), id=name, compact=True, type="integer")
            yield Label("", id=f"{name}-remark", classes="remark", markup=False)

    def _line(self, mode: ReasoningMode | None) -> Content:
        now = self._now.mode if self._now else None
        mark = Content.styled("● ", "$text-success") if mode == now else Content("  ")
        if mode is None:
            return Content.assemble(mark, (say("none"), "bold"))
        other = (f" {mode.language}", "$text-muted") if mode.language != current_language() else ""
        idle = (" !", "bold $text-warning") if self._remarks(ReasoningUse(mode)) else ""
        return Content.assemble(mark, (visible_line(mode.title), "bold"), idle, other)

    def on_mount(self) -> None:
        """Begin at what is on."""
        now = self._now.mode if self._now else None
        options = self.query_one(OptionList)
        options.highlighted = self._modes.index(now) if now in self._modes else 0
        self._show(options.highlighted)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._show(event.option_index)

    def _show(self, index: int) -> None:
        """Tell what a mode does."""
        mode = self._modes[index]
        remarks = self._remarks(ReasoningUse(mode)) if mode is not None else ()
        self.query_one("#does", Static).update(_described(mode, remarks))
        self.query_one("#what", VerticalScroll).scroll_home(animate=False)
        self.query_one("#numbers").display = mode is not None
        if mode is None:
            return
        self.query_one("#votes", Input).placeholder = str(mode.votes)
        budget = self.query_one("#budget", Input)
        budget.placeholder = say("no end") if mode.budget is None else str(mode.budget)
        self.query_one("#votes-remark", Label).update(say("1 to {most}; drawn together, most win", most=MOST_VOTES))
        told = say("tokens; then it must answer; 0 is no thinking")
        idle = say("no effect: this model cannot think")
        self.query_one("#budget-remark", Label).update(told if self._can_think else f"! {idle}")

    @on(OptionList.OptionSelected)
    @on(Input.Submitted)
    def _taken(self) -> None:
        self.action_take()

    def action_read_on(self, direction: int) -> None:
        """Scroll what the mode does."""
        what = self.query_one("#what", VerticalScroll)
        what.scroll_relative(y=direction * max(1, what.size.height - 1), animate=False)

    def action_take(self) -> None:
        """Give what is highlighted, unless a number cannot be."""
        index = self.query_one(OptionList).highlighted
        mode = self._modes[index or 0]
        if mode is None:
            self.dismiss(Chosen(None))
            return
        votes, budget = self._typed("votes", 1, MOST_VOTES), self._typed("budget", 0, LARGEST_BUDGET)
        if votes != -1 and budget != -1:
            self.dismiss(Chosen(ReasoningUse(mode, votes=votes, budget=budget)))

    def _typed(self, name: str, low: int, high: int) -> int | None:
        """The number of a field, `None` where it is empty, -1 where it cannot be, which is told."""
        field = self.query_one(f"#{name}", Input)
        text = field.value.strip()
        if not text:
            return None
        if text.isdecimal() and low <= int(text) <= high:
            return int(text)
        told = say("{given} is not a whole number from {low} to {high}", given=text, low=f"{low:,}", high=f"{high:,}")
        self.query_one("#problem", Label).update(told)
        field.focus()
        return -1


def _described(mode: ReasoningMode | None, remarks: Sequence[str]) -> Content:
    """What a mode does, and first what of it has no effect here."""
    if mode is None:
        return Content(say("The question is sent as it is; no final answer is looked for."))
    parts: list[Content] = [Content(visible(mode.description))]
    for title, text in mode_in_words(mode):
        shown = visible(text.strip("\n"))
        parts.append(Content.assemble(Content.styled(title, "$text-muted"), "\n  ", shown.replace("\n", "\n  ")))
    idle = [Content.styled(f"! {remark}", "$text-warning") for remark in remarks]
    return Content("\n\n").join([*idle, parts[0], Content("\n").join(parts[1:])])
