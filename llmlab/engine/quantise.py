"""Writes a GGUF file in fewer bits, in a child process that may crash or be stopped without leaving half a file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from llmlab.domain.quantisation import Quantised
from llmlab.engine.formats import FILE_TYPES
from llmlab.engine.gguf import read_gguf
from llmlab.engine.process import SAFE_FOLDER, describe_exit
from llmlab.errors import EngineError, ModelError
from llmlab.words import say

COMMAND: Final = (sys.executable, "-m", "llmlab.engine.llama.quantising")
"""The command of the child; source, target, number and threads follow."""
_TENSOR: Final = re.compile(r"^\[\s*(\d+)/\s*(\d+)\]")
_OTHER: Final = re.compile(r"WARNING: (\d+) of \d+ tensor")
_PREFIX: Final = "llama_model_quantize: failed to quantize: "
_LAST_LINES: Final = 6


def quantise(
    source: Path,
    target: Path,
    kind: str,
    *,
    threads: int,
    progress: Callable[[int, int], None],
    command: Sequence[str] = COMMAND,
) -> Quantised:
    """Write the model `source` as `target`; the target appears whole or not at all.

    Args:
        source: a GGUF file with weights.
        target: another path; what is there is replaced.
        kind: one of `domain.quantisation.TYPES`.
        threads: 0 for as many as the machine has.
        progress: called with tensors done and tensors in all.
        command: what to run instead of the child, for tests.

    Raises:
        ModelError: the source is no model that llama.cpp can read, or the target cannot be written.
        EngineError: the child cannot be started, or died.
    """
    gguf = read_gguf(str(source))
    number = next(number for number, name in FILE_TYPES.items() if name.lower() == kind)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        # llama.cpp says only that it failed; the system says why.
        partial.touch()
        other = _run([*command, str(source.absolute()), str(partial.absolute()), str(number), str(threads)], progress)
        partial.replace(target)
        return Quantised(str(target), kind, gguf.file_bytes, target.stat().st_size, len(gguf.tensors), other)
    except OSError as error:
        raise ModelError(
            say("The new file cannot be written: {reason}.", reason=error.strerror or str(error)),
            where=str(target),
            hint=say("Choose another place with -o."),
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _run(command: Sequence[str], progress: Callable[[int, int], None]) -> int:
    """Run the child to its end; tensors that went to another format."""
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=SAFE_FOLDER,
            encoding="utf-8", errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise EngineError(say("The engine process cannot be started: {reason}.", reason=error)) from error
    last: deque[str] = deque(maxlen=_LAST_LINES)
    other = 0
    with process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stderr:
                last.append(line.strip())
                if tensor := _TENSOR.match(line):
                    progress(int(tensor[1]), int(tensor[2]))
                elif warned := _OTHER.search(line):
                    other = int(warned[1])
            reason = process.stdout.read().strip()
        except BaseException:
            # Also on Ctrl+C, which the child does not hear.
            process.kill()
            raise
    if process.returncode == 0:
        return other
    if reason:
        raise ModelError(
            say("llama.cpp cannot quantise this file: {reason}.", reason=reason.removeprefix(_PREFIX).rstrip(".")),
            where=command[-4],
            hint=say("See what the file is with: llmlab models info FILE"),
        )
    raise EngineError(
        say("Quantising failed: {how}.", how=describe_exit(process.returncode)),
        where=command[-4],
        hint="\n".join([say("Its last words:"), *last]) if last else say("Try again with fewer --threads."),
    )
