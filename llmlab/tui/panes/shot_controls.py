"""How examples are used: how many, which, in which order and form, under which labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, get_args

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label, Select

from llmlab.domain.shots import LabelControl, ShotChoice, ShotOrder, ShotStyle, ShotUse
from llmlab.tui.panes.shot_parts import ShotSlider
from llmlab.words import say

CONTROLS: Final = {"choice": ShotChoice, "order": ShotOrder, "style": ShotStyle, "labels": LabelControl}
"""The fields of a use that are chosen from a list, in the order of the pane."""


class ShotControls(Vertical):
    """The slider, a list for each of `CONTROLS`, and the seed where something is drawn."""

    DEFAULT_CSS = """
    ShotControls {
        height: auto;
        & #seed { width: 11; background: $boost; }
    }
    """

    def __init__(self, use: ShotUse, take: Callable[[ShotUse], None]) -> None:
        """Show `use`; `take` is called with every other one that is wished."""
        super().__init__()
        self._use = use
        self._take = take

    def compose(self) -> ComposeResult:
        """Two lines."""
        with Horizontal(classes="line"):
            yield Label(say("Shown"), markup=False)
            yield ShotSlider(id="slider")
        with Horizontal(classes="line"):
            for name, words in CONTROLS.items():
                value = getattr(self._use, name)
                yield Select(_choices(words), value=value, allow_blank=False, id=name, compact=True)
            yield Input(str(self._use.seed), id="seed", compact=True, type="integer", max_length=9)

    def show(self, use: ShotUse, told: str) -> None:
        """Show how many of `use` are shown, and what is told behind them."""
        self._use = use
        self.query_one(ShotSlider).show(min(use.k, use.most), use.most, told)
        self.query_one("#seed").display = use.draws

    @on(Select.Changed)
    def _chosen(self, event: Select.Changed) -> None:
        event.stop()
        name, value = event.select.id or "", str(event.value)
        if value != getattr(self._use, name):
            self._take(replace(self._use, **{name: value}))  # type: ignore[arg-type]  # the words of each field

    @on(Input.Changed)
    def _seeded(self, event: Input.Changed) -> None:
        event.stop()
        if event.value.strip().isdecimal() and int(event.value) != self._use.seed:
            self._take(replace(self._use, seed=int(event.value)))

    @on(ShotSlider.Slid)
    def _slid(self, event: ShotSlider.Slid) -> None:
        event.stop()
        self._take(replace(self._use, k=event.k))


def _choices(words: Any) -> list[tuple[str, str]]:
    """The words of a `Literal` as they are shown."""
    shown = {
        "first": say("first rows"), "nearest": say("nearest"), "chosen": say("in order"), "reversed": say("reversed"),
        "shuffled": say("shuffled"), "turns": say("as turns"), "inline": say("inline"), "gold": say("right labels"),
        "flipped": say("flipped labels"), "random": say("random"),
    }  # fmt: skip
    if words is LabelControl:
        shown |= {"random": say("random labels"), "shuffled": say("shuffled labels")}
    return [(shown[word], word) for word in get_args(words)]
