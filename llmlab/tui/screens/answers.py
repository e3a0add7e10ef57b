"""From a sent text to its answer: sending, editing, following, and what happens when it cannot begin."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from functools import partial

from textual.widgets import Static

from llmlab.domain.messages import Chat, Message
from llmlab.domain.terminal import pasted, visible_line
from llmlab.errors import LlmlabError, Stopped
from llmlab.services.preview import NoRoom
from llmlab.tui.screens.picture import Picture
from llmlab.tui.services import Change
from llmlab.words import say


class Answers:
    """Starts answers and follows them; holds the message that is being edited."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._desk = picture.desk
        self._edited: Message | None = None
        self._set_aside = ""
        self._warned = False
        self.refused: Callable[[NoRoom], None] = picture.tell_problem
        """Is told of a prompt that does not fit although something would make it."""

    @property
    def editing(self) -> bool:
        """A message stands in the composer to be changed."""
        return self._edited is not None

    def start(self, changes: AsyncGenerator[Change, None], *, draft: str = "") -> None:
        """Follow an answer; `draft` returns to the composer when it cannot begin."""
        self._picture.work(partial(self._follow, self._desk.begin_answer(), changes, draft), "answers")
        self._picture.show_status()
        self._picture.screen.refresh_bindings()

    async def take(self, text: str) -> None:
        """What the composer sent: a new question, or a changed message. It goes back when it cannot be sent."""
        desk, edited, chats = self._desk, self._edited, self._desk.services.chats
        try:
            await desk.require_quiet()
            recipe = desk.recipe()
            if edited is not None and edited.role == "assistant":
                desk.chat = await chats.edit_answer(desk.chat, edited.id, text)
        except LlmlabError as error:
            self.put_back(text)
            self._picture.tell_problem(error)
            return
        self._picture.composer.remember(text)
        self._end_edit()
        if edited is None:
            self.start(chats.send(desk.chat, text, recipe), draft=text)
        elif edited.role == "user":
            self.start(chats.edit_question(desk.chat, edited.id, text, recipe), draft=text)
        else:
            self._picture.show_chat()
            self._select_version_of(edited)

    def _select_version_of(self, edited: Message) -> None:
        """Select the message that now stands in the place of `edited`."""
        shown = next((message for message in self._desk.path if message.parent == edited.parent), None)
        self._picture.transcript.select_message(shown.id if shown else None)
        self._picture.screen.set_focus(self._picture.transcript)
        self._picture.tell(say("The answer is changed. Press c to let the model go on from there."))

    async def _follow(self, chat: Chat, changes: AsyncGenerator[Change, None], draft: str) -> None:
        try:
            await self._desk.follow(chat, changes, self._took)
        except LlmlabError as error:
            self.put_back(draft)
            if isinstance(error, NoRoom) and error.prepared.ways and chat.id == self._desk.chat.id:
                self.refused(error)
            elif not isinstance(error, Stopped):
                self._picture.tell_problem(error)
        if chat.id == self._desk.chat.id:
            self._picture.show_chat()
        self._picture.refresh_list()
        self._picture.screen.refresh_bindings()

    def _took(self, change: Change) -> None:
        """The desk holds one more change."""
        if change.unsaved is not None and not self._warned:
            self._picture.tell_problem(change.unsaved)
        self._warned = change.unsaved is not None
        if change.chat.id == self._desk.chat.id:
            self._picture.show_change(change)
        if change.turn.ended and change.turn.problem is not None:
            problem = change.turn.problem
            self._picture.tell_problem(LlmlabError(problem.what, where=problem.where, hint=problem.hint))

    def put_back(self, text: str) -> None:
        """Return a text that was not sent to the composer, before what was typed meanwhile."""
        if text:
            self._picture.composer.take_back(text)

    def begin_edit(self, message: Message) -> None:
        """Put `message` into the composer; what stood there waits."""
        composer = self._picture.composer
        if self._edited is None:
            self._set_aside = composer.draft
        self._edited = message
        composer.set_draft(pasted(message.text))
        self._picture.screen.set_focus(composer)
        what = say("Changing your question") if message.role == "user" else say("Changing the answer")
        keys = (
            say("enter asks it on a new branch") if message.role == "user" else say("enter keeps it as a new version")
        )
        line = say("{what}: {keys}, esc leaves it", what=what, keys=keys)
        self._banner(visible_line(line))

    def cancel_edit(self) -> bool:
        """Leave the message as it was; False when none is being changed."""
        if self._edited is None:
            return False
        self._end_edit()
        return True

    def _end_edit(self) -> None:
        if self._edited is not None:
            self._edited = None
            self._picture.composer.set_draft(self._set_aside)
            self._set_aside = ""
            self._banner("")

    def _banner(self, text: str) -> None:
        banner = self._picture.screen.query_one("#banner", Static)
        banner.update(text)
        banner.display = bool(text)
