"""`llmlab embed` on the scripted engine, on its command line, and on real models."""

from __future__ import annotations

import asyncio
import io
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.engine.scripted import Script, ScriptedEngine
from llmlab.errors import ModelError, Stopped
from llmlab.headless.diagnostics import Exit
from llmlab.headless.embed import run_embed
from llmlab.services.embed import embed
from llmlab.services.host import EngineHost
from tests.headless.conftest import Command
from tests.headless.terminals import Screen
from tests.support.gguf_fixtures import write_encoder

SPEC = ModelSpec(name="m", path="/m.gguf")


def embedded(screen: Screen, *texts: str, as_json: bool = False, **script: Any) -> tuple[Exit, ScriptedEngine]:
    engine = ScriptedEngine(Script(**script))
    host = EngineHost(lambda: engine)
    code = run_embed(host, SPEC, texts, screen.console, as_json=as_json, told=Path(os.devnull) / "told")
    assert engine.closed, "no engine outlives the command"
    return code, engine


def test_the_likest_stand_first() -> None:
    screen = Screen()
    code, engine = embedded(screen, "the red cat", "a dog", "the blue cat", "the red cat")
    assert code is Exit.ANSWERED
    assert engine.spec is not None
    assert engine.spec.purpose == "vectors"
    assert screen.out.splitlines() == [
        'similarity  tokens  to "the red cat"',
        '    1.0000       3  "the red cat"',
        '    0.6667       3  "the blue cat"',
        '    0.0000       2  "a dog"',
    ]


def test_one_text_shows_the_beginning_of_its_vector() -> None:
    screen = Screen()
    embedded(screen, "word")
    assert screen.out.startswith("64 numbers: ")
    assert len(screen.out.split()) == 2 + 6 + 1


def test_the_object_has_the_vectors_each_on_one_line() -> None:
    screen = Screen()
    embedded(screen, "one two", "one", as_json=True)
    value = json.loads(screen.out)
    assert [value[key] for key in ("model", "pooling", "declared", "width")] == ["m", "mean", True, 64]
    first, second = value["texts"]
    assert (first["text"], first["tokens"], first["similarity"]) == ("one two", 2, pytest.approx(1.0))
    assert second["similarity"] == pytest.approx(math.sqrt(0.5))
    assert len(second["vector"]) == 64
    assert sum('"vector": [' in line and line.rstrip(",").endswith("]") for line in screen.out.splitlines()) == 2


def test_failures_are_one_sentence_and_one_object() -> None:
    screen = Screen()
    code, _ = embedded(screen, "a", "", as_json=True)
    assert code is Exit.FAILED
    assert json.loads(screen.out)["error"]["what"] == "A text is empty."
    broken = Screen()
    code, _ = embedded(broken, "a", load_error=ModelError("No model."))
    assert (code, broken.out) == (Exit.FAILED, "")


async def test_a_model_that_is_loaded_for_answers_serves_as_it_is() -> None:
    engines: list[ScriptedEngine] = []

    def make() -> ScriptedEngine:
        engines.append(ScriptedEngine())
        return engines[-1]

    host, stop = EngineHost(make), asyncio.Event()
    await host.use(SPEC)
    await embed(host, SPEC, ["a"], stop)
    assert [engine.embedded for engine in engines] == [[("a",)]]
    stop.set()
    with pytest.raises(Stopped):
        await embed(host, ModelSpec(name="other", path="/o.gguf"), ["a"], stop)
    await host.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "There is no text"), (["a", ""], "Text 2 is empty"), (["-f", "missing.txt"], "cannot be read")],
)
def test_what_cannot_be_asked_is_a_usage_error(llmlab: Command, arguments: list[str], words: str) -> None:
    assert llmlab("embed", *arguments) == Exit.USAGE
    assert words in llmlab.err


def test_a_real_encoder_from_lines_to_vectors(llmlab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = write_encoder(tmp_path / "encoder.gguf")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one line\n\n  \nanother line\n")))
    value = llmlab.json("embed", "first", "-", "--lines", "-m", str(encoder))
    assert isinstance(value, dict)
    assert [text["text"] for text in value["texts"]] == ["first", "one line", "another line"]
    assert (value["pooling"], value["width"]) == ("cls", 64)
    for text in value["texts"]:
        assert math.sqrt(math.fsum(number * number for number in text["vector"])) == pytest.approx(1.0, abs=1e-6)


def test_a_text_that_is_too_long_is_named(llmlab: Command, tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path / "encoder.gguf")
    assert llmlab("embed", "short", "x" * 600, "-m", str(encoder)) == Exit.FAILED
    assert "602 tokens; the model reads 512 at most. (text 2: xxx" in llmlab.err


def test_a_chat_model_says_that_the_mean_was_taken(llmlab: Command) -> None:
    assert llmlab("embed", "a", "b", "-m", "pocket:pocket-m") == 0
    assert "pocket-m does not say how it makes vectors; the mean over all tokens was taken." in llmlab.err
