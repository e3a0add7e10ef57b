"""What the screen is given once it is drawn: the verbs of the lab as it uses them."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from textual.screen import Screen

from llmlab.domain.document import Document
from llmlab.domain.generation import Turn
from llmlab.domain.messages import Chat, ChatSummary
from llmlab.domain.model import BadModel, ModelSpec
from llmlab.domain.modes import ReasoningMode
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.domain.recipe import Recipe
from llmlab.errors import LlmlabError
from llmlab.library.prompts import TemplateShelf
from llmlab.library.shot_files import ShotShelf
from llmlab.paths import Paths
from llmlab.services.again import Again
from llmlab.services.compare import Comparing
from llmlab.services.digest import Digesting
from llmlab.services.file_hashes import FileHashes
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preview
from llmlab.services.reading import Reader
from llmlab.services.shape import ShapeCheck


class Change(Protocol):
    """`services.answering.ChatChanged`: an answer has grown."""

    @property
    def chat(self) -> Chat:
        """The chat, with the answer as far as it has come."""

    @property
    def message_id(self) -> str:
        """The answer."""

    @property
    def turn(self) -> Turn:
        """How it is coming along."""

    @property
    def unsaved(self) -> LlmlabError | None:
        """Why it cannot be written down now, if so."""


class KeptDrafts(Protocol):
    """`services.drafts.Drafts`: what is being written in each chat; in one that is not stored yet, under no id."""

    async def all(self) -> dict[str, str]:
        """Every draft that is kept, by its chat; raises `LlmlabError` when they cannot be read."""
        ...

    def keep(self, chat_id: str, text: str) -> LlmlabError | None:
        """Keep the draft of a chat soon; why the last one could not be written, if so."""
        ...


class Chats(Protocol):
    """`services.chat.ChatService`. Every verb raises `LlmlabError`, never anything else."""

    @property
    def drafts(self) -> KeptDrafts:
        """What is being written in each chat."""

    def new(self, model: str, system: str | None = None) -> Chat:
        """A chat that is not stored before its first message."""
        ...

    async def open(self, chat_id: str) -> Chat:
        """A stored chat."""
        ...

    async def list(self, search: str = "") -> tuple[ChatSummary, ...]:
        """Chats, the newest first; with `search`, those whose title or content holds it."""
        ...

    async def rename(self, chat: Chat, title: str) -> Chat:
        """Give a chat another title."""
        ...

    async def delete(self, chat_id: str) -> None:
        """Delete a chat; `restore` brings it back."""

    async def restore(self, chat_id: str) -> None:
        """Bring a deleted chat back."""

    async def last_deleted(self) -> tuple[str, str] | None:
        """Id and title of the chat that was deleted last and can still be restored."""
        ...

    async def choose(self, chat: Chat, message_id: str) -> Chat:
        """Show `message_id` among its versions."""
        ...

    async def set_model(self, chat: Chat, model: str) -> Chat:
        """Remember which model the chat is used with."""
        ...

    async def set_system(self, chat: Chat, system: str | None) -> Chat:
        """Give the chat another system prompt; `None` is the model's own."""
        ...

    async def edit_answer(self, chat: Chat, message_id: str, text: str) -> Chat:
        """Keep a changed answer as a new version."""
        ...

    def send(self, chat: Chat, text: str, recipe: Recipe) -> AsyncGenerator[Change, None]:
        """Ask, and stream the answer."""
        ...

    def regenerate(self, chat: Chat, message_id: str, recipe: Recipe) -> AsyncGenerator[Change, None]:
        """Stream another version of an answer."""
        ...

    def edit_question(self, chat: Chat, message_id: str, text: str, recipe: Recipe) -> AsyncGenerator[Change, None]:
        """Ask a changed question in a new branch, and stream its answer."""
        ...

    def continue_answer(
        self, chat: Chat, message_id: str, recipe: Recipe, text: str | None = None
    ) -> AsyncGenerator[Change, None]:
        """Stream on from an answer, or from `text` in its place."""
        ...

    def stop(self, chat_id: str) -> bool:
        """Cancel the answer that runs in a chat; its stream ends with what was said. False when none runs."""
        ...

    def export(self, chat: Chat, form: Literal["md", "json"]) -> str:
        """The chat as one text."""
        ...


