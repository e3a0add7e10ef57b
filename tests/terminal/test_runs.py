"""An experiment from the lab's own screen, in a real terminal, on a real engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.terminal.driver import Terminal

OpenLab = Callable[..., Terminal]

EXPERIMENT = """
title = "Greetings"
description = "What is said at two temperatures."

[base]
model = "{model}"
sampling.max_tokens = {tokens}

[axes]
sampling.temperature = [0.0, 1.0]

[data]
file = "greetings.jsonl"

[[scorers]]
kind = "exact"
"""


def write_experiment(home: Path, model: Path, tokens: int = 20) -> None:
    """The experiment `greetings` over `model`, five questions."""
    folder = home / "config" / "prompts" / "experiments"
    folder.mkdir(parents=True)
    text = EXPERIMENT.format(model=model.as_posix(), tokens=tokens)
    (folder / "greetings.en.toml").write_text(text, encoding="utf-8")
    rows = [{"id": f"g{number}", "question": f"Greet {number}!", "gold": "Hi, you."} for number in range(5)]
    (folder / "greetings.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def test_an_experiment_is_run_looked_through_and_taken_to_the_chat(open_lab: OpenLab, home: Path, models: Path) -> None:
    write_experiment(home, models / "short.gguf")
    with open_lab("short", columns=110, rows=34) as lab:
        lab.until_shows("ready")
        lab.press("/runs greetings", "enter")
        lab.until_shows("Greetings", "15 of 15 trials", "esc back")
        lab.until_shows("100 % [57, 100]", "so many items show")
        lab.press("2")
        lab.until_shows("temperature", "●")
        lab.press("3")
        lab.until_shows("15 of 15", "g0", "⟦Hi, you⟧")
        lab.press("/greet 3")
        lab.until_shows("3 of 15", "Greet 3!")
        lab.press("\x7f" * len("greet 3"), "enter")
        lab.until_shows("15 of 15", "g0")
        lab.press("c")
        lab.until_shows("Greet 0!", "goes on with this recipe")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0
    (report,) = (home / "data" / "runs").glob("greetings-*/report.html")
    assert "100 % [57, 100]" in report.read_text(encoding="utf-8")


def test_quitting_while_an_experiment_runs_keeps_it_to_go_on_with(open_lab: OpenLab, home: Path, models: Path) -> None:
    write_experiment(home, models / "endless.gguf", tokens=30_000)
    with open_lab("endless", columns=110, rows=34) as lab:
        lab.until_shows("ready")
        lab.press("/runs greetings", "enter")
        lab.until_shows("0 of 15 trials", "esc stop")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0
    with open_lab("endless", columns=110, rows=34) as lab:
        lab.until_shows("ready")
        lab.press("/runs", "enter")
        lab.until_shows("stopped", "0/15", "Greetings")
        lab.press("enter")
        lab.until_shows("Greetings", "p go on")
        lab.press("p")
        lab.until_shows("esc stop", "0 of 15 trials")
        lab.press("escape")
        lab.until_shows("p go on")
        lab.press("ctrl+q")
        assert lab.until_ended() == 0
