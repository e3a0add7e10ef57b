"""What runs inside the engine process: one thread reads commands, one answers about text, the main one computes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import psutil

from llmlab.domain.model import Gpu, ModelCard, ModelSpec
from llmlab.engine.health import longest_text
from llmlab.engine.llama import fitting, library
from llmlab.engine.llama.card import card_of
from llmlab.engine.llama.devices import can_offload, gpu_devices
from llmlab.engine.llama.embedding import Embedder
from llmlab.engine.llama.interrupt import Interrupt
from llmlab.engine.llama.model import Loader, Model, Weights
from llmlab.engine.llama.outbox import Outbox
from llmlab.engine.llama.residents import Residents
from llmlab.engine.llama.scheduler import Scheduler
from llmlab.engine.llama.shelf import Shelf
from llmlab.engine.llama.snapshots import Snapshots, model_mark, room_of, shaping_window
from llmlab.engine.llama.speculation import speculation_for
from llmlab.engine.llama.text_desk import TextDesk
from llmlab.engine.llama.threads import Governor, LoadMeter, shared_cores
from llmlab.engine.wire import (
    PROTOCOL,
    AnyCommand,
    Cancel,
    Count,
    Embed,
    Generate,
    Hello,
    Load,
    Loaded,
    Problem,
    Progress,
    Prompt,
    Score,
    Shutdown,
    decode_command,
)
from llmlab.errors import EngineError, LlmlabError, ModelError
from llmlab.words import say

SAVE_AFTER: Final = 1.0
"""Seconds of rest after which sequences are saved to disk, one after the other."""
SAVE_AT_END: Final = 0.6
"""Seconds that saving may take when the process ends."""
GRACE: Final = 2.0
"""Seconds that an orderly end may take once nobody waits for it."""
_PARENT_DEATH_SIGNAL: Final = 1
"""`PR_SET_PDEATHSIG` of Linux's prctl."""


