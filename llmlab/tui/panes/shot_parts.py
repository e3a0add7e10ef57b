"""What the examples pane is made of besides its table: the slider, and the form of one example."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Label, TextArea

from llmlab.domain.shots import Shot
from llmlab.domain.terminal import pasted
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.screens.unsaved import may_leave
from llmlab.words import say


class ShotSlider(Widget, can_focus=True):
    """How many examples are shown: left and right change it, so does a click."""

    class Slid(Message):
        """Another number is wished."""

        def __init__(self, k: int) -> None:
            super().__init__()
            self.k = k
            """Examples to show."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "slide(-1)", show=False),
        Binding("right", "slide(1)", show=False),
        Binding("home", "slide(-1000000)", show=False),
        Binding("end", "slide(1000000)", show=False),
    ]
    BAR: ClassVar[int] = 20
    DEFAULT_CSS = """
    ShotSlider { height: 1; width: 1fr; }
    ShotSlider:focus { background: $primary 40%; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._k, self._most, self._told = 0, 0, ""

    def show(self, k: int, most: int, told: str) -> None:
        """Show that `k` of `most` are shown, and what is told behind it."""
        self._k, self._most, self._told = k, most, told
        self.refresh()

    def action_slide(self, step: int) -> None:
        """Wish for more or fewer."""
        wished = max(0, min(self._most, self._k + step))
        if wished != self._k:
            self.post_message(self.Slid(wished))

    def on_click(self, event: object) -> None:
        """Wish for as many as the bar shows at that place."""
        x = int(getattr(event, "x", 0)) - 1
        if 0 <= x < self.BAR and self._most:
            self.post_message(self.Slid(round((x + 1) * self._most / self.BAR)))

    def render(self) -> Content:
        """The bar, the numbers, the price."""
        filled = round(self.BAR * self._k / self._most) if self._most else 0
        filled = max(filled, 1) if self._k else 0
        return Content.assemble(
            "[",
            ("#" * filled, "$text-success"),
            ("." * (self.BAR - filled), "$text-muted"),
            "] ",
            (say("{k:,} of {most:,}", k=self._k, most=self._most), "bold"),
            ("  " + self._told, "$text-muted"),
        )


class ShotDialog(ModalScreen[Shot | None], Watched):
    """One example to fill in: ctrl+s gives it, escape gives `None`, after it asked what becomes of changes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("ctrl+s", "keep", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    ShotDialog {
        & > Vertical {
            width: 100%; max-width: 104; height: 100%; max-height: 30; padding: 0 1;
            background: $surface; border: round $primary;
        }
        & #title { color: $text-primary; text-style: bold; }
        & #problem { color: $text-error; height: auto; }
        & Label { width: 1fr; color: $text-muted; }
        & TextArea { height: 1fr; background: $boost; padding: 0 1; }
    }
    """

    def __init__(self, title: str, row: Shot | None = None) -> None:
        super().__init__()
        self._title = title
        self._row = row or Shot("", "")

    def compose(self) -> ComposeResult:
        """Input, steps, output."""
        with Vertical():
            yield Label(self._title, id="title", markup=False)
            yield from self._field("input", say("Input"), self._row.input)
            yield from self._field(
                "reasoning", say("Steps (for modes that show them; may be empty)"), self._row.reasoning
            )
            yield from self._field("output", say("Output"), self._row.output)
            yield Label("", id="problem", markup=False)
            yield Label(say("tab to the next field, ctrl+s keeps it, esc leaves it"), markup=False)

    def _field(self, name: str, title: str, text: str) -> ComposeResult:
        yield Label(title, markup=False)
        safe = pasted(text)
        yield TextArea(safe, soft_wrap=True, show_line_numbers=False, tab_behavior="focus", compact=True, id=name)

    def _shot(self) -> Shot:
        asked, steps, output = (self.query_one(f"#{name}", TextArea).text for name in ("input", "reasoning", "output"))
        return Shot(asked, output, steps, self._row.on)

    def action_keep(self) -> None:
        """Give the example, unless its input is empty."""
        shot = self._shot()
        if shot.input.strip():
            self.dismiss(shot)
            return
        self.query_one("#problem", Label).update(say("An example needs an input."))
        self.query_one("#input", TextArea).focus()

    def action_leave(self) -> None:
        """Close it; with changes, ask first what becomes of them."""
        run_beside(self, self._leave, "leave", exclusive=True)

    def unsaved(self) -> tuple[str, ...]:
        """The title of the dialog, while a field differs from the example."""
        return () if self._shot() == self._row else (self._title,)

    async def keep_changes(self) -> bool:
        """Give the example, unless its input is empty."""
        self.action_keep()
        return bool(self._shot().input.strip())

    async def _leave(self) -> None:
        if await may_leave(self.app, self) and self.is_current:
            self.dismiss(None)
