"""Experiment files: prompts/experiments/*.toml. Everything that is wrong is told at once, before anything runs.

A file says what is the same in every arm (`[base]`), what is varied (`[axes]`, or whole bundles of settings under
names: `[arms.NAME]`), what is asked (`[data]`), and what judges it (`[[scorers]]`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from llmlab.domain.experiment import Arm, Axis, DataCard, Experiment, Item, ScorerUse, Value
from llmlab.domain.generators.base import Generator, TokenSizes
from llmlab.domain.generators.registry import GENERATORS
from llmlab.domain.model import ModelSpec
from llmlab.domain.scorers.own import Function
from llmlab.errors import ConfigError, LlmlabError
from llmlab.library.checks import Check, Unfit, given, meant, number, whole, words, yes_or_no
from llmlab.library.experiment_arms import Combination, Combining, combined
from llmlab.library.experiment_data import DataWish, data_wish, loaded_data, what_scorers_lack
from llmlab.library.experiment_fields import MOST_SEED, Setting, check_for, flat, known_keys, listed
from llmlab.library.experiment_recipes import Lookup, Shelves, clashes, lonely, recipe_of
from llmlab.library.experiment_scorers import lines_of, load_own, scorers_of, thresholds_of
from llmlab.library.prompt_files import BadPrompt, PromptFile, PromptKind, PromptShelf, identity_of
from llmlab.library.prompt_tables import PromptTable, prompt_table, table
from llmlab.words import say

MOST_TRIALS: Final = 1_000_000
"""Of one experiment."""


def _baseline(value: object) -> object:
    if isinstance(value, str | dict) and value:
        return value
    raise Unfit(say("{given} is neither the name of an arm nor a table of settings", given=given(value)))


_CHECKS: Final[Mapping[str, Check]] = {
    "hypothesis": words,
    "seed": whole(0, MOST_SEED),
    "repeats": whole(1, 1_000),
    "noise_floor": yes_or_no,
    "alpha": number(0.0001, 0.5),
    "resamples": whole(100, 1_000_000),
    "baseline": _baseline,
    "base": table,
    "axes": table,
    "arms": table,
    "data": table,
    "scorers": lambda value: value,
    "thresholds": lambda value: value,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An experiment file that is sound by itself; its names are not looked up yet."""

    name: str
    language: str
    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    hypothesis: str = ""
    source: str = ""

    @property
    def key(self) -> str:
        """Name and language, as files are called."""
        return f"{self.name}.{self.language}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """An experiment that can run."""

    experiment: Experiment
    own: Mapping[str, Function] = field(default_factory=lambda: MappingProxyType({}))
    """Functions of scorers from other packages, by kind."""
    judge: ModelSpec | None = None
    """The model of the scorer `judge`."""


class _Parts:
    """One file being read: what its tables say, and every fault."""

    def __init__(self, file: PromptFile) -> None:
        self.top: PromptTable = prompt_table(file, _CHECKS, ["data", "scorers"])
        self.head = self.top.head()
        self.data: DataWish | None = data_wish(self._table("data"), file, self.top.fault)
        self.generator: Generator | None = GENERATORS.get(self.data.generator) if self.data else None
        self.base = self._settings("base")
        self.axes = self._axes()
        self.bundles = {name: self._settings("arms", name, table=inner) for name, inner in self._table("arms").items()}
        self.scorers: tuple[ScorerUse, ...] = (
            scorers_of(self.top.values["scorers"], file, self.note_in_list) if "scorers" in self.top.values else ()
        )
        if self.top.values.get("scorers") == []:
            self.top.fault(say("is empty"), "scorers")
        self._check_lonely()

    def get(self, key: str, default: Any) -> Any:
        """A checked value of the top level."""
        return self.top.values.get(key, default)

    def _table(self, key: str) -> Mapping[str, Any]:
        value = self.top.values.get(key)
        return value if isinstance(value, dict) else {}

    def _settings(self, *path: str, table: object = None) -> dict[str, Setting]:
        """The settings of a table, by dotted key."""
        found: dict[str, Setting] = {}
        value = self._table(path[0]) if table is None else table
        if not isinstance(value, dict):
            self.top.fault(say("{given} is not a table", given=given(value)), *path)
            return found
        for key, one, place in flat(value, path):
            checked = self._checked(key, one, place)
            if checked is not None:
                found[key] = checked
        return found

    def _checked(self, key: str, value: object, place: tuple[str, ...]) -> Setting | None:
        check = check_for(key, self.generator)
        if check is None:
            self.top.fault(say("there is no such key") + meant(key, known_keys(self.generator)), *place)
            return None
        try:
            return Setting(key, check(value), place)  # type: ignore[arg-type]  # the check gives the field's type
        except Unfit as unfit:
            self.top.fault(str(unfit), *place)
            return None

    def _axes(self) -> dict[str, list[Setting]]:
        found: dict[str, list[Setting]] = {}
        for key, value, place in flat(self._table("axes"), ("axes",)):
            try:
                values = listed(value)
            except Unfit as unfit:
                self.top.fault(str(unfit), *place)
                continue
            checked = [self._checked(key, one, place) for one in values]
            good = [setting for setting in checked if setting is not None]
            if len(good) == len(values):
                found[key] = good
            elif check_for(key, self.generator) is None:
                # Said once, not once a value.
                del self.top.faults[len(self.top.faults) - len(values) + 1 :]
        return found

    def _check_lonely(self) -> None:
        places = {setting.key: setting.path for setting in self.settings()}
        for key, head in lonely(set(places)):
            self.top.fault(say("does nothing without {key}", key=head), *places[key])
        for bundle in self.bundles.values():
            for key in bundle.keys() & self.axes.keys():
                self.top.fault(say("is varied under [axes] too"), *bundle[key].path)

    def note_in_list(self, what: str, key: str, place: str = "0") -> None:
        """Note what is wrong with the table at a place, from 0, of a list of tables, with its own line."""
        heads = lines_of(key, self.top.file)
        self.top.fault(what, key)
        if int(place) < len(heads):
            self.top.shift(heads[int(place)] - heads[0])

    def settings(self) -> list[Setting]:
        """Every setting of the file."""
        bundled = [setting for bundle in self.bundles.values() for setting in bundle.values()]
        return [*self.base.values(), *(one for axis in self.axes.values() for one in axis), *bundled]

    def combinations(self) -> tuple[Combination, ...]:
        """Every arm as settings, the baseline first."""
        # What an axis that is wrong should have varied cannot be looked for.
        whole = len(self.axes) == sum(1 for _ in flat(self._table("axes"), ()))
        wanted = self.get("baseline", None) if whole else None
        combining = Combining(self.base, self.axes, self.bundles)
        return combined(combining, wanted, self.generator, self.top.fault)


def parse_experiment(file: PromptFile) -> Draft | BadPrompt:
    """A file checked by itself: keys, values, scorers, combinations. Nothing is looked up or generated."""
    parts = _Parts(file)
    arms = parts.combinations()
    thresholds_of(parts.get("thresholds", []), parts.scorers, [arm.name for arm in arms], parts.note_in_list)
    return parts.top.bad() or Draft(**parts.head, hypothesis=parts.get("hypothesis", ""))  # type: ignore[arg-type]


EXPERIMENTS: Final = PromptKind("experiments", parse_experiment)
"""Experiment files as a kind of prompt file."""


class ExperimentShelf(PromptShelf[Draft]):
    """The experiments of every place."""

    def __init__(self, roots: Sequence[Path]) -> None:
        super().__init__(EXPERIMENTS, roots)

    def load(self, wanted: str, language: str, shelves: Shelves, model: str = "") -> Loaded:
        """An experiment with its recipes and items.

        Args:
            wanted: a name, or the path of a file.
            language: which of several of that name.
            shelves: where the names in it are looked up.
            model: stands in for the model of `[base]`; empty leaves it.

        Raises:
            ConfigError: there is none, or something in it is wrong; the message names all of it.
        """
        return load_experiment(self._place_of(wanted, language), shelves, model)

    def _place_of(self, wanted: str, language: str) -> Path:
        if self._is_path(wanted):
            return Path(wanted)
        found = self.named(wanted, language)
        # One that is wrong is loaded all the same: then everything that is wrong is told, names among it.
        return Path(found.source if found is not None else self.find(wanted, language).source)


def load_experiment(path: Path, shelves: Shelves, model: str = "") -> Loaded:
    """The experiment of a file, with its recipes and items.

    Raises:
        ConfigError: it cannot be read, or something in it is wrong; the message names all of it, with lines.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigError(say("The file cannot be read: {reason}", reason=str(error)), where=str(path)) from None
    return _Loading(PromptFile(path, text, *identity_of(path)), shelves, model).loaded()


