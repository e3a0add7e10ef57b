"""The commands that fit what stands after `/` in the composer."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from llmlab.tui.commands.command import Command
from llmlab.tui.commands.slash import completions
from llmlab.words import say


def completion_line(command: Command) -> Content:
    """A command as the list offers it."""
    head = f"/{command.slash} {command.argument}".rstrip()
    return Content.assemble((head, "bold"), "  ", (say(command.help), "$text-muted"))


class Completion(OptionList):
    """Open while the draft begins with a command that is not complete; the composer moves its cursor."""

    DEFAULT_CSS = """
    Completion {
        display: none; height: auto; max-height: 9; border: none; border-left: outer $accent; padding: 0;
        background: $surface;
    }
    Completion.--open { display: block; }
    """
    can_focus = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, markup=False)
        self._offered: tuple[Command, ...] = ()
        self._dismissed = ""

    @property
    def open(self) -> bool:
        """Whether it shows."""
        return self.has_class("--open")

    @property
    def choice(self) -> Command | None:
        """The command under the cursor."""
        return self._offered[self.highlighted] if self.open and self.highlighted is not None else None

    def offer(self, draft: str) -> None:
        """Show what fits `draft`."""
        if draft != self._dismissed:
            self._dismissed = ""
        offered = () if self._dismissed else completions(draft)
        if offered != self._offered:
            self._offered = offered
            self.clear_options()
            self.add_options([Option(completion_line(command)) for command in offered])
            self.highlighted = 0 if offered else None
        self.set_class(bool(offered), "--open")

    def dismiss(self, draft: str) -> None:
        """Close until the draft changes."""
        self._dismissed = draft
        self.offer(draft)
