"""Example sets as files: bad rows told by file and line, good ones kept, edits written back without losing anything."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.shots import Shot, ShotSet
from llmlab.errors import ConfigError
from llmlab.library import shot_files
from llmlab.library.prompt_files import BadPrompt, parse_prompt
from llmlab.library.shot_files import SHOTS, ShotShelf, shots_as_jsonl, shots_as_toml

TOML = Path("/p/shots/kinds.en.toml")
JSONL = Path("/p/shots/kinds.zh.jsonl")


def good(text: str, path: Path = TOML) -> ShotSet:
    parsed = parse_prompt(text, path, SHOTS)
    assert isinstance(parsed, ShotSet), parsed
    return parsed


def bad(text: str, path: Path = TOML) -> str:
    parsed = parse_prompt(text, path, SHOTS)
    assert isinstance(parsed, BadPrompt), parsed
    return parsed.problem


def test_a_toml_file() -> None:
    kinds = good(
        'title = "Kinds"\ninput_label = "Q: "\n'
        '[[rows]]\ninput = "apple"\noutput = "fruit"\n'
        '[[rows]]\ninput = "leek"\noutput = "vegetable"\nreasoning = "It is eaten cooked."\non = false\n'
    )
    assert (kinds.name, kinds.language, kinds.title, kinds.input_label) == ("kinds", "en", "Kinds", "Q: ")
    assert kinds.rows == (Shot("apple", "fruit"), Shot("leek", "vegetable", "It is eaten cooked.", on=False))
    assert kinds.problems == ()
    assert good('rows = [{input = "a", output = "b"}]').rows == (Shot("a", "b"),)
    assert good("rows = []").rows == ()


def test_a_jsonl_file_and_its_first_line() -> None:
    text = '{"title": "Arten"}\n\n{"input": "苹果", "output": "水果"}\r\n'
    kinds = good(text, JSONL)
    assert (kinds.title, kinds.language, kinds.rows) == ("Arten", "zh", (Shot("苹果", "水果"),))
    assert good('{"input": "a", "output": "b"}', JSONL).title == "kinds"


@pytest.mark.parametrize(
    ("rows", "line", "what"),
    [
        ('[[rows]]\ninput = "a"\noutput = "b"\n[[rows]]\ninput = "c"\n', 4, "output"),
        ('[[rows]]\ninput = "a"\noutput = "b"\n\n[[rows]]\ninput = "c"\noutput = 4\n', 5, "4"),
        ('[[rows]]\ninput = " "\noutput = "x"\n[[rows]]\ninput = "a"\noutput = "b"', 1, "empty"),
        ('[[rows]]\ninput = "a"\noutput = "b"\n[[rows]]\ninput = "c"\noutput = "d"\nreasonning = ""\n', 4, "reasoning"),
        ('[[rows]]\ninput = "a"\noutput = "b"\n[[rows]]\ninput = "c\noutput = "d"\n', 5, "TOML"),
        ('[[rows]]\ninput = "c"\noutput = \n[[rows]]\ninput = "a"\noutput = "b"\n', 3, "TOML"),
    ],
)
def test_a_bad_row_of_toml_is_named_and_the_good_ones_stay(rows: str, line: int, what: str) -> None:
    kinds = good(rows)
    assert kinds.rows == (Shot("a", "b"),)
    (problem,) = kinds.problems
    assert problem.startswith(f"{TOML}:{line}: ")
    assert what in problem


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ('{"input": "c"}', "output"),
        ('{"input": "c", "output": null}', "output"),
        ('{"input": "c", "output": "d"', "JSON"),
        ("[1]", "a list"),
        ('{"input": "c", "output": "d", "lable": "x"}', "lable"),
        ("[" * 100_000, "nested"),
        ('{"input": "\\n", "output": "d"}', "empty"),
    ],
)
def test_a_bad_row_of_jsonl_is_named_and_the_good_ones_stay(row: str, what: str) -> None:
    kinds = good('{"input": "a", "output": "b"}\n' + row + '\n{"input": "e", "output": "f"}\n', JSONL)
    assert [shot.input for shot in kinds.rows] == ["a", "e"]
    (problem,) = kinds.problems
    assert problem.startswith(f"{JSONL}:2: ")
    assert what in problem


def test_a_file_with_nothing_good_is_bad() -> None:
    assert "rows" in bad('title = "x"')
    assert "TOML" in bad("nonsense")
    assert ":2:" in bad('title = "x"\n[[rows]]\ninput = "a"')
    assert "did you mean title" in bad('titel = "x"\n[[rows]]\ninput = "a"\noutput = "b"')
    assert ":1:" in bad('{"titel": "x"}\n{"input": "a", "output": "b"}', JSONL)
    assert "rows" in bad("rows = 3")


def test_many_bad_rows_are_counted() -> None:
    kinds = good('{"input": "a", "output": "b"}\n' + "x\n" * 50, JSONL)
    assert len(kinds.problems) == shot_files.MOST_TOLD + 1
    assert "30" in kinds.problems[-1]


def test_what_is_past_the_last_row_that_is_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shot_files, "MOST_ROWS", 2)
    row = '{"input": "a", "output": "b"}\n'
    assert good(row * 2, JSONL).problems == ()
    for kinds in (good(row * 3, JSONL), good('[[rows]]\ninput = "a"\noutput = "b"\n' * 3)):
        assert len(kinds.rows) == 2
        assert "2" in kinds.problems[0]


def test_a_hundred_thousand_rows_are_read() -> None:
    text = "".join(f'{{"input": "row {number}", "output": "{number % 7}"}}\n' for number in range(100_000))
    kinds = good(text, JSONL)
    assert len(kinds.rows) == 100_000
    assert "jsonl" in bad('[[rows]]\ninput = "a"\noutput = "b"\n' * 40_000)


SHOT = st.builds(
    Shot,
    st.text(min_size=1, max_size=20).filter(str.strip),
    st.text(max_size=20),
    st.one_of(st.just(""), st.text(max_size=20)),
    st.booleans(),
)


@given(st.lists(SHOT, max_size=5), st.text(max_size=9), st.sampled_from(["Q: ", "", "问：\n"]))
def test_what_is_written_is_read_again(rows: list[Shot], description: str, label: str) -> None:
    made = ShotSet(
        name="kinds", language="en", title="Kinds", description=description.strip(), tags=("a", "b"), rows=tuple(rows)
    )
    made = replace(made, input_label=label, source=str(TOML))
    assert good(shots_as_toml(made)) == made
    path = JSONL.with_name("kinds.en.jsonl")
    assert good(shots_as_jsonl(made), path) == replace(made, source=str(path))


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    return [tmp_path / name for name in ("shipped", "mine", "here")]


def write(root: Path, name: str, text: str) -> Path:
    path = root / "shots" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


ROW = '[[rows]]\ninput = "a"\noutput = "b"\n'


def test_a_shipped_set_is_written_to_the_users_folder(roots: list[Path]) -> None:
    shipped = write(roots[0], "kinds.en.toml", ROW)
    shelf = ShotShelf(roots)
    base = shelf.find("kinds", "en")
    saved = shelf.save(base.with_rows((Shot("c", "d"),)), base)
    assert saved.source == str(roots[1] / "shots" / "kinds.en.toml")
    assert shelf.find("kinds", "en") == saved
    assert shipped.read_text() == ROW
    if os.name == "posix":
        assert Path(saved.source).stat().st_mode & 0o777 == 0o600
    # And once more: now it is the user's own.
    again = shelf.save(saved.with_rows((Shot("e", "f"),)), saved)
    assert shelf.find("kinds", "en").rows == again.rows == (Shot("e", "f"),)
    assert [path.name for path in (roots[1] / "shots").iterdir()] == ["kinds.en.toml"]


def test_a_set_of_the_working_directory_is_written_where_it_is(roots: list[Path]) -> None:
    here = write(roots[2], "kinds.en.jsonl", '{"input": "a", "output": "b"}\n')
    shelf = ShotShelf(roots)
    base = shelf.find("kinds", "en")
    saved = shelf.save(base.with_rows((*base.rows, Shot("c", "d"))), base)
    assert saved.source == str(here)
    assert json.loads(here.read_text().splitlines()[-1]) == {"input": "c", "output": "d"}


def test_a_new_set_is_written_by_its_name(roots: list[Path]) -> None:
    shelf = ShotShelf(roots)
    saved = shelf.save(ShotSet(name="mine", language="zh", title="我的", rows=(Shot("问", "答"),)), None)
    assert Path(saved.source) == roots[1] / "shots" / "mine.zh.toml"
    assert shelf.find("mine", "en") == saved
    many = ShotSet(name="many", language="en", title="Many", rows=(Shot("q", "a"),) * (shot_files.MANY + 1))
    assert shelf.save(many, None).source.endswith("many.en.jsonl")


def test_comments_of_a_person_are_kept_beside(roots: list[Path]) -> None:
    mine = write(roots[1], "kinds.en.toml", "# my own\n" + ROW)
    shelf = ShotShelf(roots)
    base = shelf.find("kinds", "en")
    shelf.save(base.with_rows(()), base)
    assert mine.with_name("kinds.en.toml.before").read_text() == "# my own\n" + ROW


@pytest.mark.parametrize("now", [ROW + ROW, "nonsense", ROW + "[[rows]]\ninput = 3\n"])
def test_a_file_that_has_changed_is_left_alone(roots: list[Path], now: str) -> None:
    mine = write(roots[1], "kinds.en.toml", ROW)
    shelf = ShotShelf(roots)
    base = shelf.find("kinds", "en")
    mine.write_text(now, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        shelf.save(base.with_rows(()), base)
    assert str(mine) in caught.value.where
    assert caught.value.hint
    assert mine.read_text() == now
    with pytest.raises(ConfigError):
        shelf.save(ShotSet(name="kinds", language="en", title="New"), None)


def test_a_folder_that_cannot_be_written_is_told(roots: list[Path]) -> None:
    roots[1].write_text("no folder")
    with pytest.raises(ConfigError) as caught:
        ShotShelf(roots).save(ShotSet(name="mine", language="en", title="Mine"), None)
    assert "mine.en.toml" in caught.value.where


def test_bad_rows_are_among_the_problems_of_the_shelf(roots: list[Path]) -> None:
    write(roots[1], "kinds.en.toml", ROW + "[[rows]]\ninput = 3\n")
    shelf = ShotShelf(roots)
    assert len(shelf.find("kinds", "en").rows) == 1
    assert len(shelf.problems()) == 1
