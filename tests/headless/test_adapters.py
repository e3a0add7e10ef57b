"""LoRA adapters on the command line: those of the model's table, at other strengths."""

from __future__ import annotations

import pytest

from llmlab import wiring
from llmlab.engine.scripted import ScriptedEngine
from llmlab.services.host import EngineHost
from tests.headless.conftest import Command

TABLE = """[styled]
path = "m.gguf"
lora = ["style.gguf", {path = "facts.gguf", scale = 0.5}]
"""


@pytest.fixture
def engine(llmlab: Command, monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine of the next command; models.toml has a model with two adapters."""
    llmlab.paths.ensure()
    llmlab.paths.models_file.write_text(TABLE, encoding="utf-8")
    made = ScriptedEngine()
    monkeypatch.setattr(wiring, "make_host", lambda _paths: EngineHost(lambda: made))
    return made


@pytest.mark.parametrize(
    ("flags", "scales"),
    [
        ((), (("style", 1.0), ("facts", 0.5))),
        (("--lora", "style", "0.25"), (("style", 0.25), ("facts", 0.5))),
        (("--lora", "style", "0", "--lora", "facts", "-2"), (("style", 0.0), ("facts", -2.0))),
    ],
)
def test_scales_reach_the_engine(
    llmlab: Command, engine: ScriptedEngine, flags: tuple[str, ...], scales: tuple[tuple[str, float], ...]
) -> None:
    assert llmlab("ask", "q", "-m", "styled", *flags) == 0, llmlab.err
    (request,) = engine.requests
    assert request.lora == scales


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("-m", "styled", "--lora", "stile", "1"), "did you mean style?"),
        (("-m", "styled", "--lora", "stile", "1"), "It has: style, facts."),
        (("-m", "styled", "--lora", "style", "1000"), "1000.0 is not a number from -100 to 100"),
        (("-m", "styled", "--lora", "style", "nan"), "is not a number from -100 to 100"),
        (("-m", "styled", "--lora", "style", "much"), "much"),
        (("-m", "pocket:pocket-s", "--lora", "style", "1"), "Name adapters under lora"),
    ],
)
def test_what_is_no_adapter_or_scale_is_refused(
    llmlab: Command, engine: ScriptedEngine, flags: tuple[str, ...], said: str
) -> None:
    assert llmlab("ask", "q", *flags) == 2
    assert said in llmlab.err
    assert engine.spec is None
