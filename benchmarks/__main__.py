"""Every benchmark, one after the other, or those that are named: `python -m benchmarks [engine screen ...]`.

Options behind `--` go to each of them: `python -m benchmarks engine -- --quick`.
"""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    "startup",
    "engine",
    "sharing",
    "screen",
    "llamacpp",
    "memory",
    "sampling",
    "speculation",
    "templates",
    "preview",
    "votes",
    "reread",
    "needle",
    "documents",
    "throughput",
    "experiments",
)


def main() -> int:
    """Run them in processes of their own; 1 when one of them missed a goal."""
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    names, options = words[:split] or list(NAMES), words[split + 1 :]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"No benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    failed = 0
    for name in names:
        print(f"\n== {name}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=False).returncode
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
