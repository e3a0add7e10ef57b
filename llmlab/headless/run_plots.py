"""`llmlab runs plot`: the figures of a run in the terminal, or as pictures."""

from __future__ import annotations

from pathlib import Path

from llmlab.domain.plots.choice import failures_in_words, figures_of_all
from llmlab.domain.plots.svg import svg
from llmlab.domain.plots.terminal import as_text
from llmlab.errors import StoreError
from llmlab.headless.diagnostics import Exit
from llmlab.headless.output import Output
from llmlab.library.writing import write_whole
from llmlab.services.runs import Runs
from llmlab.words import say


def plot_run(runs: Runs, name: str, out: Output, *, width: int, picture: Path | None) -> Exit:
    """Print the figures of a run, or write one SVG file each.

    Args:
        runs: what was measured.
        name: the run, as `Runs.find` knows it.
        out: where the figures are printed, or the names of the files.
        width: cells of a line.
        picture: where pictures are written; the second and further ones have a number before the ending.

    Raises:
        UsageError: there is no such run.
        StoreError: it cannot be read, or a file cannot be written.
    """
    run = runs.find(name)
    summary = runs.summary(run.id)
    figures = figures_of_all(summary, runs.environment(run.id))
    if not figures:
        out.line(failures_in_words(summary) or say("Nothing is measured yet."))
    for number, figure in enumerate(figures):
        if picture is None:
            if number:
                out.line()
            out.paragraph(as_text(figure, width))
            continue
        path = picture if not number else picture.with_stem(f"{picture.stem}-{number + 1}")
        try:
            write_whole(path, svg(figure, f"figure-{number}") + "\n")
        except OSError as error:
            reason = say("The file cannot be written: {reason}", reason=error.strerror or str(error))
            raise StoreError(reason, where=str(path)) from None
        out.line(str(path))
    return Exit.ANSWERED
