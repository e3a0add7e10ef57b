"""What is told of documents while one works: how a file was read, that it changed, why words alone find passages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from llmlab.domain.document import Document
from llmlab.domain.terminal import visible, visible_line
from llmlab.services.vectors import by_words_alone
from llmlab.tui.documents import Documents, FileState, changed_on_disk
from llmlab.tui.screens.picture import Picture
from llmlab.words import say

MOST_TOLD: Final = 3
"""Documents that are spoken of one by one; of more, their number."""


class DocumentNews:
    """Tells everything once."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._changed: dict[Path, FileState] = {}
        """Files that changed after they were read, and the state that this was told of."""
        self._trouble = ""
        """What was told of the embedding model."""

    def tell_remarks(self, documents: Sequence[Document]) -> None:
        """Tell what should be known of how files were read."""
        if len(documents) > MOST_TOLD:
            told = say(
                "There is something to know about {count:,} documents; their pane shows it.", count=len(documents)
            )
            self._picture.tell(told, severity="warning")
            return
        for document in documents:
            text = visible("\n".join(map(str, document.warnings)))
            self._picture.tell(text, title=visible_line(document.name), severity="warning")

    def tell_more_failed(self, count: int) -> None:
        """Tell that so many files, besides those that were spoken of, could not be read."""
        if count > 0:
            self._picture.tell(say("{count:,} more files cannot be read.", count=count), severity="warning")

    async def tell_changes(self, documents: Documents) -> None:
        """Tell that an open document is no longer what its file holds."""
        for one, state in await changed_on_disk(documents.all):
            if self._changed.get(one.path) != state:
                self._changed[one.path] = state
                told = say(
                    "{name} has changed since it was read; @ with its name, or /read, reads it again.",
                    name=visible_line(one.name),
                )
                self._picture.tell(told, severity="warning")

    def tell_trouble(self) -> None:
        """Tell that the embedding model cannot be used."""
        vectors = self._picture.desk.services.reader.vectors
        problem, spec = (vectors.problem, vectors.model) if vectors is not None else (None, None)
        told = by_words_alone(spec, problem) if spec is not None and problem is not None else ""
        if told and told != self._trouble:
            self._trouble = told
            self._picture.tell(told, severity="warning")
