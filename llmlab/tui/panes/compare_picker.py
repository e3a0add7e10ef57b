"""Choosing the one factor in which another recipe differs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from llmlab.domain.terminal import visible_line
from llmlab.tui.panes.variants import Variant
from llmlab.words import say


class VariantPicker(ModalScreen[Variant | None]):
    """Gives a variant, or `None`. What is typed filters; the arrows walk what is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "walk('cursor_up')", show=False, priority=True),
        Binding("down", "walk('cursor_down')", show=False, priority=True),
        Binding("pageup", "walk('page_up')", show=False, priority=True),
        Binding("pagedown", "walk('page_down')", show=False, priority=True),
    ]

    def __init__(self, variants: Sequence[Variant]) -> None:
        super().__init__()
        self._variants = variants
        self._by_option: dict[int, Variant] = {}
        """What stands at each place of the list; headings stand for nothing."""

    def compose(self) -> ComposeResult:
        """What filters, then the list."""
        with Vertical(classes="dialog"):
            yield Label(say("Change one thing"), classes="dialog-title", markup=False)
            yield Input(placeholder=say("type to filter: examples, votes, temperature…"), compact=True)
            yield OptionList(markup=False)
            yield Label(say("enter takes it, esc leaves it"), classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """Show all."""
        self._fill("")

    def _fill(self, wished: str) -> None:
        """List the variants that hold every word of `wished`, each group under its heading."""
        words = wished.lower().split()
        fitting = [one for one in self._variants if all(word in f"{one.group} {one.title}".lower() for word in words)]
        options: list[Option] = []
        self._by_option = {}
        for group, variants in groupby(fitting, key=lambda one: one.group):
            options.append(Option(Content.styled(group, "bold"), disabled=True))
            for variant in variants:
                self._by_option[len(options)] = variant
                options.append(Option(Content(f"  {visible_line(variant.title)}")))
        listed = self.query_one(OptionList)
        listed.clear_options()
        listed.add_options(options)
        listed.highlighted = min(self._by_option, default=None)

    async def action_walk(self, step: str) -> None:
        """Go through the list while the filter keeps the keys."""
        await self.query_one(OptionList).run_action(step)

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        self._fill(event.value)

    @on(Input.Submitted)
    def _typed(self) -> None:
        chosen = self._by_option.get(self.query_one(OptionList).highlighted or 0)
        if chosen is not None:
            self.dismiss(chosen)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._by_option[event.option_index])
