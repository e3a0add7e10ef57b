"""The scorers and thresholds of an experiment file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any, Final

from llmlab.domain.experiment import ScorerUse, Threshold
from llmlab.domain.modes import Extraction
from llmlab.domain.scorers.judge import HOLES
from llmlab.domain.scorers.own import GROUP, Function
from llmlab.domain.scorers.registry import KINDS, lower_is_better
from llmlab.domain.scoring import MEASURES
from llmlab.library.checks import Check, Fault, Unfit, check_table, given, meant, number, one_of, words, yes_or_no
from llmlab.library.experiment_fields import text
from llmlab.library.prompt_files import PromptFile
from llmlab.library.prompt_tables import line_of_text, table, tables
from llmlab.library.reasoning_files import EXTRACTION
from llmlab.words import say

_SHARE: Final = number(0.0, 1.0)
_COMMON: Final[Mapping[str, Check]] = {"kind": line_of_text, "name": line_of_text}
_COUNTS: Final = one_of("strict", "flexible")


def _pattern(value: object) -> object:
    try:
        re.compile(str(text(value)))
    except re.error as error:
        raise Unfit(say("{given} is no regular expression", given=given(value)) + f": {error}") from None
    return value


def _scale(value: object) -> object:
    good = isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value)
    if good and isinstance(value, list) and value[0] < value[1]:
        return tuple(value)
    raise Unfit(say("{given} is no scale such as [1, 5]", given=given(value)))


def _judge_prompt(value: object) -> object:
    prompt = str(text(value))
    if "{answer}" not in prompt:
        raise Unfit(say("holds no {hole}; there are: {holes}", hole="{answer}", holes=", ".join(HOLES)))
    return prompt


def _extract(value: object) -> object:
    values, faults = check_table(table(value), EXTRACTION)  # type: ignore[arg-type]  # a table it is
    if faults:
        raise Unfit(f"{'.'.join(faults[0].path)}: {faults[0].what}")
    if values.get("rule") == "after" and "marker" not in values:
        raise Unfit(say("the rule {rule} needs a marker", rule='"after"'))
    return Extraction(**values)  # type: ignore[arg-type]  # the checks give each field its type


def _options(file: PromptFile) -> Mapping[str, Mapping[str, Check]]:
    """By kind, the options beside its name."""

    def schema(value: object) -> object:
        written = str(text(value))
        written = written if written.lstrip().startswith(("{", "true", "false")) else file.beside(written)
        try:
            json.loads(written)
        except (ValueError, RecursionError) as error:
            raise Unfit(say("is no JSON: {reason}", reason=str(error))) from None
        return written

    return {
        "exact": {"compare": one_of("normalised", "verbatim"), "extract": _extract},
        "number": {"tolerance": _SHARE, "extract": _extract},
        "choice": {"extract": _extract},
        "choice_logprob": {"measure": one_of(*MEASURES)},
        "contains": {"every": yes_or_no},
        "regex": {"pattern": _pattern},
        "f1": {"passes": _SHARE, "extract": _extract},
        "chrf": {"passes": _SHARE},
        "bleu": {"passes": _SHARE},
        "json_schema": {"schema": schema},
        "constraints": {},
        "quotes": {"passes": _SHARE, "near": yes_or_no},
        "abstention": {},
        "agreement": {"figure": one_of("share", "entropy")},
        "perplexity": {
            "of": one_of("gold", "document", "question"),
            "after": one_of("prompt", "answer"),
            "figure": one_of("perplexity", "bits_per_byte", "mean_logprob", "logprob"),
        },
        "judge": {
            "rubric": text,
            "model": line_of_text,
            "scale": _scale,
            "passes": number(-1e6, 1e6),
            "prompt": _judge_prompt,
        },
    }


_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "regex": ("pattern",),
    "json_schema": ("schema",),
    "judge": ("rubric", "model"),
}
"""By kind: options that must be there."""

Note = Callable[..., None]
"""Takes what is wrong, then the path of keys; of a list of tables the place of one, from 0."""


def own_scorers() -> Mapping[str, EntryPoint]:
    """Scorers of other packages, by name; none is imported."""
    return {point.name: point for point in entry_points(group=GROUP)}


def scorers_of(value: object, file: PromptFile, note: Note) -> tuple[ScorerUse, ...]:
    """The tables `[[scorers]]`, checked."""
    try:
        listed = tables(value)
    except Unfit as unfit:
        note(str(unfit), "scorers")
        return ()
    found: list[ScorerUse] = []
    options, own, lines = _options(file), own_scorers(), lines_of("scorers", file)
    for at, one in enumerate(listed if isinstance(listed, list) else []):
        use = _Scorer(at, one, options, own, note).use()
        if use is not None:
            use = replace(use, source=f"{file.path}:{lines[at]}" if at < len(lines) else str(file.path))
            if any(other.name == use.name for other in found):
                note(_nth(at, say("the name {name} is taken; give another", name=given(use.name))), "scorers", str(at))
            found.append(use)
    if sum(use.kind == "judge" for use in found) > 1:
        note(say("there is room for one judge"), "scorers")
    return tuple(found)


def lines_of(key: str, file: PromptFile) -> list[int]:
    """Lines, from 1, on which the tables of a list of tables begin."""
    rows = file.text.replace("\r\n", "\n").split("\n")
    return [at for at, row in enumerate(rows, 1) if re.match(rf"\s*\[\[\s*{key}\s*\]\]", row)]


def _nth(at: int, what: str) -> str:
    return f"{say('scorer {number}', number=at + 1)}: {what}"


@dataclass(frozen=True, slots=True)
class _Scorer:
    """One table of `[[scorers]]`."""

    at: int
    table: Mapping[str, Any]
    options: Mapping[str, Mapping[str, Check]]
    own: Collection[str]
    note: Note

    def use(self) -> ScorerUse | None:
        """What it asks for; `None` where it cannot be told."""
        kind = self.table.get("kind")
        if not isinstance(kind, str):
            self._fault(say("the key {key} is missing", key="kind"))
            return None
        if kind not in KINDS and kind not in self.own:
            self._fault(say("there is no scorer {name}", name=given(kind)) + meant(kind, [*KINDS, *self.own]))
            return None
        return self._known(kind) if kind in KINDS else self._foreign(kind)

    def _known(self, kind: str) -> ScorerUse | None:
        known = KINDS[kind]
        checks = {**_COMMON, **self.options[kind], **({"counts": _COUNTS} if known.twice else {})}
        values = self._checked(self.table, checks)
        for key in _NEEDED.get(kind, ()):
            if key not in self.table:
                self._fault(say("the key {key} is missing", key=key))
                return None
        if known.package and find_spec(known.package) is None:
            self._fault(say("needs the package {package}: pip install 'llmlab[scorers]'", package=known.package))
        if values.get("after") == "answer" and values.get("of", "gold") != "gold":
            self._fault(say("after: only a gold answer can stand in place of the one that was given"))
        options = {key: value for key, value in values.items() if key not in ("kind", "name", "counts")}
        graded = known.graded or (kind == "judge" and "scale" in options and "passes" not in options)
        counts = str(values.get("counts", "strict")) if known.twice else ""
        use = ScorerUse(kind=kind, name=str(values.get("name", kind)), options=options)
        return ScorerUse(
            kind=kind,
            name=use.name,
            graded=graded,
            counts=counts,  # type: ignore[arg-type]  # one of the two, by its check
            higher=not lower_is_better(use),
            options=options,
        )

    def _foreign(self, kind: str) -> ScorerUse:
        """A scorer of another package: what else its table says is for that package to judge."""
        head = {key: self.table[key] for key in ("kind", "name", "graded", "higher") if key in self.table}
        values = self._checked(head, {**_COMMON, "graded": yes_or_no, "higher": yes_or_no})
        return ScorerUse(
            kind=kind,
            name=str(values.get("name", kind)),
            graded=values.get("graded") is True,
            higher=values.get("higher") is not False,
            options={key: value for key, value in self.table.items() if key not in head},
        )

    def _checked(self, given_table: Mapping[str, Any], checks: Mapping[str, Check]) -> dict[str, object]:
        values, faults = check_table(given_table, checks)
        for fault in faults:
            self._fault(f"{'.'.join(fault.path)}: {fault.what}")
        return values

    def _fault(self, what: str) -> None:
        self.note(_nth(self.at, what), "scorers", str(self.at))


def load_own(uses: Sequence[ScorerUse]) -> tuple[dict[str, Function], list[Fault]]:
    """The functions behind scorers of other packages, and what is wrong with those that cannot be imported."""
    points, found, faults = own_scorers(), dict[str, Function](), list[Fault]()
    for use in uses:
        if use.kind in KINDS or use.kind in found:
            continue
        try:
            function = points[use.kind].load()
        except Exception as error:  # noqa: BLE001 - it is anybody's package, and what it raises has to be told
            what = say(
                "the scorer {name} cannot be imported: {reason}",
                name=use.kind,
                reason=f"{type(error).__name__}: {error}",
            )
            faults.append(Fault(("scorers",), what))
            continue
        if not callable(function):
            faults.append(Fault(("scorers",), say("the scorer {name} is no function", name=use.kind)))
            continue
        found[use.kind] = function
    return found, faults


_THRESHOLD: Final[Mapping[str, Check]] = {
    "scorer": words,
    "extractor": _COUNTS,
    "arm": words,
    "measure": one_of("score", "difference", "unparsed", "truncated", "abstained", "error", "tokens", "seconds"),
    "bound": one_of("low", "value", "high"),
    "least": number(-1e12, 1e12),
    "most": number(-1e12, 1e12),
}


def thresholds_of(value: object, uses: Sequence[ScorerUse], arms: Collection[str], note: Note) -> tuple[Threshold, ...]:
    """The tables `[[thresholds]]`, checked against the scorers and arms that there are."""
    try:
        listed = tables(value)
    except Unfit as unfit:
        note(str(unfit), "thresholds")
        return ()
    found = []
    for at, one in enumerate(listed if isinstance(listed, list) else []):
        values, faults = check_table(one, _THRESHOLD)
        wrong = [f"{'.'.join(fault.path)}: {fault.what}" for fault in faults]
        if not {"least", "most"} & values.keys() and not faults:
            wrong.append(say("says neither least nor most"))
        for key, names in (("scorer", [use.name for use in uses]), ("arm", list(arms))):
            name = values.get(key)
            if isinstance(name, str) and names and name not in names:
                wrong.append(f"{key}: " + say("there is no {given}", given=given(name)) + meant(name, names))
        for what in wrong:
            note(f"{say('threshold {number}', number=at + 1)}: {what}", "thresholds", str(at))
        found.append(Threshold(**values) if not wrong else Threshold())  # type: ignore[arg-type]  # checked
    return tuple(found)
