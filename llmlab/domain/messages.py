"""A conversation as a tree: messages with typed parts, versions of an answer, branches of a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from types import MappingProxyType
from typing import Literal

from llmlab.domain.budget import LeftOut
from llmlab.domain.card import Card
from llmlab.domain.extraction import Vote
from llmlab.domain.generation import FinishReason, Timing, Usage
from llmlab.domain.prompting import ChatMessage, Role
from llmlab.domain.reading import ReadingTold


@dataclass(frozen=True, slots=True)
class Text:
    """What was said."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """What the model wrote inside its thinking block."""

    text: str
    seconds: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer that a later stage looked at again; folded away as thinking is."""

    text: str
    thinking: str = ""
    answer: str = ""
    """Its final answer; empty where none was found."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One of several answers that were drawn for a question."""

    text: str
    thinking: str = ""
    answer: str = ""
    """Its final answer; empty where none was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoned:
    """What a reasoning mode made of what was written: the final answer, and the votes for it."""

    mode: str
    """Its name and language, as files are called."""
    title: str = ""
    """What the mode is called, in its own language."""
    answer: str = ""
    """The final answer; empty where none was found."""
    start: int = 0
    """Where it stands in the text of the message, in characters."""
    end: int = 0
    strict: bool = True
    """The mode's rule found it as it stands; `False`: a flexible reading did."""
    stages: int = 1
    """Answers or parts of one that the model was asked for."""
    votes: tuple[Vote, ...] = ()
    """Where several answers were drawn: how many say the same, most first."""
    wanted: int = 1
    """Answers to draw; while they come, `votes` holds those that ended."""
    silent: int = 0
    """Answers without a final answer."""
    samples: tuple[Sample, ...] = ()
    """The answers that are not the text of the message, in the order in which they were drawn."""
    cut: int = 0
    """Answers whose thinking ended because its budget did."""
    before: str = ""
    """The final answer of the version before; empty where there is none."""

    @property
    def cast(self) -> int:
        """Answers that have ended, where several are drawn."""
        return self.silent + sum(vote.count for vote in self.votes)

    def place_in(self, text: str) -> tuple[int, int] | None:
        """Where the final answer stands in the text of the message, in characters; `None` where that cannot be told.

        Nor where it is the whole text: what says everything points at nothing.
        """
        if not self.answer or text[self.start : self.end] != self.answer or self.answer.strip() == text.strip():
            return None
        return self.start, self.end


Part = Text | Thinking | Draft | Reasoned

MessageState = Literal["done", "writing", "interrupted", "failed"]
"""`writing` is journalled while it streams; one found at start was `interrupted` by the end of the process."""


