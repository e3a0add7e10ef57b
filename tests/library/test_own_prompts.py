"""Prompt files of a person's own: what is copied, renamed, deleted and brought back, and what stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.domain.shots import Shot, ShotSet
from llmlab.errors import ConfigError, UsageError
from llmlab.library.prompt_files import prompt_roots
from llmlab.library.prompts import TemplateShelf
from llmlab.library.shot_files import ShotShelf

ROW = '# my own\n[[rows]]\ninput = "a"\noutput = "b"\n'

TEMPLATE = 'title = "A"\nmain = "it"\nuser = "{{ it }}"\nschema = "shape.json"\n[variables.it]\n'


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    return [tmp_path / name for name in ("shipped", "mine", "here")]


def write(root: Path, name: str, text: str = ROW) -> Path:
    path = root / "shots" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_copy_goes_to_the_users_folder_comments_and_all(roots: list[Path]) -> None:
    shipped = write(roots[0], "kinds.en.toml")
    shelf = ShotShelf(roots)
    copied = shelf.copy(shelf.find("kinds", "en"), " my kinds ")
    assert (copied.name, copied.source) == ("my kinds", str(roots[1] / "shots" / "my kinds.en.toml"))
    assert Path(copied.source).read_text(encoding="utf-8") == shipped.read_text(encoding="utf-8") == ROW
    assert shelf.find("my kinds", "en") == copied


@pytest.mark.parametrize("root", [1, 2])
def test_a_file_of_ones_own_is_renamed_where_it_is(roots: list[Path], root: int) -> None:
    old = write(roots[root], "kinds.zh.jsonl", '{"input": "a", "output": "b"}\n')
    shelf = ShotShelf(roots)
    renamed = shelf.rename(shelf.find("kinds", "zh"), "sorts")
    assert Path(renamed.source) == old.with_name("sorts.zh.jsonl")
    assert not old.exists()
    assert [shots.key for shots in shelf.good()] == ["sorts.zh"]


@pytest.mark.parametrize("name", ["", "  ", "a/b", "..", ".hidden", "a\nb", "a:2", "kinds", "shipped"])
def test_a_name_that_cannot_be_or_is_taken_is_refused_and_nothing_is_changed(roots: list[Path], name: str) -> None:
    write(roots[0], "shipped.en.toml")
    mine = write(roots[1], "kinds.en.toml")
    shelf = ShotShelf(roots)
    for verb in (shelf.copy, shelf.rename):
        with pytest.raises(UsageError):
            verb(shelf.find("kinds", "en"), name)
    assert [path.name for path in mine.parent.iterdir()] == ["kinds.en.toml"]


def test_what_came_with_llmlab_stays_and_what_lies_elsewhere_too(roots: list[Path], tmp_path: Path) -> None:
    shipped = write(roots[0], "kinds.en.toml")
    elsewhere = tmp_path / "other.en.toml"
    elsewhere.write_text(ROW, encoding="utf-8")
    shelf = ShotShelf(roots)
    in_memory = ShotSet(name="new", language="en", title="New", rows=(Shot("a", "b"),))
    for shots, told in (
        (shelf.find("kinds", "en"), "came with llmlab"),
        (shelf.find(str(elsewhere), "en"), "in no folder of yours"),
        (in_memory, "in no folder of yours"),
    ):
        with pytest.raises(UsageError, match=told):
            shelf.rename(shots, "sorts")
        with pytest.raises(UsageError, match=told):
            shelf.delete(shots)
    assert shipped.exists()
    assert elsewhere.exists()


def test_what_was_deleted_is_brought_back_to_the_letter_but_over_nothing_else(roots: list[Path]) -> None:
    write(roots[0], "kinds.en.toml", ROW.replace('"a"', '"shipped"'))
    mine = write(roots[1], "kinds.en.toml")
    shelf = ShotShelf(roots)
    text = shelf.delete(shelf.find("kinds", "en"))
    assert not mine.exists()
    assert shelf.find("kinds", "en").rows[0].input == "shipped"
    back = shelf.bring_back(mine, text)
    assert mine.read_text(encoding="utf-8") == ROW
    assert shelf.find("kinds", "en") == back
    with pytest.raises(UsageError, match=r"kinds\.en\.toml"):
        shelf.bring_back(mine, text)


def test_nonsense_is_not_written(roots: list[Path]) -> None:
    mine = write(roots[1], "kinds.en.toml")
    with pytest.raises(ConfigError):
        ShotShelf(roots).write(mine, "nonsense")
    assert mine.read_text(encoding="utf-8") == ROW


def test_a_template_keeps_the_schema_that_lies_beside_it_when_it_is_renamed(tmp_path: Path) -> None:
    folder = tmp_path / "here" / "prompts" / "templates"
    folder.mkdir(parents=True)
    (folder / "shape.json").write_text('{"type": "object"}', encoding="utf-8")
    (folder / "a.en.toml").write_text(TEMPLATE, encoding="utf-8")
    shelf = TemplateShelf(prompt_roots(tmp_path / "config", tmp_path / "here"))
    assert shelf.rename(shelf.find("a", "en"), "b").schema == '{"type": "object"}'
