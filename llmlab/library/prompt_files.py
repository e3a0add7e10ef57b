"""Prompt files of every kind (templates, examples, reasoning modes, recipes): found, read, laid over each other, kept.

A kind is a folder below `prompts/` and a pure parser. Files of three places count: those shipped with llmlab, the
user's own in the config folder, those in the working directory; a later one replaces an earlier one of its key. What a
file is called is what the prompt is called: `summarise.en.toml` holds `summarise` in English.

    KIND = PromptKind("shots", parse_shots, suffixes=(".toml", ".jsonl"))
    shelf = PromptShelf(KIND, prompt_roots(paths.config, working_folder))
    shelf.find("arithmetic", language="en")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from llmlab.domain.terminal import visible_line
from llmlab.errors import ConfigError
from llmlab.library.checks import Unfit, given, meant
from llmlab.library.shipped import shipped_prompts_folder
from llmlab.library.tomlfile import LARGEST, Problem
from llmlab.library.watching import Stamp, distinct, stamp_of
from llmlab.words import LANGUAGES, say

MOST_FILES: Final = 2_000
"""Files of one kind in one folder; a folder given by mistake holds more."""


class Prompt(Protocol):
    """What every kind of prompt file becomes: `PromptTemplate`, `ShotSet`, `ReasoningMode`."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def language(self) -> str:
        """`en` or `zh`."""

    @property
    def key(self) -> str:
        """Name and language, as files are called."""

    @property
    def source(self) -> str:
        """The file it was read from."""


@dataclass(frozen=True, slots=True)
class BadPrompt:
    """A file that holds something wrong."""

    name: str
    language: str
    source: str
    problem: str
    """What is wrong and where, a line each."""

    @property
    def key(self) -> str:
        """Name and language, as files are called."""
        return f"{self.name}.{self.language}" if self.language else self.name


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A file as a parser gets it."""

    path: Path
    text: str
    name: str
    language: str = ""
    """What the file's name says; empty when it names no language."""
    touched: set[Path] = field(default_factory=set)
    """Other files that were read for it: it is read again when they change."""

    def beside(self, name: str, largest: int = LARGEST) -> str:
        """The text of another file, named from the folder of this one.

        Raises:
            Unfit: it cannot be read, or is no text.
        """
        try:
            place = self.path.parent.absolute() / Path(name).expanduser()
        except RuntimeError:
            raise Unfit(say("the home folder in {given} is not known", given=given(name))) from None
        self.touched.add(place)
        return _text_of(place, largest, str(name))

    def bad(self, problems: Iterable[Problem | str]) -> BadPrompt:
        """The file with what is wrong in it."""
        said = "\n".join(str(problem) for problem in problems)
        return BadPrompt(self.name, self.language or LANGUAGES[0], str(self.path), said)


P = TypeVar("P", bound=Prompt)


@dataclass(frozen=True, slots=True)
class PromptKind(Generic[P]):
    """One kind of prompt file."""

    folder: str
    """Its folder below `prompts/`."""
    parse: Callable[[PromptFile], P | BadPrompt]
    """Makes the value, or says what is wrong; raises nothing. See `prompt_tables` for what parsers share."""
    suffixes: tuple[str, ...] = (".toml",)
    largest: int = LARGEST
    """Bytes of one file."""


def prompt_roots(config: Path, folder: Path) -> tuple[Path, ...]:
    """Every folder `prompts` that counts, the later over the earlier: shipped, the user's, that of `folder`."""
    return shipped_prompts_folder(), config / "prompts", folder / "prompts"


def identity_of(path: Path) -> tuple[str, str]:
    """Name and language that the name of a file says; the language may be empty."""
    name, dot, language = path.stem.rpartition(".")
    return (name, language) if dot and name and language in LANGUAGES else (path.stem, "")


def read_prompt(path: Path, kind: PromptKind[P]) -> P | BadPrompt:
    """The prompt of one file. Nothing is raised."""
    return _read(path, kind).prompt


def parse_prompt(text: str, path: Path, kind: PromptKind[P]) -> P | BadPrompt:
    """The prompt of `text` as if it stood in the file at `path`. Nothing is raised."""
    return kind.parse(PromptFile(path, text, *identity_of(path)))


@dataclass(frozen=True, slots=True)
class _Read(Generic[P]):
    prompt: P | BadPrompt
    touched: tuple[tuple[Path, Stamp], ...]
    """The file itself and those read for it."""


