"""How quick the screen is with a long chat open: `python -m benchmarks.screen` drives it in a pseudo-terminal.

What is timed is what a person waits for: from the bytes of a key to the bytes that paint it. With `--trace` the lab
writes down what it was busy with, and what ran while the slowest keys waited is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

from ptyprocess import PtyProcess

from benchmarks.novels import novel
from benchmarks.screen_app import LAST_WORD, MESSAGES, RATE, TRACE

ROWS, COLUMNS = 45, 140
KEY_WANTED, FOCUS_WANTED, MEMORY_WANTED = 50.0, 200.0, 60.0
"""Milliseconds to the paint of a key (99th percentile) and of blur and focus, MB that the long chat may take."""
ANSWERS: Final = 4
"""Answers that stream one after the other while keys are pressed."""
KEYS_EACH, FOCUS_EACH = 125, 10
"""Keys pressed in each of them."""
SLOWEST: Final = 8
"""Keys that `--trace` explains."""
PATIENCE: Final = 60.0
"""Seconds until what does not come fails the benchmark."""
LETTERS: Final = [chr(code) for code in range(0x0250, 0x02AF)]
"""Typed one after the other; none is on the screen for another reason."""
BLUR, FOCUS = b"\x1b[O", b"\x1b[I"
F9, F10, F12, ENTER, CLEAR = b"\x1b[20~", b"\x1b[21~", b"\x1b[24~", b"\r", b"\x15"
NOVELS: Final = 12
"""Novels of 1,000,000 characters that are opened one after the other."""
TEXT_KEYS: Final = 120
"""Keys pressed in the search field over the last of them."""


@dataclass
class Terminal:
    """A program in a pseudo-terminal."""

    process: PtyProcess
    report: Path
    reports: int = 0
    written: int = 0
    """Bytes it has painted so far."""
    pressed: list[tuple[float, float]] = field(default_factory=list)
    """When each key was pressed, and when it was painted."""
    _letter: int = 0

    def write(self, data: bytes) -> None:
        """Press keys."""
        self.process.write(data)

    def read(self, timeout: float) -> bytes:
        """What it paints within `timeout`; answers what a terminal is asked."""
        ready, _, _ = select.select([self.process.fd], [], [], timeout)
        data: bytes = os.read(self.process.fd, 1 << 16) if ready else b""
        self.written += len(data)
        return data

    def drain(self, quiet: float, limit: float = PATIENCE) -> None:
        """Read until nothing is painted for `quiet` seconds."""
        end = time.perf_counter() + limit
        while self.read(quiet) and time.perf_counter() < end:
            pass

    def watch(self, seconds: float) -> None:
        """Read for a while."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def until(self, mark: bytes) -> float:
        """Read until `mark` is painted; returns the seconds that took."""
        began = time.perf_counter()
        seen = b""
        while mark not in seen:
            if time.perf_counter() - began > PATIENCE:
                raise TimeoutError(f"{mark!r} was not painted")
            seen = seen[-64:] + self.read(1.0)
        return time.perf_counter() - began

    def key(self, before: bytes = b"") -> float:
        """Press a key that was not pressed before; returns the milliseconds until it is painted."""
        letter = LETTERS[self._letter % len(LETTERS)].encode()
        self._letter += 1
        began = time.perf_counter()
        self.write(before + letter)
        took = self.until(letter)
        if not before:
            self.pressed.append((began, began + took))
        return took * 1e3

    def keys(self, count: int, before: bytes = b"") -> list[float]:
        """Press keys, now and then clearing the line."""
        times = []
        for _ in range(count):
            if self._letter % 40 == 0:
                self.write(CLEAR)
                self.watch(0.3)
            times.append(self.key(before))
            self.watch(0.02 + (self._letter % 7) * 0.01)
        return times

    def next_report(self, what: str) -> dict[str, Any]:
        """Wait for the next line of this kind."""
        end = time.perf_counter() + PATIENCE
        while time.perf_counter() < end:
            # What stands behind the last line feed is still being written.
            lines = self.report.read_text(encoding="utf-8").split("\n")[:-1] if self.report.exists() else []
            for line in lines[self.reports :]:
                self.reports += 1
                values: dict[str, Any] = json.loads(line)
                if values["what"] == what:
                    return values
            self.read(0.05)
        raise TimeoutError(f"no report of {what}")


