"""The model of the lab: the first one, swaps, and edits of models.toml while llmlab runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from llmlab.domain.model import BadModel, ModelSpec
from llmlab.domain.terminal import visible
from llmlab.errors import LlmlabError
from llmlab.services.host import HostState
from llmlab.tui.models import first_model, look_at_shelf, to_remember
from llmlab.tui.screens.picture import Picture
from llmlab.tui.start import SettingsFile, Wish


class ModelKeeper:
    """Loads in the background; the screen stays usable all the while."""

    def __init__(self, picture: Picture, settings: SettingsFile) -> None:
        self._picture = picture
        self._desk = picture.desk
        self._settings = settings
        self._told: set[str] = set()
        self.end: Callable[[], None] = lambda: None
        """Follow the engine no more."""

    def begin(self, wish: Wish) -> None:
        """Load the first model, and follow the engine from now on."""
        self.end = self._desk.services.host.subscribe(self._host_changed)
        shelf = self._desk.services.shelf
        for problem in shelf.problems():
            self._picture.tell(visible(problem), severity="warning")
        try:
            known = self._settings.current
            self.load(first_model(shelf, wish.model, known.last_model, known.last_context))
        except LlmlabError as error:
            self._picture.tell_problem(error)

    def load(self, spec: ModelSpec) -> None:
        """Make `spec` the model of the lab and start to load it."""
        self._desk.spec = spec
        self._picture.work(partial(self._load, spec), "load", exclusive=True)

    async def _load(self, spec: ModelSpec) -> None:
        try:
            card = await self._desk.services.host.use(spec)
        except LlmlabError as error:
            if self._desk.spec == spec:
                self._picture.tell_problem(error)
            return
        for note in card.notes:
            if note not in self._told:
                self._told.add(note)
                self._picture.tell(visible(note))
        try:
            name, context = to_remember(self._desk.services.shelf, spec)
            self._settings.change(last_model=name, last_context=context)
            if self._desk.chat.model != spec.name:
                self._desk.chat = await self._desk.services.chats.set_model(self._desk.chat, spec.name)
        except LlmlabError as error:
            self._picture.tell_problem(error)

    async def pick(self) -> ModelSpec | BadModel | None:
        """A model from the user; `None` when they do not want to.

        Raises:
            LlmlabError: what they typed is no model.
        """
        from llmlab.tui.screens.picker import ModelPicker

        desk = self._desk
        shelf = desk.services.shelf
        picker = ModelPicker(shelf.models(), desk.spec.name if desk.spec else "", shelf.fit)
        picked = await self._picture.screen.app.push_screen_wait(picker)
        return shelf.find(picked) if isinstance(picked, str) else picked

    def look(self) -> None:
        """See whether models.toml was edited."""
        self._picture.work(self._look, "models.toml", exclusive=True)

    async def _look(self) -> None:
        news = await look_at_shelf(self._desk.services.shelf, self._desk.spec)
        if news is None:
            return
        if news.spec is not None:
            # An answer that runs goes on with the recipe that it was asked with.
            self._desk.spec = news.spec
        elif self._desk.spec is None:
            self.begin_again()
        self._picture.tell(
            visible(news.sentence), title="models.toml", severity="warning" if news.problems else "information"
        )
        self._picture.measure()

    def begin_again(self) -> None:
        """Load the default now that there may be one."""
        try:
            self.load(self._desk.services.shelf.default())
        except LlmlabError:
            # What is wrong was told with the news.
            return

    def _host_changed(self, state: HostState) -> None:
        self._picture.show_status()
        if state.phase == "ready":
            self._picture.measure()
        elif state.phase == "dead" and state.problem is not None and state.card is not None:
            self._died(state.problem)

    def _died(self, problem: LlmlabError) -> None:
        """A model that was ready is gone; an answer that it was writing tells it itself."""
        if not any(answer.running for answer in self._desk.answers.values()):
            self._picture.tell_problem(problem)
