"""Prompt files of a person's own: copied, renamed, deleted and brought back; those that came with llmlab stay."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from llmlab.domain.terminal import visible_line
from llmlab.errors import ConfigError, UsageError
from llmlab.library.prompt_files import BadPrompt, P, PromptShelf, parse_prompt
from llmlab.library.writing import write_whole
from llmlab.words import say

_NO_NAME: Final = frozenset('/\\:*?"<>|')
"""Characters that some system does not take in the name of a file."""


class OwnPromptShelf(PromptShelf[P]):
    """A shelf whose verbs write files, each in one step, and none over a file that is there already but `write`."""

    def is_own(self, prompt: P) -> bool:
        """Its file lies in the user's folder or that of the working directory: it can be changed where it is."""
        return bool(prompt.source) and Path(prompt.source).parent.absolute() in self.folders[1:]

    def require_own(self, prompt: P) -> None:
        """That a prompt may be renamed or deleted.

        Raises:
            UsageError: it came with llmlab, or lies elsewhere.
        """
        if self.is_own(prompt):
            return
        if prompt.source and Path(prompt.source).parent.absolute() == self.folders[0]:
            raise UsageError(say("{name} came with llmlab and stays; a copy of it is yours.", name=prompt.key))
        raise UsageError(say("{name} lies in no folder of yours and stays; a copy of it is yours.", name=prompt.key))

    def place_of(self, prompt: P) -> Path:
        """The file that an edit of it is written to: its own, unless that is none of the user's."""
        return Path(prompt.source) if self.is_own(prompt) else self._mine(prompt.key, self.ending_of(prompt))

    def ending_of(self, prompt: P) -> str:
        """How the name of a file for it ends."""
        return Path(prompt.source).suffix or self.kind.suffixes[0]

    def text_of(self, prompt: P) -> str:
        """Its file as it is now.

        Raises:
            ConfigError: it cannot be read.
        """
        try:
            return Path(prompt.source).read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            raise ConfigError(say("The file cannot be read: {reason}", reason=str(error))) from None

    def write(self, path: Path, text: str) -> P:
        """Write `text` to `path` in one step, once it is a sound prompt.

        Raises:
            ConfigError: it holds something wrong, or cannot be written; what was there is still there.
        """
        prompt = parse_prompt(text, path, self.kind)
        if isinstance(prompt, BadPrompt):
            raise ConfigError(prompt.problem)
        try:
            write_whole(path, text)
        except OSError as error:
            raise ConfigError(
                say("The file cannot be written: {reason}", reason=error.strerror or str(error)), where=str(path)
            ) from None
        self.reload()
        return prompt

    def free_name(self, name: str, language: str) -> str:
        """`name` as the name of a new prompt.

        Raises:
            UsageError: it cannot be one, or there is such a prompt already.
        """
        name = name.strip()
        if not name or visible_line(name) != name or set(name) & _NO_NAME or name.startswith("."):
            raise UsageError(say("{given} cannot be the name of a file.", given=f'"{visible_line(name)}"'))
        if self.named(f"{name}.{language}", language) is not None:
            raise UsageError(say("There is {name} already.", name=f"{name}.{language}"))
        return name

    def copy(self, prompt: P, name: str) -> P:
        """A copy of the user's own under another name; raises as `free_name`, `text_of` and `write` do."""
        key = f"{self.free_name(name, prompt.language)}.{prompt.language}"
        return self.write(self._mine(key, self.ending_of(prompt)), self.text_of(prompt))

    def rename(self, prompt: P, name: str) -> P:
        """The same prompt under another name, in the same folder.

        Raises:
            UsageError: it is none of the user's, the name cannot be one, or there is such a prompt already.
            ConfigError: a file cannot be read, written or deleted.
        """
        self.require_own(prompt)
        old = Path(prompt.source)
        place = old.with_name(f"{self.free_name(name, prompt.language)}.{prompt.language}{old.suffix}")
        renamed = self.write(place, self.text_of(prompt))
        self.delete(prompt)
        return renamed

    def delete(self, prompt: P) -> str:
        """Delete the file of a prompt; what it held, for who wants it back.

        Raises:
            UsageError: it is none of the user's.
            ConfigError: its file cannot be read or deleted.
        """
        self.require_own(prompt)
        text = self.text_of(prompt)
        try:
            Path(prompt.source).unlink()
        except OSError as error:
            raise ConfigError(
                say("The file cannot be deleted: {reason}", reason=error.strerror or str(error))
            ) from None
        self.reload()
        return text

    def bring_back(self, path: Path, text: str) -> P:
        """The prompt of a file that was deleted; raises as `write` does, and where there is another in its place."""
        if path.exists():
            raise UsageError(say("There is {name} already.", name=path.name))
        return self.write(path, text)

    def _mine(self, key: str, ending: str) -> Path:
        return self.folders[min(1, len(self.folders) - 1)] / f"{key}{ending}"
