"""What can go wrong, as values that say what happened, where, and what to do next.

LlmlabError
├── UsageError        the command was asked for something that cannot be
├── ConfigError       a file a person edits holds something wrong
├── ModelError        a model file or its settings cannot be used
├── Stopped           the user stopped it before there was anything to keep
├── EngineError       the engine process failed
│   └── EngineDied    the engine process ended by itself
├── DocumentError     a document cannot be read
└── StoreError        chats or runs cannot be read or written
"""

from __future__ import annotations


class LlmlabError(Exception):
    """A failure a person can act on.

    Args:
        what: one sentence that says what happened.
        where: the file, table, key, model or phase it happened in; empty when `what` says it.
        hint: what to do next; empty only when nothing can be done.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        advice = f"\n  {self.hint}" if self.hint else ""
        return f"{self.what}{place}{advice}"


class UsageError(LlmlabError):
    """The command was asked for something that cannot be."""


class ConfigError(LlmlabError):
    """A file that a person edits (models.toml, settings, prompts) holds something wrong."""


class ModelError(LlmlabError):
    """A model file, or what its table asks for, cannot be used."""


class Stopped(LlmlabError):
    """The user stopped it before there was anything to keep; nothing has to be explained."""


class EngineError(LlmlabError):
    """The engine process could not do what it was asked."""


class EngineDied(EngineError):
    """The engine process ended by itself; the next request starts a new one."""


class DocumentError(LlmlabError):
    """A document cannot be read, or not within its limits."""


class StoreError(LlmlabError):
    """Chats cannot be read or written."""
