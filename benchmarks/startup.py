"""How long until `llmlab` draws its first frame, against an empty Textual app; and what its screen weighs.

    python -m benchmarks.startup [--rounds 9]

Both programs run in a pseudo-terminal of the same size, in turns; what counts is the time from starting the process to
the moment its text is on the terminal. The engine is not waited for. Memory is the resident size of the screen's own
process once a small model is ready in the engine's process.
"""

from __future__ import annotations

import argparse
import os
import select
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
from ptyprocess import PtyProcess

from tests.support.gguf_fixtures import random_log_odds, write_bigram_model

EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("first frame")
Empty().run()
"""
RATIO_WANTED = 1.5
MEMORY_WANTED = 80 * 2**20
DEADLINE = 60.0


class Program:
    """A program in a pseudo-terminal."""

    def __init__(self, command: list[str], home: Path) -> None:
        environment = {**os.environ, "TERM": "xterm-256color", "LLMLAB_HOME": str(home), "LLMLAB_LANG": "en"}
        self.began = time.perf_counter()
        self.process = PtyProcess.spawn(command, env=environment, dimensions=(40, 120))
        self.drawn = b""

    def until_drawn(self, mark: bytes) -> float:
        """Seconds from the start to `mark` on the terminal."""
        deadline = time.perf_counter() + DEADLINE
        while mark not in self.drawn:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{mark!r} was never drawn: {self.drawn[-500:]!r}")
            if select.select([self.process.fd], [], [], 1.0)[0]:
                self.drawn += os.read(self.process.fd, 65536)
        return time.perf_counter() - self.began

    def end(self) -> None:
        """Press ctrl+q and wait."""
        os.write(self.process.fd, b"\x11")
        while True:
            try:
                if not os.read(self.process.fd, 65536):
                    break
            except OSError:
                break
        self.process.wait()


def time_once(command: list[str], mark: bytes, home: Path) -> float:
    """Seconds to the first frame of one start."""
    program = Program(command, home)
    seconds = program.until_drawn(mark)
    program.end()
    return seconds


def memory_of_screen(command: list[str], home: Path) -> int:
    """Resident bytes of the screen's process with a model ready, the engine's not among them."""
    program = Program(command, home)
    program.until_drawn(b"ready")
    resident = int(psutil.Process(program.process.pid).memory_info().rss)
    program.end()
    return resident


def main() -> int:
    """Measure and print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=9, help="starts of each program; the median counts")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        model = write_bigram_model(home / "small.gguf", random_log_odds())
        lab = [str(Path(sys.executable).parent / "llmlab"), "-m", str(model)]
        empty = [sys.executable, "-c", EMPTY]
        for command, mark in ((empty, b"first frame"), (lab, b"Ask something")):
            time_once(command, mark, home)  # the first start of each compiles and fills the caches
        empties, labs = [], []
        for _ in range(rounds):
            empties.append(time_once(empty, b"first frame", home))
            labs.append(time_once(lab, b"Ask something", home))
        memory = memory_of_screen(lab, home)
    first, second = statistics.median(empties), statistics.median(labs)
    print(f"| {'first frame':<24} | {'median s':>8} | {'ratio':>6} | wanted   |")
    print("|--------------------------|---------:|-------:|----------|")
    print(f"| {'empty Textual app':<24} | {first:8.3f} | {1:6.2f} |          |")
    print(f"| {'llmlab':<24} | {second:8.3f} | {second / first:6.2f} | <= {RATIO_WANTED}   |")
    print(f"| {'screen process, MiB':<24} | {memory / 2**20:8.1f} |        | <= {MEMORY_WANTED / 2**20:.0f}    |")
    return 0 if second / first <= RATIO_WANTED and memory <= MEMORY_WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
