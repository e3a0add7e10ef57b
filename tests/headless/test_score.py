"""`llmlab score` on the scripted engine, on its command line, and on the shipped model."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.engine.scripted import Script, ScriptedEngine
from llmlab.errors import ModelError
from llmlab.headless import score as command
from llmlab.headless.diagnostics import Exit
from llmlab.headless.score import Manner, run_score
from llmlab.pocket import pocket_names, pocket_path
from llmlab.services.host import EngineHost
from llmlab.services.score import Question
from tests.headless.conftest import Command
from tests.headless.terminals import Screen

SPEC = ModelSpec(name="m", path="/m.gguf", system="Be brief.")
ODDS = {"yes": math.log(0.5), "no": math.log(0.125), "odd": -20.0}
MANNER = Manner()
pocket = pytest.mark.skipif("pocket-m" not in pocket_names(), reason="the pocket model was not trained yet")


def scored(screen: Screen, question: Question, manner: Manner = MANNER, **script: Any) -> tuple[Exit, ScriptedEngine]:
    engine = ScriptedEngine(Script(logprobs=ODDS, **script))
    host = EngineHost(lambda: engine)
    nowhere = Path(os.devnull) / "told"
    code = run_score(host, SPEC, question, screen.console, manner=manner, told=nowhere)
    assert engine.closed, "no engine outlives the command"
    return code, engine


def test_each_token_and_the_figures_of_a_text() -> None:
    screen = Screen()
    assert scored(screen, Question(texts=("yes no",), prompt="well"))[0] is Exit.ANSWERED
    assert screen.out.splitlines() == [
        "token  log-probability  bits  rank",
        '"yes"          -0.6931  1.00     1',
        '" no"          -2.0794  3.00     1',
        "",
        "total          -2.7726  4.00 bits",
        "mean           -1.3863  over 2 tokens",
        "perplexity      4.0000",
        "bits per byte   0.6667  over 6 bytes",
    ]
    assert screen.err == ""


def test_how_far_it_is_shows_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen(terminal=True)
    scored(screen, Question(texts=("yes",), prompt="well"))
    assert "Scoring: 100 %" in screen.err
    assert screen.err.endswith("\r\x1b[K")


def test_several_texts_have_a_table_each() -> None:
    screen = Screen()
    scored(screen, Question(texts=("yes", "no"), prompt="well"))
    assert [line for line in screen.out.splitlines() if "/2" in line] == ['1/2  "yes"', '2/2  "no"']


def test_surprise_has_colours_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    question = Question(texts=("yes no odd",), prompt="well")
    shown = []
    for terminal, colours in ((True, ""), (True, "1"), (False, "")):
        monkeypatch.setenv("NO_COLOR", colours)
        screen = Screen(terminal=terminal)
        scored(screen, question)
        shown.append([line for line in screen.out.splitlines() if '"' in line])
    coloured, *plain = shown
    assert plain[0] == plain[1]
    assert [line.partition("m")[0] for line in coloured] == [plain[0][0], plain[0][1], "\x1b[31"]


def test_the_likeliest_tokens_stand_beside_each() -> None:
    screen = Screen()
    _, engine = scored(screen, Question(texts=("yes",), prompt="p", top=3))
    assert engine.scored[0].top == 3
    assert screen.out.splitlines()[0].endswith("rank  likeliest")
    assert screen.out.splitlines()[1].endswith('1  "yes" 50.0 %')


def test_choices_are_compared_by_every_measure() -> None:
    screen = Screen()
    scored(screen, Question(texts=("no", "yes yes yes", "odd"), prompt="well"), Manner(choices=True))
    head, *rows = [line.split() for line in screen.out.splitlines()]
    assert head == ["choice", "tokens", "log-probability", "per", "token", "per", "character", "per", "byte", "share"]
    assert rows[0] == ["*", '"no"', "1", "-2.0794*", "-2.0794", "-1.0397", "-1.0397", "50.0", "%"]
    assert rows[1][-6:-2] == ["-2.0794", "-0.6931*", "-0.1890*", "-0.1890*"]
    assert rows[2][-2:] == ["0.0", "%"]


def test_the_object_has_every_figure() -> None:
    screen = Screen()
    scored(screen, Question(texts=("yes", "no no"), prompt="well"), Manner(choices=True, as_json=True))
    value = json.loads(screen.out)
    assert list(value) == ["model", "prompt", "chat", "best", "texts"]
    assert value["best"] == {
        "logprob": 0,
        "logprob_per_token": 0,
        "logprob_per_character": 0,
        "logprob_per_byte": 0,
    }
    first, second = value["texts"]
    assert first["logprob"] == pytest.approx(ODDS["yes"])
    assert (first["bytes"], first["characters"], first["context"]) == (3, 3, 1)
    assert first["bits_per_byte"] == pytest.approx(1 / 3)
    assert first["share"] + second["share"] == pytest.approx(1.0)
    assert [token["text"] for token in second["tokens"]] == ["no", " no"]


def test_an_impossible_text_is_still_valid_json() -> None:
    screen = Screen()
    engine = ScriptedEngine(Script(logprobs={"never": -9999.0}))
    host = EngineHost(lambda: engine)
    question = Question(texts=("never",), prompt="p")
    run_score(host, SPEC, question, screen.console, manner=Manner(as_json=True), told=Path(os.devnull) / "told")
    (text,) = json.loads(screen.out)["texts"]
    assert text["perplexity"] is None


def test_a_chat_goes_through_the_template_with_its_system_prompt() -> None:
    for given, expected in ((None, ["system", "user"]), ("", ["user"]), ("Other.", ["system", "user"])):
        code, engine = scored(Screen(), Question(texts=("yes",), prompt="really?", chat=True, system=given))
        assert code is Exit.ANSWERED
        assert [message.role for message in engine.prompts[0]] == expected
        assert len(engine.scored[0].prompt) > len(expected)
        assert not isinstance(engine.scored[0].prompt, str)


def test_failures_are_one_sentence_and_one_object() -> None:
    screen = Screen()
    code, _ = scored(screen, Question(texts=("yes",)), Manner(as_json=True))
    assert code is Exit.FAILED
    assert json.loads(screen.out)["error"]["what"] == "The text has no token to score."
    assert "no token to score" in screen.err
    broken = Screen()
    code, _ = scored(broken, Question(texts=("yes",)), load_error=ModelError("No model.", where="there"))
    assert (code, broken.out) == (Exit.FAILED, "")
    assert "No model. (there)" in broken.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "There is no text"),
        (["a", "", "-p", "x"], "Text 2 is empty"),
        (["-", "-"], "Standard input can be read once"),
        (["a", "b", "--choices"], "--choices needs a prompt"),
        (["a", "--chat"], "--chat needs a prompt"),
        (["a", "--choices", "-p", "x"], "nothing to choose from"),
        (["a", "-s", "x"], "--system says nothing"),
        (["-f", "missing.txt"], "cannot be read"),
        (["a", "--top", "101"], "--top"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(llmlab: Command, arguments: list[str], words: str) -> None:
    assert llmlab("score", *arguments) == Exit.USAGE
    assert words in llmlab.err
    assert llmlab.out == ""


def test_texts_come_from_the_command_line_and_from_files(
    llmlab: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    asked: list[Question] = []

    def run(_host: object, _spec: object, question: Question, *_rest: object, **_options: object) -> int:
        asked.append(question)
        return 0

    monkeypatch.setattr(command, "run_score", run)
    file = tmp_path / "text.txt"
    file.write_text("from a file\n", encoding="utf-8")
    assert llmlab("score", "one", "--top", "2", "-f", str(file), "-p", "before ") == 0
    assert asked == [Question(texts=("one", "from a file\n"), prompt="before ", top=2)]


@pocket
def test_the_shipped_model_prefers_its_own_words(llmlab: Command) -> None:
    value = llmlab.json(
        "score", "-m", str(pocket_path("pocket-m")), "-p", "Once upon a", "--choices", " time", " xq", "--top", "5"
    )
    assert isinstance(value, dict)
    likely, odd = value["texts"]
    assert value["best"]["logprob"] == 0
    assert likely["share"] > 0.9 > odd["share"]
    assert all(len(token["top"]) == 5 for token in likely["tokens"])
    assert likely["logprob"] == pytest.approx(sum(token["logprob"] for token in likely["tokens"]))
    assert (likely["bytes"], likely["characters"]) == (5, 5)
