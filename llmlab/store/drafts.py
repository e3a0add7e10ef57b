"""What is being written in each chat and was not sent yet."""

from __future__ import annotations

from collections.abc import Mapping

from llmlab.store.codec import clean
from llmlab.store.database import Database


class DraftStore:
    """The drafts of one file of chats. Every method may be called from any thread and raises only `StoreError`.

    A draft goes for good with its chat. That of a chat which is not stored yet has the empty id.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, str]:
        """Every draft, by its chat."""
        with self._database.reading() as connection:
            return dict(connection.execute("SELECT coalesce(chat, ''), text FROM drafts").fetchall())

    def keep(self, drafts: Mapping[str, str]) -> None:
        """Keep drafts in place of those that were there; an empty one, or one of a chat that is gone, is let go.

        Does not wait for the disk.
        """
        with self._database.writing(durable=False) as connection:
            for chat_id, text in drafts.items():
                chat = chat_id or None
                connection.execute("DELETE FROM drafts WHERE chat IS ?", (chat,))
                if text:
                    connection.execute(
                        "INSERT INTO drafts (chat, text) SELECT :chat, :text"
                        " WHERE :chat IS NULL OR EXISTS (SELECT 1 FROM chats WHERE id = :chat)",
                        {"chat": chat, "text": clean(text)},
                    )
