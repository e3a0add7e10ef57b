"""The items of an experiment: from a file or a generator, and whether its scorers can judge them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from llmlab.domain.experiment import Arm, DataCard, Item, ScorerUse, Value
from llmlab.domain.generators.base import TokenSizes, TooFew, generate
from llmlab.domain.generators.registry import GENERATORS
from llmlab.domain.scorers.registry import KINDS, Asks
from llmlab.errors import LlmlabError
from llmlab.library.checks import Check, Unfit, check_table, given, meant, one_of, whole
from llmlab.library.data_files import COLUMNS, MOST_ITEMS, DataFile, read_data
from llmlab.library.experiment_fields import MOST_SEED, parameter_check
from llmlab.library.prompt_files import PromptFile
from llmlab.library.prompt_tables import line_of_text
from llmlab.words import say

USUAL: Final = 50
"""Items that a generator makes when nobody says how many."""

Note = Callable[..., None]
"""Takes what is wrong, then the path of keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataWish:
    """The table `[data]`, checked."""

    path: Path | None = None
    """Of the file; `None` for a generator."""
    generator: str = ""
    seed: int = 0
    limit: int | None = None
    sample: str = "first"
    columns: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, Value] = field(default_factory=dict)
    """Of the generator."""


def _columns(value: object) -> object:
    if not isinstance(value, dict):
        raise Unfit(say("{given} is not a table", given=given(value)))
    for name, column in value.items():
        if name not in COLUMNS:
            raise Unfit(say("there is no column {name}", name=given(name)) + meant(name, COLUMNS))
        line_of_text(column)
    return value


_SHARED: Final[Mapping[str, Check]] = {"seed": whole(0, MOST_SEED), "limit": whole(1, MOST_ITEMS)}
_FILE: Final[Mapping[str, Check]] = {
    "file": line_of_text,
    "sample": one_of("first", "random"),
    "columns": _columns,
}


def data_wish(table: Mapping[str, Any], file: PromptFile, note: Note) -> DataWish | None:
    """What `[data]` asks for; `None` where that cannot be told."""
    if not table:
        return None
    if ("file" in table) == ("generator" in table):
        note(say("names one of the two: file, or generator"), "data")
        return None
    if "file" in table:
        values, faults = check_table(table, {**_SHARED, **_FILE}, ("data",))
        for fault in faults:
            note(fault.what, *fault.path)
        if "file" not in values:
            return None
        path = file.path.parent.absolute() / Path(str(values.pop("file"))).expanduser()
        return DataWish(path=path, **values)  # type: ignore[arg-type]  # the checks give each field its type
    name = table["generator"]
    if not isinstance(name, str) or name not in GENERATORS:
        what = say("there is no generator {name}", name=given(name)) + meant(str(name), GENERATORS)
        note(what, "data", "generator")
        return None
    generator = GENERATORS[name]
    checks = {one.name: parameter_check(one) for one in generator.parameters}
    checks["held_out"] = parameter_check(generator.parameter("held_out"))  # type: ignore[arg-type]  # each has it
    values, faults = check_table(table, {**_SHARED, "generator": line_of_text, **checks}, ("data",))
    for fault in faults:
        note(fault.what, *fault.path)
    arguments = {key: value for key, value in values.items() if key in checks}
    own = {key: value for key, value in values.items() if key in _SHARED}
    return DataWish(generator=name, arguments=arguments, **own)  # type: ignore[arg-type]  # checked


def loaded_data(
    wish: DataWish, varied: Mapping[str, Value], note: Note, sizes: TokenSizes
) -> tuple[tuple[Item, ...], DataCard]:
    """The items of one arm and where they came from; what is wrong is noted.

    Args:
        wish: what is asked for.
        varied: arguments of the generator that this arm sets.
        note: takes what is wrong.
        sizes: counts the tokens of texts.
    """
    if wish.path is not None:
        sample: Any = wish.sample
        read = read_data(
            DataFile(path=wish.path, columns=wish.columns, limit=wish.limit, sample=sample, seed=wish.seed)
        )
        for problem in read.problems:
            note(str(problem), "data", "file")
        return read.items, DataCard(origin=str(wish.path), digest=read.digest, rows=read.rows)
    arguments = {**wish.arguments, **varied}
    count = wish.limit or USUAL
    try:
        items = generate(GENERATORS[wish.generator], count, wish.seed, arguments, sizes)
    except LlmlabError as error:
        note(error.what, "data", "unit")
        items = ()
    except TooFew as few:
        what = say(
            "only {found:,} different items can be made of these settings: lower limit, or set held_out = false",
            found=few.found,
        )
        note(what, "data")
        items = ()
    card = DataCard(
        origin=wish.generator,
        arguments={**wish.arguments, "seed": wish.seed, "limit": count},
        rows=len(items),
    )
    return items, card


def what_scorers_lack(scorers: Sequence[ScorerUse], arms: Sequence[Arm]) -> Iterator[str]:
    """Why scorers cannot judge the items, a sentence each."""
    for use in scorers:
        asks: tuple[Asks, ...] = KINDS[use.kind].asks if use.kind in KINDS else ()
        if use.kind == "perplexity":
            of = use.options.get("of", "gold")
            asks = ("gold",) if of == "gold" else ("document",) if of == "document" else ()
        for what in asks:
            lacking = next((item for item in arms[0].items if _lacks(item, what)), None)
            if lacking is not None:
                yield say(
                    "the scorer {scorer} needs {what}, which the item {item} does not have",
                    scorer=use.name,
                    what=what,
                    item=lacking.id,
                )
    for arm in arms:
        template = arm.recipe.template
        if template is None or not arm.items:
            continue
        item = arm.items[0]
        known = {**template.values, **item.variables, **({"document": item.document} if item.document else {})}
        own = type(template)(template.template, {name: str(text) for name, text in known.items()})
        missing = [variable.name for variable in own.missing(item.question)]
        if missing:
            yield say(
                "{arm}: nothing fills {names} of the template {template}",
                arm=arm.name,
                names=", ".join(missing),
                template=template.template.key,
            )


def _lacks(item: Item, what: Asks) -> bool:
    match what:
        case "gold":
            # What nobody can answer has no gold answer: admitting that is right.
            return not item.gold and item.answerable
        case "choices":
            return not item.choices
        case "constraints":
            return not item.constraints
        case "document":
            return not item.document
