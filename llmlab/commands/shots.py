"""The flags of few-shot examples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, get_args

import click

from llmlab.commands.kit import Session, option, working_folder
from llmlab.domain.shots import LabelControl, ShotChoice, ShotOrder, ShotStyle, ShotUse
from llmlab.errors import UsageError
from llmlab.words import current_language, say


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotFlags:
    """What stood on the command line, not yet checked."""

    shots: str | None
    """`SET:K`."""
    shot_choice: ShotChoice | None
    shot_order: ShotOrder | None
    shot_seed: int | None
    shot_style: ShotStyle | None
    shot_labels: LabelControl | None

    @classmethod
    def take(cls, given: dict[str, Any]) -> ShotFlags:
        """These flags, taken out of all that a command was given."""
        return cls(**{name: given.pop(name) for name in cls.__slots__})

    @property
    def changes(self) -> dict[str, Any]:
        """What is said of how examples are shown, by the field of `ShotUse`."""
        given = {
            "choice": self.shot_choice,
            "order": self.shot_order,
            "seed": self.shot_seed,
            "style": self.shot_style,
            "labels": self.shot_labels,
        }
        return {name: value for name, value in given.items() if value is not None}


def shot_options() -> list[click.Parameter]:
    """The options, in the order of the help."""
    return [
        option("--shots", metavar="SET:K", help=say("Show K examples of a set, such as --shots arithmetic:4.")),
        _choice(
            "--shot-choice", ShotChoice, say("Which of the set: the first, a draw, or the nearest to the question.")
        ),
        _choice("--shot-order", ShotOrder, say("As they were chosen, the other way round, or shuffled.")),
        option("--shot-seed", type=int, help=say("Seed of what is drawn; 0 without it.")),
        _choice("--shot-style", ShotStyle, say("As turns of a chat, or written into the question.")),
        _choice("--shot-labels", LabelControl, say("Right outputs, or as a control: exchanged, drawn, or each wrong.")),
    ]


def _choice(name: str, words: Any, text: str) -> click.Option:
    """An option that takes one of the words of a `Literal`."""
    return option(name, type=click.Choice(get_args(words)), help=text)


def shots_of(session: Session, flags: ShotFlags, base: ShotUse | None = None) -> ShotUse | None:
    """The examples that the flags ask for; `None` where they say nothing.

    Args:
        session: the folders, and where bad rows are told.
        flags: what stood on the command line.
        base: what flags without `--shots` change.

    Raises:
        ConfigError: there is no such set, or its file holds something wrong.
        UsageError: it has not so many rows, or a flag says how to show examples and there are none.
    """
    if flags.shots is None:
        if base is None and flags.changes:
            raise UsageError(
                say("--shot-{name} says how examples are shown, and none are named.", name=next(iter(flags.changes))),
                hint=say("Name a set with --shots SET:K."),
            )
        return replace(base, **flags.changes) if base is not None and flags.changes else None
    from llmlab import wiring

    shelf = wiring.open_shots(session.paths, working_folder(session.paths))
    use = shelf.use(flags.shots, current_language())
    for problem in use.set.problems:
        session.err.note(problem)
    return replace(use, **flags.changes)