class PromptShelf(Generic[P]):
    """The prompts of one kind from several roots; a later root's file replaces an earlier one of its key.

    A file that is wrong never takes the place of a good one: that of an earlier root, or the last good state of the
    same file, stays in use, and `problems` says what is wrong.
    """

    def __init__(self, kind: PromptKind[P], roots: Sequence[Path]) -> None:
        self.kind = kind
        self._folders = distinct(root / kind.folder for root in roots)
        self._read: dict[Path, _Read[P]] = {}
        self._items: dict[str, P | BadPrompt] = {}
        self._problems: dict[Path, str] = {}
        self._wrong: dict[str, str] = {}
        """By key: what is wrong with the file that should be in use for it."""
        self.reload()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of this kind that are looked into, the first one shipped; they need not exist."""
        return self._folders

    def items(self) -> tuple[P | BadPrompt, ...]:
        """One entry a key, by key; a bad one only where no good one has its key."""
        return tuple(self._items[key] for key in sorted(self._items))

    def in_language(self, language: str) -> tuple[P | BadPrompt, ...]:
        """As `items`, those of `language` first."""
        return tuple(sorted(self.items(), key=lambda item: item.language != language))

    def good(self) -> tuple[P, ...]:
        """Those that can be used."""
        return tuple(item for item in self.items() if not isinstance(item, BadPrompt))

    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong in the files, one text a file."""
        return tuple(self._problems.values())

    def problem_of(self, key: str) -> str:
        """What is wrong with the file that should be in use for `key`; empty when nothing is."""
        return self._wrong.get(key, "")

    def named(self, name: str, language: str) -> P | BadPrompt | None:
        """That of this name, in `language` if there is one, else in another; `summarise.zh` names one exactly."""
        if exact := self._items.get(name):
            return exact
        same = [item for item in self._items.values() if item.name == name]
        same.sort(key=lambda item: (isinstance(item, BadPrompt), item.language != language))
        return same[0] if same else None

    def find(self, wanted: str, language: str) -> P:
        """The prompt of a name, of a name with its language, or of a file.

        Raises:
            ConfigError: there is none, or its file holds something wrong.
        """
        found: P | BadPrompt | None
        found = read_prompt(Path(wanted), self.kind) if self._is_path(wanted) else self.named(wanted, language)
        if found is None:
            names = [name for item in self._items.values() for name in (item.name, item.key)]
            raise ConfigError(
                say("There is nothing called {name} in {folder}", name=visible_line(wanted), folder=self.kind.folder)
                + meant(wanted, dict.fromkeys(names)),
                where=", ".join(str(folder) for folder in self._folders),
                hint=say("See all of them with: llmlab prompts list"),
            )
        if isinstance(found, BadPrompt):
            raise ConfigError(found.problem, hint=say("Mend the file and try again."))
        return found

    def _is_path(self, wanted: str) -> bool:
        separators = {"/", os.sep, os.altsep or "/"}
        return wanted.lower().endswith(self.kind.suffixes) or any(mark in wanted for mark in separators)

    def changed_on_disk(self) -> bool:
        """A file was edited, made or removed since it was read: one look at each folder, one `stat` a file."""
        if list(self._files()) != list(self._read):
            return True
        return any(stamp_of(path) != stamp for read in self._read.values() for path, stamp in read.touched)

    def reload(self) -> None:
        """Read the files that changed again. Never raises; what is wrong is in `problems`."""
        kept = {item.source: item for item in self._items.values() if not isinstance(item, BadPrompt)}
        before, self._read = self._read, {}
        for path in self._files():
            old = before.get(path)
            if old is not None and all(stamp_of(place) == stamp for place, stamp in old.touched):
                self._read[path] = old
                continue
            self._read[path] = _read(path, self.kind)
        self._gather(kept)

    def _gather(self, kept: dict[str, P]) -> None:
        """Lay the files over each other, keeping good prompts where bad ones came."""
        self._items, self._problems, self._wrong = {}, {}, {}
        for path, read in self._read.items():
            prompt = read.prompt
            if isinstance(prompt, BadPrompt):
                last_good = kept.get(str(path))
                key = last_good.key if last_good is not None else prompt.key
                self._problems[path] = self._wrong[key] = prompt.problem
                if last_good is not None:
                    self._items[key] = last_good
                self._items.setdefault(key, prompt)
                continue
            self._wrong.pop(prompt.key, None)
            earlier = self._items.get(prompt.key)
            if earlier is not None and Path(earlier.source).parent == path.parent and earlier.source != str(path):
                what = say("{name} is in this folder twice; see also {file}", name=prompt.key, file=earlier.source)
                self._problems[path] = self._wrong[prompt.key] = str(Problem(path, what))
            self._items[prompt.key] = prompt

    def _files(self) -> Iterator[Path]:
        """The files that count, folder by folder, each in the order of names."""
        for folder in self._folders:
            try:
                with os.scandir(folder) as entries:
                    names = sorted(
                        entry.name
                        for entry in entries
                        if entry.name.lower().endswith(self.kind.suffixes) and not entry.name.startswith(".")
                    )
            except OSError:
                continue
            yield from (folder / name for name in names[:MOST_FILES])


def _read(path: Path, kind: PromptKind[P]) -> _Read[P]:
    # The stamp is taken first: an edit during the reading is then noticed by the next look.
    own = (path, stamp_of(path))
    file = PromptFile(path, "", *identity_of(path))
    try:
        text = _text_of(path, kind.largest, "")
    except Unfit as unfit:
        return _Read(file.bad([Problem(path, str(unfit))]), (own,))
    file = PromptFile(path, text, file.name, file.language)
    prompt = kind.parse(file)
    return _Read(prompt, (own, *((place, stamp_of(place)) for place in file.touched)))


def _text_of(path: Path, largest: int, called: str) -> str:
    """The text of a file; what is wrong begins with `called`.

    Raises:
        Unfit: it cannot be read, is too large, or is no text.
    """
    lead = f"{given(called)} " if called else ""
    try:
        if path.exists() and not path.is_file():
            raise Unfit(lead + say("is no file"))
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise Unfit(lead + say("cannot be read: {reason}", reason=reason)) from None
    if len(content) > largest:
        raise Unfit(lead + say("is larger than {size:,} bytes", size=largest))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unfit(lead + say("is not UTF-8 text (byte {position})", position=error.start)) from None
