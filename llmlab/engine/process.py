"""One engine process as its parent holds it: started, listened to, sent commands, and certainly ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

import llmlab
from llmlab.engine.log_file import LogFile
from llmlab.engine.wire import AnyReport, Command, Hello, Problem, Shutdown, decode_report, encode
from llmlab.errors import EngineDied, EngineError, LlmlabError, ModelError
from llmlab.words import current_language, say

WORKER: Final = (sys.executable, "-m", "llmlab.engine.worker")
"""The command of an engine process."""
SAFE_FOLDER: Final = Path(llmlab.__file__).parent.parent
"""Where it runs: modules in the user's working folder must not shadow its own."""
HUGE_PAGES: Final = "glibc.malloc.hugetlb"
"""glibc's switch for large pages; at 1 it asks the kernel for them wherever it hands out much at once."""
LONGEST_LINE: Final = 64 << 20
"""Bytes of one report; a prompt of a million tokens stays below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an engine process may take, in seconds."""

    start: float = 60.0
    """Until it says hello; a cold disk has to read llama.cpp's libraries."""
    prompt: float = 10.0
    """Rendering a prompt, while it does nothing else."""
    cancel: float = 2.0
    """Until a cancelled answer has ended."""
    goodbye: float = 1.0
    """Freeing the model and ending by itself."""
    terminate: float = 2.0
    """Ending after it was told to; then it is killed."""


class Inbox:
    """The reports to one command, in order."""

    def __init__(self) -> None:
        self._reports: deque[AnyReport] = deque()
        self._error: LlmlabError | None = None
        self._changed = asyncio.Event()

    def put(self, report: AnyReport) -> None:
        """Add a report."""
        self._reports.append(report)
        self._changed.set()

    def end(self, error: LlmlabError) -> None:
        """Nothing more will come, for this reason."""
        self._error = self._error or error
        self._changed.set()

    async def get(self) -> AnyReport:
        """The next report.

        Raises:
            LlmlabError: the process ended, and its last report was taken.
        """
        while not self._reports:
            if self._error is not None:
                # A fresh copy: one error may be raised to many, and each adds its own traceback.
                raise type(self._error)(self._error.what, where=self._error.where, hint=self._error.hint)
            self._changed.clear()
            await self._changed.wait()
        return self._reports.popleft()


