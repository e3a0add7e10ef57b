"""The experiments that come with llmlab: each is sound, has its page in the documentation, and runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmlab import wiring
from llmlab.paths import Paths
from llmlab.pocket import pocket_names, pocket_path
from tests.headless.conftest import Command

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "prompts" / "experiments").glob("*.toml"))
NAMES = sorted({path.name.partition(".")[0] for path in FILES})
PAGES = ROOT / "docs" / "experiments"


def test_every_experiment_has_a_page_and_every_page_an_experiment() -> None:
    assert NAMES
    assert sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_it_shows_where_it_is_from_and_how_to_run_it(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text("utf-8")
    assert f"llmlab run {name}" in page
    for heading in ("## What came out", "## Why"):
        assert heading in page
    assert "95 %" in page, "no figure without its interval"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_experiment_loads_and_is_of_a_size_for_minutes(path: Path, llmlab: Command, paths: Paths) -> None:
    for kind in ("q5_0", "q4_0"):
        # What the command makes beforehand; loading looks no further than that there is a file.
        Path(f"pocket-m-{kind}.gguf").touch()
    experiment = wiring.load_experiment(paths, Path.cwd(), str(path)).experiment
    assert experiment.hypothesis
    assert len(experiment.arms) > 2
    assert 200 <= experiment.size <= 3000


@pytest.mark.parametrize("name", NAMES)
def test_the_chinese_file_asks_for_the_same_in_chinese(name: str, llmlab: Command, paths: Paths) -> None:
    for kind in ("q5_0", "q4_0"):
        Path(f"pocket-m-{kind}.gguf").touch()
    english, chinese = (
        wiring.load_experiment(paths, Path.cwd(), f"{name}.{language}").experiment for language in ("en", "zh")
    )
    assert [axis.key for axis in english.axes] == [axis.key for axis in chinese.axes]
    assert len(english.arms) == len(chinese.arms)
    assert [use.kind for use in english.scorers] == [use.kind for use in chinese.scorers]
    for said in (chinese.title, chinese.hypothesis, chinese.description):
        assert any("\u4e00" <= character <= "\u9fff" for character in said), said
    for arm, twin in zip(english.arms, chinese.arms, strict=True):
        assert arm.recipe.sampling == twin.recipe.sampling
        assert arm.recipe.model == twin.recipe.model


def test_without_a_file_those_of_the_interface_s_language_are_listed_first(llmlab: Command) -> None:
    assert llmlab("run") == 0
    listed = [line.split()[1] for line in llmlab.out.splitlines()]
    assert listed == [f"{name}.{language}" for language in ("en", "zh") for name in NAMES]


@pytest.mark.parametrize("name", ["sizes.en", "base.zh"])
def test_a_model_that_is_not_there_is_told_before_anything_runs(name: str, llmlab: Command) -> None:
    (shipped,) = (path for path in FILES if path.name == f"{name}.toml")
    Path("mine.toml").write_text(shipped.read_text("utf-8").replace('"pocket-l"', '"pocket-xl"'), "utf-8")
    assert llmlab("run", "mine.toml") == 2
    assert "There is no model pocket-xl" in llmlab.err
    assert "mine.toml:" in llmlab.err, "with its line"


@pytest.mark.parametrize("kind", ["q5_0", "q4_0"])
def test_a_model_in_fewer_bits_that_is_not_made_yet_is_told_with_the_command_that_makes_it(
    kind: str, llmlab: Command
) -> None:
    assert llmlab("run", "quantisation") == 2
    assert f"There is no file pocket-m-{kind}.gguf." in llmlab.err
    assert f"llmlab models quantise pocket-m --type {kind}\n" in llmlab.err


@pytest.mark.skipif(len(pocket_names()) < 4, reason="the package does not hold every pocket model")
@pytest.mark.parametrize("name", [path.name.removesuffix(".toml") for path in FILES])
def test_every_experiment_runs_on_the_pocket_models(name: str, shipped: Command, paths: Paths) -> None:
    """On one question: each arm answers it, each scorer judges it, and the report draws it."""
    if name.startswith("quantisation"):
        for kind in ("q5_0", "q4_0"):
            assert shipped("models", "quantise", "pocket-m", "--type", kind) == 0, shipped.err
    experiment = wiring.load_experiment(paths, Path.cwd(), name).experiment
    found: Any = shipped.json("run", name, "--limit", "1", "--output", "out")
    assert found["failed"] == 0
    assert found["done"] == len(experiment.arms) * experiment.repeats
    assert [arm["name"] for arm in found["arms"]] == [arm.name for arm in experiment.arms]
    for arm in found["arms"]:
        judged = {score["scorer"] for score in arm["scores"] if score["n"] == experiment.repeats}
        assert judged == {use.name for use in experiment.scorers}, arm["name"]
    assert found["contrasts"]
    assert '<svg class="figure"' in Path("out/report.html").read_text("utf-8")
    assert shipped("runs", "plot", "last") == 0
    assert experiment.title in shipped.out


def test_passages_of_an_item_s_own_document_are_read(llmlab: Command) -> None:
    model = str(pocket_path("pocket-m"))
    found = llmlab.json("run", "reading", "--limit", "1", "-m", model)
    assert isinstance(found, dict)
    assert found["failed"] == 0
    assert found["done"] == len(found["arms"])
    tokens = {arm["name"]: arm["prompt_tokens"] for arm in found["arms"]}
    assert tokens["length=2400, way=passages"] < tokens["length=2400, way=whole"]