class Shelf(Protocol):
    """`services.models.ModelShelf`: the models of every models.toml."""

    def models(self) -> tuple[ModelSpec | BadModel, ...]:
        """Every table, the bad ones with their reason."""
        ...

    def find(self, name: str) -> ModelSpec:
        """The model of this name, or the file at this path.

        Raises:
            LlmlabError: there is none.
        """
        ...

    def default(self) -> ModelSpec:
        """The model of a first start.

        Raises:
            LlmlabError: no table can be used.
        """
        ...

    def fit(self, spec: ModelSpec) -> str:
        """In a line whether it fits into memory, or what stands against loading it; reads its file."""
        ...

    def changed_on_disk(self) -> bool:
        """A models.toml was edited since it was read; cheap enough for every second, but reads the disk."""
        ...

    def reload(self) -> None:
        """Read every models.toml again."""

    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong in them, a sentence each."""
        ...


class Modes(Protocol):
    """`library.reasoning_files.ReasoningShelf`: the reasoning modes of every folder of prompts."""

    def good(self) -> tuple[ReasoningMode, ...]:
        """Those that can be used."""
        ...

    def find(self, wanted: str, language: str) -> ReasoningMode:
        """The mode of a name, of a name with its language, or of a file.

        Raises:
            LlmlabError: there is none, or its file holds something wrong.
        """
        ...

    def problems(self) -> tuple[str, ...]:
        """What is wrong in the files, a text each."""
        ...

    def changed_on_disk(self) -> bool:
        """A file was edited since it was read."""
        ...

    def reload(self) -> None:
        """Read what changed again."""


class DocumentBatch(Protocol):
    """`documents.shelf.Batch`: opens one file after the other. Every verb takes time; call it in a thread."""

    def open(
        self,
        path: Path,
        encoding: str = "",
        *,
        progress: Callable[[float], None] = ...,
        stop: threading.Event | None = None,
    ) -> Document:
        """The text of a file, read as `encoding`; empty finds out.

        Raises:
            DocumentError: it cannot be read.
            Stopped: `stop` was set.
        """
        ...

    def close(self) -> None:
        """End what reads, once nothing is being read."""


class DocumentShelf(Protocol):
    """`documents.shelf.DocumentShelf`: files as documents. Every verb reads the disk; call it in a thread."""

    @property
    def limits(self) -> ReadingLimits:
        """What reading a file may cost."""

    def batch(self) -> DocumentBatch:
        """What opens files one after the other; it reads nothing yet."""
        ...

    def get(self, digest: str) -> Document:
        """A document whose text was read before.

        Raises:
            DocumentError: it is kept no more.
        """
        ...


@dataclass(frozen=True, slots=True)
class Going:
    """What the chat goes on with."""

    recipe: Recipe
    question: str = ""
    """Put into the composer."""
    remark: str = ""
    """What the user should know of it."""


RunsScreen = Callable[[str], Screen[Going | None]]
"""Makes the screen of the runs; it runs the named experiment at once, none where the name is empty."""


@dataclass(frozen=True, slots=True)
class LabServices:
    """Everything the lab works with, open and ready."""

    chats: Chats
    host: EngineHost
    shelf: Shelf
    preview: Preview
    again: Again
    comparing: Comparing
    shape: ShapeCheck
    tally: Callable[[Mapping[str, object]], None]
    """Keeps a vote for the better of several answers; raises `LlmlabError` where it cannot."""
    paths: Paths
    end: Callable[[], Awaitable[None]]
    """Ends the engine, then closes the store."""
    reasoning: Modes
    open_shots: Callable[[], ShotShelf]
    """Opens the example sets when they are first needed; reads their files, so call it in a thread."""
    open_templates: Callable[[], TemplateShelf]
    """Opens the prompt templates likewise."""
    open_runs: Callable[[], RunsScreen]
    """Opens the runs of experiments likewise, and imports their screen."""
    reader: Reader
    """Indexes and counts documents, and chooses what a prompt holds of them."""
    documents: DocumentShelf
    digesting: Digesting
    """Makes digests of documents."""
    hashes: FileHashes
    """Hashes of whole model files."""

    async def close(self) -> None:
        """End the engine and close the store; what was said is safe already."""
        await self.end()
