"""Writes the awkward files into a folder, or their list: `python -m tests.documents.awkward [FOLDER]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.documents.awkward.corpus import CORPUS, Awkward


def written_down() -> Iterator[str]:
    """The page of the documentation that lists each file with its outcome."""
    yield "# Seventy awkward files"
    yield ""
    yield "Made byte by byte by `python -m tests.documents.awkward FOLDER`, and read by the tests: each ends like this."
    yield ""
    yield "| file | what makes it awkward | read as | outcome |"
    yield "|---|---|---|---|"
    for each in CORPUS:
        read = "" if each.error else ", ".join(filter(None, (each.kind, each.encoding)))
        yield f"| `{each.name}` | {each.why} | {read} | {outcome(each)} |"


def outcome(awkward: Awkward) -> str:
    """What comes of a file, in a few words."""
    if awkward.error:
        return f"refused: “{awkward.error}”"
    parts = ["the whole text" if awkward.text is not None else "its text"]
    if awkward.pages:
        parts.append(f"{len(awkward.pages)} {'page' if len(awkward.pages) == 1 else 'pages'}")
    if awkward.warned:
        parts.append("told: " + ", ".join(f"`{code}`" for code in awkward.warned))
    return "; ".join(parts)


def main() -> None:
    """Do what the command line asks."""
    if len(sys.argv) < 2:
        print("\n".join(written_down()))
        return
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for each in CORPUS:
        (folder / each.name).write_bytes(each.make())


if __name__ == "__main__":
    main()
