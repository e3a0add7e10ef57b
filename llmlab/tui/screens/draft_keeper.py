"""Each chat keeps what is being written in it, while others are shown and when llmlab ends."""

from __future__ import annotations

from llmlab.errors import LlmlabError
from llmlab.tui.screens.answers import Answers
from llmlab.tui.screens.picture import Picture


class DraftKeeper:
    """Hears of every change of the composer and of every turn to another chat."""

    def __init__(self, picture: Picture, answers: Answers) -> None:
        self._picture, self._answers = picture, answers
        self._desk = picture.desk
        self._kept: dict[str, str] = {}
        self._chat_id = self._desk.chat.id
        """The chat whose draft stands in the composer."""
        self._loaded = False
        self._warned = False

    @property
    def _place(self) -> str:
        """What the draft is kept under: the chat, or nothing for one without messages, which is not stored."""
        return self._desk.chat.id if self._desk.chat.conversation.messages else ""

    def begin(self) -> None:
        """Bring back what was being written when llmlab ended."""
        self._picture.work(self._begin, "drafts")

    async def _begin(self) -> None:
        try:
            self._kept = await self._desk.services.chats.drafts.all()
        except LlmlabError:
            # The list of chats reads the same file and tells it.
            self._kept = {}
        self._loaded, self._chat_id = True, self._desk.chat.id
        if (mine := self._kept.get(self._place, "")) and not self._answers.editing:
            # What was typed since the start stays, behind it.
            self._picture.composer.take_back(mine)
        self.note()

    def note(self) -> None:
        """What stands in the composer has changed."""
        if not self._loaded or self._answers.editing or self._chat_id != self._desk.chat.id:
            return
        place, text = self._place, self._picture.composer.draft
        if text == self._kept.get(place, ""):
            return
        self._kept[place] = text
        problem = self._desk.services.chats.drafts.keep(place, text)
        if problem is not None and not self._warned:
            self._picture.tell_problem(problem)
        self._warned = problem is not None

    def turned(self) -> None:
        """A chat is shown; when it is another one, its draft stands in the composer."""
        if self._chat_id == self._desk.chat.id:
            return
        self._chat_id = self._desk.chat.id
        self._answers.cancel_edit()
        mine, composer = self._kept.get(self._place, ""), self._picture.composer
        # Until it is known what was being written, what is typed goes along.
        if self._loaded and mine != composer.draft:
            composer.set_draft(mine)