class EngineProcess:
    """Serves the commands of one parent."""

    def __init__(self, commands: BinaryIO, reports: BinaryIO) -> None:
        self._commands, self._reports = commands, reports
        self._log = library.Log()
        self._log.install()
        self._interrupt = Interrupt()
        self._embed_interrupt = Interrupt()
        self._embeds: set[int] = set()
        """Commands whose cancellation is told there."""
        self._outbox = Outbox(self._write, time.monotonic)
        self._inbox: queue.SimpleQueue[AnyCommand | None] = queue.SimpleQueue()
        self._texts: queue.SimpleQueue[Prompt | Count] = queue.SimpleQueue()
        self._text_lock = threading.Lock()
        self._model: Weights | None = None
        self._desk: TextDesk | None = None
        self._scheduler: Scheduler | None = None
        self._embedder: Embedder | None = None
        self._residents: Residents | None = None
        self._snapshots: Snapshots | None = None

    def obey_signals(self) -> None:
        """End on SIGTERM, and when the parent dies without closing the pipe (Linux tells)."""
        if sys.platform == "win32":
            return
        # A handler in Python waits until the main thread has time for it; a byte in a pipe finds a thread that listens.
        heard, told = os.pipe()
        os.set_blocking(told, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, lambda _number, _frame: None)
        parent = os.getppid()
        threading.Thread(target=self._hear_signals, args=(heard, parent), daemon=True).start()
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, int(signal.SIGUSR1))

    def _hear_signals(self, heard: int, parent: int) -> None:
        while True:
            number = os.read(heard, 1)[0]
            # Linux's signal comes when the thread that started this process ends; only the parent's death counts.
            if number == signal.SIGTERM or os.getppid() != parent:
                self._end()
                _exit_after_grace()

    def run(self) -> int:
        """Serve until told to end; the exit code."""
        try:
            library.start()
        except EngineError as error:
            self._outbox.send(problem_of(0, error))
            return 1
        self._outbox.send(greeting())
        for work in (self._read, self._answer_texts):
            threading.Thread(target=work, daemon=True).start()
        self._serve()
        self._save()
        self._free()
        return 0

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[self._reports.write(data) :]
        except OSError:
            # The parent is gone: nobody hears the rest.
            self._end()

    def _end(self) -> None:
        self._interrupt.end()
        self._embed_interrupt.end()
        self._inbox.put(None)

    def _free(self) -> None:
        """Samplers, then the context, then the model; nothing while a text is tokenised that takes too long."""
        if self._text_lock.acquire(timeout=GRACE / 2):
            if self._scheduler is not None:
                self._scheduler.close()
            if self._embedder is not None:
                self._embedder.close()
            if self._model is not None:
                self._model.close()

    # The threads beside the computation -----------------------------------------------------------------------------

    def _read(self) -> None:
        for line in self._commands:
            try:
                command = decode_command(line)
            except msgspec.MsgspecError as error:
                what = say("The engine was sent a line that it cannot read: {reason}", reason=str(error))
                self._outbox.send_aside(problem_of(0, EngineError(what)))
                continue
            match command:
                case Cancel(id=cancelled):
                    embeds = cancelled in self._embeds
                    (self._embed_interrupt if embeds else self._interrupt).cancel(cancelled)
                case Prompt() | Count():
                    self._texts.put(command)
                case Shutdown():
                    self._end()
                case Embed(id=number):
                    self._embeds.add(number)
                    self._inbox.put(command)
                case Load() | Generate() | Score():
                    self._inbox.put(command)
        # The parent closed the pipe or died, perhaps in the middle of a long step.
        self._end()
        _exit_after_grace()

    def _answer_texts(self) -> None:
        while True:
            command = self._texts.get()
            with self._text_lock:
                desk = self._desk
                report = problem_of(command.id, self._unable()) if desk is None else desk.answer(command)
            self._outbox.send_aside(report)

    # The computation ------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while not self._interrupt.shutdown:
            scheduler, embedder = self._scheduler, self._embedder
            answering = scheduler is not None and scheduler.busy
            embedding = embedder is not None and embedder.busy
            if answering or embedding:
                with contextlib.suppress(queue.Empty):
                    while True:
                        self._handle(self._inbox.get_nowait())
            elif scheduler is not None:
                scheduler.rest()
            # One step of each in turn, so that neither waits for the other's end.
            if scheduler is not None and answering:
                scheduler.step()
            if embedder is not None and embedding:
                embedder.step()
            if not answering and not embedding:
                self._handle(self._next_command())

    def _next_command(self) -> AnyCommand | None:
        """The next command; while none comes, what was computed is saved."""
        residents, snapshots = self._residents, self._snapshots
        while residents is not None and snapshots is not None:
            try:
                return self._inbox.get(timeout=SAVE_AFTER)
            except queue.Empty:
                if not snapshots.busy and not residents.save_one():
                    break
        return self._inbox.get()

    def _save(self) -> None:
        """The last chance to save what was computed."""
        residents, snapshots = self._residents, self._snapshots
        if residents is None or snapshots is None:
            return
        deadline = time.monotonic() + SAVE_AT_END
        while time.monotonic() < deadline and residents.save_one():
            snapshots.settle(deadline - time.monotonic())
        snapshots.close(max(0.0, deadline - time.monotonic()))

    def _handle(self, command: AnyCommand | None) -> None:
        match command:
            case Load() if self._model is None:
                self._load(command)
            case Load():
                self._outbox.send(problem_of(command.id, EngineError(say("The engine has a model already."))))
            case Generate() | Score() if self._scheduler is not None:
                self._scheduler.submit(command)
            case Embed() if self._embedder is not None:
                self._embedder.submit(command)
            case Embed():
                self._outbox.send(problem_of(command.id, self._unable()))
            case Generate():
                nothing = self._unable()
                self._outbox.send(*(problem_of(command.id, nothing, sample) for sample in range(command.samples)))
            case Score():
                nothing = self._unable()
                self._outbox.send(*(problem_of(command.id, nothing, sample) for sample in range(len(command.texts))))
            case _:
                return

    def _load(self, command: Load) -> None:
        cancelled = False

        def give_up() -> bool:
            nonlocal cancelled
            cancelled = cancelled or command.id in self._interrupt.take()
            return cancelled or self._interrupt.shutdown

        def progress(fraction: float) -> None:
            self._outbox.send(Progress(id=command.id, fraction=fraction))

        begun = time.monotonic()
        loader = Loader(command.spec, self._log, progress, give_up, abort=lambda: self._interrupt.raised)
        try:
            if command.spec.purpose == "vectors":
                card = self._open_for_vectors(command, loader.load_weights(), begun)
            else:
                card = self._open_for_answers(command, loader, begun)
        except LlmlabError as error:
            self._outbox.send(problem_of(command.id, error))
            return
        self._outbox.send(Loaded(id=command.id, card=card))

    def _open_for_answers(self, command: Load, loader: Loader, begun: float) -> ModelCard:
        """What serves every command.

        Raises:
            ModelError: the model, its chat template or its draft model cannot be used.
            EngineError: loading was cancelled.
        """
        spec, model = command.spec, loader.load()
        try:
            desk = TextDesk(spec, model.gguf, model.vocabulary)
            speculation = speculation_for(spec, model, loader.another)
        except LlmlabError:
            model.close()
            raise
        self._desk = desk
        context, self._snapshots = model.context, open_snapshots(command, model)
        self._residents = Residents(context, context.sequences, Shelf(shelf_bytes()), self._snapshots)
        self._scheduler = Scheduler(
            context,
            model.vocabulary,
            self._outbox,
            self._interrupt,
            _governor(spec, model, begun),
            self._residents,
            time.monotonic,
            speculation,
        )
        self._open_for_vectors(command, model, begun)
        return card_of(spec, model, context.n_ctx, desk)

    def _open_for_vectors(self, command: Load, model: Weights, begun: float) -> ModelCard:
        """What serves `Embed` alone; its context is made when it is first asked."""
        spec, governor = command.spec, _governor(command.spec, model, begun)
        self._model = model
        self._embedder = Embedder(spec, model, self._outbox, self._embed_interrupt, self._log, governor, time.monotonic)
        return card_of(spec, model, longest_text(spec, model.gguf))

    def _unable(self) -> EngineError:
        """Why a command that needs a model cannot be served."""
        if self._model is None:
            return EngineError(say("The engine has no model."), hint=say("Load a model first."))
        return EngineError(
            say("The model was loaded for vectors alone."), hint=say("Load it for answers to ask it something.")
        )


