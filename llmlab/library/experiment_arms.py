"""The arms of an experiment as settings: every bundle times every value of every axis, the baseline first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from types import MappingProxyType
from typing import Any, Final

from llmlab.domain.experiment import Value
from llmlab.domain.generators.base import Generator
from llmlab.library.checks import Unfit, given, meant
from llmlab.library.experiment_fields import DATA, Setting, check_for, flat
from llmlab.words import say

MOST_ARMS: Final = 400
LONGEST_VALUE: Final = 32
"""Characters of a value in the name of an arm."""
ONLY: Final = "base"
"""Name of the arm of an experiment that varies nothing."""

Note = Callable[..., None]
"""Takes what is wrong, then the path of keys."""


@dataclass(frozen=True, slots=True)
class Combining:
    """What arms are put together from."""

    base: Mapping[str, Setting]
    axes: Mapping[str, Sequence[Setting]]
    bundles: Mapping[str, Mapping[str, Setting]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One arm."""

    name: str
    varied: Mapping[str, Value]
    """By axis."""
    settings: Mapping[str, Value]
    """Of its recipe, by dotted key."""
    data: Mapping[str, Value]
    """Arguments of the generator that are set beside those of `[data]`."""
    against: str = ""
    """The arm that it is compared with: the one that differs in what `baseline` says alone; itself for a baseline."""


def combined(parts: Combining, baseline: Any, generator: Generator | None, note: Note) -> tuple[Combination, ...]:
    """Every arm, a baseline first, the others in the order of the file; an earlier axis changes more slowly."""
    axes = list(parts.axes.values())
    count = max(1, len(parts.bundles))
    for axis in axes:
        count *= len(axis)
    if count > MOST_ARMS:
        note(say("makes {count:,} arms; at most {most:,} are compared", count=count, most=MOST_ARMS), "axes")
        return ()
    found: list[Combination] = []
    for bundle in parts.bundles or [""]:
        for values in product(*axes):
            found.append(_combination(parts, bundle, values))
    named = _apart(found)
    wanted = _wanted(named, baseline, generator, note)
    compared = [replace(arm, against=_against(arm, named, wanted)) for arm in named]
    first = next(at for at, arm in enumerate(compared) if arm.against == arm.name)
    return (compared[first], *compared[:first], *compared[first + 1 :])


def _combination(parts: Combining, bundle: str, values: Sequence[Setting]) -> Combination:
    varied: dict[str, Value] = {"arm": bundle} if bundle else {}
    varied |= {setting.key: setting.value for setting in values}
    settings = {key: setting.value for key, setting in parts.base.items()}
    settings |= {key: setting.value for key, setting in parts.bundles.get(bundle, {}).items()}
    settings |= {setting.key: setting.value for setting in values}
    shorts = [setting.key.rpartition(".")[2] for setting in values]
    names = [
        f"{short if shorts.count(short) == 1 else setting.key}={_shown(setting.value)}"
        for short, setting in zip(shorts, values, strict=True)
    ]
    return Combination(
        name=", ".join([*([bundle] if bundle else []), *names]) or ONLY,
        varied=MappingProxyType(varied),
        settings={key: value for key, value in settings.items() if not key.startswith(DATA)},
        data={key.removeprefix(DATA): value for key, value in settings.items() if key.startswith(DATA)},
    )


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = " ".join("|".join(value).split()) if isinstance(value, tuple) else " ".join(str(value).split())
    if isinstance(value, float):
        text = f"{value:g}"
    return (text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…") or say("none")


def _apart(found: Sequence[Combination]) -> list[Combination]:
    """With names that differ: long values may begin alike."""
    named: list[Combination] = []
    seen: dict[str, int] = {}
    for one in found:
        seen[one.name] = seen.get(one.name, 0) + 1
        name = one.name if seen[one.name] == 1 else f"{one.name} #{seen[one.name]}"
        named.append(replace(one, name=name))
    return named


def _wanted(arms: Sequence[Combination], baseline: Any, generator: Generator | None, note: Note) -> Mapping[str, Value]:
    """What makes an arm a baseline: the settings that the file names, else the first value of what is varied first."""
    if baseline is None:
        return dict(list(arms[0].varied.items())[:1])
    if isinstance(baseline, str):
        named = next((arm for arm in arms if arm.name == baseline), None)
        if named is not None:
            return named.varied
        if any(arm.varied.get("arm") == baseline for arm in arms):
            return {"arm": baseline}
        names = [*(arm.name for arm in arms), *(str(arm.varied["arm"]) for arm in arms if "arm" in arm.varied)]
        note(say("there is no arm {name}", name=given(baseline)) + meant(baseline, names), "baseline")
        return arms[0].varied
    wanted: dict[str, Value] = {}
    for key, value, place in flat(baseline, ("baseline",)):
        check = check_for(key, generator)
        try:
            wanted[key] = check(value) if check and key != "arm" else value  # type: ignore[assignment]  # checked
        except Unfit as unfit:
            note(str(unfit), *place)
            return arms[0].varied
    if not any(wanted.items() <= arm.varied.items() for arm in arms):
        note(say("no arm has these settings"), "baseline")
        return arms[0].varied
    return wanted


def _against(arm: Combination, arms: Sequence[Combination], wanted: Mapping[str, Value]) -> str:
    """The arm that is a baseline and equal to this one in all else; itself for a baseline."""
    wished = {**arm.varied, **wanted}
    return next(other.name for other in arms if other.varied == wished)
