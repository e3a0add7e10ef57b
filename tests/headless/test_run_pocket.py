"""A run on the smallest model that ships: what its plan promises holds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from llmlab.headless.diagnostics import Exit
from llmlab.pocket import pocket_names, pocket_path
from tests.headless.conftest import Command
from tests.headless.experiment_files import greedy_experiment

pytestmark = pytest.mark.skipif("pocket-s" not in pocket_names(), reason="the package holds no pocket-s")

FILE = greedy_experiment(
    "What is shared",
    'shots.labels = ["gold", "shuffled"]',
    'generator = "arithmetic"',
    "limit = 6",
    max_tokens=4,
    head="seed = 2\nnoise_floor = false",
    base='shots.set = "arithmetic"\nshots.k = 4',
)


def test_a_dry_run_tells_tokens_time_and_memory(shipped: Command) -> None:
    Path("shared.toml").write_text(FILE, "utf-8")
    plan: Any = shipped.json("run", "shared.toml", "--dry-run")
    (model,) = plan["models"]
    assert model["memory_bytes"] > pocket_path("pocket-s").stat().st_size
    assert plan["seconds"] > 0
    assert shipped("run", "shared.toml", "--dry-run") == Exit.ANSWERED
    read = plan["prompt_tokens"] - plan["shared_tokens"]
    assert f"Prompts: {plan['prompt_tokens']:,} tokens, {read:,} after sharing" in shipped.out
    assert f"Answers: at most {12 * 4} tokens." in shipped.out
    number = r"[1-9][\d,]*"
    speeds = rf"^pocket-s: {number} MB; reads {number} and writes {number} tokens a second\.$"
    assert re.search(speeds, shipped.out, re.MULTILINE)
    assert re.search(r"^Time: about .*\d.* at the most\.$", shipped.out, re.MULTILINE)


def test_what_prompts_share_is_read_once(shipped: Command) -> None:
    """The run reads no more than its plan says is left to be read, and not what prompts begin with once for each."""
    Path("shared.toml").write_text(FILE, "utf-8")
    plan: Any = shipped.json("run", "shared.toml", "--dry-run")
    summary: Any = shipped.json("run", "shared.toml", "--output", "out")
    assert (summary["done"], summary["failed"]) == (12, 0)
    lines = [json.loads(line) for line in Path("out/results.jsonl").read_text("utf-8").splitlines()]
    prompts = sum(line["prompt_tokens"] for line in lines)
    reused = sum(line["reused_tokens"] for line in lines)
    assert prompts == plan["prompt_tokens"]
    assert plan["shared_tokens"] > prompts // 4
    assert 0.95 * plan["shared_tokens"] < reused < prompts
