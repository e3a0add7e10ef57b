"""Search in titles and messages: a trigram index where SQLite has one, a plain scan for what it cannot find."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MATCH_START: Final = "\x02"
MATCH_END: Final = "\x03"

_INDEXED_LENGTH: Final = 3
"""Shorter words, the rule in Chinese, have no trigram."""
_LONGEST_QUERY: Final = 256
_BEFORE: Final = 24
_AFTER: Final = 72


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for: a title or a message matches when it holds every word."""

    words: tuple[str, ...]
    """In lower case."""

    @classmethod
    def parse(cls, text: str) -> Query:
        """The words of what a person typed; of a huge paste, its beginning."""
        return cls(tuple(dict.fromkeys(text.replace("\0", " ")[:_LONGEST_QUERY].lower().split())))

    def holds(self, text: str) -> bool:
        """`text` has every word."""
        return all(holds(text, word) for word in self.words)

    def snippet(self, text: str) -> str:
        """The first match with what stands around it, the match between U+0002 and U+0003, on one line."""
        flat = " ".join(text.replace(MATCH_START, " ").replace(MATCH_END, " ").split())
        folded, offsets = _fold(flat)
        phrase = " ".join(self.words)
        needle = phrase if phrase in folded else next((word for word in self.words if word in folded), "")
        if not needle:
            return flat[: _BEFORE + _AFTER]
        at = folded.index(needle)
        start, end = offsets[at], offsets[at + len(needle) - 1] + 1
        left, right = max(0, start - _BEFORE), min(len(flat), end + _AFTER)
        before = ("…" if left else "") + flat[left:start]
        after = flat[end:right] + ("…" if right < len(flat) else "")
        return f"{before}{MATCH_START}{flat[start:end]}{MATCH_END}{after}"


def holds(text: str, word: str) -> bool:
    """`text` has `word`, which is in lower case; upper and lower case are one."""
    # Chinese has no case: looking before folding saves the copy.
    return word in text or word in text.lower()


class SearchIndex:
    """The FTS5 trigram index beside the messages of one connection.

    Messages that it does not hold (an answer that still streams, or one saved by a build of SQLite without trigrams)
    carry `indexed = 0` and are scanned.
    """

    def __init__(self, connection: sqlite3.Connection, *, wanted: bool = True) -> None:
        connection.create_function("holds", 2, holds, deterministic=True)
        self.available = wanted and _make_index(connection)

    def put(self, connection: sqlite3.Connection, number: int, text: str) -> None:
        """Index message `number`; inside the caller's transaction."""
        if self.available:
            connection.execute("DELETE FROM message_index WHERE rowid = ?", (number,))
            connection.execute("INSERT INTO message_index (rowid, text) VALUES (?, ?)", (number, text))
            connection.execute("UPDATE messages SET indexed = 1 WHERE number = ?", (number,))

    def drop(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
        """Forget messages; inside the caller's transaction."""
        if self.available:
            connection.executemany("DELETE FROM message_index WHERE rowid = ?", [(number,) for number in numbers])

    def found(self, query: Query) -> tuple[str, dict[str, object]]:
        """SQL for the rows `(chat, number)` that match, `number` null for a title; and its named values."""
        values: dict[str, object] = {f"word{at}": word for at, word in enumerate(query.words)}
        every = " AND ".join(f"holds({{column}}, :word{at})" for at in range(len(query.words)))
        long = [word for word in query.words if len(word) >= _INDEXED_LENGTH] if self.available else []
        # The index narrows down by the long words; the scan of its few finds settles the short ones and the case rules
        # in which SQLite and Python differ.
        scanned = f"SELECT chat, number FROM messages WHERE {every.format(column='text')}"
        if long:
            values["match"] = " ".join('"' + word.replace('"', '""') + '"' for word in long)
            scanned += (
                " AND indexed = 0 UNION ALL SELECT chat, number FROM messages WHERE indexed = 1 AND number IN"
                f" (SELECT rowid FROM message_index WHERE message_index MATCH :match) AND {every.format(column='text')}"
            )
        titles = f"SELECT id, NULL FROM chats WHERE {every.format(column='title')}"
        return f"{scanned} UNION ALL {titles}", values


def _make_index(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("CREATE VIRTUAL TABLE IF NOT EXISTS message_index USING fts5 (text, tokenize = 'trigram')")
        connection.execute("SELECT rowid FROM message_index LIMIT 0")
    except sqlite3.OperationalError as error:
        if any(sign in str(error) for sign in ("no such module", "no such tokenizer", "error in tokenizer")):
            return False
        raise
    return True


def _fold(text: str) -> tuple[str, list[int]]:
    """`text` in lower case, and for each character of that its place in `text`: lowering may lengthen (İ)."""
    folded: list[str] = []
    offsets: list[int] = []
    for at, character in enumerate(text):
        low = character.lower()
        folded.append(low)
        offsets.extend([at] * len(low))
    return "".join(folded), offsets
