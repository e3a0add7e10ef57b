"""What an experiment may set: every field of a recipe by its dotted key, and what each takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, get_args

from llmlab.domain.experiment import Value
from llmlab.domain.generators.base import Generator, Parameter
from llmlab.domain.modes import MOST_VOTES
from llmlab.domain.reading import WAYS, Stretching
from llmlab.domain.recipe import OverflowPolicy
from llmlab.domain.sampling import SETTINGS
from llmlab.domain.shots import LabelControl, ShotChoice, ShotOrder, ShotStyle
from llmlab.domain.terminal import encodable
from llmlab.library.checks import Check, Unfit, check_of, given, number, one_of, texts, whole, words, yes_or_no
from llmlab.library.context_fields import CONTEXT
from llmlab.library.prompt_tables import line_of_text
from llmlab.words import say

MOST_SEED: Final = 2**32 - 2
VARIABLES: Final = "variables."
"""What the key of a template's variable begins with."""
DATA: Final = "data."
"""What the key of a generator's argument begins with."""


def text(value: object) -> object:
    """A text that can be sent."""
    return encodable(str(words(value)))


def name_or_none(value: object) -> object:
    """A name; empty for none."""
    return value if value == "" else line_of_text(value)


FIELDS: Final[Mapping[str, Check]] = {
    "model": line_of_text,
    "system": text,
    "template": name_or_none,
    "shots.set": name_or_none,
    "shots.k": whole(0, 1_000),
    "shots.choice": one_of(*get_args(ShotChoice)),
    "shots.order": one_of(*get_args(ShotOrder)),
    "shots.seed": whole(0, MOST_SEED),
    "shots.style": one_of(*get_args(ShotStyle)),
    "shots.labels": one_of(*get_args(LabelControl)),
    "reasoning.mode": name_or_none,
    "reasoning.votes": whole(1, MOST_VOTES),
    "reasoning.budget": whole(0, 1_000_000),
    "thinking": yes_or_no,
    "keep_thinking": yes_or_no,
    "reading.way": one_of(*WAYS, ""),
    "reading.k": whole(1, 1_000),
    "reading.documents": texts,
    "reading.stretching": one_of(*get_args(Stretching)),
    "grammar": text,
    "schema": text,
    "overflow": one_of(*get_args(OverflowPolicy)),
    **{f"context.{name}": check for name, check in CONTEXT.items()},
    **{f"sampling.{setting.name}": check_of(setting) for setting in SETTINGS},
}
"""By dotted key."""


def check_for(key: str, generator: Generator | None) -> Check | None:
    """What the field of a key takes; `None`: there is no such field."""
    if key.startswith(VARIABLES) and len(key) > len(VARIABLES):
        return text
    if key.startswith(DATA) and generator is not None:
        parameter = generator.parameter(key.removeprefix(DATA))
        return parameter_check(parameter) if parameter else None
    return FIELDS.get(key)


def known_keys(generator: Generator | None) -> list[str]:
    """Every key that there is, for what was probably meant."""
    return [*FIELDS, *(f"{DATA}{one.name}" for one in (generator.parameters if generator else ()))]


def parameter_check(parameter: Parameter) -> Check:
    """What an argument of a generator takes."""
    if parameter.choices:
        return one_of(*parameter.choices)
    if isinstance(parameter.default, bool):
        return yes_or_no
    if isinstance(parameter.default, int):
        return whole(int(parameter.low), int(parameter.high))
    return number(parameter.low, parameter.high)


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that stands somewhere in a file."""

    key: str
    """Dotted: `shots.k`."""
    value: Value
    path: tuple[str, ...]
    """Where it stands."""


def flat(table: Mapping[str, object], path: tuple[str, ...]) -> Iterator[tuple[str, object, tuple[str, ...]]]:
    """Every value of nested tables: its dotted key, the value, and where it stands."""
    for name, value in table.items():
        if isinstance(value, dict) and value:
            for key, inner, place in flat(value, (*path, name)):
                yield f"{name}.{key}", inner, place
        else:
            yield name, value, (*path, name)


def listed(value: object) -> list[object]:
    """The values of an axis: a list that is not empty and has nothing twice."""
    if not isinstance(value, list) or not value:
        raise Unfit(say("{given} is not a list of values", given=given(value)))
    for at, one in enumerate(value):
        if any(type(one) is type(other) and one == other for other in value[:at]):
            raise Unfit(say("{given} stands in the list twice", given=given(one)))
    return value
