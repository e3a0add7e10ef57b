"""The examples of the lab: the sets, their files, what was changed in them, and which is in use. Knows no widget."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llmlab.domain.assembly import last_question
from llmlab.domain.messages import Message, history_of
from llmlab.domain.shot_draft import ShotDraft
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.domain.terminal import visible_line
from llmlab.errors import ConfigError, UsageError
from llmlab.library.shot_files import ShotShelf
from llmlab.tui.desk import Desk
from llmlab.words import current_language, say

MINE = "mine"
"""Name of the set that turns of a chat go to when none is in use."""


class Examples:
    """Edits `desk.shots`. Files are opened when they are first needed, and read again when they change."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shelf: ShotShelf | None = None
        self._reading = asyncio.Lock()
        self._drafts: dict[str, ShotDraft] = {}
        self._last: ShotUse | None = None
        self._sizes: dict[tuple[str, str], int] = {}
        self._counted_by = ""
        self.files = OwnSets(self)
        """The sets as files of the user's own."""

    async def open(self) -> ShotShelf:
        """The sets as their files hold them now."""
        if self._shelf is None:
            self._shelf = await asyncio.to_thread(self._desk.services.open_shots)
        await self.look()
        return self._shelf

    async def look(self) -> bool:
        """Read files that changed again, if any was opened; True when that changed what is in use."""
        shelf = self._shelf
        if shelf is None:
            return False
        async with self._reading:
            if not await asyncio.to_thread(_reload, shelf):
                return False
        used = self._desk.shots
        fresh = {shots.key: shots for shots in shelf.good()}
        for key, draft in list(self._drafts.items()):
            # What was changed here stays; the file is asked again when it is to be written.
            if not draft.changed and key in fresh:
                self._drafts[key] = ShotDraft.of(fresh[key])
        if used is not None and used.set.key in fresh and not self.draft(used.set).changed:
            self._desk.shots = replace(used, set=self.draft(fresh[used.set.key]).set)
        return self._desk.shots != used

    def problems(self) -> tuple[str, ...]:
        """What is wrong in the files, a text each."""
        return self._shelf.problems() if self._shelf is not None else ()

    async def sets(self) -> tuple[ShotSet, ...]:
        """Every set as it is now, those of the interface's language first."""
        found = {shots.key: shots for shots in (await self.open()).good()}
        found.update({key: draft.set for key, draft in self._drafts.items()})
        used = self._desk.shots
        if used is not None:
            found.setdefault(used.set.key, used.set)
        language = current_language()
        return tuple(sorted(found.values(), key=lambda shots: (shots.language != language, shots.title, shots.key)))

    @property
    def last(self) -> ShotUse | None:
        """What is in use, else what was before it was switched off."""
        return self._desk.shots or self._last

    @property
    def in_use(self) -> ShotUse | None:
        """What is in use."""
        return self._desk.shots

    def draft(self, shots: ShotSet) -> ShotDraft:
        """What was made of a set."""
        return self._drafts.get(shots.key) or ShotDraft.of(shots)

    def change(self, use: ShotUse) -> None:
        """Use examples this way from now on; none when none are to be shown."""
        self._last = use
        self._desk.shots = use if use.k > 0 else None

    def put(self, use: ShotUse | None) -> None:
        """Use examples this way, or none, from now on; what is switched off stays at hand."""
        self._last = use or self._last
        self._desk.shots = use

    def edit(self, draft: ShotDraft) -> None:
        """Let an edit hold at once."""
        self._drafts[draft.set.key] = draft
        for use in (self._last, self._desk.shots):
            if use is not None and use.set.key == draft.set.key:
                changed = replace(use, set=draft.set)
                self._last = changed
                self._desk.shots = changed if self._desk.shots is not None else None

    def move(self, key: str, draft: ShotDraft | None) -> None:
        """Let a set take the place of that of `key`, in use as well; `None` takes that out of use."""
        self._drafts.pop(key, None)
        if draft is not None:
            self._drafts[draft.set.key] = draft
        self._last, self._desk.shots = (
            use if use is None or use.set.key != key else replace(use, set=draft.set) if draft else None
            for use in (self._last, self._desk.shots)
        )

    async def save(self, draft: ShotDraft) -> ShotDraft:
        """Write a set to its file in the user's folder; raises as `ShotShelf.save` does."""
        shelf = await self.open()
        saved = draft.saved(await asyncio.to_thread(shelf.save, draft.set, draft.base))
        self.edit(saved)
        return saved

    def unsaved(self) -> tuple[ShotDraft, ...]:
        """Sets that their files do not hold as they are now."""
        return tuple(draft for draft in self._drafts.values() if draft.changed)

    async def use_named(self, wanted: str) -> ShotUse | None:
        """Use what `SET:K`, a number for the set in use, or `off` says; the use.

        Raises:
            ConfigError: there is no such set.
            UsageError: it has not so many rows.
        """
        last = self.last
        if wanted == "off":
            self._desk.shots = None
        elif wanted.isascii() and wanted.isdecimal() and last is not None:
            if int(wanted[:9]) > last.most:
                raise UsageError(say("The set has {most:,} examples.", most=last.most))
            self.change(replace(last, k=int(wanted[:9])))
        else:
            named = await asyncio.to_thread((await self.open()).use, wanted, current_language())
            use = replace(last, set=named.set, k=named.k) if last is not None else named
            self.change(replace(use, set=self.draft(named.set).set))
        return self._desk.shots

    async def keep(self, question: Message, answer: Message) -> str:
        """Make an example of a turn: in the set in use, else in the user's own; what was done, in a line."""
        row = Shot(question.text, answer.text, answer.thinking)
        if not row.input.strip() or not row.output.strip():
            raise UsageError(say("An example needs a question and an answer."))
        used = self._desk.shots
        draft = self.draft(used.set) if used is not None else await self._mine()
        title = visible_line(draft.set.title)
        if any((one.input, one.output) == (row.input, row.output) for one in draft.set.rows):
            return say("“{title}” holds this example already.", title=title)
        draft = draft.inserted(len(draft.set.rows), row)
        count = len(draft.set.rows)
        if used is not None:
            self.edit(draft)
            return say(
                "Example {count:,} of “{title}”; ctrl+s in the examples pane keeps it.", count=count, title=title
            )
        await self.save(draft)
        return say("Example {count:,} of “{title}”, saved.", count=count, title=title)

    async def _mine(self) -> ShotDraft:
        """The user's own set, made when there is none."""
        shelf = await self.open()
        language = current_language()
        key = f"{MINE}.{language}"
        try:
            return self._drafts.get(key) or ShotDraft.of(shelf.find(key, language))
        except ConfigError:
            if any(key in problem for problem in shelf.problems()):
                raise
            return ShotDraft(ShotSet(name=MINE, language=language, title=say("My own examples")), None)

    def size(self, row: Shot, *, steps: bool) -> int | None:
        """Tokens of an example; `None` while they are not counted."""
        return self._sizes.get((row.input, row.answer(steps)))

    async def measure(self, rows: Sequence[Shot], *, steps: bool) -> bool:
        """Count the rows that are not counted yet, all in one request; True when any was.

        Raises:
            EngineError: the engine died.
        """
        spec = self._desk.spec
        if spec is None:
            return False
        if self._counted_by != spec.path:
            self._counted_by, self._sizes = spec.path, {}
        pairs = list(dict.fromkeys((row.input, row.answer(steps)) for row in rows))
        missing = [pair for pair in pairs if pair not in self._sizes]
        if not missing:
            return False
        counts = await self._desk.services.preview.sizes([text for pair in missing for text in pair], spec)
        if counts is None:
            return False
        self._sizes.update({pair: counts[2 * at] + counts[2 * at + 1] for at, pair in enumerate(missing)})
        return True

    async def ready(self, use: ShotUse, question: str) -> ShotUse:
        """`use`, ready to tell which rows go with `question`."""
        return await self._desk.services.preview.nearest(use, question)

    async def price(self, question: str) -> int | None:
        """Tokens of all examples that go with `question`, as they are sent; `None` while the model is not ready.

        Raises:
            LlmlabError: the prompt cannot be made.
        """
        desk = self._desk
        if desk.shots is None or desk.spec is None:
            return 0
        history = history_of(desk.path)
        if not question.strip() and desk.shots.style == "inline":
            # They are part of a question: the last one stands in for one that is not written yet.
            question = last_question(history)
        prepared = await desk.services.preview.prepared(history, question, desk.recipe())
        if prepared is None:
            return None
        return sum(section.tokens for section in prepared.budget.sections if section.origin == "example")


