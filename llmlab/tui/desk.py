"""The lab's desk: the open chat, the recipe, and the answers that run. Knows no widget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from llmlab.domain.generation import Turn
from llmlab.domain.messages import Chat, Conversation, Message, history_of
from llmlab.domain.model import ModelSpec
from llmlab.domain.modes import ReasoningUse
from llmlab.domain.reading import ReadingUse
from llmlab.domain.recipe import OverflowPolicy, Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.shots import ShotUse
from llmlab.domain.template import TemplateUse
from llmlab.errors import LlmlabError, UsageError
from llmlab.services.preview import Prepared
from llmlab.tui.services import Change, LabServices
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is coming, or the last one that came, in a chat."""

    message_id: str = ""
    """Empty until its first change."""
    turn: Turn = field(default_factory=Turn)
    running: bool = True
    done: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nothing of it runs any more, a moment after its turn has ended."""


class Desk:
    """Holds the values; every verb replaces them and leaves the drawing to the screen."""

    def __init__(self, services: LabServices, *, sampling: Sampling, thinking: bool | None) -> None:
        self.services = services
        self.spec: ModelSpec | None = None
        """The model that answers next."""
        self.sampling = sampling
        self.thinking = thinking
        self.reasoning: ReasoningUse | None = None
        self.shots: ShotUse | None = None
        self._template: TemplateUse | None = None
        self._unshaped = ""
        """Key of the template whose schema answers do not follow, since the recipe that was taken does without it."""
        self.reading: ReadingUse | None = None
        self.overflow: OverflowPolicy = "ask"
        self.keep_thinking = False
        """Earlier thinking is shown to the model again."""
        self.grammar: str | None = None
        self.schema: str | None = None
        """The shape of answers: one of the two at most."""
        self.chat: Chat = services.chats.new("")
        self.answers: dict[str, Answer] = {}
        """By chat: the answer that runs, or the last one of this session."""
        self.asked_with: dict[str, Recipe] = {}
        """By chat: the recipe of its last answer in this session."""
        self.deleted: list[tuple[str, str]] = []
        """Id and title of chats deleted in this session, the last one last."""

    @property
    def template(self) -> TemplateUse | None:
        """The prompt template; its schema shapes answers unless the recipe that it came with does without."""
        return self._template

    @template.setter
    def template(self, use: TemplateUse | None) -> None:
        if use is None or use.template.key != self._unshaped:
            self._unshaped = ""
        self._template = use

    @property
    def path(self) -> tuple[Message, ...]:
        """The messages that are shown."""
        return self.chat.conversation.path()

    @property
    def answer(self) -> Answer | None:
        """The answer of the open chat, running or ended."""
        return self.answers.get(self.chat.id)

    @property
    def answering(self) -> bool:
        """An answer runs in the open chat."""
        answer = self.answer
        return answer is not None and answer.running and not answer.turn.ended

    async def require_quiet(self) -> None:
        """Make sure that no answer runs in the open chat; one that has just ended is waited for.

        Raises:
            UsageError: one is being written.
        """
        if self.answering:
            raise UsageError(say("An answer is being written."), hint=say("Press esc to stop it first."))
        if self.answer is not None and self.answer.running:
            await self.answer.done.wait()

    def recipe(self) -> Recipe:
        """What the next answer depends on besides the conversation.

        Raises:
            UsageError: no model is chosen.
        """
        if self.spec is None:
            raise UsageError(say("No model is chosen."), hint=say("Press F5 to choose one."))
        shape = self.schema
        if shape is None and self.grammar is None and self.template is not None and not self._unshaped:
            shape = self.template.template.schema or None
        return Recipe(
            model=self.spec,
            system=self.chat.system,
            sampling=self.sampling,
            thinking=self.thinking,
            reasoning=self.reasoning,
            reading=self.reading,
            template=self.template,
            shots=self.shots,
            grammar=self.grammar,
            schema=shape,
            overflow=self.overflow,
            keep_thinking=self.keep_thinking,
        )

    def take_recipe(self, recipe: Recipe) -> None:
        """Go on with the parts of `recipe`; its model is loaded by whoever calls."""
        self.chat = replace(self.chat, system=recipe.system)
        self.sampling, self.thinking, self.reasoning = recipe.sampling, recipe.thinking, recipe.reasoning
        self.shots, self.grammar, self.template = recipe.shots, recipe.grammar, recipe.template
        self.reading = recipe.reading
        self.overflow, self.keep_thinking = recipe.overflow, recipe.keep_thinking
        template = recipe.template.template if recipe.template is not None else None
        by_template = template is not None and recipe.schema == template.schema
        self.schema = None if by_template else recipe.schema
        free = recipe.schema is None and recipe.grammar is None
        self._unshaped = template.key if template is not None and template.schema and free else ""

    def versions(self) -> dict[str, tuple[int, int]]:
        """For each shown message that has others in its place: which one it is, and of how many, from 1."""
        tree = self.chat.conversation
        siblings: dict[str | None, list[str]] = {}
        for message in tree.messages.values():
            siblings.setdefault(message.parent, []).append(message.id)
        return {
            message.id: (siblings[message.parent].index(message.id) + 1, len(siblings[message.parent]))
            for message in self.path
            if len(siblings[message.parent]) > 1
        }

    def message(self, message_id: str) -> Message | None:
        """A message of the open chat."""
        return self.chat.conversation.messages.get(message_id)

    def last_answer(self) -> Message | None:
        """The last answer that is shown."""
        return next((message for message in reversed(self.path) if message.role == "assistant"), None)

    def new_chat(self, system: str | None = None) -> None:
        """Put an empty chat on the desk."""
        self.chat = self.services.chats.new(self.spec.name if self.spec else "", system)

    async def open_chat(self, chat_id: str) -> None:
        """Put a stored chat on the desk."""
        if chat_id == self.chat.id:
            return
        chat = await self.services.chats.open(chat_id)
        self.chat = chat

    async def delete_chat(self, chat_id: str, title: str) -> None:
        """Delete a chat; the desk shows an empty one when it was open."""
        await self.services.chats.delete(chat_id)
        self.deleted.append((chat_id, title))
        if chat_id == self.chat.id:
            self.new_chat()

    async def undo_delete(self) -> str:
        """Bring the last deleted chat back and open it; its title."""
        chat_id, title = self.deleted[-1]
        await self.services.chats.restore(chat_id)
        self.deleted.pop()
        await self.open_chat(chat_id)
        return title

    def begin_answer(self) -> Chat:
        """An answer was asked for in the open chat: what `follow` goes back to when none can begin."""
        self.answers[self.chat.id] = Answer()
        if self.spec is not None:
            self.asked_with[self.chat.id] = self.recipe()
        return self.chat

    async def follow(self, chat: Chat, changes: AsyncGenerator[Change, None], took: Callable[[Change], None]) -> None:
        """Take every change of the answer that `begin_answer` announced for `chat`; `took` is called after each.

        Raises:
            LlmlabError: no answer could begin; the desk holds `chat` again, if it is still open.
        """
        answer = self.answers[chat.id]
        try:
            async with aclosing(changes):
                async for change in changes:
                    answer = self.answers[chat.id] = replace(answer, message_id=change.message_id, turn=change.turn)
                    if chat.id == self.chat.id:
                        self.chat = _with_change(self.chat, change)
                    took(change)
        except LlmlabError:
            self.answers.pop(chat.id, None)
            if self.chat.id == chat.id:
                self.chat = replace(self.chat, title=chat.title, conversation=chat.conversation)
            raise
        finally:
            if chat.id in self.answers:
                self.answers[chat.id] = replace(answer, running=False)
            answer.done.set()

    async def prepared(self, draft: str) -> Prepared | None:
        """The prompt with `draft` as next question; `None` while no model is ready.

        Raises:
            LlmlabError: it cannot be made.
        """
        if self.spec is None:
            return None
        return await self.services.preview.prepared(history_of(self.path), draft, self.recipe())


def _with_change(chat: Chat, change: Change) -> Chat:
    """`chat` as the user has it (title, versions shown), with the messages of `change` added or replaced."""
    tree: Conversation = chat.conversation
    changed = change.chat.conversation
    for message in changed.path_to(change.message_id):
        if message.id not in tree.messages or message.id == change.message_id:
            tree = tree.with_message(message)
    return replace(
        chat,
        title=chat.title or change.chat.title,
        model=change.chat.model,
        updated=change.chat.updated,
        conversation=tree,
    )
