"""The recipe at a glance: what each part adds, what it costs in tokens, and how the window is shared."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from llmlab.domain.assembly import SpanOrigin
from llmlab.domain.budget import Budget, WayOut
from llmlab.domain.recipe import Recipe
from llmlab.domain.terminal import visible_line
from llmlab.services.preview import Prepared, left_out_in_words
from llmlab.services.prompt_words import origin_name
from llmlab.tui.panes.prompt_rows import MARKS
from llmlab.tui.panes.recipe_words import RecipeLine, changed_parts, recipe_lines
from llmlab.tui.panes.ways_out import KINDS, act_in_words, too_much_in_words
from llmlab.words import say

STYLES: dict[SpanOrigin, str] = {
    "scaffold": "$foreground 50%", "system": "$text-primary", "template": "$text-secondary", "example": "$text-success",
    "document": "$text-warning", "history": "$foreground 80%", "question": "bold $text-accent", "cue": "$text-error",
    "answer": "italic",
}  # fmt: skip
"""The same as in the prompt view."""
PRICES: dict[str, tuple[SpanOrigin, ...]] = {
    "system": ("system",), "template": ("template",), "shots": ("example",), "reasoning": ("cue",),
    "reading": ("document",),
}  # fmt: skip
"""The origins that a part of the recipe pays for."""


class RecipeView(Widget):
    """A line a part, each opening its pane, and the budget below."""

    DEFAULT_CSS = """
    RecipeView {
        height: 1fr; padding: 0 1; overflow-y: auto;
        link-style: none; link-color: $text-primary; link-background: $background 0%;
        link-style-hover: underline; link-color-hover: $text-primary; link-background-hover: $boost;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._recipe: Recipe | None = None
        self._before: Recipe | None = None
        self._prepared: Prepared | None = None
        self._keys: dict[str, str] = {}

    def show(
        self, recipe: Recipe | None, before: Recipe | None, prepared: Prepared | None, keys: dict[str, str]
    ) -> None:
        """Show a recipe, marked where it differs from that of the answer before, and what its prompt costs."""
        same = prepared is self._prepared and keys is self._keys
        if not same or (self._recipe, self._before) != (recipe, before):
            self._recipe, self._before, self._prepared, self._keys = recipe, before, prepared, keys
            self.refresh()

    def render(self) -> Content:
        """The lines."""
        width = max(20, self.scrollable_content_region.width)
        if self._recipe is None:
            return Content(say("No model is chosen."))
        changed = changed_parts(self._recipe, self._before)
        lines: list[Content] = []
        for line in recipe_lines(self._recipe):
            if line.on or not line.quiet or line.part in changed:
                lines += self._line(line, width, changed=line.part in changed)
        lines.append(Content(""))
        if self._prepared is not None:
            lines += budget_lines(self._prepared, width, self._keys.get("lab.fit", ""))
        else:
            lines.append(Content.styled(say("Sizes are told once the model is ready."), "$text-muted"))
        return Content("\n").join(lines)

    def _line(self, line: RecipeLine, width: int, *, changed: bool) -> list[Content]:
        price = self._price(line.part)
        key = self._keys.get(line.command, "")
        right = "  ".join(part for part in (f"+{price:,}" if price else "", key) if part)
        title = f"{'*' if changed else ' '} {line.title}"
        room = width - cell_len(right) - 14
        text = visible_line(line.text)
        short = Content(text).truncate(max(4, room), ellipsis=True)
        gap = " " * max(1, 12 - cell_len(title))
        left = Content.assemble(
            (title, "bold $text-warning" if changed else "bold"),
            gap,
            short.stylize("$foreground" if line.on else "$text-muted"),
        )
        pad = " " * max(1, width - left.cell_length - cell_len(right))
        whole = Content.assemble(left, pad, (right, "$text-muted"))
        return [whole.stylize(Style.from_meta({"@click": f"screen.do('{line.command}')"}) if key else "")]

    def _price(self, part: str) -> int:
        if self._prepared is None:
            return 0
        return sum(
            section.tokens for section in self._prepared.budget.sections if section.origin in PRICES.get(part, ())
        )


def budget_lines(prepared: Prepared, width: int, key: str = "") -> list[Content]:
    """The window as a bar, its sections with their tokens, and the ways out when they are too many.

    Args:
        prepared: the prompt.
        width: cells of the bar.
        key: what lets one pick a way out; a click on a way takes it.
    """
    budget = prepared.budget
    lines = [_bar(budget, width)]
    lines += [
        Content.assemble(
            (f"{MARKS[section.origin]} ", STYLES[section.origin]),
            (f"{section.tokens:>7,}  ", "$foreground"),
            (origin_name(section.origin), STYLES[section.origin]),
        )
        for section in budget.sections
    ]
    lines.append(
        Content.assemble(
            ("░ ", "$text-muted"), f"{budget.reserved:>7,}  ", (say("set aside for the answer"), "$text-muted")
        )
    )
    lines.append(
        Content.assemble("  ", f"{budget.left:>7,}  ", (say("left of {window:,}", window=budget.window), "$text-muted"))
    )
    if budget.over:
        told = Content.styled(too_much_in_words(prepared), "bold $text-error")
        gap = " " * max(2, width - told.cell_length - cell_len(key))
        lines.append(Content.assemble(told, gap, (key, "$text-muted")) if key and prepared.ways else told)
        lines += [_way_line(way) for way in prepared.ways]
    if left_out := left_out_in_words(prepared.left_out):
        lines.append(Content.styled(left_out, "bold $text-warning"))
    return lines


def _way_line(way: WayOut) -> Content:
    """A way out; a click takes it."""
    name = next(name for name, kind in KINDS.items() if kind == way.kind)
    click = Style.from_meta({"@click": f"screen.do('lab.fit', '{name}')"})
    return Content.assemble("→ ", act_in_words(way)).stylize(click)


def _bar(budget: Budget, width: int) -> Content:
    """Sections, the set-aside answer and the rest, each at least a cell where it is not nothing."""
    parts = [("█", section.tokens, STYLES[section.origin]) for section in budget.sections]
    parts += [("░", budget.reserved, "$text-muted"), ("·", budget.left, "$foreground 30%")]
    cells = _cells([size for _, size, _ in parts], width)
    return Content.assemble(*((mark * count, style) for (mark, _, style), count in zip(parts, cells, strict=True)))


def _cells(sizes: list[int], width: int) -> list[int]:
    """`width` cells shared by sizes, at least one for each that is not 0."""
    whole = max(1, sum(sizes))
    cells: list[int] = []
    for place, size in enumerate(sizes):
        room = width - sum(cells) - sum(later > 0 for later in sizes[place + 1 :])
        cells.append(max(0, min(room, max(1, round(size * width / whole)))) if size else 0)
    # What rounding leaves goes where it is noticed least.
    cells[cells.index(max(cells))] += width - sum(cells)
    return cells
