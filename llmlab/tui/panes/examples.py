"""The examples pane: which set, which rows of it, how many, in which form; every change holds at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final, get_args

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Select, Static

from llmlab.domain.shot_draft import ShotDraft
from llmlab.domain.shots import LabelControl, Shot, ShotChoice, ShotOrder, ShotSet, ShotStyle, ShotUse
from llmlab.domain.terminal import visible, visible_line
from llmlab.errors import LlmlabError
from llmlab.tui.examples import Examples
from llmlab.tui.jobs import run_beside
from llmlab.tui.panes.shot_parts import ShotDialog, ShotSlider
from llmlab.tui.panes.shot_table import ShotTable
from llmlab.words import current_language, say

CONTROLS: Final = {"choice": ShotChoice, "order": ShotOrder, "style": ShotStyle, "labels": LabelControl}
"""The fields of a use that are chosen from a list, in the order of the pane."""

LOOK: Final = """
ExamplesPane {
    & > Vertical {
        width: 100%; max-width: 120; height: 100%; padding: 0 1; background: $surface; border: round $primary;
    }
    & .line { height: 1; }
    & .line > Label { width: 10; }
    & Select { width: 1fr; }
    & #seed { width: 11; background: $boost; }
    & #title { color: $text-primary; text-style: bold; width: 1fr; }
    & #rows, & #whole { border-top: solid $foreground 20%; }
    & #whole { height: 4; color: $foreground 80%; }
    & #problem { width: 1fr; height: auto; max-height: 4; color: $text-warning; }
    & .keys { width: 1fr; height: auto; color: $text-muted; }
}
"""


class ExamplesPane(ModalScreen[None]):
    """Edits the examples in use; leaving it keeps them as they are."""

    AUTO_FOCUS = "ShotTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f7", "leave", show=False, priority=True),
        Binding("ctrl+s", "save", show=False, priority=True),
        Binding("ctrl+z,u", "undo", show=False),
        Binding("left", "slide(-1)", show=False),
        Binding("right", "slide(1)", show=False),
        Binding("space", "switch", show=False),
        Binding("shift+up,K", "move(-1)", show=False),
        Binding("shift+down,J", "move(1)", show=False),
        Binding("enter,e", "edit", show=False),
        Binding("a", "add", show=False),
        Binding("d,delete", "remove", show=False),
    ]
    DEFAULT_CSS = LOOK

    def __init__(self, examples: Examples, sets: Sequence[ShotSet], question: str, *, steps: bool,
                 changed: Callable[[], None]) -> None:  # fmt: skip
        """Offer `sets`.

        Args:
            examples: what is edited.
            sets: all there are, at least one.
            question: what is being written, for which the nearest are chosen.
            steps: examples show their steps.
            changed: called after every change.
        """
        super().__init__()
        self._examples, self._question, self._steps, self._changed = examples, question, steps, changed
        self._sets = {shots.key: shots for shots in sets}
        now = examples.last
        first = now.set if now is not None and now.set.key in self._sets else sets[0]
        self._draft = examples.draft(first)
        in_use = examples.in_use
        self._use = replace(now, set=self._draft.set, k=in_use.k if in_use else 0) if now else ShotUse(first)

    def compose(self) -> ComposeResult:
        """Set, slider, controls, rows, the highlighted row in full, keys."""
        with Vertical():
            yield Label(say("Examples"), id="title", markup=False)
            with Horizontal(classes="line"):
                yield Label(say("Set"), markup=False)
                yield Select(
                    _set_choices(self._sets.values()),
                    value=self._draft.set.key,
                    allow_blank=False,
                    id="set",
                    compact=True,
                )
            with Horizontal(classes="line"):
                yield Label(say("Shown"), markup=False)
                yield ShotSlider(id="slider")
            with Horizontal(classes="line"):
                for name, words in CONTROLS.items():
                    value = getattr(self._use, name)
                    yield Select(_choices(words), value=value, allow_blank=False, id=name, compact=True)
                yield Input(str(self._use.seed), id="seed", compact=True, type="integer", max_length=9)
            yield ShotTable(id="rows")
            yield Static("", id="whole", markup=False)
            yield Label("", id="problem", markup=False)
            yield Label(_keys(), classes="keys", markup=False)

    def on_mount(self) -> None:
        """Begin with what is in use."""
        self._show()
        self._tell("\n".join([*self._draft.set.problems[:2], *self._examples.problems()[:1]]))

    # What is shown

    @property
    def _table(self) -> ShotTable:
        return self.query_one(ShotTable)

    def _show(self, *, told: str = "…") -> None:
        """Draw everything that does not have to be counted, then count."""
        name = visible_line(self._draft.set.key)
        mark = "  *" + say("changed, not saved") if self._draft.changed else ""
        self.query_one("#title", Label).update(f"{say('Examples')}  {name}{mark}")
        self.query_one(ShotSlider).show(min(self._use.k, self._use.most), self._use.most, told if self._use.k else "")
        self.query_one("#seed").display = self._use.draws
        self._show_row()
        run_beside(self, self._count, "count", exclusive=True)

    def _show_row(self) -> None:
        rows, at = self._draft.set.rows, self._table.cursor
        row = rows[at] if at < len(rows) else None
        self.query_one("#whole", Static).update("" if row is None else _whole(row))

    async def _count(self) -> None:
        """Choose the rows that are shown, count those in sight, and the price of all."""
        use = await self._examples.ready(self._use, self._question)
        places = use.places(self._question)
        rows = self._draft.set.rows
        self._table.show(rows, places, lambda row: self._examples.size(row, steps=self._steps))
        try:
            sight = [rows[at] for at in self._table.in_sight]
            if await self._examples.measure(sight, steps=self._steps):
                self._table.refresh()
            price = await self._examples.price(self._question)
        except LlmlabError as error:
            self._tell(str(error))
            return
        told = (
            say("tokens are counted once the model is ready")
            if price is None
            else say("+{count:,} tokens", count=price)
        )
        if use.ranked_by:
            told += say(", nearest by {model}", model=use.ranked_by)
        self.query_one(ShotSlider).show(min(use.k, use.most), use.most, told if use.k else say("none are sent"))

    def _tell(self, problem: str) -> None:
        label = self.query_one("#problem", Label)
        label.update(visible(problem))
        label.display = bool(problem)

    # What is changed

    def _take(self, use: ShotUse) -> None:
        """Let a use hold."""
        self._use = use
        self._examples.change(use)
        self._tell("")
        self._show()
        self._changed()

    def _edit(self, draft: ShotDraft) -> None:
        """Let an edit of the set hold."""
        if draft == self._draft:
            return
        self._draft = draft
        self._sets[draft.set.key] = draft.set
        self._examples.edit(draft)
        use = replace(self._use, set=draft.set)
        self._take(replace(use, k=min(use.k, use.most)))

    @on(Select.Changed)
    def _chosen(self, event: Select.Changed) -> None:
        name, value = event.select.id or "", str(event.value)
        if name == "set":
            if value != self._draft.set.key:
                self._draft = self._examples.draft(self._sets[value])
                use = replace(self._use, set=self._draft.set)
                self._table.cursor = 0
                self._take(replace(use, k=min(use.k, use.most)))
                self._tell("\n".join(self._draft.set.problems[:3]))
        elif value != getattr(self._use, name):
            self._take(replace(self._use, **{name: value}))  # type: ignore[arg-type]  # the words of each field

    @on(Input.Changed)
    def _seeded(self, event: Input.Changed) -> None:
        if event.value.strip().isdecimal() and int(event.value) != self._use.seed:
            self._take(replace(self._use, seed=int(event.value)))

    @on(ShotSlider.Slid)
    def _slid(self, event: ShotSlider.Slid) -> None:
        self._take(replace(self._use, k=event.k))

    @on(ShotTable.Moved)
    def _moved(self) -> None:
        self._show_row()
        run_beside(self, self._count, "count", exclusive=True)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters and arrows belong to the field that has the focus."""
        if action in ("leave", "save"):
            return True
        return isinstance(self.focused, ShotTable | ShotSlider)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_slide(self, step: int) -> None:
        """Show more or fewer."""
        self.query_one(ShotSlider).action_slide(step)

    def action_switch(self) -> None:
        """Switch the highlighted row on or off."""
        if self._draft.set.rows:
            self._edit(self._draft.toggled(self._table.cursor))

    def action_move(self, step: int) -> None:
        """Move the highlighted row."""
        if self._draft.set.rows:
            at = self._table.cursor
            self._edit(self._draft.moved(at, step))
            self._table.go_to(at + step)

    def action_remove(self) -> None:
        """Delete the highlighted row."""
        if self._draft.set.rows:
            self._edit(self._draft.removed(self._table.cursor))
            self._tell(say("Deleted; u brings it back."))

    def action_undo(self) -> None:
        """Take the last change back."""
        self._edit(self._draft.undone())

    @on(ShotTable.Chosen)
    def action_edit(self) -> None:
        """Fill in the highlighted row."""
        at = self._table.cursor
        if at >= len(self._draft.set.rows):
            self.action_add()
            return
        draft = self._draft

        def take(row: Shot | None) -> None:
            if row is not None and row != draft.set.rows[at]:
                self._edit(draft.replaced(at, row))

        self.app.push_screen(ShotDialog(say("Edit the example"), draft.set.rows[at]), take)

    def action_add(self) -> None:
        """Fill in a new row below the highlighted one."""
        draft = self._draft
        at = min(self._table.cursor + 1, len(draft.set.rows))

        def take(row: Shot | None) -> None:
            if row is not None:
                self._edit(draft.inserted(at, row))
                self._table.go_to(at)

        self.app.push_screen(ShotDialog(say("A new example")), take)

    def action_save(self) -> None:
        """Write the set to its file."""
        run_beside(self, self._save, "save")

    async def _save(self) -> None:
        if not self._draft.changed:
            self._tell(say("Nothing was changed; it is in {file}", file=self._draft.set.source))
            return
        try:
            self._draft = await self._examples.save(self._draft)
        except LlmlabError as error:
            self._tell(str(error))
            return
        self._use = replace(self._use, set=self._draft.set)
        self._examples.change(self._use)
        self._show()
        self._tell(say("Saved to {file}", file=self._draft.set.source))


def _set_choices(sets: Iterable[ShotSet]) -> list[tuple[str, str]]:
    """Titles, with the language where it is not that of the interface."""
    own = current_language()
    return [
        (visible_line(shots.title) + ("" if shots.language == own else f"  ({shots.language})"), shots.key)
        for shots in sets
    ]


def _keys() -> str:
    """The keys, in two lines that fit into 80 cells."""
    return "\n".join((
        say("space on/off  enter edit  a add  d delete  shift+↑↓ move  ←→ number  u undo"),
        say("ctrl+s saves to your folder; changes hold at once; esc closes"),
    ))  # fmt: skip


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


def _whole(row: Shot) -> Content:
    """A row in full, as far as there is room."""
    parts = [(say("Input"), row.input), (say("Steps"), row.reasoning), (say("Output"), row.output)]
    lines = [
        Content.assemble((f"{title}: ", "$text-muted"), visible_line(text[:2000])) for title, text in parts if text
    ]
    return Content("\n").join(lines)
