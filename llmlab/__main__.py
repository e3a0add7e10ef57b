"""The door: `llmlab`, and `python -m llmlab`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from llmlab import words
from llmlab.cli import run
from llmlab.commands.kit import Session
from llmlab.headless.diagnostics import Diagnostics
from llmlab.headless.output import Output
from llmlab.paths import Paths, find_paths


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    _fill_standard_descriptors()
    given = list(sys.argv[1:] if arguments is None else arguments)
    paths = find_paths()
    words.use_language(choose_language(given, paths))
    return run(given, Session(Output(), Diagnostics(), paths))


def _fill_standard_descriptors() -> None:
    """Put the null device where standard streams were closed, so that no file of ours gets their numbers.

    A library that prints to descriptor 1 would otherwise write into the database of chats.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def choose_language(arguments: Sequence[str], paths: Paths) -> str:
    """`--language`, else `LLMLAB_LANG`, else the settings', else the locale's; help needs it before it is parsed."""
    for index, word in enumerate(arguments):
        name, _, value = word.partition("=")
        if name == "--language":
            value = value or next(iter(arguments[index + 1 :]), "")
            if value in words.LANGUAGES:
                return value
    if not os.environ.get("LLMLAB_LANG") and paths.settings_file.exists():
        from llmlab.library.settings import read_settings

        wanted = read_settings(paths.settings_file)[0].language
        if wanted:
            return wanted
    return words.language_of_environment()


if __name__ == "__main__":
    sys.exit(main())
