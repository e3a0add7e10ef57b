"""What becomes of changes that were not saved, asked before they would be lost."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from llmlab.domain.terminal import visible_line
from llmlab.words import say

Leaving = Literal["save", "discard", "stay"]
"""What the user wants."""

_ORDER: Final[tuple[Leaving, ...]] = ("save", "discard", "stay")


class LeavingDialog(ModalScreen[Leaving]):
    """Gives what becomes of the named changes; escape stays with them."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss('stay')", show=False),
        Binding("s,ctrl+s", "dismiss('save')", show=False, priority=True),
        Binding("d", "dismiss('discard')", show=False),
    ]

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self._names = names

    def compose(self) -> ComposeResult:
        """What has changed, and the three answers."""
        titles = (say("Save them"), say("Drop them"), say("Go on editing"))
        with Vertical(classes="dialog"):
            yield Label(say("There are changes that are not saved."), classes="dialog-title", markup=False)
            yield Label("\n".join(map(visible_line, self._names)), markup=False)
            yield OptionList(*map(Option, titles), markup=False)
            yield Label(
                say("enter chooses, s saves, d drops, esc goes on editing"), classes="dialog-keys", markup=False
            )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(_ORDER[event.option_index])
