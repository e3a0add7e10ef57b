"""Where the transcript stands; the keys that work on a message hold here."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Container

from llmlab.tui.commands.table import bindings


class MessagePane(Container):
    """Holds the transcript; its keys reach it only while the transcript has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("message")]
    DEFAULT_CSS = """
    MessagePane { height: 1fr; }
    """
