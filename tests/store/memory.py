"""The same chats in plain memory: what the store must be indistinguishable from, and the makers of test values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from llmlab.domain.messages import Chat, ChatSummary, Message, MessageState, Text
from llmlab.errors import StoreError


def make_chat(id_: str = "c", title: str = "", updated: float = 1.0) -> Chat:
    return Chat(id=id_, title=title, created=1.0, updated=updated, model="pocket-m")


def make_message(
    id_: str = "m", parent: str | None = None, text: str = "said", state: MessageState = "done"
) -> Message:
    return Message(id=id_, parent=parent, role="user", parts=(Text(text),), created=2.0, state=state)


@dataclass
class MemoryChats:
    """The verbs of `ChatStore` over a dict."""

    clock: Callable[[], float]
    chats: dict[str, Chat] = field(default_factory=dict)
    deleted: dict[str, float] = field(default_factory=dict)

    def create(self, chat: Chat) -> None:
        if chat.id in self.chats:
            raise StoreError("there")
        self.chats[chat.id] = chat

    def load(self, chat_id: str) -> Chat:
        if chat_id not in self.chats:
            raise StoreError("missing")
        return self.chats[chat_id]

    def list(self, search: str = "", limit: int = 200) -> tuple[ChatSummary, ...]:
        places = list(self.chats)
        shown = [chat for chat in self.chats.values() if chat.id not in self.deleted and _matches(chat, search)]
        shown.sort(key=lambda chat: (-chat.updated, -places.index(chat.id)))
        return tuple(
            ChatSummary(
                id=chat.id,
                title=chat.title,
                created=chat.created,
                updated=chat.updated,
                model=chat.model,
                messages=len(chat.conversation.messages),
            )
            for chat in shown[:limit]
        )

    def save(self, chat_id: str, message: Message) -> None:
        now = self.clock()
        chat = self.load(chat_id)
        try:
            tree = chat.conversation.with_message(message)
        except (KeyError, ValueError) as error:
            raise StoreError("no place") from error
        self.chats[chat_id] = replace(chat, updated=now, conversation=tree)

    def discard(self, chat_id: str, message_id: str) -> None:
        chat = self.load(chat_id)
        if message_id not in chat.conversation.messages:
            raise StoreError("missing")
        gone = {id_ for id_ in chat.conversation.messages if message_id in _ids_to(chat, id_)}
        kept = {id_: one for id_, one in chat.conversation.messages.items() if id_ not in gone}
        chosen = {parent: child for parent, child in chat.conversation.chosen.items() if child not in gone}
        if kept:
            self.chats[chat_id] = replace(chat, conversation=replace(chat.conversation, messages=kept, chosen=chosen))
        else:
            del self.chats[chat_id]
            self.deleted.pop(chat_id, None)

    def choose(self, chat_id: str, parent: str | None, child: str) -> None:
        chat = self.load(chat_id)
        one = chat.conversation.messages.get(child)
        if one is None or one.parent != parent:
            raise StoreError("no such version")
        self.chats[chat_id] = replace(chat, conversation=chat.conversation.choosing(child))

    def rename(self, chat_id: str, title: str) -> None:
        self.chats[chat_id] = replace(self.load(chat_id), title=title)

    def set_model(self, chat_id: str, model: str) -> None:
        self.chats[chat_id] = replace(self.load(chat_id), model=model)

    def set_system(self, chat_id: str, system: str | None) -> None:
        self.chats[chat_id] = replace(self.load(chat_id), system=system)

    def delete(self, chat_id: str) -> None:
        now = self.clock()
        self.load(chat_id)
        self.deleted[chat_id] = now

    def restore(self, chat_id: str) -> None:
        self.load(chat_id)
        self.deleted.pop(chat_id, None)

    def purge(self, before: float) -> int:
        gone = [chat_id for chat_id, when in self.deleted.items() if when < before]
        for chat_id in gone:
            del self.chats[chat_id], self.deleted[chat_id]
        return len(gone)


def _ids_to(chat: Chat, message_id: str) -> set[str]:
    return {step.id for step in chat.conversation.path_to(message_id)}


def _matches(chat: Chat, search: str) -> bool:
    words = search.lower().split()
    texts = [chat.title, *(message.text for message in chat.conversation.messages.values())]
    return any(all(word in text.lower() for word in words) for text in texts)
