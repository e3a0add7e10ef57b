"""What can be done with the recipe as a whole: see it, compare it, keep it, take another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from llmlab.domain.messages import history_of
from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.domain.terminal import visible
from llmlab.library.recipe_files import is_kept, load_recipe, recipe_folders, save_recipe
from llmlab.services.recipe_codec import decode_kept, encode_recipe
from llmlab.services.votes import past_votes
from llmlab.tui.jobs import run_beside
from llmlab.tui.panes.bench_column import VIEWS, BenchColumn, View
from llmlab.tui.panes.recipe_words import recipe_lines
from llmlab.tui.panes.variants import Shelves, Variant, variants_of
from llmlab.tui.screens.model_keeper import ModelKeeper
from llmlab.tui.screens.picture import Picture
from llmlab.tui.services import Going, RunsScreen
from llmlab.words import current_language, say


class RecipeHands:
    """Acts on the desk's recipe. Dialogs are imported when they are opened."""

    def __init__(self, picture: Picture, models: ModelKeeper, change_settings: Callable[..., None]) -> None:
        self._picture = picture
        self._models = models
        self._change_settings = change_settings
        self._make_runs: RunsScreen | None = None

    def turn_bench(self, view: View | None = None) -> None:
        """Show a view of the column at the right; without one the next, and after the last fold the column away."""
        screen = self._picture.screen
        column = screen.query_one(BenchColumn)
        if view is None:
            following = VIEWS.index(column.view) + 1 if column.display else 0
            if following == len(VIEWS):
                screen.remove_class("--bench")
                screen.add_class("--unbenched")
                screen.set_focus(self._picture.composer)
                return
            view = VIEWS[following]
        screen.remove_class("--unbenched")
        screen.add_class("--bench")
        column.turn_to(view)

    @property
    def prompt(self) -> str | None:
        """The text that would be sent now; `None` while it is not known."""
        return self._picture.screen.query_one(BenchColumn).prompt

    async def open_sampling(self) -> None:
        """Show every sampler setting."""
        from llmlab.tui.panes.sampling import SamplingPane

        desk, check = self._picture.desk, self._picture.desk.services.shape.check

        async def checked(grammar: str | None, schema: str | None, logit_bias: str) -> None:
            await check(desk.recipe(), grammar, schema, logit_bias)

        pane = SamplingPane(desk.sampling, desk.grammar, desk.schema, checked)
        if (shaped := await self._picture.screen.app.push_screen_wait(pane)) is not None:
            desk.grammar, desk.schema, desk.sampling = shaped.grammar, shaped.schema, shaped.sampling
            self._change_settings(sampling=shaped.sampling)

    def open_compare(self, question: str) -> None:
        """Show recipes side by side; an empty question is the draft, else the last one asked."""
        from llmlab.tui.panes.compare_card import card_screen
        from llmlab.tui.screens.compare import CompareScreen

        desk, services = self._picture.desk, self._picture.desk.services
        path = desk.path
        last = next((place for place in reversed(range(len(path))) if path[place].role == "user"), None)
        draft = question or self._picture.composer.draft
        history = path if draft.strip() or last is None else path[:last]
        asked = draft if draft.strip() or last is None else path[last].text

        async def variants(recipe: Recipe) -> Sequence[Variant]:
            shelves = Shelves(
                models=services.shelf.models(),
                modes=services.reasoning.good(),
                sets=await asyncio.to_thread(lambda: services.open_shots().good()),
                templates=await asyncio.to_thread(lambda: services.open_templates().good()),
            )
            return variants_of(recipe, shelves, current_language())

        async def past(recipes: Sequence[Recipe]) -> Sequence[int]:
            return await asyncio.to_thread(past_votes, services.paths.votes, recipes)

        def taken(recipe: Recipe | None) -> None:
            run_beside(self._picture.screen, services.comparing.close, "end compared models")
            if recipe is not None:
                self.take_recipe(recipe)

        recipes, told = [desk.recipe()], history_of(history)
        card = partial(card_screen, services.comparing, services.hashes, told)
        screen = CompareScreen(services.comparing, recipes, told, asked, variants, services.tally, past, card)
        self._picture.screen.app.push_screen(screen, taken)

    async def open_runs(self, start: str) -> None:
        """Show the runs of experiments; with `start`, run the experiment of this name."""
        desk = self._picture.desk
        if self._make_runs is None:
            self._make_runs = await asyncio.to_thread(desk.services.open_runs)

        def taken(going: Going | None) -> None:
            if going is not None:
                self.take_recipe(going.recipe)
                self._picture.composer.set_draft(going.question)
                if going.remark:
                    self._picture.tell(visible(going.remark), severity="warning")
            elif desk.spec is not None and self._displaced(desk.spec):
                self._models.load(desk.spec)

        self._picture.screen.app.push_screen(self._make_runs(start), taken)

    def _displaced(self, spec: ModelSpec) -> bool:
        """Whether a run has put its own model in place of `spec`, or has loaded that in another way."""
        services = self._picture.desk.services
        state = services.host.state
        if state.model not in ("", spec.name):
            return True
        return state.phase in ("ready", "loading") and services.reader.loaded(services.host, spec) is None

    def keep_recipe(self, name: str, recipe: Recipe) -> str:
        """Keep a recipe under a name, in place of an older one; where it lies."""
        about = [f"{line.title}: {line.text}" for line in recipe_lines(recipe)]
        folder = self._picture.desk.services.paths.recipes
        return str(save_recipe(folder, name, encode_recipe(recipe), [recipe.model.name, *about], over=True))

    def has_recipe(self, name: str) -> bool:
        """Whether a recipe is kept under a name."""
        return is_kept(self._picture.desk.services.paths.recipes, name)

    def load_recipe(self, name: str, folder: Path) -> None:
        """Go on with a recipe that was kept, as seen from the working directory `folder`."""
        folders = recipe_folders(self._picture.desk.services.paths.config, folder)
        self.take_recipe(decode_kept(load_recipe(folders, name)))

    def take_recipe(self, recipe: Recipe) -> None:
        """Go on with `recipe`."""
        self._picture.desk.take_recipe(recipe)
        # Two recipes may name one model and load it in different ways: with another window, cache or chat template.
        if recipe.model != self._picture.desk.spec or self._displaced(recipe.model):
            self._models.load(recipe.model)
        self._picture.tell(say("The lab goes on with this recipe."))
        self._picture.measure()
