"""`llmlab models quantise`: a model in fewer bits, as a new GGUF file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from llmlab.domain.model import ModelSpec
from llmlab.domain.quantisation import Quantised
from llmlab.domain.terminal import visible_line
from llmlab.errors import UsageError
from llmlab.headless.diagnostics import Diagnostics, Exit
from llmlab.headless.output import Output
from llmlab.words import say

Quantise = Callable[[Path, Path, str, Callable[[int, int], None]], Quantised]
"""Writes a source as a target in a format, and tells tensors done and in all."""


def run_quantise(
    spec: ModelSpec,
    kind: str,
    target: Path | None,
    quantise: Quantise,
    out: Output,
    err: Diagnostics,
    *,
    force: bool,
    as_json: bool,
) -> Exit:
    """Write the file of `spec` in the format `kind`, beside the working directory's files unless `target` says where.

    Raises:
        UsageError: the target exists, or is the source.
        ModelError: the source cannot be read, or the target not be written.
        EngineError: the child process died.
    """
    source = Path(spec.path)
    target = target or Path(f"{source.stem}-{kind}.gguf")
    if target.exists() and target.samefile(source):
        raise UsageError(say("The new file would replace the model itself."), hint=say("Choose another place with -o."))
    if target.exists() and not force:
        raise UsageError(
            say("There is a file at this path already."), where=str(target), hint=say("Replace it with --force.")
        )

    def progress(done: int, tensors: int) -> None:
        err.progress(say("Quantising: {done} of {tensors} tensors", done=done, tensors=tensors))

    made = quantise(source, target, kind, progress)
    err.clear()
    if as_json:
        out.json(asdict(made))
        return Exit.ANSWERED
    out.line(
        say(
            "{path}: {kind}, {after} bytes, {share:.0f} % of {before}",
            path=visible_line(made.path),
            kind=made.kind,
            after=f"{made.bytes_after:,}",
            share=100 * made.share,
            before=f"{made.bytes_before:,}",
        )
    )
    if made.other:
        out.line(
            say(
                "{other} of {tensors} tensors are kept in a larger format: their rows do not divide into the blocks of "
                "this one.",
                other=made.other,
                tensors=made.tensors,
            )
        )
    return Exit.ANSWERED
