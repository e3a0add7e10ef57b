"""The examples pane: which set, which rows of it, how it is used; every change holds at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label, Select, Static

from llmlab.domain.shot_draft import ShotDraft
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.domain.terminal import visible, visible_line
from llmlab.errors import LlmlabError
from llmlab.tui.examples import Examples
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.panes.shot_controls import ShotControls
from llmlab.tui.panes.shot_parts import ShotDialog, ShotSlider
from llmlab.tui.panes.shot_sets import SetFiles, SetVerb
from llmlab.tui.panes.shot_table import ShotTable
from llmlab.words import current_language, say

LOOK: Final = """
ExamplesPane {
    & > Vertical {
        width: 100%; max-width: 120; height: 100%; padding: 0 1; background: $surface; border: round $primary;
    }
    & .line { height: 1; }
    & .line > Label { width: 10; }
    & Select { width: 1fr; }
    & #title { color: $text-primary; text-style: bold; width: 1fr; }
    & #rows, & #whole { border-top: solid $foreground 20%; }
    & #whole { height: 4; color: $foreground 80%; }
    & #problem { width: 1fr; height: auto; max-height: 4; color: $text-warning; }
    & .keys { width: 1fr; height: auto; color: $text-muted; }
}
"""


class ExamplesPane(ModalScreen[None], Watched):
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
        Binding("n", "sets('make')", show=False),
        Binding("c", "sets('copy')", show=False),
        Binding("r", "sets('rename')", show=False),
        Binding("x", "sets('remove')", show=False),
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
        self._gone = False
        """The last that was done is the deleting of a set."""

    def compose(self) -> ComposeResult:
        """Set, controls, rows, the highlighted row in full, keys."""
        with Vertical():
            yield Label(say("Examples"), id="title", markup=False)
            with Horizontal(classes="line"):
                yield Label(say("Set"), markup=False)
                choices = _set_choices(self._sets.values())
                yield Select(choices, value=self._draft.set.key, allow_blank=False, id="set", compact=True)
            yield ShotControls(self._use, self._take)
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

    def _show(self) -> None:
        """Draw everything that does not have to be counted, then count."""
        name = visible_line(self._draft.set.key)
        mark = "  *" + say("changed, not saved") if self._draft.changed else ""
        self.query_one("#title", Label).update(f"{say('Examples')}  {name}{mark}")
        self.query_one(ShotControls).show(self._use, "…" if self._use.k else "")
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
        self.query_one(ShotControls).show(self._use, _price(use, price))

    def _tell(self, problem: str) -> None:
        label = self.query_one("#problem", Label)
        label.update(visible(problem))
        label.display = bool(problem)

    # What is changed

    def _take(self, use: ShotUse) -> None:
        """Let a use hold."""
        self._use, self._gone = use, False
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

    @on(Select.Changed, "#set")
    def _chosen(self, event: Select.Changed) -> None:
        if event.value == event.select.value and event.value != self._draft.set.key:
            self._choose(str(event.value))

    def _choose(self, key: str) -> None:
        """Go on with another set, of which as many rows are shown as now, or as it has."""
        self._draft, in_use = self._examples.draft(self._sets[key]), self._examples.in_use
        use = replace(self._use, set=self._draft.set)
        self._table.cursor = 0
        self._take(replace(use, k=min(in_use.k, use.most) if in_use else 0))
        self._tell("\n".join(self._draft.set.problems[:3]))

    @on(ShotTable.Moved)
    def _moved(self) -> None:
        self._show_row()
        run_beside(self, self._count, "count", exclusive=True)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters and arrows belong to the field that has the focus."""
        fields = (ShotTable, ShotSlider, Select) if action == "sets" else (ShotTable, ShotSlider)
        return action in ("leave", "save") or isinstance(self.focused, fields)

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
        """Take the last change back: the deleting of a set, else that of a row, else that of a set long ago."""
        if self._gone or (self._examples.files.deleted and not self._draft.before):
            self.action_sets("undo")
        else:
            self._edit(self._draft.undone())

    def action_sets(self, verb: SetVerb) -> None:
        """Do something with the sets and their files."""
        run_beside(self, partial(self._do, verb), "sets")

    async def _do(self, verb: SetVerb) -> None:
        """Do it, list the sets anew, and go on with the one that it was about, or another where that is gone."""
        try:
            changed = await SetFiles(self.app, self._examples.files).do(verb, self._draft.set)
        except LlmlabError as error:
            self._tell(str(error))
            return
        if changed is None:
            return
        self._sets = {shots.key: shots for shots in await self._examples.sets()}
        key = changed.key if changed.key in self._sets else next(iter(self._sets))
        select = self.query_one("#set", Select)
        with select.prevent(Select.Changed):
            select.set_options(_set_choices(self._sets.values()))
            select.value = key
        self._choose(key)
        self._gone = verb == "remove"
        self._tell("\n".join(filter(None, [changed.told, *self._draft.set.problems[:3]])))

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
    """Titles and names, with the language where it is not that of the interface."""
    own = current_language()
    return [
        (f"{visible_line(shots.title)}  {visible_line(shots.name if shots.language == own else shots.key)}", shots.key)
        for shots in sets
    ]


def _price(use: ShotUse, tokens: int | None) -> str:
    """What the examples of a use take, and what chose them."""
    if not use.k:
        return say("none are sent")
    told = (
        say("tokens are counted once the model is ready") if tokens is None else say("+{count:,} tokens", count=tokens)
    )
    return told + (say(", nearest by {model}", model=use.ranked_by) if use.ranked_by else "")


def _keys() -> str:
    """The keys, in two lines that fit into 80 cells."""
    return "\n".join((
        say("space on/off  enter edit  a add  d delete  shift+↑↓ move  ←→ number  u undo"),
        say("set: n new  c copy  r rename  x delete  ctrl+s to your folder  esc closes"),
    ))  # fmt: skip


def _whole(row: Shot) -> Content:
    """A row in full, as far as there is room."""
    parts = [(say("Input"), row.input), (say("Steps"), row.reasoning), (say("Output"), row.output)]
    lines = [
        Content.assemble((f"{title}: ", "$text-muted"), visible_line(text[:2000])) for title, text in parts if text
    ]
    return Content("\n").join(lines)
