"""From settings by dotted key to recipes: names looked up, fields put together, what does not go together told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from llmlab.domain.experiment import OWN_SHOTS, Value
from llmlab.domain.model import ModelSpec
from llmlab.domain.modes import ReasoningMode, ReasoningUse
from llmlab.domain.reading import DocumentRef, ReadingUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.shots import ShotSet, ShotUse
from llmlab.domain.template import PromptTemplate, TemplateUse
from llmlab.errors import LlmlabError
from llmlab.library.checks import Unfit
from llmlab.library.context_fields import with_context
from llmlab.library.experiment_fields import VARIABLES, Setting
from llmlab.library.prompt_files import PromptFile
from llmlab.words import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelves:
    """Where names of an experiment are looked up; each takes a name, and raises an `LlmlabError` when it is none."""

    model: Callable[[str], ModelSpec]
    default_model: Callable[[], ModelSpec]
    template: Callable[[str], PromptTemplate]
    shots: Callable[[str], ShotSet]
    mode: Callable[[str], ReasoningMode]
    document: Callable[[Path], DocumentRef]
    """Takes the absolute path of a file."""
    count: Callable[[ModelSpec, Sequence[str]], Sequence[int]]
    """Tokens of texts, by the vocabulary of a model."""


Note = Callable[[str, tuple[str, ...]], None]
"""Takes what is wrong and where it stands."""
Settings = Mapping[str, Value]


@dataclass(slots=True)
class Lookup:
    """Everything that names stand for, looked up once."""

    shelves: Shelves
    file: PromptFile
    note: Note
    found: dict[tuple[str, Value], Any] = field(default_factory=dict)

    def take(self, setting: Setting) -> None:
        """Look up what a setting names; a name that is none is noted where it stands."""
        spot = (setting.key, setting.value)
        find = self._finder(setting.key)
        if spot in self.found or find is None or not setting.value:
            return
        try:
            self.found[spot] = find(setting.value)
        except LlmlabError as error:
            self.note(error.what, setting.path)
        except Unfit as unfit:
            self.note(str(unfit), setting.path)

    def of(self, settings: Settings, key: str) -> Any:
        """What the setting of a key names; `None` for none."""
        return self.found.get((key, settings.get(key)))

    def _finder(self, key: str) -> Callable[[Any], Any] | None:
        shelves = self.shelves
        finders: dict[str, Callable[[Any], Any]] = {
            "model": shelves.model,
            "template": shelves.template,
            "shots.set": self._shots,
            "reasoning.mode": shelves.mode,
            "reading.documents": self._documents,
            "grammar": lambda text: text if "::=" in text else self.file.beside(text),
            "schema": lambda text: text if text.lstrip().startswith("{") else self.file.beside(text),
        }
        return finders.get(key)

    def _shots(self, name: str) -> ShotSet:
        if name == OWN_SHOTS:
            return ShotSet(name=OWN_SHOTS, language=self.file.language or "en", title="")
        return self.shelves.shots(name)

    def _documents(self, paths: tuple[str, ...]) -> tuple[DocumentRef, ...]:
        folder = self.file.path.parent.absolute()
        return tuple(self.shelves.document(folder / Path(path).expanduser()) for path in paths)


_PARTS: Final = {
    "shots": ("shots.set", ("shots.k", "shots.choice", "shots.order", "shots.seed", "shots.style", "shots.labels")),
    "reasoning": ("reasoning.mode", ("reasoning.votes", "reasoning.budget")),
    "reading": ("reading.way", ("reading.k", "reading.documents", "reading.stretching")),
    "template": ("template", ()),
}
"""By part of a recipe: the key without which it is not there, and those that mean nothing without it."""


def lonely(keys: set[str]) -> list[tuple[str, str]]:
    """Keys that mean nothing without another, and that other; `keys` are all that are set anywhere."""
    found = [(key, head) for head, others in _PARTS.values() for key in others if key in keys and head not in keys]
    if "template" not in keys:
        found += [(key, "template") for key in sorted(keys) if key.startswith(VARIABLES)]
    return found


def recipe_of(settings: Settings, lookup: Lookup, fallback: ModelSpec | None) -> Recipe | None:
    """The recipe of checked settings whose names are looked up; `None` where its model is not known."""
    model = lookup.of(settings, "model") or fallback
    if model is None:
        return None
    sampling = {key.removeprefix("sampling."): value for key, value in settings.items() if key.startswith("sampling.")}
    return Recipe(
        model=_model(model, settings),
        system=_text(settings, "system"),
        sampling=Sampling(**sampling),  # type: ignore[arg-type]  # checked by the fields
        thinking=_switch(settings, "thinking"),
        keep_thinking=settings.get("keep_thinking") is True,
        template=_template(settings, lookup),
        shots=_shots(settings, lookup),
        reasoning=_reasoning(settings, lookup),
        reading=_reading(settings, lookup),
        grammar=lookup.of(settings, "grammar"),
        schema=lookup.of(settings, "schema"),
        overflow=settings.get("overflow", "ask"),  # type: ignore[arg-type]  # checked by the fields
    )


def _text(settings: Settings, key: str) -> str | None:
    value = settings.get(key)
    return value if isinstance(value, str) else None


def _switch(settings: Settings, key: str) -> bool | None:
    value = settings.get(key)
    return value if isinstance(value, bool) else None


def _own(settings: Settings, part: str) -> dict[str, Any]:
    """The settings of a part under the names of its fields."""
    return {key.removeprefix(f"{part}."): settings[key] for key in _PARTS[part][1] if key in settings}


def _model(model: ModelSpec, settings: Settings) -> ModelSpec:
    own = {key.removeprefix("context."): value for key, value in settings.items() if key.startswith("context.")}
    return with_context(model, own)


def _template(settings: Settings, lookup: Lookup) -> TemplateUse | None:
    template = lookup.of(settings, "template")
    if template is None:
        return None
    values = {key.removeprefix(VARIABLES): str(value) for key, value in settings.items() if key.startswith(VARIABLES)}
    return TemplateUse(template, MappingProxyType(values))


def _shots(settings: Settings, lookup: Lookup) -> ShotUse | None:
    shots = lookup.of(settings, "shots.set")
    return ShotUse(shots, **_own(settings, "shots")) if shots is not None else None


def _reasoning(settings: Settings, lookup: Lookup) -> ReasoningUse | None:
    mode = lookup.of(settings, "reasoning.mode")
    return ReasoningUse(mode, **_own(settings, "reasoning")) if mode is not None else None


def _reading(settings: Settings, lookup: Lookup) -> ReadingUse | None:
    way = settings.get("reading.way")
    if not way:
        return None
    own = _own(settings, "reading") | {"documents": lookup.of(settings, "reading.documents") or ()}
    return ReadingUse(way=way, **own)  # type: ignore[arg-type]  # checked by the fields


def clashes(recipe: Recipe) -> str:
    """What in a recipe does not go together, in words; empty when all does."""
    if recipe.grammar is not None and recipe.schema is not None:
        return say("a grammar and a JSON schema are both set; an answer follows one")
    use = recipe.template
    if use is not None:
        names = [variable.name for variable in use.template.variables]
        for name in use.values:
            if name not in names:
                return say("The template {template} has no variable {name}", template=use.template.key, name=name)
    return ""
