"""The commands that fit what stands after `/` in the composer, and the files that fit what stands after `@`."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from llmlab.domain.terminal import visible_line
from llmlab.tui.commands.command import Command
from llmlab.tui.commands.slash import completions
from llmlab.tui.widgets.path_offers import PathOffer
from llmlab.words import say

Offer = Command | PathOffer


def completion_line(offer: Offer) -> Content:
    """A command or a file as the list offers it."""
    if isinstance(offer, PathOffer):
        size = "" if offer.folder else say("{size:,} bytes", size=offer.bytes)
        return Content.assemble((visible_line(offer.path), "bold"), "  ", (size, "$text-muted"))
    head = f"/{offer.slash} {offer.argument}".rstrip()
    return Content.assemble((head, "bold"), "  ", (say(offer.help), "$text-muted"))


class Completion(OptionList):
    """Open while a command or a path in the draft is not complete; the composer moves its cursor."""

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
        self._offered: tuple[Offer, ...] = ()
        self._paths: tuple[str, tuple[PathOffer, ...]] = ("", ())
        """The files that fit a draft, and that draft."""
        self._dismissed = ""

    @property
    def open(self) -> bool:
        """Whether it shows."""
        return self.has_class("--open")

    @property
    def choice(self) -> Offer | None:
        """The command or file under the cursor."""
        return self._offered[self.highlighted] if self.open and self.highlighted is not None else None

    def offer(self, draft: str) -> None:
        """Show what fits `draft`."""
        if draft != self._dismissed:
            self._dismissed = ""
        paths = self._paths[1] if self._paths[0] == draft else ()
        offered: tuple[Offer, ...] = () if self._dismissed else completions(draft) or paths
        if offered != self._offered:
            self._offered = offered
            self.clear_options()
            self.add_options([Option(completion_line(offer)) for offer in offered])
            self.highlighted = 0 if offered else None
        self.set_class(bool(offered), "--open")

    def offer_paths(self, draft: str, offers: Sequence[PathOffer]) -> None:
        """Show files that fit `draft`, until it changes."""
        self._paths = (draft, tuple(offers))
        self.offer(draft)

    def dismiss(self, draft: str) -> None:
        """Close until the draft changes."""
        self._dismissed = draft
        self.offer(draft)
