"""Asks an engine process what it is, without giving it a model."""

from __future__ import annotations

import subprocess
from typing import Final

import msgspec

from llmlab.domain.model import EngineReport
from llmlab.engine.process import SAFE_FOLDER, WORKER
from llmlab.engine.wire import PROTOCOL, Hello, Shutdown, decode_report, encode
from llmlab.errors import EngineError
from llmlab.words import say

PATIENCE: Final = 60.0
"""Seconds until a process that says nothing is given up; importing llama.cpp takes about one."""


def probe(command: tuple[str, ...] = WORKER) -> EngineReport:
    """Start `command`, read its greeting, and let it end.

    Raises:
        EngineError: it cannot be started, hangs, or greets with something else; the message holds its last words.
    """
    again = say("Install llama-cpp-python again; the section GPU of the README has the commands.")
    try:
        done = subprocess.run(
            command, input=encode(Shutdown(id=1)), capture_output=True, timeout=PATIENCE, check=False, cwd=SAFE_FOLDER
        )
    except subprocess.TimeoutExpired:
        raise EngineError(
            say("The engine process said nothing for {seconds} seconds.", seconds=int(PATIENCE)), hint=again
        ) from None
    except OSError as error:
        raise EngineError(
            say("The engine process cannot be started: {reason}", reason=error.strerror), hint=again
        ) from None
    first = done.stdout.partition(b"\n")[0]
    try:
        hello = decode_report(first)
    except msgspec.DecodeError:
        hello = None
    if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise EngineError(
            say("The engine process does not start (exit code {code}).", code=done.returncode),
            where=said[-1] if said else "",
            hint=again,
        )
    return EngineReport(hello.build, hello.gpu, hello.devices, hello.fits)
