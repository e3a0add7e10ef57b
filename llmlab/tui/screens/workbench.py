"""The lab as commands see it: each wish goes to the hand that can fulfil it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from functools import partial

from textual.screen import Screen

from llmlab.domain.budget import WayOut
from llmlab.domain.card import Card
from llmlab.domain.messages import Message
from llmlab.domain.model import BadModel, ModelSpec
from llmlab.errors import LlmlabError
from llmlab.services.preview import NoRoom, Prepared
from llmlab.tui.commands import fit_acts
from llmlab.tui.commands.lab import Severity
from llmlab.tui.commands.table import BY_ID, keys_of
from llmlab.tui.desk import Desk
from llmlab.tui.examples import Examples
from llmlab.tui.modes import ReasoningModes
from llmlab.tui.panes.reasoning_words import Chosen
from llmlab.tui.screens.answers import Answers
from llmlab.tui.screens.document_hands import DocumentHands
from llmlab.tui.screens.draft_keeper import DraftKeeper
from llmlab.tui.screens.model_keeper import ModelKeeper
from llmlab.tui.screens.picture import Picture
from llmlab.tui.screens.recipe_hands import RecipeHands
from llmlab.tui.services import Change, LabServices
from llmlab.tui.start import SettingsFile, Wish
from llmlab.tui.suggestions import Suggestions
from llmlab.tui.templates import Templates
from llmlab.tui.widgets.hints import key_name
from llmlab.words import say


class Workbench:
    """`commands.lab.Lab` over one screen. Dialogs are imported when they are opened: the first frame needs none."""

    def __init__(
        self,
        screen: Screen[None],
        services: LabServices,
        settings: SettingsFile,
        wish: Wish,
        apply: Callable[[], None],
    ) -> None:
        now = settings.current
        self.settings = settings
        self.wish = wish
        self.desk = Desk(services, sampling=now.sampling, thinking=now.thinking)
        self.examples = Examples(self.desk)
        self.templates = Templates(self.desk)
        self.modes = ReasoningModes(self.desk)
        self.suggestions = Suggestions(self.desk, self.examples)
        self.picture = Picture(screen, self.desk)
        self.picture.keys = {command_id: self.key_of(command_id) for command_id in BY_ID}
        self.answers = Answers(self.picture)
        self.answers.refused = self._refused
        self.documents = DocumentHands(self.picture)
        self.drafts = DraftKeeper(self.picture, self.answers)
        self.picture.took, self.picture.drew = self.documents.took, self._drew
        self.models = ModelKeeper(self.picture, settings)
        self.recipes = RecipeHands(self.picture, self.models, self.change_settings)
        self._screen = screen
        self._apply = apply

    @property
    def selected(self) -> Message | None:
        """The message that is selected in the transcript."""
        return self.desk.message(self.picture.transcript.selected_message or "")

    @property
    def highlighted_chat(self) -> tuple[str, str] | None:
        """Id and title of the chat under the cursor of the list, when the list has the focus."""
        return self.picture.list.highlighted

    @property
    def draft(self) -> str:
        """What is being written."""
        return self.picture.composer.draft

    def key_of(self, command_id: str) -> str:
        """The key that runs a command, the user's own in place of the default."""
        return key_name(next(iter(keys_of(BY_ID[command_id], self.settings.current.keymap)), ""))

    async def run_action(self, action: str) -> None:
        """Run one of Textual's own actions."""
        await self._screen.run_action(action)

    def tell(self, text: str, *, title: str = "", severity: Severity = "information") -> None:
        """Show a short message that goes away by itself."""
        self.picture.tell(text, title=title, severity=severity)

    def copy(self, text: str) -> None:
        """Put `text` on the clipboard."""
        self._screen.app.copy_to_clipboard(text)

    def show_chat(self) -> None:
        """Draw the desk's chat anew."""
        self.picture.show_chat()

    def refresh_list(self) -> None:
        """Read the list of chats again."""
        self.picture.refresh_list()

    async def open_chat(self, chat_id: str) -> None:
        """Put a stored chat on the desk and write on in it."""
        self.answers.cancel_edit()
        await self.desk.open_chat(chat_id)
        self.show_chat()
        self.select(None)
        self.refresh_list()

    def select(self, message_id: str | None) -> None:
        """Select a message and give the transcript the focus; `None` gives it back to the composer."""
        self._screen.remove_class("--list")
        self.picture.transcript.select_message(message_id)
        self._screen.set_focus(self.picture.composer if message_id is None else self.picture.transcript)

    def start_answer(self, changes: AsyncGenerator[Change, None], *, draft: str = "") -> None:
        """Follow an answer; `draft` returns to the composer when it cannot begin."""
        self.answers.start(changes, draft=draft)

    def _drew(self) -> None:
        self.drafts.turned()
        self.documents.check()

    def begin_edit(self, message: Message) -> None:
        """Put a message into the composer to be changed."""
        self.answers.begin_edit(message)

    def leave(self) -> bool:
        """Take one step back: an edit, a search, a selection; False when there was none."""
        stepped = self.answers.cancel_edit()
        if not stepped and self.picture.list.has_focus_within:
            stepped = True
            if self.picture.list.clear_search():
                return True
        if not stepped:
            stepped = self.selected is not None
        self.select(None)
        return stepped

    def load_model(self, spec: ModelSpec) -> None:
        """Make `spec` the model of the lab and start to load it."""
        self.models.load(spec)

    async def pick_model(self) -> ModelSpec | BadModel | None:
        """A model from the user; `None` when they do not want to."""
        return await self.models.pick()

    def change_settings(self, **values: object) -> None:
        """Set, keep and apply the user's settings."""
        try:
            self.settings.change(**values)
        except LlmlabError as error:
            self.picture.tell_problem(error)
        now = self.settings.current
        self.desk.sampling, self.desk.thinking = now.sampling, now.thinking
        self.picture.transcript.thinking_shown = now.show_thinking
        self._apply()
        self.show_chat()

    def toggle_thinking(self) -> None:
        """Fold or unfold the thinking of all answers."""
        transcript = self.picture.transcript
        transcript.thinking_shown = not transcript.thinking_shown
        self.tell(say("Thinking is shown.") if transcript.thinking_shown else say("Thinking is folded away."))

    def search_chats(self, text: str) -> None:
        """Show the list of chats and search in it."""
        self._screen.add_class("--list")
        self._screen.remove_class("--folded")
        self.picture.list.begin_search(text)

    def toggle_list(self) -> None:
        """Fold or unfold the list: beside the chat where there is room, else in its place."""
        single = self._screen.has_class("-single")
        self._screen.toggle_class("--list" if single else "--folded")
        if self._screen.has_class("--list") if single else not self._screen.has_class("--folded"):
            self.picture.list.focus_chats()
        else:
            self._screen.set_focus(self.picture.composer)

    def show_card(self, message: Message, card: Card) -> None:
        """Show what an answer came from."""
        from llmlab.tui.screens.card import CardScreen

        chat, services = self.desk.chat, self.desk.services
        again = partial(services.again.run, chat, message.id)
        self._screen.app.push_screen(CardScreen(card, again, partial(services.hashes.of, card.file, card.file_mark)))

    async def ask_line(self, question: str, value: str = "") -> str | None:
        """One line from the user; `None` when they do not want to."""
        from llmlab.tui.screens.line import LineDialog

        return await self._screen.app.push_screen_wait(LineDialog(question, value))

    async def ask_text(self, question: str, value: str = "") -> str | None:
        """A text of several lines from the user; `None` when they do not want to."""
        from llmlab.tui.screens.line import TextDialog

        return await self._screen.app.push_screen_wait(TextDialog(question, value))

    async def pick_reasoning(self) -> Chosen | None:
        """A reasoning mode from the user; `None` when they leave it as it was."""
        from llmlab.tui.panes.reasoning import ReasoningPane

        found = await self.modes.all()
        now, problems, remarks = self.desk.reasoning, self.modes.problems(), self.modes.remarks
        pane = ReasoningPane(found, now, problems, remarks, can_think=self.modes.can_think)
        return await self._screen.app.push_screen_wait(pane)

    async def pick_way(self, prepared: Prepared, why: str = "") -> WayOut | None:
        """A way out of a prompt that does not fit, from the user; `None` when they want none."""
        from llmlab.tui.panes.ways_out import WaysOut

        return await self._screen.app.push_screen_wait(WaysOut(prepared, why))

    def _refused(self, error: NoRoom) -> None:
        self.picture.work(partial(self._find_room, error), "commands")

    async def _find_room(self, error: NoRoom) -> None:
        if (way := await self.pick_way(error.prepared, error.what)) is not None:
            fit_acts.take(self, way)

    def look_at_examples(self) -> None:
        """Read files of prompts that changed again, if any was opened; what is wrong in them is told once."""
        self.picture.work(self._look_at_examples, "examples", exclusive=True)

    async def _look_at_examples(self) -> None:
        known = self.examples.problems() + self.templates.problems()
        changed = await self.examples.look()
        changed = await self.templates.look() or changed
        changed = await self.modes.look() or changed
        new = [one for one in self.examples.problems() + self.templates.problems() if one not in known]
        for problem in (*new, *self.modes.untold()):
            self.tell(problem, severity="warning")
        if changed:
            self.picture.measure()

    async def open_templates(self) -> None:
        """Show the templates pane until it is left."""
        from llmlab.tui.panes.templates import TemplatesPane

        found = await self.templates.all()
        pane = TemplatesPane(self.templates, self.suggestions, found, self.picture.composer.draft)
        await self._screen.app.push_screen_wait(pane)
        self.picture.measure()

    async def fill_template(self, question: str) -> bool:
        """Whether `question` can be sent; when the template in use still needs values, the pane opens instead."""
        use = self.desk.template
        if use is None or not use.missing(question):
            return True
        names = ", ".join(one.title or one.name for one in use.missing(question))
        self.tell(
            say("The template {name} still needs: {variables}.", name=use.template.title, variables=names),
            severity="warning",
        )
        await self.open_templates()
        self.show_chat()
        return False

    async def open_examples(self) -> None:
        """Show the examples pane until it is left."""
        from llmlab.tui.panes.examples import ExamplesPane

        sets = await self.examples.sets()
        reasoning = self.desk.reasoning
        steps = reasoning is not None and reasoning.mode.shot_reasoning
        pane = ExamplesPane(self.examples, sets, self.picture.composer.draft, steps=steps, changed=self.picture.measure)
        await self._screen.app.push_screen_wait(pane)

    def open_settings(self) -> None:
        """Show the settings."""
        from llmlab.tui.screens.settings import SettingsScreen

        self._screen.app.push_screen(SettingsScreen(self.settings, self.change_settings))

    def open_help(self) -> None:
        """Show the keys and commands."""
        from llmlab.tui.screens.help import HelpScreen

        self._screen.app.push_screen(HelpScreen(self.settings.current.keymap))
