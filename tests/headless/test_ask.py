"""`llmlab ask` on the scripted engine."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.domain.reading import DocumentRef, ReadingUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.tokens import Alternative, TokenInfo
from llmlab.engine.scripted import Die, Fail, Hold, Reply, Say, Script, ScriptedEngine
from llmlab.errors import ModelError
from llmlab.headless.ask import _Checking, run_ask
from llmlab.headless.console import Console
from llmlab.headless.diagnostics import Diagnostics, Exit
from llmlab.headless.output import Output, ReaderGone
from llmlab.library.rendering import render_template
from llmlab.services.ask import Said
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing
from llmlab.services.quotes import QuoteCheck
from llmlab.services.reading import Reader
from tests.headless.terminals import Closed, Screen, Stream

RECIPE = Recipe(model=ModelSpec(name="m", path="/m.gguf"), sampling=Sampling(seed=7))

PREPARING = Preparing(render_template)
NOWHERE = Path(os.devnull) / "told"
"""A record that cannot be kept: every note is news."""


async def asked(
    screen: Screen,
    script: Script,
    *,
    as_json: bool = False,
    recipe: Recipe = RECIPE,
    told: Path = NOWHERE,
    logprobs: int | None = None,
) -> Exit:
    engine = ScriptedEngine(script)
    host = EngineHost(lambda: engine)
    code = await run_ask(
        host, PREPARING, recipe, "a question", screen.console, as_json=as_json, told=told, logprobs=logprobs
    )
    assert engine.closed, "no engine outlives the command"
    return code


def replies(*steps: object, **more: object) -> Script:
    return Script(replies=(Reply(steps),), **more)  # type: ignore[arg-type]


async def test_the_answer_goes_to_standard_output_and_nothing_else_does() -> None:
    screen = Screen()
    assert await asked(screen, replies("Hello", " there\x1b[2J")) is Exit.ANSWERED
    assert (screen.out, screen.err) == ("Hello there\x1b[2J\n", "")


async def test_an_answer_that_ends_its_line_gets_no_second_end() -> None:
    screen = Screen()
    await asked(screen, replies("Hello\n"))
    assert screen.out == "Hello\n"


async def test_on_a_terminal_progress_thinking_and_answer_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen(terminal=True)
    await asked(screen, replies("<think>so", "</think>\n\n", "Yes\x1b[2J", notes=("A note.",)))
    assert screen.out == "Yes␛[2J\n"
    assert "Loading m: 100 %" in screen.err
    assert "llmlab: A note.\n" in screen.err
    assert screen.err.endswith("\x1b[2mso\x1b[22m\n\n")


async def test_a_note_is_told_once_and_to_people_alone(tmp_path: Path) -> None:
    told = tmp_path / "cache" / "told"
    script = replies("Yes", notes=("No GPU here.", "Long window."))
    pipe = Screen()
    await asked(pipe, script, told=told)
    assert pipe.err == ""
    heard = []
    for notes in (("No GPU here.", "Long window."), ("No GPU here.", "Something new.")):
        screen = Screen(terminal=True)
        await asked(screen, replies("Yes", notes=notes), told=told)
        heard.append([line for line in screen.err.splitlines() if "llmlab: " in line])
    assert [len(lines) for lines in heard] == [2, 1]
    assert "Something new." in heard[1][0]


async def test_thinking_never_reaches_a_pipe() -> None:
    screen = Screen()
    await asked(screen, replies("so", "</think>", "Yes", opens_thinking=True))
    assert (screen.out, screen.err) == ("Yes\n", "")


async def test_the_answer_streams_as_it_comes() -> None:
    screen, hold = Screen(), Hold()
    running = asyncio.create_task(asked(screen, replies("Hello", hold, " there")))
    await hold.reached.wait()
    deadline = asyncio.get_running_loop().time() + 5
    while screen.out != "Hello" and asyncio.get_running_loop().time() < deadline:
        await asyncio.wait({running}, timeout=0.01)
    assert screen.out == "Hello"
    hold.gate.set()
    assert await running is Exit.ANSWERED
    assert screen.out == "Hello there\n"


async def test_json_is_one_object_with_everything() -> None:
    screen = Screen()
    assert await asked(screen, replies("<think>so</think>", "Yes"), as_json=True) is Exit.ANSWERED
    value = json.loads(screen.out)
    assert list(value) == ["text", "thinking", "finish", "usage", "timing", "model", "seed", "left_out", "card"]
    assert (value["text"], value["thinking"], value["finish"]) == ("Yes", "so", "stop")
    assert (value["model"], value["seed"]) == ("m", 7)
    assert list(value["usage"]) == ["prompt", "reused", "generated"]
    assert value["usage"]["generated"] == 2
    figures = ["load_s", "prefill_s", "first_token_s", "decode_s", "tokens_per_s", "drafted", "accepted"]
    assert list(value["timing"]) == figures


async def test_the_recipe_reaches_the_engine() -> None:
    engine = ScriptedEngine(replies("one", " two", " three"))
    recipe = Recipe(model=RECIPE.model, system="Be brief.", sampling=Sampling(max_tokens=2, top_k=3), thinking=False)
    screen = Screen()
    await run_ask(
        EngineHost(lambda: engine), PREPARING, recipe, "a question", screen.console, as_json=True, told=NOWHERE
    )
    value = json.loads(screen.out)
    assert (value["text"], value["finish"]) == ("one two", "length")
    assert [(message.role, message.text) for message in engine.prompts[0]] == [
        ("system", "Be brief."),
        ("user", "a question"),
    ]
    (request,) = engine.requests
    assert (request.sampling.top_k, request.sampling.seed) == (3, value["seed"])


@pytest.mark.parametrize("step", [Fail("It broke.", "here", "Try again."), Die()])
async def test_a_failure_keeps_what_was_said_and_tells_why(step: Fail | Die) -> None:
    screen = Screen()
    assert await asked(screen, replies("Hello", step, " there")) is Exit.FAILED
    assert screen.out == "Hello\n"
    assert screen.err.startswith("llmlab: ")


async def test_json_tells_a_failure_in_the_one_object() -> None:
    screen = Screen()
    code = await asked(screen, replies("Hello", Fail("It broke.", "here", "Try again.")), as_json=True)
    value = json.loads(screen.out)
    assert code is Exit.FAILED
    assert (value["text"], value["finish"]) == ("Hello", "failed")
    assert value["error"] == {"what": "It broke.", "where": "here", "hint": "Try again."}
    assert screen.err == "llmlab: It broke. (here)\n  Try again.\n"


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_model_that_cannot_be_loaded(as_json: bool) -> None:
    screen = Screen()
    error = ModelError("No such file.", where="/m.gguf", hint="Look for it.")
    assert await asked(screen, Script(load_error=error), as_json=as_json) is Exit.FAILED
    assert screen.err == "llmlab: No such file. (/m.gguf)\n  Look for it.\n"
    if as_json:
        assert json.loads(screen.out)["error"]["where"] == "/m.gguf"
    else:
        assert screen.out == ""


async def test_a_question_larger_than_the_window_is_refused() -> None:
    screen = Screen()
    assert await asked(screen, Script(n_ctx=2)) is Exit.USAGE
    assert "nothing was sent" in screen.err


@pytest.mark.parametrize("as_json", [False, True])
async def test_ctrl_c_keeps_what_was_said(as_json: bool) -> None:
    screen, hold = Screen(), Hold()
    running = asyncio.create_task(asked(screen, replies("Hello", hold, " there"), as_json=as_json))
    await hold.reached.wait()
    signal.raise_signal(signal.SIGINT)
    assert await running is Exit.INTERRUPTED
    if as_json:
        value = json.loads(screen.out)
        assert (value["text"], value["finish"], value["usage"]["generated"]) == ("Hello", "cancelled", 1)
    else:
        assert screen.out == "Hello\n"
    assert screen.err == ""


@pytest.mark.parametrize("as_json", [False, True])
async def test_ctrl_c_while_the_model_loads(as_json: bool) -> None:
    screen, hold = Screen(), Hold()
    running = asyncio.create_task(asked(screen, Script(load_hold=hold), as_json=as_json))
    await hold.reached.wait()
    signal.raise_signal(signal.SIGINT)
    assert await running is Exit.INTERRUPTED
    if as_json:
        value = json.loads(screen.out)
        assert (value["text"], value["finish"], value["seed"], value["card"]) == ("", "cancelled", None, None)
        assert "error" not in value
    else:
        assert screen.out == ""


async def test_the_handler_of_ctrl_c_is_given_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    await asked(Screen(), replies("Hello"))
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_reader_that_leaves_ends_the_engine(as_json: bool) -> None:
    engine = ScriptedEngine(replies("Hello", " there"))
    console = Console(
        Output(io.TextIOWrapper(io.BufferedWriter(Closed()), encoding="utf-8")), Diagnostics(Stream(terminal=False))
    )
    with pytest.raises(ReaderGone):
        await run_ask(
            EngineHost(lambda: engine), PREPARING, RECIPE, "a question", console, as_json=as_json, told=NOWHERE
        )
    assert engine.closed


async def test_log_probabilities_are_part_of_the_object() -> None:
    other = Alternative(5, "No", -2.0)
    info = TokenInfo(token=4, text="Yes", logprob=-0.5, rank=1, entropy=0.1, top=(other,), final_top=(other,))
    screen = Screen()
    script = replies(Say("Yes", info=(info,)))
    assert await asked(screen, script, as_json=True, logprobs=1) is Exit.ANSWERED
    shown = {"token": 5, "text": "No", "logprob": -2.0}
    assert json.loads(screen.out)["tokens"] == [
        {
            "token": 4,
            "text": "Yes",
            "logprob": -0.5,
            "rank": 1,
            "entropy": 0.1,
            "top": [shown],
            "final_logprob": 0.0,
            "final_top": [shown],
        }
    ]


async def test_an_answer_with_a_schema_does_not_think_unless_that_is_asked() -> None:
    shaped = replace(RECIPE, schema="{}")
    screen = Screen()
    assert await asked(screen, replies("{}", opens_thinking=True), recipe=shaped) is Exit.ANSWERED
    assert screen.out == "{}\n"
    screen = Screen()
    thinking = replace(shaped, thinking=True)
    assert await asked(screen, replies("{}", opens_thinking=True), recipe=thinking) is Exit.USAGE
    assert "thinks before it answers" in screen.err


async def test_ctrl_c_while_quotes_are_checked_leaves_them_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, stop = asyncio.Event(), asyncio.Event()

    async def endless(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(QuoteCheck, "check", endless)
    read = replace(RECIPE, reading=ReadingUse(documents=(DocumentRef(name="a", path="/a", digest="d", characters=1),)))
    checking = _Checking(Preparing(render_template, cast(Reader, object())), read, "a question", stop)
    said = SimpleNamespace(turn=SimpleNamespace(problem=None, finish="stop"), message=None)
    running = asyncio.create_task(checking.check(cast(Said, said)))
    await begun.wait()
    stop.set()
    assert await asyncio.wait_for(running, 5) is None
