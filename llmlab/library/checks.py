"""What a key of a user's file takes: small checks that either give the value or say what is allowed."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from llmlab.domain.biases import parse_biases, written_biases
from llmlab.domain.sampling import SETTINGS, Sampling, Setting
from llmlab.words import say

NEAR: Final = 0.65
"""Likeness from which a name is offered as what was meant."""


class Unfit(Exception):
    """A value that a key does not take; the message says what it takes."""


Check = Callable[[object], object]
"""Gives the value to keep, or raises `Unfit`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong under which key of a table."""

    path: tuple[str, ...]
    """Keys from the table down to the value."""
    what: str


def given(value: object) -> str:
    """`value` as it would stand in the file, shortened."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + (value if len(value) <= 40 else value[:39] + "…") + '"'
        case dict():
            return say("a table")
        case list():
            return say("a list")
        case float() if math.isfinite(value):
            return repr(value)
        case int() if abs(value) >= 10**20:
            return say("a huge number")
        case _:
            return str(value)


def near(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that `name` was probably meant to be."""
    wanted = name.lower().replace("-", "_")
    scored = [(_likeness(wanted, item.lower().replace("-", "_")), item) for item in names]
    score, best = max(scored, default=(0.0, ""), key=lambda pair: pair[0])
    return best if score >= NEAR else None


def _likeness(wanted: str, name: str) -> float:
    """Shared letters, 0 to 1, and a bonus for an equal beginning: people shorten words at their end."""
    matcher = difflib.SequenceMatcher(None, wanted, name)
    beginning = next((block.size for block in matcher.get_matching_blocks() if block.a == block.b == 0), 0)
    return matcher.ratio() + 0.08 * beginning


def meant(name: str, names: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing when no name is near."""
    guess = near(name, names)
    return say("; did you mean {name}?", name=guess) if guess else ""


def one_of(*allowed: str) -> Check:
    """One of these words."""

    def check(value: object) -> object:
        if isinstance(value, str) and value in allowed:
            return value
        guess = meant(value, allowed) if isinstance(value, str) else ""
        words = ", ".join(f'"{word}"' for word in allowed)
        raise Unfit(say("{given} is not one of {allowed}", given=given(value), allowed=words) + guess)

    return check


def whole(low: int, high: int, *words: str) -> Check:
    """A whole number within bounds, or one of `words`."""

    def check(value: object) -> object:
        if isinstance(value, str) and value in words:
            return value
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        bounds = {"given": given(value), "low": f"{low:,}", "high": f"{high:,}"}
        if not words:
            raise Unfit(say("{given} is not a whole number from {low} to {high}", **bounds))
        spelled = ", ".join(f'"{word}"' for word in words)
        guess = meant(value, words) if isinstance(value, str) else ""
        raise Unfit(
            say("{given} is neither {words} nor a whole number from {low} to {high}", **bounds, words=spelled) + guess
        )

    return check


def number(low: float, high: float) -> Check:
    """A finite number within bounds; a whole one becomes a float."""

    def check(value: object) -> object:
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        raise Unfit(
            say("{given} is not a number from {low} to {high}", given=given(value), low=f"{low:g}", high=f"{high:g}")
        )

    return check


def yes_or_no(value: object) -> object:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise Unfit(say("{given} is neither true nor false", given=given(value)))


def words(value: object) -> object:
    """A text."""
    if isinstance(value, str):
        return value
    raise Unfit(say("{given} is not a text in quotes", given=given(value)))


def texts(value: object) -> object:
    """One text or a list of texts, none of them empty; becomes a tuple."""
    listed = [value] if isinstance(value, str) else value
    if isinstance(listed, list) and all(isinstance(item, str) and item for item in listed):
        return tuple(listed)
    raise Unfit(say("{given} is neither a text nor a list of texts that are not empty", given=given(value)))


def biases(value: object) -> object:
    """Biases of tokens in their notation."""
    try:
        return written_biases(parse_biases(str(words(value))))
    except ValueError as error:
        raise Unfit(str(error)) from None


def check_table(
    table: Mapping[str, object], checks: Mapping[str, Check], path: tuple[str, ...] = ()
) -> tuple[dict[str, object], list[Fault]]:
    """The values of `table` that fit, and what is wrong with every other key."""
    values: dict[str, object] = {}
    faults: list[Fault] = []
    for key, value in table.items():
        check = checks.get(key)
        if check is None:
            faults.append(Fault((*path, key), say("there is no such key") + meant(key, checks)))
            continue
        try:
            values[key] = check(value)
        except Unfit as unfit:
            faults.append(Fault((*path, key), str(unfit)))
    return values, faults


def check_of(setting: Setting) -> Check:
    """The check of one sampler setting, from its bounds."""
    match setting.kind:
        case "int":
            return whole(int(setting.low), int(setting.high))
        case "float":
            return number(setting.low, setting.high)
        case "texts":
            return texts
        case "biases":
            return biases


def check_sampling(table: Mapping[str, object], path: tuple[str, ...]) -> tuple[Sampling, list[Fault]]:
    """Sampler settings from a table of them."""
    values, faults = check_table(table, {setting.name: check_of(setting) for setting in SETTINGS}, path)
    return Sampling(**values), faults  # type: ignore[arg-type]  # the checks above give each field its type
