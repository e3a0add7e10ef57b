"""Reasoning modes as files: prompts/reasoning/*.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from llmlab.domain.modes import MOST_VOTES, Extraction, ReasoningMode, Rule, Stage, Taken
from llmlab.domain.terminal import encodable
from llmlab.library.checks import Check, Unfit, check_table, given, number, one_of, whole, words, yes_or_no
from llmlab.library.prompt_files import BadPrompt, PromptFile, PromptKind, PromptShelf
from llmlab.library.prompt_tables import PromptTable, prompt_table, table, tables
from llmlab.words import say

MOST_STAGES: Final = 8
"""Stages of one mode."""
LONGEST: Final = 1_000_000
"""Tokens that a limit may name."""


def _text(value: object) -> object:
    """A text that can be sent."""
    return encodable(str(words(value)))


def _said(value: object) -> object:
    """A text that can be sent and says something."""
    text = str(_text(value))
    if text.strip():
        return text
    raise Unfit(say("{given} says nothing", given=given(text)))


_CHECKS: Final[Mapping[str, Check]] = {
    "system": _text,
    "question": _text,
    "answer": _text,
    "thinking": yes_or_no,
    "shot_reasoning": yes_or_no,
    "stages": tables,
    "votes": whole(1, MOST_VOTES),
    "temperature": number(0.0, 5.0),
    "budget": whole(0, LONGEST),
    "budget_message": _text,
    "extraction": table,
}
_STAGE: Final[Mapping[str, Check]] = {
    "cue": _said,
    "kind": one_of("answer", "question"),
    "max_tokens": whole(1, LONGEST),
}
EXTRACTION: Final[Mapping[str, Check]] = {
    "rule": one_of(*get_args(Rule)),
    "marker": _said,
    "take": one_of(*get_args(Taken)),
    "letters": _said,
    "numerals": yes_or_no,
}


def parse_mode(file: PromptFile) -> ReasoningMode | BadPrompt:
    """The mode of a file, or what is wrong in it."""
    read = prompt_table(file, _CHECKS)
    head = read.head()
    head.pop("tags")
    stages = tuple(_stages(read))
    extraction = _extraction(read)
    if bad := read.bad():
        return bad
    fields: dict[str, Any] = {**head, **{key: read.values[key] for key in _CHECKS if key in read.values}}
    return ReasoningMode(**{**fields, "stages": stages, "extraction": extraction})


def _stages(read: PromptTable) -> list[Stage]:
    listed = read.values.get("stages")
    stages: list[Stage] = []
    for index, stage in enumerate(listed if isinstance(listed, list) else ()):
        values, faults = check_table(stage, _STAGE)
        for fault in faults:
            read.fault(_of_stage(index, ".".join(fault.path), fault.what), "stages")
        if "cue" not in stage:
            read.fault(_of_stage(index, "", say("the key {key} is missing", key="cue")), "stages")
        elif not faults:
            stages.append(Stage(**values))  # type: ignore[arg-type]  # the checks give each field its type
    if isinstance(listed, list) and len(listed) > MOST_STAGES:
        read.fault(say("a mode has at most {count} stages", count=MOST_STAGES), "stages")
    return stages


def _of_stage(index: int, key: str, what: str) -> str:
    place = say("stage {number}", number=index + 1)
    return f"{place}, {key}: {what}" if key else f"{place}: {what}"


def _extraction(read: PromptTable) -> Extraction:
    listed = read.values.get("extraction")
    values, faults = check_table(listed if isinstance(listed, dict) else {}, EXTRACTION)
    for fault in faults:
        read.fault(fault.what, "extraction", *fault.path)
    rule = values.get("rule", "whole")
    if rule == "after" and "marker" not in values and not faults:
        read.fault(say("the rule {rule} needs a marker", rule='"after"'), "extraction")
    return Extraction(**values)  # type: ignore[arg-type]  # the checks give each field its type


REASONING: Final = PromptKind("reasoning", parse_mode)
"""Reasoning modes as prompt files."""


class ReasoningShelf(PromptShelf[ReasoningMode]):
    """The reasoning modes of several folders."""

    def __init__(self, roots: Sequence[Path]) -> None:
        super().__init__(REASONING, roots)
