"""The column at the right: the recipe, the exact prompt, or its tokens, live while one types."""

from __future__ import annotations

from typing import Final, Literal

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from llmlab.domain.recipe import Recipe
from llmlab.services.preview import Prepared
from llmlab.tui.panes.prompt_view import PromptView
from llmlab.tui.panes.recipe_view import RecipeView
from llmlab.words import say

View = Literal["recipe", "prompt", "tokens"]
VIEWS: Final[tuple[View, ...]] = ("recipe", "prompt", "tokens")


class Tabs(Widget):
    """The names of the views; a click shows one."""

    DEFAULT_CSS = """
    Tabs {
        height: 1; padding: 0 1; background: $panel;
        link-style: none; link-color: $text-muted; link-background: $panel;
        link-style-hover: none; link-color-hover: $text; link-background-hover: $boost;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.view: View = "recipe"

    def render(self) -> Content:
        """The names, the one that is shown in bold."""
        names = {"recipe": say("Recipe"), "prompt": say("Prompt"), "tokens": say("Tokens")}
        parts = [
            Content.styled(
                f" {names[view]} ", "bold $text-primary reverse" if view == self.view else "$text-muted"
            ).stylize(Style.from_meta({"@click": f"screen.show_bench('{view}')"}))
            for view in VIEWS
        ]
        return Content(" ").join(parts)


class BenchColumn(Vertical):
    """Shows one of the views."""

    DEFAULT_CSS = """
    BenchColumn {
        width: 46; border-left: solid $foreground 20%;
        & > PromptView, & > RecipeView { display: none; }
        &.-recipe > RecipeView { display: block; }
        &.-prompt > #bench-prompt { display: block; }
        &.-tokens > #bench-tokens { display: block; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._shown: tuple[Recipe | None, Recipe | None, Prepared | None, dict[str, str]] = (None, None, None, {})

    def compose(self) -> ComposeResult:
        """The tabs and every view."""
        yield Tabs()
        yield RecipeView(id="bench-recipe")
        yield PromptView(id="bench-prompt")
        yield PromptView(tokens=True, id="bench-tokens")

    def on_mount(self) -> None:
        """Begin with the recipe."""
        self.turn_to("recipe")

    @property
    def view(self) -> View:
        """The view that is shown."""
        return self.query_one(Tabs).view

    @property
    def prompt(self) -> str | None:
        """The prompt that is shown, or would be; `None` while there is none."""
        prepared = self._shown[2]
        return prepared.prompt.text if prepared is not None else None

    def turn_to(self, view: View) -> None:
        """Show a view."""
        tabs = self.query_one(Tabs)
        tabs.view = view
        tabs.refresh()
        for name in VIEWS:
            self.set_class(name == view, f"-{name}")
        self._fill()

    def show(
        self, recipe: Recipe | None, before: Recipe | None, prepared: Prepared | None, keys: dict[str, str]
    ) -> None:
        """Show what would be sent now."""
        self._shown = (recipe, before, prepared, keys)
        self._fill()

    def _fill(self) -> None:
        """Give the view that is shown what it shows; the others cost nothing."""
        if self.view == "recipe":
            self.query_one(RecipeView).show(*self._shown)
        else:
            self.query_one(f"#bench-{self.view}", PromptView).show(self._shown[2])

    def retell(self) -> None:
        """Speak the language in use."""
        for widget in self.query("*"):
            widget.refresh()
