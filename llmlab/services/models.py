"""The shelf: every model that can be asked for, from all models.toml files, and how each is doing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llmlab.domain.model import BadModel, ModelFacts, ModelSpec
from llmlab.domain.quantisation import TYPES
from llmlab.domain.remote import told_where
from llmlab.errors import ConfigError, LlmlabError
from llmlab.library.checks import meant
from llmlab.library.models import POCKET, ModelsFile, ad_hoc, ad_hoc_pocket, read_models
from llmlab.library.watching import Stamp, distinct, stamp_of
from llmlab.services.fit import fit_words
from llmlab.words import say

Inspect = Callable[[ModelSpec], ModelFacts]
"""Reads the header of a model's file and checks it; raises `ModelError`."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether one model can be used, found out without loading it."""

    name: str
    path: str = ""
    source: str = ""
    problem: LlmlabError | None = None
    """Why it cannot be used."""
    facts: ModelFacts | None = None
    """What its header says, when it could be read."""
    note: str = ""
    """Where a model is that has no file."""

    @property
    def ok(self) -> bool:
        """Nothing stands against loading it."""
        return self.problem is None


class ModelShelf:
    """The models of several models.toml files; a later file's table replaces an earlier one of its name.

    A table that is wrong never takes the place of a good one: the table of an earlier file, or the last good state of
    the same table, stays in use, and `problems` says what is wrong.
    """

    def __init__(self, files: Sequence[Path], inspect: Inspect) -> None:
        self._paths = distinct(files)
        self._inspect = inspect
        self._stamps: dict[Path, Stamp] = {}
        self._files: dict[Path, ModelsFile] = {}
        self._models: dict[str, ModelSpec | BadModel] = {}
        self._problems: tuple[str, ...] = ()
        self._default = ""
        self._embeddings = ""
        self.reload()

    def models(self) -> tuple[ModelSpec | BadModel, ...]:
        """One entry a name, in the order of the files; a bad one only where no good one has its name."""
        return tuple(self._models.values())

    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong in the files, a sentence each."""
        return self._problems

    def find(self, name: str) -> ModelSpec:
        """The model called `name`, of the file at the path `name`, or shipped as `pocket:NAME`.

        Raises:
            ConfigError: there is none, or its table is wrong.
        """
        found = self._models.get(name)
        if isinstance(found, ModelSpec):
            return found
        if found is not None:
            raise ConfigError(found.problem, hint=say("Correct the table and try again."))
        if name.startswith(POCKET):
            return ad_hoc_pocket(name.removeprefix(POCKET))
        if _is_file(name):
            return ad_hoc(name)
        if name.lower().endswith(".gguf") or "/" in name or os.sep in name:
            what = " ".join(filter(None, (say("There is no file {path}.", path=name), self._how_made(name))))
            raise ConfigError(what, hint=say("See all of them with: llmlab models"))
        raise ConfigError(
            say("There is no model {name}", name=name) + meant(name, self._models),
            hint=say("See all of them with: llmlab models"),
        )

    def default(self) -> ModelSpec:
        """The model of a first start: the one that a file names, else the first that is good.

        Raises:
            ConfigError: no table is good.
        """
        chosen = self._models.get(self._default)
        if isinstance(chosen, ModelSpec):
            return chosen
        good = next((model for model in self._models.values() if isinstance(model, ModelSpec)), None)
        if good is None:
            raise ConfigError(
                say("No model can be used."),
                where=", ".join(str(path) for path in self._paths),
                hint=self._problems[0] if self._problems else say("Add a table to models.toml."),
            )
        return good

    def embeddings(self) -> ModelSpec | None:
        """The model that finds passages and examples by what they mean; `None` where no file names one."""
        chosen = self._models.get(self._embeddings)
        return chosen if isinstance(chosen, ModelSpec) else None

    def changed_on_disk(self) -> bool:
        """A file was edited, made or removed since it was read: one `stat` a file."""
        return any(stamp_of(path) != self._stamps.get(path) for path in self._paths)

    def reload(self) -> None:
        """Read the files that changed again. Never raises; what is wrong is in `problems`."""
        for path in self._paths:
            # The stamp is taken first: an edit during the reading is then noticed by the next look.
            stamp = stamp_of(path)
            if path in self._files and stamp == self._stamps.get(path):
                continue
            self._stamps[path] = stamp
            self._files[path] = _over(self._files.get(path), read_models(path), self._models)
        self._gather()

    def check(self, spec: ModelSpec | BadModel) -> Health:
        """Whether `spec` can be used, by its table and the header of its file; loads nothing."""
        if isinstance(spec, BadModel):
            return Health(spec.name, source=spec.source, problem=ConfigError(spec.problem))
        health = Health(spec.name, spec.path, spec.source)
        if spec.remote is not None:
            # Whether its server is there is asked when the model is used, not by looking through a list.
            return replace(health, note=told_where(spec.remote))
        try:
            return replace(health, facts=self._inspect(spec))
        except LlmlabError as error:
            return replace(health, problem=error)

    def fit(self, spec: ModelSpec) -> str:
        """In a line whether `spec` fits into memory, or what stands against loading it; reads its file if need be."""
        if spec.remote is not None:
            return told_where(spec.remote)
        health = self.check(spec)
        if health.problem is not None:
            return health.problem.what
        if health.facts is not None and not health.facts.writes:
            return say("an embedding model; it cannot write answers")
        return fit_words(health.facts.fit) if health.facts is not None and health.facts.fit is not None else ""

    def _how_made(self, name: str) -> str:
        """The command that makes the file `name` of a model on the shelf, in fewer bits; empty where none does."""
        sources = {name.removesuffix(f"-{kind}.gguf"): kind for kind in TYPES if name.endswith(f"-{kind}.gguf")}
        for model in self._models.values():
            kind = sources.get(Path(model.path).stem) if isinstance(model, ModelSpec) else None
            if kind is not None:
                return say("Make it with: llmlab models quantise {model} --type {kind}", model=model.name, kind=kind)
        return ""

    def _gather(self) -> None:
        """Lay the files over each other, keeping good tables where bad ones came."""
        kept = {name: model for name, model in self._models.items() if isinstance(model, ModelSpec)}
        models: dict[str, ModelSpec | BadModel] = {}
        problems: list[str] = []
        defaults: dict[str, Path] = {}
        embeddings: tuple[str, Path] | None = None
        for path in self._paths:
            file = self._files[path]
            problems += [str(problem) for problem in file.problems]
            for model in file.models:
                if isinstance(model, ModelSpec):
                    models[model.name] = model
                    continue
                problems.append(model.problem)
                last_good = kept.get(model.name)
                if last_good is not None and last_good.source == model.source:
                    models[model.name] = last_good
                models.setdefault(model.name, model)
            if file.default:
                defaults.pop(file.default, None)  # so that the order is that of the files
                defaults[file.default] = path
            if file.embeddings is not None:
                embeddings = file.embeddings, path
        if embeddings and embeddings[0] and embeddings[0] not in models:
            name, path = embeddings
            problems.append(f"{path}: {say('embeddings names no model: {name}', name=name)}" + meant(name, models))
        self._embeddings = embeddings[0] if embeddings else ""
        problems += [
            f"{path}: {say('default names no model: {name}', name=name)}" + meant(name, models)
            for name, path in defaults.items()
            if name not in models
        ]
        good = [name for name in defaults if isinstance(models.get(name), ModelSpec)]
        self._models, self._problems, self._default = models, tuple(problems), good[-1] if good else ""


def _over(before: ModelsFile | None, now: ModelsFile, used: Mapping[str, ModelSpec | BadModel]) -> ModelsFile:
    """What a file says `now`; where nothing of it can be read, what it said `before`, with what is wrong now.

    A table of it that was wrong before already stays as it is `used`.
    """
    if before is None or not now.unreadable:
        return now
    last = [used.get(model.name) if isinstance(model, BadModel) else model for model in before.models]
    good = tuple(model for model in last if isinstance(model, ModelSpec) and model.source == str(before.source))
    return replace(before, models=good, problems=now.problems)


def _is_file(name: str) -> bool:
    try:
        return Path(name).expanduser().is_file()
    except (OSError, RuntimeError, ValueError):
        return False
