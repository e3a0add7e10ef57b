"""Every shipped experiment, whole, on the pocket models: how long each takes, and what it finds.

    python -m benchmarks.experiments [NAME ...] [--language en|zh] [--quick] [--limit N] [--folder DIR]

Each is one command, `llmlab run NAME`, in a process of its own and a home of its own, so that nothing is taken over
from before; the bar is three minutes. What it finds is told as its report tells it. `quantisation` is given the files
that its page says to make first; making them is not part of its time. With `--quick` two questions an arm are asked,
which says that it runs, and nothing of time or findings.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Final

import psutil

from llmlab.library.shipped import shipped_prompts_folder
from llmlab.paths import HOME_VARIABLE

BAR: Final = 180.0
"""Seconds that one may take, on two cores."""
QUICK: Final = 2
"""Questions of each arm where it is quick."""
MADE_FIRST: Final = {
    "quantisation": tuple(("models", "quantise", "pocket-m", "--type", kind) for kind in ("q5_0", "q4_0"))
}
"""Commands that an experiment needs before."""


def shipped(language: str) -> list[str]:
    """The experiments of a language."""
    files = (shipped_prompts_folder() / "experiments").glob(f"*.{language}.toml")
    return sorted(file.name.partition(".")[0] for file in files)


def llmlab(arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The command line in `folder`, which is its home as well."""
    home = {**os.environ, HOME_VARIABLE: str(folder / "home"), "LLMLAB_LANG": "en"}
    command = [sys.executable, "-m", "llmlab", *arguments]
    return subprocess.run(command, cwd=folder, env=home, check=False, capture_output=True, encoding="utf-8")


def findings(report: str) -> Iterator[str]:
    """The sentences at the head of a report in Markdown."""
    lines = dropwhile(lambda line: not line.startswith("- "), report.splitlines())
    for line in takewhile(lambda line: line.startswith("- "), lines):
        yield line.removeprefix("- ").replace("\\", "")


def measure(name: str, language: str, limit: int | None, folder: Path) -> bool:
    """Run one and print its seconds and findings; False when it failed or took too long."""
    folder.mkdir(parents=True, exist_ok=True)
    for command in MADE_FIRST.get(name, ()):
        if (made := llmlab((*command, "--force"), folder)).returncode:
            print(f"{name}: FAILED: {made.stderr.strip()}", flush=True)
            return False
    asked = ["run", f"{name}.{language}", "--again", "--output", "out"]
    begun = time.perf_counter()
    done = llmlab([*asked, *(["--limit", str(limit)] if limit else [])], folder)
    seconds = time.perf_counter() - begun
    # A stated threshold that is missed is a finding; any other code is a failure.
    if done.returncode not in (0, 3):
        print(f"{name}: FAILED with {done.returncode}: {done.stderr.strip()}", flush=True)
        return False
    verdict = "" if limit else f"   {'ok' if seconds <= BAR else 'SLOW'} bar {BAR:.0f} s"
    print(f"\n{name}: {seconds:.1f} s{verdict}")
    for line in findings((folder / "out" / "report.md").read_text("utf-8")):
        print(f"  {line}", flush=True)
    return bool(limit) or seconds <= BAR


def main() -> int:
    """Run them and print; 1 when one failed or took too long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", metavar="NAME", help="all of them if not given")
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} questions an arm")
    parser.add_argument("--limit", type=int, help="questions of each arm; all of them if not given")
    parser.add_argument("--folder", type=Path, help="where results and reports are kept; nowhere if not given")
    options = parser.parse_args()
    known = shipped(options.language)
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"no experiment is called {', '.join(unknown)}; there are {', '.join(known)}")
    limit = options.limit or (QUICK if options.quick else None)
    cores, load = psutil.cpu_count(logical=False), psutil.getloadavg()[0]
    print(f"{cores} cores, load of the machine before: {load:.1f}" + (f", {limit} questions an arm" if limit else ""))
    with tempfile.TemporaryDirectory() as own:
        folder = (options.folder or Path(own)).absolute()
        met = [measure(name, options.language, limit, folder / name) for name in options.names or known]
    print(f"\n{sum(met)} of {len(met)} met the bar" if not limit else f"\n{sum(met)} of {len(met)} ran")
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