@contextmanager
def terminal(kind: str, *, trace: bool = False) -> Iterator[Terminal]:
    """The program of this kind, running; ends it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.jsonl"
        command = [sys.executable, "-m", "benchmarks.screen_app", kind, str(report), *([TRACE] if trace else [])]
        environment = {**os.environ, "LLMLAB_HOME": folder, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        process = PtyProcess.spawn(command, env=environment, dimensions=(ROWS, COLUMNS))
        try:
            running = Terminal(process, report)
            running.until(b"\x1b[?1004h")
            running.watch(2.0)
            yield running
        finally:
            process.terminate(force=True)


@dataclass
class Figures:
    """One row of the table."""

    name: str
    keys: list[float]
    focus: list[float]
    extra: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    """Printed below it."""
    missed: bool = False
    """A goal that this row has is not reached."""

    def judge(self) -> None:
        """Compare the times with what is wanted."""
        self.missed = quantile(self.keys, 0.99) > KEY_WANTED or max(self.focus) > FOCUS_WANTED


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def pressed(running: Terminal, name: str, keys: int, focus: int) -> Figures:
    """Keys, then blur and focus followed by a key."""
    return Figures(name, running.keys(keys), running.keys(focus, BLUR + FOCUS))


def measure_empty() -> Figures:
    """An empty Textual app."""
    with terminal("empty") as running:
        return pressed(running, "empty Textual app", 200, 20)


def measure_lab(*, trace: bool) -> Iterator[Figures]:
    """The lab: empty, with the long chat, and while answers stream in it."""
    with terminal("lab", trace=trace) as running:
        yield pressed(running, "lab, empty chat", 100, 20)
        running.write(CLEAR + F9)
        opened = running.next_report("opened")
        early = pressed(running, f"{MESSAGES:,} messages, just opened", 60, 10)
        measured = running.next_report("measured")
        memory = measured["rss"] - opened["rss"]
        early.extra = {
            "shown after": f"{opened['show_ms']:.0f} ms, painted after {opened['paint_ms']:.0f} ms",
            "memory": f"+{memory:.0f} MB for {measured['rows']:,} rows",
        }
        early.missed = memory >= MEMORY_WANTED
        yield early
        first = len(running.pressed)
        rest = pressed(running, f"{MESSAGES:,} messages, at rest", 500, 60)
        rest.judge()
        if trace:
            running.write(F10)
            rest.lines = explained(running.pressed[first:], running.next_report("now")["spans"])
        yield rest
        yield measure_streaming(running, trace=trace)


def measure_streaming(running: Terminal, *, trace: bool) -> Figures:
    """Keys while answers stream into the long chat, one after the other."""
    figures = Figures(f"{MESSAGES:,} messages, {RATE:,} tok/s streaming", [], [])
    first = len(running.pressed)
    wall = cpu = painting = written = 0.0
    complete, streaming, speeds = True, True, []
    for _ in range(ANSWERS):
        running.write(CLEAR + b"go on" + ENTER)
        running.watch(1.5)
        running.write(F10)
        before, bytes_before = running.next_report("now"), running.written
        figures.keys += running.keys(KEYS_EACH)
        figures.focus += running.keys(FOCUS_EACH, BLUR + FOCUS)
        bytes_after = running.written
        running.write(F10)
        after = running.next_report("now")
        running.until(LAST_WORD.encode())
        running.watch(1.0)
        running.write(F10)
        end = running.next_report("now")
        wall += after["wall"] - before["wall"]
        cpu += after["cpu"] - before["cpu"]
        painting += after["painting"] - before["painting"]
        written += bytes_after - bytes_before
        streaming &= not after["ended"]
        complete &= end["complete"]
        speeds.append(end["speed"])
    figures.judge()
    figures.missed |= not complete or not streaming
    figures.extra = {
        "still streaming": str(streaming),
        "nothing dropped": str(complete),
        "speed": f"{min(speeds):,.0f} tok/s",
        "screen process": f"{cpu / wall:.0%} of a core, {painting / wall:.0%} painting rows, "
        f"{written / wall / 1e3:.0f} kB/s",
    }
    if trace:
        running.write(F10)
        figures.lines = explained(running.pressed[first:], running.next_report("now")["spans"])
    return figures


def measure_novels(*, trace: bool) -> Iterator[Figures]:
    """Keys while novels in GB18030 are read, indexed and counted, then in the search over the text of one."""
    text = novel("zh").text
    with terminal("novels", trace=trace) as running, tempfile.TemporaryDirectory() as folder:
        opening = Figures(f"a novel of {len(text):,} characters opens", [], [])
        began = time.perf_counter()
        novels = 3 if trace else NOVELS
        for number in range(novels):
            # Each ends otherwise: a text that was read before is not read again.
            path = Path(folder) / f"novel-{number}.txt"
            path.write_bytes(f"{text}{number}\n".encode("gb18030"))
            # Keys that a person presses one after the other: a line that is cleared is empty before it is typed into.
            running.write(CLEAR)
            running.watch(0.3)
            running.write(f"/read {path}".encode())
            running.watch(0.5)
            began = time.perf_counter()
            running.write(ENTER)
            while True:
                opening.keys += running.keys(8)
                running.write(F10)
                if not running.next_report("now")["reading"]:
                    break
            opening.extra = {"opened, indexed and counted after": f"{time.perf_counter() - began:.1f} s"}
            opening.focus += running.keys(4, BLUR + FOCUS)
            running.write(CLEAR)
            running.watch(0.3)
            running.write(b"/read off")
            running.watch(0.5)
            if number < novels - 1:
                running.write(ENTER)
                running.watch(0.5)
        opening.extra["keys"] = f"{len(opening.keys)}"
        opening.judge()
        if trace:
            running.write(F10)
            opening.lines = explained(running.pressed, running.next_report("now")["spans"])
        yield opening
        running.write(CLEAR)
        running.watch(0.3)
        running.write(F12)
        running.watch(1.0)
        running.write(b"/")
        running.watch(0.3)
        reading = Figures("its text, searched while one types", running.keys(TEXT_KEYS), running.keys(10, BLUR + FOCUS))
        reading.judge()
        if trace:
            running.write(F10)
            reading.lines = explained(running.pressed[-TEXT_KEYS:], running.next_report("now")["spans"])
        yield reading


def explained(keys: list[tuple[float, float]], spans: list[tuple[float, float, str]]) -> list[str]:
    """What ran while the slowest keys waited, in milliseconds from the press of each."""
    lines = []
    for began, ended in sorted(keys, key=lambda key: key[0] - key[1])[:SLOWEST]:
        lines.append(f"    a key that took {(ended - began) * 1e3:.1f} ms:")
        lines += [
            f"        {(start - began) * 1e3:7.1f} +{took * 1e3:6.1f}  {what}"
            for start, took, what in sorted(spans)
            if start < ended and start + took > began
        ]
    return lines


def main() -> int:
    """Print the table; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trace", action="store_true", help="tell what ran while the slowest keys waited")
    parser.add_argument("--novels", action="store_true", help="only the rows of documents")
    arguments = parser.parse_args()
    trace, only_novels = arguments.trace, arguments.novels
    print(f"{'':44}{'key p50':>10}{'p99':>8}{'max':>8}{'focus p50':>12}{'max':>8}   ms")
    base: Figures | None = None
    missed = False
    rows = chain([measure_empty()], () if only_novels else measure_lab(trace=trace), measure_novels(trace=trace))
    for figures in rows:
        base = base or figures
        keys, focus = figures.keys, figures.focus
        ratio = statistics.median(keys) / statistics.median(base.keys)
        print(
            f"{figures.name:44}{statistics.median(keys):10.1f}{quantile(keys, 0.99):8.1f}{max(keys):8.1f}"
            f"{statistics.median(focus):12.1f}{max(focus):8.1f}   x{ratio:.1f}{'   MISSED' if figures.missed else ''}",
            flush=True,
        )
        for name, value in figures.extra.items():
            print(f"    {name}: {value}", flush=True)
        for line in figures.lines:
            print(line, flush=True)
        missed |= figures.missed
    print(
        f"wanted with {MESSAGES:,} messages: key p99 <= {KEY_WANTED:.0f} ms, blur and focus <= {FOCUS_WANTED:.0f} ms, "
        f"memory < {MEMORY_WANTED:.0f} MB, nothing dropped"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
