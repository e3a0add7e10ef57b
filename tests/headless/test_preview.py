"""`llmlab preview` on the real engine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from llmlab.commands.recipe import recipe_options
from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.engine.child import ChildEngine
from llmlab.headless.diagnostics import Exit
from llmlab.headless.preview import Form, run_preview
from llmlab.library.recipe_files import save_recipe
from llmlab.library.rendering import render_template
from llmlab.paths import Paths
from llmlab.pocket import pocket_path
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing
from llmlab.services.recipe_codec import encode_recipe
from tests.headless.conftest import Command
from tests.headless.terminals import Screen

RECIPE = Recipe(
    model=ModelSpec(name="pocket-m", path=str(pocket_path("pocket-m")), n_threads=1),
    system="Be brief.",
    thinking=False,
    sampling=Sampling(max_tokens=64),
)


async def shown(paths: Paths, question: str, form: Form) -> tuple[Exit, str]:
    screen, host = Screen(), EngineHost(lambda: ChildEngine(log=paths.engine_log))
    preparing = Preparing(render_template)
    code = await run_preview(host, preparing, RECIPE, question, screen.console, form, paths.cache / "told")
    return code, screen.out


async def test_the_object_holds_the_prompt_its_parts_and_its_budget(paths: Paths) -> None:
    code, out = await shown(paths, "Hi <|im_end|>", "json")
    told = json.loads(out)
    assert code is Exit.ANSWERED
    assert told["tokens"] == len(told["ids"]) == sum(span["tokens"] for span in told["spans"])
    texts = [(span["origin"], told["text"][span["start"] : span["end"]]) for span in told["spans"]]
    assert ("system", "Be brief.") in texts
    assert ("question", "Hi <|im_end|>") in texts
    assert "".join(text for _, text in texts) == told["text"]
    budget = told["budget"]
    assert (budget["window"], budget["reserved"], budget["over"], budget["fits"]) == (1024, 64, 0, True)
    assert budget["used"] == sum(budget["sections"].values()) == told["tokens"]


async def test_a_person_sees_each_part_under_its_name(paths: Paths) -> None:
    _, out = await shown(paths, "Hello there", "text")
    lines = out.splitlines()
    assert lines[lines.index("Be brief.") - 1].startswith("── system prompt · ")
    assert lines[lines.index("Hello there") - 1].startswith("── question · ")
    assert "set aside for the answer: 64" in out


async def test_every_token_has_a_line(paths: Paths) -> None:
    _, out = await shown(paths, "Hello", "tokens")
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row[0] for row in rows] == [str(number) for number in range(len(rows))]
    assert rows[0][1] == "1"


async def test_a_prompt_that_does_not_fit_fails_and_names_the_ways_out(paths: Paths) -> None:
    code, out = await shown(paths, "word " * 2000, "text")
    assert code is Exit.FAILED
    assert "too much by" in out


async def test_an_id_beyond_the_vocabulary_is_refused_with_its_size(paths: Paths) -> None:
    screen, host = Screen(), EngineHost(lambda: ChildEngine(log=paths.engine_log))
    recipe = replace(RECIPE, sampling=Sampling(logit_bias='" yes"=-5, 99999999=1'))
    code = await run_preview(
        host, Preparing(render_template), recipe, "Hi", screen.console, "text", paths.cache / "told"
    )
    assert code is Exit.USAGE
    assert "there is no token 99999999: the vocabulary of the model has" in screen.err
    assert screen.out == ""


def every_flag(folder: Path) -> list[str]:
    """Each option that makes a recipe, once.

    Not `--grammar`, which no schema stands beside, and not `--lora`, which needs adapters.
    """
    template, shots, notes, schema = (folder / name for name in ("mail.toml", "letters.toml", "notes.txt", "s.json"))
    template.write_text(
        'title = "Mail"\nmain = "text"\nuser = "In a {{ tone }} tone: {{ text }}"\n[variables.text]\n[variables.tone]\n'
    )
    rows = (("tell green", "a"), ("say blue", "b"), ("say red", "c"))
    shots.write_text("".join(f'[[rows]]\ninput = "{given}"\noutput = "{said}"\n' for given, said in rows))
    notes.write_text("All is well.")
    schema.write_text('{"type": "object"}')
    return [
        "--recipe", "base", "-m", str(pocket_path("pocket-s")), "-s", "Be brief.", "-o", "top_k", "3",
        "--preset", "precise", "--seed", "3", "--max-tokens", "32", "--deterministic", "--no-thinking",
        "--schema", str(schema), "--reasoning", "steps", "--votes", "3", "--thinking-budget", "8",
        "--overflow", "drop_turns", "-f", str(notes), "--reading", "whole", "--stretching", "linear",
        "--encoding", "utf-8", "-t", str(template), "-p", "tone", "warm", "--shots", f"{shots}:2",
        "--shot-choice", "nearest", "--shot-order", "reversed", "--shot-seed", "7", "--shot-style", "turns",
        "--shot-labels", "gold",
    ]  # fmt: skip


def test_every_flag_together_gives_spans_of_every_origin(llmlab: Command, tmp_path: Path) -> None:
    kept = Recipe(model=ModelSpec(name="gone", path="/gone.gguf"), system="Be long.", keep_thinking=True)
    save_recipe(llmlab.paths.recipes, "base", encode_recipe(kept), [])
    flags = every_flag(tmp_path)
    missing = [option.opts for option in recipe_options() if not {*option.opts, *option.secondary_opts} & {*flags}]
    assert missing == [["--lora"], ["--grammar"]]
    told = llmlab.json("preview", "say it red", *flags)
    assert isinstance(told, dict)
    texts = [(span["origin"], told["text"][span["start"] : span["end"]]) for span in told["spans"]]
    assert "".join(text for _, text in texts) == told["text"]
    assert [(origin, text) for origin, text in texts if origin not in ("scaffold", "document")] == [
        ("system", "Be brief."),
        # Of three rows the two nearest, the nearest last.
        ("example", "In a warm tone: say blue\n\nLet's think step by step."),
        ("example", "b"),
        ("example", "In a warm tone: say red\n\nLet's think step by step."),
        ("example", "c"),
        ("template", "In a "),
        ("question", "warm"),
        ("template", " tone: "),
        ("question", "say it red"),
        ("cue", "\n\nLet's think step by step."),
    ]
    (document,) = (text for origin, text in texts if origin == "document")
    assert "All is well." in document
    assert {origin for origin, _ in texts} == {*told["budget"]["sections"]} >= {"scaffold", "document"}
    assert told["tokens"] == len(told["ids"]) == sum(span["tokens"] for span in told["spans"])
    assert told["budget"]["used"] == told["tokens"]
    assert (told["budget"]["reserved"], told["budget"]["fits"], told["reading"]["way"]) == (32, True, "whole")
    assert told["left_out"] == {"turns": 0, "examples": 0}


def test_a_grammar_stands_beside_no_schema(llmlab: Command, tmp_path: Path) -> None:
    shape = tmp_path / "shape"
    shape.write_text("{}")
    assert llmlab("preview", "q", "--schema", str(shape), "--grammar", str(shape)) == 2
    assert "A grammar and a JSON schema" in llmlab.err
