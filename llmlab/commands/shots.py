"""The flags of few-shot examples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, get_args

import click

from llmlab.commands.kit import Session, option, working_folder
from llmlab.domain.shots import LabelControl, ShotChoice, ShotOrder, ShotStyle, ShotUse
from llmlab.words import current_language, say


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotFlags:
    """What stood on the command line, not yet checked."""

    shots: str | None
    """`SET:K`."""
    shot_choice: ShotChoice
    shot_order: ShotOrder
    shot_seed: int
    shot_style: ShotStyle
    shot_labels: LabelControl

    @classmethod
    def take(cls, given: dict[str, Any]) -> ShotFlags:
        """These flags, taken out of all that a command was given."""
        return cls(**{name: given.pop(name) for name in cls.__slots__})


def shot_options() -> list[click.Parameter]:
    """The options, in the order of the help."""
    return [
        option("--shots", metavar="SET:K", help=say("Show K examples of a set, such as --shots arithmetic:4.")),
        _choice(
            "--shot-choice", ShotChoice, say("Which of the set: the first, a draw, or the nearest to the question.")
        ),
        _choice("--shot-order", ShotOrder, say("As they were chosen, the other way round, or shuffled.")),
        option("--shot-seed", type=int, default=0, help=say("Seed of what is drawn; 0 without it.")),
        _choice("--shot-style", ShotStyle, say("As turns of a chat, or written into the question.")),
        _choice("--shot-labels", LabelControl, say("Right outputs, or as a control: exchanged, drawn, or each wrong.")),
    ]


def _choice(name: str, words: Any, text: str) -> click.Option:
    """An option that takes one of the words of a `Literal`, the first of them by default."""
    allowed = get_args(words)
    return option(name, type=click.Choice(allowed), default=allowed[0], help=text)


def shots_of(session: Session, flags: ShotFlags) -> ShotUse | None:
    """The examples that the flags ask for; `None` without `--shots`.

    Raises:
        ConfigError: there is no such set, or its file holds something wrong.
        UsageError: it has not so many rows.
    """
    if flags.shots is None:
        return None
    from llmlab import wiring

    shelf = wiring.open_shots(session.paths, working_folder(session.paths))
    use = shelf.use(flags.shots, current_language())
    for problem in use.set.problems:
        session.err.note(problem)
    return replace(
        use,
        choice=flags.shot_choice,
        order=flags.shot_order,
        seed=flags.shot_seed,
        style=flags.shot_style,
        labels=flags.shot_labels,
    )
