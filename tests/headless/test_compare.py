"""`llmlab compare` on the scripted engine, and its flags."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.engine.scripted import Fail, Reply, Script, ScriptedEngine
from llmlab.headless.compare import run_compare
from llmlab.headless.diagnostics import Exit
from llmlab.library.rendering import render_template
from llmlab.services.compare import Comparing
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing
from llmlab.services.side_hosts import SideHosts
from tests.headless.conftest import Command
from tests.headless.terminals import Screen

BASE = Recipe(model=ModelSpec(name="m", path="/m.gguf"), sampling=Sampling(seed=7))


async def compared(
    screen: Screen, *replies: Reply, as_json: bool = False, base: Recipe = BASE, n_ctx: int = 4096
) -> Exit:
    engine = ScriptedEngine(Script(replies=replies, n_ctx=n_ctx))
    host = EngineHost(lambda: engine)
    recipes = {"": base, "-o temperature 1": replace(base, sampling=Sampling(seed=7, temperature=1.0))}
    comparing = Comparing(
        SideHosts(host, partial(EngineHost, lambda: engine), lambda spec: False), Preparing(render_template)
    )
    told = Path(os.devnull) / "told"
    code = await run_compare(host, comparing, recipes, "a question", screen.console, as_json=as_json, told=told)
    assert engine.closed
    return code


async def test_the_answers_stand_below_each_other_with_what_is_other() -> None:
    screen = Screen()
    assert await compared(screen, Reply(("one",)), Reply(("two",))) == Exit.ANSWERED
    lines = screen.out.splitlines()
    assert lines[0].startswith("== 1  m  (1 token · ")
    assert lines[1:3] == ["one", ""]
    assert lines[3].startswith("== 2  -o temperature 1  (1 token · ")
    assert lines[4:] == ["two"]


async def test_the_object_tells_everything_and_a_failure_leaves_the_other_answer() -> None:
    screen = Screen()
    assert await compared(screen, Reply(("one",)), Reply((Fail("no more"),)), as_json=True) == Exit.FAILED
    told = json.loads(screen.out)
    first, second = told["answers"]
    assert (told["question"], first["variant"], first["text"], first["finish"]) == ("a question", "", "one", "stop")
    assert (second["variant"], second["finish"], second["error"]["what"]) == ("-o temperature 1", "failed", "no more")
    assert first["seed"] == second["seed"] == first["card"]["sampling"]["seed"] == 7
    assert second["card"]["sampling"]["temperature"] == 1.0
    assert "no more" in screen.err


async def test_what_a_policy_left_out_of_a_prompt_is_told_with_each_answer() -> None:
    rows = tuple(Shot("word " * 12, str(row)) for row in range(6))
    shots = ShotUse(ShotSet(name="s", language="en", title="S", rows=rows), 6)
    base = replace(BASE, shots=shots, overflow="fewer_examples")
    screen = Screen()
    assert await compared(screen, Reply(("one",)), base=base, n_ctx=128) == Exit.ANSWERED
    told = re.findall(r"left out: 0 messages, (\d) examples", screen.out)
    assert len(told) == 2
    screen = Screen()
    await compared(screen, Reply(("one",)), as_json=True, base=base, n_ctx=128)
    left_out = [answer["left_out"] for answer in json.loads(screen.out)["answers"]]
    assert left_out == [{"turns": 0, "examples": int(count)} for count in told]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "one to 3 variants"),
        (("--variant", "--seed 1") * 4, "one to 3 variants"),
        (("--variant", "--resoning steps"), "--resoning"),
        (("--variant", "--seed x"), "--seed"),
        (("--variant", "'unclosed"), "--variant"),
        (("--variant", "--reasoning no-such-mode"), "no-such-mode"),
    ],
)
def test_what_cannot_be_a_variant_is_told(llmlab: Command, arguments: tuple[str, ...], said: str) -> None:
    assert llmlab("compare", "hi", *arguments) == Exit.USAGE
    assert said in llmlab.err
    assert llmlab.out == ""


def test_recipes_are_compared_by_flags_alone(llmlab: Command) -> None:
    told = llmlab.json("compare", "hi", "--max-tokens", "4", "-o", "temperature", "0", "--variant", "--max-tokens 2")
    assert isinstance(told, dict)
    first, second = told["answers"]
    assert (first["usage"]["generated"], second["usage"]["generated"]) == (4, 2)
    assert first["seed"] == second["seed"]
    assert first["text"].startswith(second["text"])
