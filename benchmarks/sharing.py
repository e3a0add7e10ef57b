"""What the screen costs the engine: decode speed behind the chat screen against that of `llmlab ask`.

    python -m benchmarks.sharing [--rounds 5] [--tokens 256] [--cache DIR]

Both run the same 0.5B-shaped model with the same settings, in turns; the lab runs in a pseudo-terminal that is read as
it is painted. The speed is the engine's own figure, from the stored answer and from `ask --json`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from platformdirs import user_cache_dir
from ptyprocess import PtyProcess

from benchmarks.models import half_billion
from llmlab.store.chats import ChatStore

WANTED = 0.85
DEADLINE = 300.0
QUESTION = "Tell me a long story about a laptop that learned to read."


def settings(home: Path, model: Path, tokens: int) -> None:
    """A models.toml with the one model, answers of `tokens` tokens."""
    config = home / "config"
    config.mkdir(parents=True, exist_ok=True)
    text = (
        f'default = "half"\n[half]\npath = "{model.as_posix()}"\nn_ctx = 4096\n'
        f"sampling.max_tokens = {tokens}\nsampling.seed = 1\n"
    )
    (config / "models.toml").write_text(text, encoding="utf-8")


def ask_speed(home: Path) -> float:
    """Tokens a second of `llmlab ask`."""
    command = [sys.executable, "-m", "llmlab", "ask", "--json", QUESTION]
    done = subprocess.run(command, env=environment(home), capture_output=True, check=True)
    return float(json.loads(done.stdout)["timing"]["tokens_per_s"])


def screen_speed(home: Path) -> float:
    """Tokens a second of an answer that streams onto the chat screen."""
    process = PtyProcess.spawn([sys.executable, "-m", "llmlab"], env=environment(home), dimensions=(45, 140))
    store = ChatStore(home / "data" / "llmlab.db")
    try:
        read_until(process, b"ready")
        process.write(QUESTION.encode() + b"\r")
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            # What a terminal does: read what is painted, at once.
            drain(process, 1.0)
            for summary in store.list(limit=1):
                answer = store.load(summary.id).conversation.path()[-1]
                if answer.role == "assistant" and answer.state == "done" and answer.origin is not None:
                    return answer.origin.timing.tokens_per_s
        raise TimeoutError("the answer did not end")
    finally:
        process.write(b"\x11")
        with contextlib.suppress(OSError, EOFError):
            read_until(process, b"\x00never")
        process.close(force=True)
        store.close()


def environment(home: Path) -> dict[str, str]:
    """Of both programs."""
    return {**os.environ, "LLMLAB_HOME": str(home), "LLMLAB_LANG": "en", "TERM": "xterm-256color"}


def drain(process: PtyProcess, seconds: float) -> None:
    """Read what is painted for a while."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([process.fd], [], [], left)[0]:
            os.read(process.fd, 1 << 16)


def read_until(process: PtyProcess, mark: bytes) -> None:
    """Read until `mark` is painted."""
    seen, end = b"", time.monotonic() + DEADLINE
    while mark not in seen and time.monotonic() < end:
        if select.select([process.fd], [], [], 1.0)[0]:
            seen = seen[-64:] + os.read(process.fd, 1 << 16)


def main() -> int:
    """Measure and print; 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=256, help="length of an answer")
    parser.add_argument("--cache", type=Path, default=Path(user_cache_dir("llmlab-benchmarks", appauthor=False)))
    options = parser.parse_args()
    model = half_billion(options.cache, "q4_0")
    ratios: list[float] = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            settings(home, model, options.tokens)
            # Whoever is first alternates, so that a machine that warms up or slows down favours neither.
            first, second = (ask_speed, screen_speed) if number % 2 else (screen_speed, ask_speed)
            speeds = {first: first(home), second: second(home)}
        ratios.append(speeds[screen_speed] / speeds[ask_speed])
        print(f"round {number + 1}: screen {speeds[screen_speed]:.1f}, ask {speeds[ask_speed]:.1f} tok/s", flush=True)
    ratio = statistics.median(ratios)
    verdict = "ok" if ratio >= WANTED else "LOW"
    print(f"decode behind the screen / llmlab ask: {ratio:.2f} [{min(ratios):.2f} .. {max(ratios):.2f}]  {verdict}")
    return 0 if ratio >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
