"""The prompt templates of the lab: what there is, which is in use, which was deleted last. Knows no widget."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from llmlab.domain.template import PromptTemplate, TemplateUse
from llmlab.domain.terminal import visible_line
from llmlab.errors import UsageError
from llmlab.library.prompts import TemplateShelf
from llmlab.tui.desk import Desk
from llmlab.words import current_language, say


class Templates:
    """Edits `desk.template`. Files are opened when they are first needed, and read again when they change."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shelf: TemplateShelf | None = None
        self._deleted: list[tuple[Path, str]] = []

    async def open(self) -> TemplateShelf:
        """The templates as their files hold them now."""
        if self._shelf is None:
            self._shelf = await asyncio.to_thread(self._desk.services.open_templates)
        await self.look()
        return self._shelf

    async def look(self) -> bool:
        """Read files that changed again, if any was opened; True when that changed the one in use."""
        shelf, used = self._shelf, self._desk.template
        if shelf is None or not await asyncio.to_thread(_reload, shelf):
            return False
        return self._renew(shelf, used)

    def _renew(self, shelf: TemplateShelf, used: TemplateUse | None) -> bool:
        fresh = {template.key: template for template in shelf.good()}
        if used is None or fresh.get(used.template.key, used.template) == used.template:
            return False
        self._desk.template = replace(used, template=fresh[used.template.key])
        return True

    def problems(self) -> tuple[str, ...]:
        """What is wrong in the files, a text each."""
        return self._shelf.problems() if self._shelf is not None else ()

    async def all(self) -> tuple[PromptTemplate, ...]:
        """Every sound template, those of the interface's language first."""
        language = current_language()
        found = (await self.open()).good()
        return tuple(sorted(found, key=lambda one: (one.language != language, one.title, one.key)))

    @property
    def in_use(self) -> TemplateUse | None:
        """What is on."""
        return self._desk.template

    def use(self, wanted: TemplateUse | None) -> None:
        """Use a template from the next answer on; `None` takes it off."""
        self._desk.template = wanted

    async def use_named(self, wanted: str) -> TemplateUse | None:
        """Use the template of a name, or of none for `off`; what is filled in already stays where it fits.

        Raises:
            ConfigError: there is none, or its file holds something wrong.
        """
        if wanted == "off":
            self.use(None)
            return None
        template = await asyncio.to_thread((await self.open()).find, wanted, current_language())
        used = self._desk.template
        same = used is not None and used.template.key == template.key
        self.use(replace(used, template=template) if same and used is not None else TemplateUse(template))
        return self._desk.template

    async def save(self, path: Path, text: str) -> PromptTemplate:
        """Write a template; raises as `TemplateShelf.write` does."""
        shelf = await self.open()
        template = await asyncio.to_thread(shelf.write, path, text)
        self._renew(shelf, self._desk.template)
        return template

    async def copy(self, template: PromptTemplate, name: str) -> PromptTemplate:
        """A copy of the user's own under another name; raises as `TemplateShelf.copy` does."""
        return await asyncio.to_thread((await self.open()).copy, template, name)

    async def rename(self, template: PromptTemplate, name: str) -> PromptTemplate:
        """The same template under another name; raises as `TemplateShelf.rename` does."""
        renamed = await asyncio.to_thread((await self.open()).rename, template, name)
        used = self._desk.template
        if used is not None and used.template == template:
            self.use(replace(used, template=renamed))
        return renamed

    async def delete(self, template: PromptTemplate) -> None:
        """Delete a template of the user's; `undo` brings it back. Raises as `TemplateShelf.delete` does."""
        shelf = await self.open()
        text = await asyncio.to_thread(shelf.delete, template)
        self._deleted.append((Path(template.source), text))

    async def undo(self) -> PromptTemplate:
        """The template deleted last, back in its place.

        Raises:
            UsageError: none was deleted, or another has its place.
            ConfigError: it cannot be written.
        """
        if not self._deleted:
            raise UsageError(say("No template was deleted."))
        path, text = self._deleted[-1]
        shelf = await self.open()
        template = await asyncio.to_thread(shelf.bring_back, path, text)
        self._deleted.pop()
        self._renew(shelf, self._desk.template)
        return template


def template_in_words(use: TemplateUse | None, question: str) -> str:
    """Which template is on, and what it still needs; empty when none is."""
    if use is None:
        return ""
    title = f"{visible_line(use.template.title)} ({use.template.language})"
    missing = [one for one in use.missing(question) if one.name != use.template.main]
    if not missing:
        return title
    names = ", ".join(visible_line(one.title or one.name) for one in missing)
    return say("{title}, needs: {names}", title=title, names=names)


def _reload(shelf: TemplateShelf) -> bool:
    if not shelf.changed_on_disk():
        return False
    shelf.reload()
    return True
