"""Which chat template a model is spoken to with: its own, one known by name, or a file."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from llmlab.domain.model import NAMED_TEMPLATES
from llmlab.engine.llama.sandbox import FAILURES, ChatTemplate
from llmlab.errors import ModelError
from llmlab.sandbox import MAX_SOURCE
from llmlab.words import say

CHATML_MARK: Final = "<|im_start|>"
"""A vocabulary that has this token was trained on chatml."""


@dataclass(frozen=True, slots=True)
class ChosenTemplate:
    """A chat template that compiles."""

    source: str
    name: str
    """`file` (the model's own), a name of `NAMED_TEMPLATES`, or the path of a Jinja file."""
    notes: tuple[str, ...] = ()
    """Why it is not the model's own, when that was asked for."""


def choose_template(setting: str, own: str | None, special_tokens: Container[str]) -> ChosenTemplate:
    """The template that `ModelSpec.chat_template` asks for.

    Args:
        setting: `auto`, a name of `NAMED_TEMPLATES`, or the path of a Jinja file.
        own: the template in the model file, if it has one; a broken one is replaced, with a note.
        special_tokens: texts of the vocabulary's special tokens.

    Raises:
        ModelError: the Jinja file cannot be read or compiled.
    """
    if setting in NAMED_TEMPLATES:
        return ChosenTemplate(named_template(setting), setting)
    if setting != "auto":
        return _from_file(Path(setting))
    if own:
        problem = find_fault(own)
        if not problem:
            return ChosenTemplate(own, "file")
        note = say("The model's own chat template is broken ({reason}); {name} is used instead.")
    else:
        problem = ""
        note = say("The model file has no chat template; {name} is used instead.")
    name = "chatml" if CHATML_MARK in special_tokens else "plain"
    return ChosenTemplate(named_template(name), name, (note.format(reason=problem, name=name),))


def named_template(name: str) -> str:
    """The Jinja source of a name of `NAMED_TEMPLATES`."""
    return (resources.files(__package__) / "templates" / f"{name}.jinja").read_text(encoding="utf-8")


def find_fault(source: str) -> str:
    """Why `source` cannot be compiled; empty when it can."""
    try:
        ChatTemplate(source)
    except FAILURES as error:
        line = getattr(error, "lineno", None)
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return say("line {line}: {reason}", line=line, reason=reason) if line else reason
    return ""


def _from_file(path: Path) -> ChosenTemplate:
    try:
        with path.open(encoding="utf-8") as file:
            source = file.read(MAX_SOURCE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelError(
            say("The chat template file cannot be read: {reason}.", reason=reason),
            where=str(path),
            hint=say("Correct chat_template in the model's table."),
        ) from error
    problem = find_fault(source)
    if problem:
        raise ModelError(
            say("The chat template file is broken: {reason}.", reason=problem),
            where=str(path),
            hint=say("Correct the file, or set another chat_template in the model's table."),
        )
    return ChosenTemplate(source, str(path))
