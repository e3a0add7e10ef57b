"""The process in which scorers run that may never end: takes items and answers, says verdicts, and can be killed."""

from __future__ import annotations

import faulthandler
import io
import os
import pickle
import sys
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final

from llmlab import words
from llmlab.domain.scorers.base import judged

ORPHANED: Final = 20.0
"""Seconds past the limit of an answer after which the process ends by itself: its parent was killed."""


class _Pickler(pickle.Pickler):
    """Knows mappings that cannot be changed, which every item and answer holds."""

    def reducer_override(self, value: object) -> Any:
        """See `pickle.Pickler`."""
        return (_mapping, (dict(value),)) if isinstance(value, MappingProxyType) else NotImplemented


def _mapping(values: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(values)


def packed(value: object) -> bytes:
    """A value as `pickle.load` takes it on the other side of a pipe.

    Raises:
        Exception: it holds something that cannot leave its process, such as a function within a function.
    """
    written = io.BytesIO()
    _Pickler(written).dump(value)
    return written.getvalue()


def main() -> None:
    """Answer until standard input ends.

    First come the module path and the folder of the parent, then the scorers with their places; what comes back is
    empty, or why they cannot be had here. Then each question is the place of a scorer, an item, an answer and a limit
    in seconds.
    """
    words.use_language(words.language_of_environment())
    # What a scorer prints, or reads, must not get between.
    asked, said = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - it is no path
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    path, folder = pickle.load(asked)
    sys.path[:] = path
    with suppress(OSError):
        os.chdir(folder)

    def tell(value: object) -> None:
        said.write(packed(value))
        said.flush()

    scorers = pickle.load(asked)
    try:
        uses = pickle.loads(scorers)
    except Exception as error:  # noqa: BLE001 - unpickling imports anybody's code
        tell(f"{type(error).__name__}: {error}")
        return
    tell("")
    with suppress(EOFError):
        while True:
            at, item, answer, limit = pickle.load(asked)
            scorer, place = uses[at]
            # A pattern lets no other thread of this process run; this watch needs none of Python's.
            faulthandler.dump_traceback_later(limit + ORPHANED, exit=True)
            verdict = judged(scorer, item, answer, place)
            faulthandler.cancel_dump_traceback_later()
            tell(verdict)


if __name__ == "__main__":
    main()
