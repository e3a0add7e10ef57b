"""What can be done with the documents of the lab: open them, ask about them, show their pane."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from llmlab.documents.gathering import Gathered, expanded, gather
from llmlab.domain.document import Document
from llmlab.domain.messages import Message
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.domain.terminal import visible
from llmlab.errors import DocumentError, LlmlabError, Stopped, UsageError
from llmlab.services.preview import Prepared
from llmlab.services.quotes import CheckedAnswer, QuoteCheck
from llmlab.tui.documents import Documents, Held
from llmlab.tui.panes.digest import DigestPane
from llmlab.tui.panes.document_words import problem_in_words
from llmlab.tui.panes.documents import DocumentsPane, Shown
from llmlab.tui.screens.document_news import MOST_TOLD, DocumentNews
from llmlab.tui.screens.picture import Picture
from llmlab.tui.typed_paths import dropped, mentions, spoken
from llmlab.tui.widgets.document_line import DocumentLine
from llmlab.words import say


class DocumentHands:
    """Acts on the documents; what takes time goes on beside the screen, and esc stops it."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self.values = Documents(picture.desk, self._changed)
        self._news = DocumentNews(picture)
        self._quotes = QuoteCheck(picture.desk.services.reader)
        self._unread: set[Path] = set()
        """Files that could not be read when they were last named."""

    @property
    def _pane(self) -> DocumentsPane | None:
        screens = self._picture.screen.app.screen_stack
        return next((screen for screen in screens if isinstance(screen, DocumentsPane)), None)

    async def show(self, places: Sequence[Shown] = ()) -> None:
        """Show the pane until it is left, at the first of some places."""
        pane = DocumentsPane(self.values, self, places)
        await self._picture.screen.app.push_screen_wait(pane)

    # Opening and closing

    async def open_named(self, typed: str) -> None:
        """Begin to open what was typed after `/read`: a path, in quotes or not, or several.

        Raises:
            DocumentError: a folder or a pattern stands for no file.
        """
        await self._begin_gathered(await asyncio.to_thread(_named, typed, self._picture.desk.services.documents.limits))

    def begin_all(self, paths: Sequence[Path]) -> None:
        """Begin to open what was dragged here: files, and folders with all that is below them."""
        self._picture.work(partial(self._gather, paths), "gathering")

    async def _gather(self, paths: Sequence[Path]) -> None:
        try:
            await self._begin_gathered(await self._gathered(paths))
        except DocumentError as error:
            self._tell_problem(error)

    async def _gathered(self, paths: Sequence[Path]) -> Gathered:
        limits = self._picture.desk.services.documents.limits
        return await asyncio.to_thread(gather, [str(path) for path in paths], limits)

    async def _begin_gathered(self, gathered: Gathered) -> None:
        """Begin to open documents, one after the other; those that are open and did not change stay as they are."""
        for remark in gathered.remarks:
            self._picture.tell(visible(str(remark)), severity="warning")
        self._unread.difference_update(gathered.files)
        open_now = {path: self.values.find(path) for path in gathered.files}
        self._begin([path for path, one in open_now.items() if one is None or one.phase == "failed"])
        stale: defaultdict[str, list[Path]] = defaultdict(list)
        for one in await asyncio.to_thread(_stale, [one for one in open_now.values() if one is not None]):
            # It may have been closed meanwhile.
            if self.values.find(one.path) is not None and not self.values.awaits(one.path):
                stale[one.encoding].append(one.path)
        for encoding, changed in stale.items():
            self._begin(changed, encoding)

    def read_anew(self, path: Path, encoding: str) -> None:
        """Read an open document again, as another encoding; empty finds out."""
        self._begin([path], encoding)

    def _begin(self, paths: Sequence[Path], encoding: str = "") -> None:
        if paths:
            self.values.announce(paths, encoding)
            self._picture.work(partial(self._open, paths), "documents")

    async def _open(self, paths: Sequence[Path]) -> None:
        """Open what was announced; a file that cannot be read does not keep the others from being."""
        batch = self._picture.desk.services.documents.batch()
        remarked: list[Document] = []
        failed = 0
        try:
            for path in paths:
                if not self.values.awaits(path):
                    continue
                try:
                    document = await self.values.open(path, batch)
                    remarked += [document] if document.warnings else []
                except Stopped:
                    # Whoever stopped it knows.
                    return
                except LlmlabError as error:
                    self._unread.add(path)
                    failed += 1
                    if failed <= MOST_TOLD:
                        self._tell_problem(error)
        finally:
            # In a thread: what is still being read ends first.
            asyncio.get_running_loop().run_in_executor(None, batch.close)
        self._news.tell_more_failed(failed - MOST_TOLD)
        # The pane shows it by itself.
        if self._pane is None:
            self._news.tell_remarks(remarked)

    def _tell_problem(self, error: LlmlabError) -> None:
        pane = self._pane
        if pane is None:
            self._picture.tell_problem(error)
        else:
            pane.tell(problem_in_words(error))

    def stop(self) -> bool:
        """Open nothing any more; False when nothing was being opened."""
        screen = self._picture.screen
        gathering = screen.workers.cancel_group(screen, "gathering")
        if not self.values.opening:
            return bool(gathering)
        screen.workers.cancel_group(screen, "documents")
        # A message that names one of them does not go out with what was read of it before.
        self._unread.update(one.path for one in self.values.all if one.phase == "reading")
        self.values.stop()
        return True

    def rest(self) -> bool:
        """Open, index and count nothing any more; False when nothing of it went on."""
        if self.stop():
            return True
        if not self.values.busy:
            return False
        self.values.pause()
        return True

    def close_all(self) -> None:
        """Take every document out of the prompt."""
        self.values.close_all()
        self._picture.tell(say("No document is open any more."))

    async def make_digest(self, document: Document) -> None:
        """Tell what a digest of a document takes, and make it if that is wanted.

        Raises:
            UsageError: an answer is being written, or there is no model.
        """
        desk = self._picture.desk
        await desk.require_quiet()
        if desk.spec is None:
            raise UsageError(say("No model is chosen."), hint=say("F5 shows the models."))
        pane = DigestPane(desk.services.digesting, document, desk.spec)
        if await self._picture.screen.app.push_screen_wait(pane):
            self._picture.measure()

    # Asking

    async def hear(self, text: str) -> str | None:
        """The text to send, once the documents it names are read; `None` when one of them cannot be, which is told.

        It is empty when the message does nothing but name documents. Of a folder it takes one file that can be read.
        """
        found = await asyncio.to_thread(mentions, text, os.path.lexists)
        try:
            named = [await self._gathered([mention.path]) for mention in found]
        except DocumentError as error:
            self._tell_problem(error)
            return None
        for gathered in named:
            await self._begin_gathered(gathered)
        await self.values.settled()
        # Beside: a disk that does not answer keeps no message back.
        self._picture.work(partial(self._news.tell_changes, self.values), "changes", exclusive=True)
        if not all(any(map(self._is_read, gathered.files)) for gathered in named):
            return None
        said = spoken(text, found)
        names = " ".join(mention.path.name for mention in found)
        return "" if found and said.strip() == names else said

    def _is_read(self, path: Path) -> bool:
        return self.values.find(path) is not None and path not in self._unread

    # Quotes

    def check(self) -> None:
        """Look up what the answers that are shown quote."""
        path = self._picture.desk.path
        if any(message.origin is not None and message.origin.reading is not None for message in path):
            self._picture.work(partial(self._check, path), "quotes", exclusive=True)

    async def _check(self, path: Sequence[Message]) -> None:
        """The last answers first: they are in view."""
        for message in reversed(path):
            checked = await self._quotes.check(message, self._question_of(message))
            if checked is not None:
                self._picture.transcript.show_check(message.id, checked)

    async def show_quotes(self, message: Message) -> None:
        """Show where the documents say what an answer quotes.

        Raises:
            UsageError: it quotes nothing that stands in them.
        """
        checked = await self._quotes.check(message, self._question_of(message))
        if checked is None:
            raise UsageError(say("This answer was given without documents."))
        if not checked.found:
            raise UsageError(say("Nothing that this answer quotes stands in its documents."))
        await self.show(places_of(checked))

    def _question_of(self, message: Message) -> str:
        asked = self._picture.desk.message(message.parent or "")
        return asked.text if asked is not None else ""

    # What is seen

    def took(self, prepared: Prepared | None, problem: LlmlabError | None) -> None:
        """The prompt was made anew: show what of the documents it holds, and count for the model that is loaded."""
        values = self.values
        if prepared is not None or values.reading is None:
            values.material = prepared.material if prepared is not None else None
        values.problem = problem if values.reading is not None else None
        # Vectors may be made from now on.
        values.look()
        self._news.tell_trouble()
        self._show()
        self._picture.work(self._renew, "renewal", exclusive=True)

    async def _renew(self) -> None:
        """Know every document of the recipe, and let it be indexed and counted."""
        try:
            await self.values.renew()
            await self.values.prepare()
        except LlmlabError as error:
            self._tell_problem(error)

    def look(self) -> None:
        """See how far what goes on in the background has come."""
        if self.values.busy:
            self.values.look()

    def _changed(self) -> None:
        """More is known of the documents, or they are others."""
        self._show()
        now = self.values.reading, any(one.embedded < 1 for one in self.values.all)
        (use, embedding), self._measured = self._measured, now
        # What a question finds changes once vectors are there.
        if use != now[0] or embedding > now[1]:
            self._picture.measure()

    _measured: tuple[object, bool] = (None, False)

    def _show(self) -> None:
        screen, values = self._picture.screen, self.values
        key = self._picture.keys.get("lab.documents", "")
        screen.query_one(DocumentLine).show(values.all, values.reading, values.material, key)
        if (pane := self._pane) is not None:
            pane.refresh_documents()


def places_of(checked: CheckedAnswer) -> tuple[Shown, ...]:
    """Where the documents say what an answer quotes, in the order of the answer."""
    return tuple(
        Shown(quote.document, ((quote.start, quote.end),), quote.text) for quote in checked.found if quote.document
    )


def _stale(documents: Sequence[Held]) -> list[Held]:
    """Those whose files are others by now; looks at the disk."""
    return [one for one in documents if one.is_stale]


def _named(typed: str, limits: ReadingLimits) -> Gathered:
    """The files that were typed: a path as it stands, a list as a terminal writes it, a folder, a pattern.

    Raises:
        DocumentError: a folder or a pattern stands for no file.
    """
    # Not Path.exists, which raises over names that are too long, or folders that are closed.
    if not os.path.lexists(expanded(typed)):
        for paths in dropped(typed):
            if all(map(os.path.lexists, paths)):
                return gather([str(path) for path in paths], limits)
    return gather([typed], limits)