class _Loading:
    """One experiment being loaded."""

    def __init__(self, file: PromptFile, shelves: Shelves, model: str) -> None:
        self._file = file
        self._parts = _Parts(file)
        self._top = self._parts.top
        self._lookup = Lookup(shelves, file, lambda what, path: self._top.fault(what, *path))
        self._shelves = shelves
        if model:
            self._parts.base["model"] = Setting("model", model, ("base", "model"))

    def loaded(self) -> Loaded:
        """Everything in its place.

        Raises:
            ConfigError: something is wrong.
        """
        parts = self._parts
        for setting in parts.settings():
            self._lookup.take(setting)
        combinations = parts.combinations()
        thresholds = thresholds_of(
            parts.get("thresholds", []), parts.scorers, [arm.name for arm in combinations], parts.note_in_list
        )
        own, faults = load_own(parts.scorers)
        self._top.faults += faults
        judge = self._judge()
        arms, data = self._arms(combinations)
        if bad := self._top.bad():
            raise ConfigError(bad.problem, hint=say("Mend the file and try again."))
        experiment = Experiment(
            name=str(parts.head["name"]),
            language=str(parts.head["language"]),
            title=str(parts.head["title"]),
            description=str(parts.head["description"]),
            hypothesis=parts.get("hypothesis", "").strip(),
            axes=_axes_of(parts),
            arms=arms,
            scorers=parts.scorers,
            repeats=parts.get("repeats", 1),
            seed=parts.get("seed", 0),
            alpha=parts.get("alpha", 0.05),
            resamples=parts.get("resamples", 10_000),
            thresholds=thresholds,
            data=data,
            source=str(self._file.path),
        )
        if experiment.size > MOST_TRIALS:
            what = say("has {count:,} trials; at most {most:,} run", count=experiment.size, most=MOST_TRIALS)
            raise ConfigError(f"{self._file.path}: {what}", hint=say("Lower limit or repeats, or vary less."))
        return Loaded(experiment=experiment, own=own, judge=judge)

    def _judge(self) -> ModelSpec | None:
        use = next((use for use in self._parts.scorers if use.kind == "judge"), None)
        if use is None:
            return None
        try:
            return self._shelves.model(str(use.options["model"]))
        except LlmlabError as error:
            self._top.fault(error.what, "scorers")
            return None

    def _default_model(self) -> ModelSpec | None:
        """The model of arms that name none."""
        if any(setting.key == "model" for setting in self._parts.settings()):
            return None
        try:
            return self._shelves.default_model()
        except LlmlabError as error:
            self._top.fault(error.what, "base", "model")
            return None

    def _counted(self, texts: Sequence[str]) -> Sequence[int]:
        """Tokens of texts, by the first model of the file."""
        named = next((str(setting.value) for setting in self._parts.settings() if setting.key == "model"), "")
        model = self._shelves.model(named) if named else self._shelves.default_model()
        return self._shelves.count(model, texts)

    def _arms(self, combinations: Sequence[Combination]) -> tuple[tuple[Arm, ...], DataCard]:
        fallback, wish, sizes = self._default_model(), self._parts.data, TokenSizes(self._counted)
        made: dict[str, tuple[Item, ...]] = {}
        card = DataCard(origin="")
        arms: list[Arm] = []
        for one in combinations:
            if wish is not None and repr(one.data) not in made:
                made[repr(one.data)], card = loaded_data(wish, one.data, self._top.fault, sizes)
            items = made.get(repr(one.data), ())
            recipe = recipe_of(one.settings, self._lookup, fallback)
            if recipe is None:
                continue
            if wrong := clashes(recipe):
                self._top.fault(f"{one.name}: {wrong}")
                continue
            arms.append(Arm(name=one.name, settings=one.varied, recipe=recipe, items=items, against=one.against))
        if arms and not self._top.faults:
            for lack in what_scorers_lack(self._parts.scorers, arms):
                self._top.fault(lack, "data")
        if arms and self._parts.get("noise_floor", True):
            first = arms[0]
            name = say("{arm} (again)", arm=first.name)
            arms.append(replace(first, name=name, twin_of=first.name))
        return tuple(arms), replace(card, used=len(arms[0].items) if arms else 0)


def _axes_of(parts: _Parts) -> tuple[Axis, ...]:
    axes = [Axis(key, tuple(setting.value for setting in settings)) for key, settings in parts.axes.items()]
    bundles: tuple[Value, ...] = tuple(parts.bundles)
    return (*([Axis("arm", bundles)] if bundles else []), *axes)
