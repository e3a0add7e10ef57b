"""What can be done with the documents of the lab: open them, ask about them, show their pane."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from llmlab.documents.gathering import Gathered, gather
from llmlab.domain.messages import Message
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.errors import LlmlabError, Stopped, UsageError
from llmlab.services.preview import Prepared
from llmlab.services.vectors import by_words_alone
from llmlab.tui.documents import Documents
from llmlab.tui.notices import describe
from llmlab.tui.panes.documents import DocumentsPane, Shown
from llmlab.tui.quotes import CheckedAnswer, QuoteCheck
from llmlab.tui.screens.picture import Picture
from llmlab.tui.typed_paths import dropped, expanded, mentions, spoken
from llmlab.tui.widgets.document_line import DocumentLine
from llmlab.words import say


class DocumentHands:
    """Acts on the documents; what takes time goes on beside the screen, and esc stops it."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self.values = Documents(picture.desk, self._changed)
        self._quotes = QuoteCheck(picture.desk.services.reader)

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
        """Begin to open what was typed after `/read`: a path, in quotes or not, or several."""
        gathered = await asyncio.to_thread(_named, typed, self._picture.desk.services.documents.limits)
        for remark in gathered.remarks:
            self._picture.tell(str(remark), severity="warning")
        self.begin_all(gathered.files)

    def begin_all(self, paths: Sequence[Path]) -> None:
        """Begin to open documents, one after the other; those that are open stay as they are."""
        known = [one.path for one in self.values.all]
        self._begin([path for path in map(Path.absolute, paths) if path not in known])

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
        try:
            for path in paths:
                if not self.values.awaits(path):
                    continue
                try:
                    await self.values.open(path, batch)
                except Stopped:
                    # Whoever stopped it knows.
                    return
                except LlmlabError as error:
                    self._tell_problem(error)
        finally:
            # In a thread: what is still being read ends first.
            asyncio.get_running_loop().run_in_executor(None, batch.close)

    def _tell_problem(self, error: LlmlabError) -> None:
        pane = self._pane
        if pane is None:
            self._picture.tell_problem(error)
        else:
            notice = describe(error)
            pane.tell(" ".join(filter(None, (notice.title, notice.text.replace("\n", " ")))))

    def stop(self) -> bool:
        """Open nothing any more; False when nothing was being opened."""
        if not self.values.opening:
            return False
        self._picture.screen.workers.cancel_group(self._picture.screen, "documents")
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

    # Asking

    async def hear(self, text: str) -> str | None:
        """The text to send, once the documents it names are read; `None` when one of them cannot be, which is told.

        It is empty when the message does nothing but name documents.
        """
        found = await asyncio.to_thread(mentions, text, Path.exists)
        limits = self._picture.desk.services.documents.limits
        wanted: list[Path] = []
        for mention in found:
            wanted += (await asyncio.to_thread(gather, [str(mention.path)], limits)).files
        self.begin_all(wanted)
        await self.values.settled()
        if any(path not in [one.path for one in self.values.all] for path in wanted):
            return None
        said = spoken(text, found)
        named = " ".join(mention.path.name for mention in found)
        return "" if found and said.strip() == named else said

    # Quotes

    def check(self) -> None:
        """Look up what the answers that are shown quote."""
        path = self._picture.desk.path
        if any(message.origin is not None and message.origin.reading is not None for message in path):
            self._picture.work(partial(self._check, path), "quotes", exclusive=True)

    async def _check(self, path: Sequence[Message]) -> None:
        """The last answers first: they are in view."""
        for message in reversed(path):
            checked = await self._quotes.check(message)
            if checked is not None:
                self._picture.transcript.show_check(message.id, checked)

    async def show_quotes(self, message: Message) -> None:
        """Show where the documents say what an answer quotes.

        Raises:
            UsageError: it quotes nothing that stands in them.
        """
        checked = await self._quotes.check(message)
        if checked is None:
            raise UsageError(say("This answer was given without documents."))
        if not checked.found:
            raise UsageError(say("Nothing that this answer quotes stands in its documents."))
        await self.show(places_of(checked))

    # What is seen

    def took(self, prepared: Prepared | None, problem: LlmlabError | None) -> None:
        """The prompt was made anew: show what of the documents it holds, and count for the model that is loaded."""
        values = self.values
        if prepared is not None or values.reading is None:
            values.material = prepared.material if prepared is not None else None
        values.problem = problem if values.reading is not None else None
        # Vectors may be made from now on.
        values.look()
        self._tell_trouble()
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

    def _tell_trouble(self) -> None:
        """Tell once that the embedding model cannot be used."""
        vectors = self._picture.desk.services.reader.vectors
        problem, spec = (vectors.problem, vectors.model) if vectors is not None else (None, None)
        told = by_words_alone(spec, problem) if spec is not None and problem is not None else ""
        if told and told != self._trouble:
            self._trouble = told
            self._picture.tell(told, severity="warning")

    _trouble = ""

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


def _named(typed: str, limits: ReadingLimits) -> Gathered:
    """The files that were typed: a path as it stands, a list as a terminal writes it, a folder, a pattern.

    Raises:
        DocumentError: a folder or a pattern stands for no file.
    """
    if not expanded(typed).exists():
        for paths in dropped(typed):
            if all(path.exists() for path in paths):
                return gather([str(path) for path in paths], limits)
    return gather([typed], limits)
