"""The flags of documents: which files are read, and how."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import click

from llmlab.commands.kit import Session, option
from llmlab.domain.reading import WAYS, ReadingUse, Stretching, WishedWay
from llmlab.errors import UsageError
from llmlab.words import say

STANDARD_INPUT: Final = "-"
"""The FILE that is standard input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingFlags:
    """What stood on the command line, not yet checked."""

    files: tuple[str, ...]
    reading: WishedWay | None
    stretching: Stretching | None
    encoding: str | None

    @classmethod
    def take(cls, given: dict[str, Any]) -> ReadingFlags:
        """These flags, taken out of all that a command was given."""
        return cls(**{name: given.pop(name) for name in cls.__slots__})

    @property
    def from_input(self) -> bool:
        """Standard input is one of the documents."""
        return STANDARD_INPUT in self.files


def reading_options() -> list[click.Parameter]:
    """The options, in the order of the help."""
    return [
        option(
            "-f",
            "--file",
            "files",
            multiple=True,
            metavar="FILE",
            help=say("A document to ask about: a file, a folder, a pattern, or - for standard input; may be repeated."),
        ),
        option(
            "--reading",
            type=click.Choice(WAYS),
            help=say(
                "How documents are read: whole, in a stretched window, by the passages that are like the question, by "
                "their digest, or by what serves best (auto)."
            ),
        ),
        option(
            "--stretching",
            type=click.Choice(["yarn", "linear"]),
            help=say("How a window is stretched: yarn or linear."),
        ),
        option(
            "--encoding",
            metavar="NAME",
            help=say("How the documents are encoded, such as gb18030; without it: found out."),
        ),
    ]


def reading_of(session: Session, flags: ReadingFlags, base: ReadingUse | None = None) -> ReadingUse | None:
    """The documents that the flags ask for, read now; `None` where they say nothing.

    Args:
        session: the folders, and where progress is told.
        flags: what stood on the command line.
        base: what `--reading` and `--stretching` without a document change.

    Raises:
        UsageError: a way of reading without a document, or a pattern that no file fits.
        DocumentError: a document cannot be read.
    """
    if not flags.files:
        if base is not None and flags.encoding is None:
            changed = replace(base, way=flags.reading or base.way, stretching=flags.stretching or base.stretching)
            return None if changed == base else changed
        given = {"--reading": flags.reading, "--stretching": flags.stretching, "--encoding": flags.encoding}
        for name in (name for name, value in given.items() if value is not None):
            raise UsageError(
                say("{flag} says how documents are read, and none is named.", flag=name),
                hint=say("Name one with -f FILE."),
            )
        return None
    from llmlab import wiring
    from llmlab.headless.reading import open_documents

    shelf = wiring.open_documents(session.paths)
    return ReadingUse(
        documents=open_documents(shelf, session.err, flags.files, flags.encoding or ""),
        way=flags.reading or "auto",
        stretching=flags.stretching or "yarn",
    )