class ChildProcess:
    """A child process that speaks `wire`; it ends when its supervising task does.

    Args:
        log: where its stderr goes.
        command: what to run instead of the worker.
        patience: how long it may take.
    """

    def __init__(self, log: LogFile, command: Sequence[str], patience: Patience) -> None:
        self._log = log
        self._command = tuple(command)
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._inboxes: dict[int, Inbox] = {}
        self._next_id = 1
        self._error: LlmlabError | None = None
        self.phase = ""
        """What it is doing, in words that follow `while`."""
        self.servers: tuple[str, ...] = ()
        """Other machines whose devices its model uses."""
        self.loading = False
        """It is given a model, so that its death may be the model's fault."""

    @property
    def running(self) -> bool:
        """It was started, has not ended and is not being ended."""
        return self._supervisor is not None and not self._supervisor.done() and self._error is None

    async def start(self) -> Hello:
        """Start it and wait for its first words; after an error, `end` it.

        Raises:
            EngineError: it cannot be started, dies, stays silent, or is of another llmlab.
        """
        if self._error is not None:
            raise self._error
        self.phase = say("starting")
        greeting = self._inboxes[0] = Inbox()
        try:
            with self._log.opened() as descriptor:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=descriptor,
                    limit=LONGEST_LINE,
                    env=child_environment(os.environ),
                    cwd=SAFE_FOLDER,
                    **_detached(),
                )
        except (OSError, ValueError) as error:
            raise EngineError(
                say("The engine process cannot be started: {reason}.", reason=error),
                where=" ".join(self._command),
                hint=say("Run `llmlab doctor` to see what is missing."),
            ) from error
        self._supervisor = asyncio.create_task(self._supervise(self._process), name="engine process")
        if self._error is not None:
            # It was closed while it was being made.
            raise self._error
        try:
            hello = await asyncio.wait_for(greeting.get(), self._patience.start)
            self.forget(0)
        except asyncio.TimeoutError:
            self.fail(say("it said nothing for {seconds:g} s", seconds=self._patience.start))
            raise self.death() from None
        if isinstance(hello, Hello):
            return hello
        raise error_of(hello)

    def send(self, command: Command) -> None:
        """Say something without waiting for an answer; a process that ended hears nothing."""
        process = self._process
        if process is not None and process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(encode(command))

    def ask(self, command: Command) -> Inbox:
        """Say something; the inbox gets the answers until `forget`."""
        inbox = self._inboxes[command.id] = Inbox()
        try:
            if self.running:
                self.send(command)
            else:
                inbox.end(self.death())
        except UnicodeError as error:
            inbox.end(
                EngineError(
                    say("The engine cannot be asked this: {reason}.", reason=error),
                    where=type(command).__name__.lower(),
                    hint=say("Correct the settings of this model."),
                )
            )
        return inbox

    def forget(self, command_id: int) -> None:
        """Drop what else comes to this command."""
        self._inboxes.pop(command_id, None)

    def new_id(self) -> int:
        """An id for a command."""
        self._next_id += 1
        return self._next_id - 1

    def death(self) -> LlmlabError:
        """Why it does not run."""
        return self._error or EngineDied(
            say("The engine is not running."), hint=say("The next request starts it anew.")
        )

    async def ended(self) -> LlmlabError:
        """Wait until it has ended; why it did."""
        if self._supervisor is not None:
            await asyncio.wait({self._supervisor})
        return self.death()

    def fail(self, how: str) -> None:
        """Give up on it: all inboxes end with this reason. `end` must follow."""
        if self._error is None:
            self._error = EngineDied(
                say("The engine process failed while {phase}: {how}.", phase=self.phase, how=how),
                where=str(self._log.path),
                hint=self._advice(),
            )
        for inbox in self._inboxes.values():
            inbox.end(self._error)

    async def end(self, *, gently: bool = False) -> None:
        """End it: ask it to (`gently`), tell it to, kill it; returns when it is gone."""
        process, supervisor = self._process, self._supervisor
        if self._error is None:
            self._error = EngineError(say("The engine was closed."))
        if process is None or supervisor is None:
            return
        if gently and not supervisor.done():
            self.send(Shutdown(id=self.new_id()))
            if process.stdin is not None:
                process.stdin.close()
            await asyncio.wait({supervisor}, timeout=self._patience.goodbye)
        if not supervisor.done():
            with suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait({supervisor}, timeout=self._patience.terminate)
        if not supervisor.done():
            with suppress(ProcessLookupError):
                process.kill()
            # A process that waits for a device cannot be killed; the system reaps it when the device answers.
            await asyncio.wait({supervisor}, timeout=self._patience.terminate)

    async def _supervise(self, process: asyncio.subprocess.Process) -> None:
        """Read what it says until it ends; this task ends after the process, whatever happens."""
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                self._receive(line)
            # Silence on the pipe is the end; a process that lives on without it is of no use.
            await asyncio.wait_for(process.wait(), self._patience.terminate)
        except (ValueError, msgspec.MsgspecError):
            self.fail(say("it said what is no report"))
        except asyncio.TimeoutError:
            self.fail(say("it closed its pipe"))
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            if process.stdin is not None:
                process.stdin.close()
            code = await process.wait()
            self.fail(describe_exit(code))

    def _receive(self, line: bytes) -> None:
        report = decode_report(line)
        inbox = self._inboxes.get(report.id)
        if inbox is not None:
            inbox.put(report)
        elif isinstance(report, Problem) and report.id == 0 and self._process is not None:
            # It lost a command, and whoever waits for its answer would wait for ever.
            self.fail(report.what)
            with suppress(ProcessLookupError):
                self._process.kill()

    def _advice(self) -> str:
        lines = self._log.last_lines()
        advice = say("The next request starts it anew.")
        if self.servers and any("RPC" in line for line in lines):
            advice = say(
                "A machine under rpc went away, or is no ggml-rpc-server of this llama.cpp: {servers}. "
                "Start it and send again.",
                servers=", ".join(self.servers),
            )
        elif self.loading:
            advice = say("The file may be damaged, or too large for the memory: get it again, or lower n_ctx.")
        return "\n".join([advice, say("Its last words:"), *lines]) if lines else advice


def error_of(report: AnyReport) -> EngineError | ModelError:
    """The error that a report stands for; one that should not have come is an error as well."""
    if isinstance(report, Problem):
        kind = ModelError if report.kind == "model" else EngineError
        return kind(report.what, where=report.where, hint=report.hint)
    return EngineError(
        say("The engine process gave an unexpected answer."),
        where=type(report).__name__,
        hint=say("Install llmlab again."),
    )


def describe_exit(code: int, platform: str = sys.platform) -> str:
    """What an exit code says, in words."""
    if code == 0:
        return say("it ended by itself")
    if platform == "win32":
        known = {0xC0000005: say("it crashed (access violation)"), 0xC0000017: say("it ran out of memory")}
        return known.get(code & 0xFFFFFFFF, say("it ended with exit code {code}", code=f"{code & 0xFFFFFFFF:#x}"))
    if code > 0:
        return say("it ended with exit code {code}", code=code)
    if -code == getattr(signal, "SIGKILL", 9):
        return say("killed by signal {number} (out of memory?)", number=-code)
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "?"
    return say("killed by signal {number} ({name})", number=-code, name=name)


def child_environment(own: Mapping[str, str]) -> dict[str, str]:
    """The child's environment, made from `own`, this process's.

    No debugger at a crash, a Python traceback instead; the reader's language; large pages. A token reads all of the
    weights, so with small pages address translation is part of its time. Other C libraries than glibc ignore it, and
    what the user has set stays.
    """
    tunables = own.get("GLIBC_TUNABLES", "")
    if HUGE_PAGES not in tunables:
        tunables = ":".join(filter(None, (tunables, f"{HUGE_PAGES}=1")))
    return {
        **own,
        "GLIBC_TUNABLES": tunables,
        "GGML_NO_BACKTRACE": "1",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONUTF8": "1",
        "LLMLAB_LANG": current_language(),
    }


def _detached() -> Mapping[str, Any]:
    """What keeps the terminal's Ctrl+C from the child, and its window from the screen."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}
