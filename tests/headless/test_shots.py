"""`--shots` and its companions."""

from __future__ import annotations

import pytest

from llmlab.commands.kit import Session
from llmlab.commands.shots import ShotFlags, shots_of
from llmlab.domain.shots import ShotUse
from llmlab.headless.diagnostics import Diagnostics
from llmlab.headless.output import Output
from llmlab.paths import Paths
from tests.headless.conftest import Command
from tests.headless.terminals import Stream

KINDS = '[[rows]]\ninput = "apple"\noutput = "fruit"\n[[rows]]\ninput = "leek"\noutput = "vegetable"\n'


def use(paths: Paths, wanted: str | None, **flags: object) -> tuple[ShotUse | None, str]:
    """What the flags ask for, and what was said meanwhile."""
    folder = paths.config / "prompts" / "shots"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kinds.en.toml").write_text(KINDS + "[[rows]]\ninput = 3\n", encoding="utf-8")
    err = Stream(terminal=False)
    given = {
        "shots": wanted, "shot_choice": None, "shot_order": None, "shot_seed": None, "shot_style": None,
        "shot_labels": None,
    }  # fmt: skip
    made = shots_of(Session(Output(Stream(terminal=False)), Diagnostics(err), paths), ShotFlags.take(given | flags))
    return made, err.text


def test_without_the_flag_no_file_is_read(paths: Paths) -> None:
    assert use(paths, None) == (None, "")


def test_every_flag_has_its_place_and_bad_rows_are_told(paths: Paths) -> None:
    made, said = use(paths, "kinds:2", shot_choice="random", shot_order="reversed", shot_seed=7, shot_style="inline",
                     shot_labels="flipped")  # fmt: skip
    assert made is not None
    assert (made.set.key, made.k) == ("kinds.en", 2)
    assert (made.choice, made.order, made.seed, made.style, made.labels) == (
        "random", "reversed", 7, "inline", "flipped"
    )  # fmt: skip
    assert "kinds.en.toml:7" in said


def test_a_path_and_no_number_take_a_few(paths: Paths) -> None:
    made, _ = use(paths, str(paths.config / "prompts" / "shots" / "kinds.en.toml"))
    assert made is not None
    assert made.k == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--shots", "antonym:2"], "antonyms"),
        (["--shots", "antonyms.en:400"], "20"),
        (["--shots", "antonyms:2", "--shot-choice", "close"], "nearest"),
        (["--shots", "antonyms:2", "--shot-seed", "x"], "whole number"),
        (["--shot-label", "gold"], "--shot-labels"),
    ],
)
def test_what_cannot_be_is_told(llmlab: Command, arguments: list[str], told: str) -> None:
    assert llmlab("ask", "up", *arguments) == 2
    assert told in llmlab.err