@dataclass(frozen=True, slots=True)
class Trail:
    """The tokens of an answer that was cut, so that it goes on as if it had not been.

    Its text, cut into tokens anew, may be other ones.
    """

    prompt_hash: str
    """Of the token ids that it was asked with."""
    ids: tuple[int, ...]
    """What was written after them, thinking and stages included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How an answer came about."""

    model: str
    seed: int | None = None
    finish: FinishReason | None = None
    usage: Usage = field(default_factory=Usage)
    timing: Timing = field(default_factory=Timing)
    problem: str = ""
    """Why it failed, for a person; empty when it did not."""
    edited: bool = False
    """A person changed the text."""
    sent: str = ""
    """The question as it was sent, where a template or a reasoning mode put it in other words."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """What a stated policy took out of the prompt so that it fitted."""
    reading: ReadingTold | None = None
    """What of its documents the prompt held."""
    card: Card | None = None
    """Everything that the answer came from; `None` where it was not kept."""
    trail: Trail | None = None
    """For an answer that was cut: its tokens, where they are known."""
    went_on: Trail | None = None
    """For an answer that was continued: the tokens that it went on from, where they were known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One node of the tree."""

    id: str
    parent: str | None
    """The message before it; `None` for a first message."""
    role: Role
    parts: tuple[Part, ...]
    created: float
    """Seconds since the epoch."""
    state: MessageState = "done"
    origin: Origin | None = None
    """For answers alone."""

    @property
    def text(self) -> str:
        """What was said, thinking left out."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def thinking(self) -> str:
        """The thinking, if any."""
        return "".join(part.text for part in self.parts if isinstance(part, Thinking))

    @property
    def drafts(self) -> tuple[Draft, ...]:
        """The answers that a later stage looked at again, the first one first."""
        return tuple(part for part in self.parts if isinstance(part, Draft))

    @property
    def reasoned(self) -> Reasoned | None:
        """What a reasoning mode made of it, if one was on."""
        return next((part for part in self.parts if isinstance(part, Reasoned)), None)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Every message of a chat and which version of each is shown; immutable."""

    messages: Mapping[str, Message] = field(default_factory=lambda: MappingProxyType({}))
    """By id, in the order in which they were made."""
    chosen: Mapping[str | None, str] = field(default_factory=lambda: MappingProxyType({}))
    """The child shown after each message (`None`: the first); the newest where nothing was chosen."""

    def children(self, parent: str | None) -> tuple[Message, ...]:
        """The versions that follow `parent`, oldest first."""
        return tuple(message for message in self.messages.values() if message.parent == parent)

    def versions(self, message_id: str) -> tuple[Message, ...]:
        """`message_id` and its siblings, oldest first.

        Raises:
            KeyError: no such message.
        """
        return self.children(self.messages[message_id].parent)

    def path(self) -> tuple[Message, ...]:
        """The messages that are shown, first to last."""
        newest: dict[str | None, Message] = {message.parent: message for message in self.messages.values()}
        shown: list[Message] = []
        parent: str | None = None
        while parent in newest:
            message = self.messages.get(self.chosen.get(parent, ""), newest[parent])
            if message.parent != parent:
                message = newest[parent]
            shown.append(message)
            parent = message.id
        return tuple(shown)

    def path_to(self, message_id: str) -> tuple[Message, ...]:
        """The messages from the first to `message_id`, itself included.

        Raises:
            KeyError: no such message.
        """
        upwards = [self.messages[message_id]]
        while (parent := upwards[-1].parent) is not None:
            upwards.append(self.messages[parent])
        return tuple(reversed(upwards))

    def with_message(self, message: Message) -> Conversation:
        """The tree with `message` added or replaced; a new one becomes the version shown.

        Raises:
            KeyError: its parent is not in the tree.
            ValueError: it replaces one that has another parent, which could close a circle.
        """
        if message.parent is not None:
            self.messages[message.parent]
        if message.id in self.messages and self.messages[message.id].parent != message.parent:
            raise ValueError(f"message {message.id} cannot move to another parent")
        messages = MappingProxyType({**self.messages, message.id: message})
        if message.id in self.messages:
            return replace(self, messages=messages)
        return Conversation(messages, MappingProxyType({**self.chosen, message.parent: message.id}))

    def choosing(self, message_id: str) -> Conversation:
        """The tree that shows `message_id` among its versions.

        Raises:
            KeyError: no such message.
        """
        parent = self.messages[message_id].parent
        return replace(self, chosen=MappingProxyType({**self.chosen, parent: message_id}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSummary:
    """A chat in a list."""

    id: str
    title: str
    """Empty until the first message gives its first line."""
    created: float
    updated: float
    model: str
    messages: int = 0
    snippet: str = ""
    """Where a search matched, with the match between U+0002 and U+0003."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat that is open."""

    id: str
    title: str
    created: float
    updated: float
    model: str
    """Name of the model it was last used with."""
    system: str | None = None
    """System prompt; `None` is the model's own."""
    conversation: Conversation = field(default_factory=Conversation)


def history_of(path: tuple[Message, ...]) -> tuple[ChatMessage, ...]:
    """The messages of `path` as the model was given them; those without text are left out.

    A question that a template or a reasoning mode had put in other words is what its answer says it was.
    """
    found: list[ChatMessage] = []
    for message, answer in zip_longest(path, path[1:]):
        sent = answer.origin.sent if answer and answer.origin and message.role == "user" else ""
        if text := sent or message.text or message.thinking:
            found.append(ChatMessage(message.role, text if message.text else "", message.thinking))
    return tuple(found)
