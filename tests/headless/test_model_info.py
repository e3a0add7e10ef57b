"""`llmlab models info`: one model in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.headless import model_info
from llmlab.library.pocket_card import PocketCard, PocketScore
from llmlab.words import use_language
from tests.headless.conftest import Command
from tests.support.gguf_fixtures import write_random_model

CARD = PocketCard(
    name="pocket-m",
    parameters=2_164_416,
    tokens=21_000_674,
    minutes=58.2,
    hardware="2 CPU threads",
    seed=1,
    score_seed=90_001,
    scores=(PocketScore("glossary, zh", "术语，中文", 199, 200, 0.972, 0.999, 0),),
    limits=("Knows nothing.",),
    limits_zh=("一无所知。",),
)


def test_a_file_shows_its_header_its_fit_and_its_settings(llmlab: Command, tmp_path: Path) -> None:
    path = write_random_model(tmp_path / "mine.gguf")
    llmlab.paths.models_file.write_text(
        f"[mine]\npath = {str(path)!r}\nn_ctx = 256\nsampling.temperature = 0.3\n", encoding="utf-8"
    )
    assert llmlab("models", "info", "mine") == 0, llmlab.err
    rows = dict(line.strip().split("  ", 1) for line in llmlab.out.splitlines()[1:] if "  " in line.strip())
    said = {name: value.strip() for name, value in rows.items()}
    assert llmlab.out.startswith("mine\n")
    assert said["File"] == str(path)
    assert said["Set for it"] == "n_ctx 256, sampling.temperature 0.3"
    assert said["Window"].startswith("256 tokens, trained on ")
    assert said["Memory"].startswith("fits: ")
    assert "Limits" not in llmlab.out


def test_the_default_is_shown_without_a_name_and_json_holds_the_same(llmlab: Command) -> None:
    found = llmlab.json("models", "info")
    assert isinstance(found, dict)
    assert (found["name"], found["ok"], found["settings"], found["card"]) == ("pocket-l", True, {}, None)
    assert found["facts"]["fit"]["verdict"] == "fits"


def test_a_pocket_model_shows_its_card_in_the_language_of_the_reader(
    llmlab: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_info, "read_pocket_card", lambda path: CARD)
    assert llmlab("models", "info", "pocket-m") == 0
    assert "Trained from scratch on 21.0M tokens" in llmlab.out
    assert "  glossary, zh  99.5 %  97.2 - 99.9  200 items\n" in llmlab.out
    assert "  - Knows nothing.\n" in llmlab.out
    use_language("zh")
    try:
        assert llmlab("models", "info", "pocket-m") == 0
    finally:
        use_language("en")
    assert "从零训练：21.0M 个词元" in llmlab.out
    assert "术语，中文" in llmlab.out
    assert "一无所知。" in llmlab.out


def test_a_model_that_cannot_be_used_says_why(llmlab: Command) -> None:
    llmlab.paths.models_file.write_text("[gone]\npath = '/gone.gguf'\n", encoding="utf-8")
    assert llmlab("models", "info", "gone") == 1
    assert "/gone.gguf" in llmlab.err
    assert llmlab("models", "info", "nobody") == 2
