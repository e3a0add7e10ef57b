"""The folder of a run: everything that somebody else needs to look at its figures, or to run it again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmlab.domain.experiment import Experiment
from llmlab.domain.outcomes import TrialResult
from llmlab.domain.summary import Summary
from llmlab.errors import StoreError
from llmlab.library.writing import write_whole
from llmlab.store.run_codec import encode
from llmlab.words import say


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run is told by, in full."""

    experiment: Experiment
    results: tuple[TrialResult, ...]
    """In the order in which they are planned."""
    summary: Summary
    environment: Mapping[str, object]
    source: str = ""
    """The text of the experiment's file; empty where it is gone."""
    prompt: Callable[[str], str] = lambda _file: ""
    """Reads a prompt that stands in a file of its own, by the file's name; empty where it is not kept."""


Page = Callable[[RunReport], str]
"""Writes one page of a report."""


def write_folder(folder: Path, report: RunReport, pages: Mapping[str, Page]) -> None:
    """Write every file of the folder, each whole or not at all.

    Args:
        folder: made when it is not there.
        report: what to write.
        pages: by file name.

    Raises:
        StoreError: a file cannot be written; it is named.
    """
    texts: dict[str, Callable[[], str]] = {
        "results.jsonl": lambda: "".join(lines_of(report.results)),
        "summary.json": lambda: encode(report.summary, indent=2) + "\n",
        "recipes.json": lambda: encode({arm.name: arm.recipe for arm in report.experiment.arms}, indent=2) + "\n",
        "environment.json": lambda: encode(report.environment, indent=2) + "\n",
        **({"experiment.toml": lambda: report.source} if report.source else {}),
        **{name: lambda page=page: page(report) for name, page in pages.items()},  # type: ignore[misc]
    }
    for name, text in texts.items():
        _write(folder / name, text())
    for name in dict.fromkeys(result.prompt_file for result in report.results if result.prompt_file):
        # Its name tells what it holds: one that is there is the same.
        if not (folder / name).exists() and (prompt := report.prompt(name)):
            _write(folder / name, prompt)


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise StoreError(
            say("The file cannot be written: {reason}", reason=error.strerror or str(error)),
            where=str(path),
            hint=say("What was measured is kept all the same; see: llmlab runs export"),
        ) from None


def plain(value: object) -> Any:
    """A value as JSON would hold it: mappings, lists, texts and numbers."""
    return json.loads(encode(value))


def lines_of(results: Sequence[TrialResult]) -> Iterator[str]:
    """The lines of `results.jsonl`, each with its end."""
    return (encode(result) + "\n" for result in results)