@dataclass(frozen=True, slots=True)
class _Deleted:
    """A set as it was."""

    path: Path
    text: str
    """Of its file."""
    draft: ShotDraft
    use: ShotUse | None
    """How it was in use; `None` when it was not."""


class OwnSets:
    """Makes, copies, renames and deletes sets, at once in the user's folder; those that came with llmlab stay.

    Every verb raises `UsageError` for what cannot be done, and `ConfigError` when a file cannot be read or written.
    """

    def __init__(self, examples: Examples) -> None:
        self._examples = examples
        self._deleted: list[_Deleted] = []

    async def make(self, name: str) -> ShotSet:
        """A set without rows, in the language of the interface."""
        language = current_language()
        name = (await self._examples.open()).free_name(name, language)
        return await self._saved(
            ShotSet(
                name=name,
                language=language,
                title=name,
                input_label=say("{title}: ", title=say("Input")),
                output_label=say("{title}: ", title=say("Output")),
            )
        )

    async def copy(self, shots: ShotSet, name: str) -> ShotSet:
        """A copy of a set as it is now, what was not saved among it."""
        name = (await self._examples.open()).free_name(name, shots.language)
        now = self._examples.draft(shots).set
        title = name if now.title == now.name else now.title
        return await self._saved(replace(now, name=name, title=title, source="", problems=()))

    async def rename(self, shots: ShotSet, name: str) -> ShotSet:
        """The same set under another name; what was not saved stays so."""
        shelf, draft = await self._examples.open(), self._examples.draft(shots)
        renamed = await asyncio.to_thread(shelf.rename, draft.base or shots, name)
        if renamed.title == shots.name:
            renamed = await asyncio.to_thread(shelf.save, replace(renamed, title=renamed.name), renamed)
        moved = ShotDraft(renamed.with_rows(draft.set.rows), renamed, draft.before)
        self._examples.move(shots.key, moved)
        return moved.set

    async def delete(self, shots: ShotSet) -> None:
        """Delete a set of the user's; `undo` brings it back, with what was not saved."""
        shelf, draft = await self._examples.open(), self._examples.draft(shots)
        on_disk = draft.base or shots
        place, used = Path(on_disk.source), self._examples.in_use
        if used is not None and used.set.key != shots.key:
            used = None
        self._deleted.append(_Deleted(place, await asyncio.to_thread(shelf.delete, on_disk), draft, used))
        self._examples.move(shots.key, None)

    @property
    def deleted(self) -> bool:
        """There is a set to bring back."""
        return bool(self._deleted)

    async def undo(self) -> ShotSet:
        """The set deleted last, back in its place, and in use if it was."""
        if not self._deleted:
            raise UsageError(say("No set of examples was deleted."))
        last = self._deleted[-1]
        if self._examples.draft(last.draft.set).changed:
            # The one that it lay over was changed meanwhile.
            raise UsageError(say("{name} has changes that are not saved; save them first.", name=last.draft.set.key))
        base = await asyncio.to_thread((await self._examples.open()).bring_back, last.path, last.text)
        self._deleted.pop()
        draft = ShotDraft(base.with_rows(last.draft.set.rows), base, last.draft.before)
        self._examples.edit(draft)
        if last.use is not None:
            self._examples.change(replace(last.use, set=draft.set))
        return draft.set

    async def _saved(self, shots: ShotSet) -> ShotSet:
        return (await self._examples.save(ShotDraft(shots, None))).set


def _reload(shelf: ShotShelf) -> bool:
    changed = shelf.changed_on_disk()
    if changed:
        shelf.reload()
    return changed
