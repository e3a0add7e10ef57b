"""What a command sees of the lab: the desk, and the few things only a screen can do."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Literal, Protocol

from llmlab.domain.budget import WayOut
from llmlab.domain.card import Card
from llmlab.domain.document import Document
from llmlab.domain.messages import Message
from llmlab.domain.model import BadModel, ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.services.preview import Prepared
from llmlab.tui.desk import Desk
from llmlab.tui.documents import Documents
from llmlab.tui.examples import Examples
from llmlab.tui.modes import ReasoningModes
from llmlab.tui.panes.reasoning_words import Chosen
from llmlab.tui.services import Change
from llmlab.tui.start import SettingsFile, Wish
from llmlab.tui.suggestions import Suggestions
from llmlab.tui.templates import Templates

Severity = Literal["information", "warning", "error"]


class Recipes(Protocol):
    """What can be done with the recipe as a whole."""

    def turn_bench(self) -> None:
        """Show the next view of the column at the right, and after the last fold it away."""

    @property
    def prompt(self) -> str | None:
        """The text that would be sent now; `None` while it is not known."""

    async def open_sampling(self) -> None:
        """Show every sampler setting."""

    def open_compare(self, question: str) -> None:
        """Show recipes side by side; an empty question is the draft, else the last one asked."""

    async def open_runs(self, start: str) -> None:
        """Show the runs of experiments; with `start`, run the experiment of this name."""

    def keep_recipe(self, name: str, recipe: Recipe) -> str:
        """Keep a recipe under a name, in place of an older one; where it lies."""
        ...

    def has_recipe(self, name: str) -> bool:
        """Whether a recipe is kept under a name."""
        ...

    def load_recipe(self, name: str, folder: Path) -> None:
        """Go on with a recipe that was kept, as seen from the working directory `folder`."""


class DocumentVerbs(Protocol):
    """What can be done with documents."""

    @property
    def values(self) -> Documents:
        """The documents."""

    async def show(self) -> None:
        """Show the pane until it is left."""

    async def show_quotes(self, message: Message) -> None:
        """Show where the documents say what an answer quotes."""

    async def open_named(self, typed: str) -> None:
        """Begin to open what was typed: a path, a folder, a pattern, or several paths."""

    async def make_digest(self, document: Document) -> None:
        """Tell what a digest takes, and make it if that is wanted."""

    def close_all(self) -> None:
        """Take every document out of the prompt."""

    def stop(self) -> bool:
        """Open nothing any more; False when nothing was being opened."""
        ...


class Lab(Protocol):
    """The screen, as commands use it."""

    @property
    def desk(self) -> Desk:
        """The values."""

    @property
    def recipes(self) -> Recipes:
        """The recipe as a whole."""

    @property
    def documents(self) -> DocumentVerbs:
        """The documents of the prompt."""

    @property
    def settings(self) -> SettingsFile:
        """The user's settings."""

    @property
    def wish(self) -> Wish:
        """What the command line asked for."""

    @property
    def selected(self) -> Message | None:
        """The message that is selected in the transcript."""

    @property
    def highlighted_chat(self) -> tuple[str, str] | None:
        """Id and title of the chat under the cursor of the list, when the list has the focus."""

    def tell(self, text: str, *, title: str = "", severity: Severity = "information") -> None:
        """Show a short message that goes away by itself."""

    def copy(self, text: str) -> None:
        """Put `text` on the clipboard."""

    def show_chat(self) -> None:
        """Draw the desk's chat anew."""

    def refresh_list(self) -> None:
        """Read the list of chats again."""

    def select(self, message_id: str | None) -> None:
        """Select a message and give the transcript the focus; `None` gives it back to the composer."""

    def start_answer(self, changes: AsyncGenerator[Change, None], *, draft: str = "") -> None:
        """Follow an answer; `draft` returns to the composer when it cannot begin."""

    def begin_edit(self, message: Message) -> None:
        """Put a message into the composer to be changed."""

    def leave(self) -> bool:
        """Take one step back: an edit, a search, a selection; False when there was none."""

    def load_model(self, spec: ModelSpec) -> None:
        """Make `spec` the model of the lab and start to load it."""

    def change_settings(self, **values: object) -> None:
        """Set, keep and apply the user's settings."""

    def search_chats(self, text: str) -> None:
        """Show the list of chats and search in it."""

    def toggle_list(self) -> None:
        """Fold or unfold the list of chats."""

    def toggle_thinking(self) -> None:
        """Fold or unfold the thinking of all answers."""

    async def ask_line(self, question: str, value: str = "") -> str | None:
        """One line from the user; `None` when they do not want to."""
        ...

    async def ask_text(self, question: str, value: str = "") -> str | None:
        """A text of several lines from the user; `None` when they do not want to."""
        ...

    async def pick_model(self) -> ModelSpec | BadModel | None:
        """A model from the user; `None` when they do not want to."""
        ...

    @property
    def draft(self) -> str:
        """What is being written."""

    async def pick_way(self, prepared: Prepared) -> WayOut | None:
        """A way out of a prompt that does not fit, from the user; `None` when they want none."""
        ...

    @property
    def modes(self) -> ReasoningModes:
        """The reasoning modes."""

    async def pick_reasoning(self) -> Chosen | None:
        """A reasoning mode from the user; `None` when they leave it as it was."""
        ...

    @property
    def examples(self) -> Examples:
        """The examples that are shown to the model."""

    @property
    def templates(self) -> Templates:
        """The prompt templates."""

    @property
    def suggestions(self) -> Suggestions:
        """What goes well with a template."""

    async def open_templates(self) -> None:
        """Show the templates pane until it is left."""

    async def open_examples(self) -> None:
        """Show the examples pane until it is left."""

    def open_settings(self) -> None:
        """Show the settings."""

    async def run_action(self, action: str) -> None:
        """Run one of Textual's own actions."""

    def key_of(self, command_id: str) -> str:
        """The key that runs a command, the user's own in place of the default."""
        ...

    def open_help(self) -> None:
        """Show the keys and commands."""

    def show_card(self, message: Message, card: Card) -> None:
        """Show what an answer came from."""