def _governor(spec: ModelSpec, model: Weights, now: float) -> Governor | None:
    """Adapts threads to the machine's load, unless their number was given or must not change."""
    free = spec.n_threads == "auto" and not spec.deterministic
    return Governor(model.n_threads, LoadMeter().others, now, cores=shared_cores()) if free else None


def greeting() -> Hello:
    """What this process is."""
    found = tuple(Gpu(item.name, item.description, item.free, item.total) for item in gpu_devices())
    gpu, build, fits = can_offload(), library.build_name(), fitting.available()
    return Hello(id=0, protocol=PROTOCOL, build=build, gpu=gpu, devices=found, fits=fits)


def shelf_bytes() -> int:
    """Memory for sequences that are not in use: a sixteenth of what is free, within sane bounds."""
    return min(max(psutil.virtual_memory().available // 16, 64 << 20), 4 << 30)


def open_snapshots(command: Load, model: Model) -> Snapshots | None:
    """The snapshots of a loaded model; `None` where there are to be none."""
    if not command.snapshots:
        return None
    folder = Path(command.snapshots)
    try:
        mark = model_mark(command.spec, shaping_window(model.gguf, model.context.n_ctx))
    except OSError:
        # The file went away after it was loaded: nobody could tell whose states these are.
        return None
    return Snapshots(folder, mark, room_of(folder), keep_beginnings=not model.context.rewindable)


def problem_of(command: int, error: LlmlabError, sample: int = 0) -> Problem:
    """`error` as the report about `command`."""
    kind = "model" if isinstance(error, ModelError) else "engine"
    return Problem(id=command, kind=kind, what=error.what, where=error.where, hint=error.hint, sample=sample)


def _exit_after_grace() -> None:
    """End the process if it has not ended by itself."""
    threading.Event().wait(GRACE)
    os._exit(0)
