"""Prompt files of any kind: found in three places, laid over each other, kept while they are edited."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from llmlab.errors import ConfigError
from llmlab.library.checks import words
from llmlab.library.prompt_files import BadPrompt, PromptFile, PromptKind, PromptShelf, identity_of
from llmlab.library.prompt_tables import prompt_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The smallest kind."""

    name: str
    language: str
    title: str
    description: str
    tags: tuple[str, ...]
    source: str
    text: str

    @property
    def key(self) -> str:
        return f"{self.name}.{self.language}"


def parse(file: PromptFile) -> Note | BadPrompt:
    table = prompt_table(file, {"text": words, "file": lambda value: file.beside(str(value))}, ["text"])
    head = table.head()
    bad = table.bad()
    return bad or Note(text=str(table.values.get("file", table.values["text"])), **head)  # type: ignore[arg-type]


KIND = PromptKind("notes", parse)


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    return [tmp_path / name for name in ("shipped", "mine", "here")]


def write(root: Path, name: str, text: str) -> Path:
    path = root / "notes" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, encoding="utf-8")
    if path.stat().st_mtime_ns <= before:
        os.utime(path, ns=(before + 1, before + 1))  # a coarse clock must not hide the edit
    return path


def text_of(shelf: PromptShelf[Note], wanted: str, language: str = "en") -> str:
    return shelf.find(wanted, language).text


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("a.en.toml", ("a", "en")),
        ("a.zh.jsonl", ("a", "zh")),
        ("a.toml", ("a", "")),
        ("a.fr.toml", ("a.fr", "")),
        ("v1.2.en.toml", ("v1.2", "en")),
        ("en.toml", ("en", "")),
    ],
)
def test_the_name_of_a_file_says_who_it_is(name: str, identity: tuple[str, str]) -> None:
    assert identity_of(Path(name)) == identity


def test_later_places_win_by_name_and_language(roots: list[Path]) -> None:
    write(roots[0], "a.en.toml", 'text = "shipped"')
    write(roots[0], "a.zh.toml", 'text = "shipped zh"')
    write(roots[1], "a.en.toml", 'text = "mine"')
    write(roots[2], "b.en.toml", 'text = "here"')
    shelf = PromptShelf(KIND, roots)
    assert [item.key for item in shelf.items()] == ["a.en", "a.zh", "b.en"]
    assert text_of(shelf, "a") == "mine"
    assert text_of(shelf, "a", "zh") == "shipped zh"
    assert text_of(shelf, "a.zh") == "shipped zh"
    assert text_of(shelf, "b", "zh") == "here"  # the other language is better than nothing


def test_a_file_is_read_by_its_path(roots: list[Path], tmp_path: Path) -> None:
    path = write(roots[0], "odd.toml", 'text = "by path"\nlanguage = "zh"')
    shelf = PromptShelf(KIND, [])
    assert shelf.find(str(path), "en").key == "odd.zh"
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        shelf.find(str(tmp_path / "none.toml"), "en")


def test_what_is_not_there_is_named_with_the_near_miss(roots: list[Path]) -> None:
    write(roots[0], "summarise.en.toml", 'text = ""')
    with pytest.raises(ConfigError, match=r"nothing called summarize in notes; did you mean summarise\?"):
        PromptShelf(KIND, roots).find("summarize", "en")


def test_a_bad_file_hides_neither_others_nor_the_good_one_below_it(roots: list[Path]) -> None:
    write(roots[0], "a.en.toml", 'text = "shipped"')
    write(roots[0], "b.en.toml", 'text = "b"')
    bad = write(roots[1], "a.en.toml", '# mine\ntexxt = "mine"')
    shelf = PromptShelf(KIND, roots)
    assert text_of(shelf, "a") == "shipped"
    assert text_of(shelf, "b") == "b"
    problem = f"{bad}: the key text is missing"
    assert shelf.problems() == (f"{bad}:2: texxt: there is no such key; did you mean text?\n{problem}",)
    assert shelf.problem_of("a.en") == shelf.problems()[0]
    assert shelf.problem_of("b.en") == ""


def test_a_bad_file_alone_is_told_when_it_is_asked_for(roots: list[Path]) -> None:
    bad = write(roots[1], "a.en.toml", "text = 3\ntitle = ")
    shelf = PromptShelf(KIND, roots)
    assert [type(item) for item in shelf.items()] == [BadPrompt]
    assert shelf.good() == ()
    with pytest.raises(ConfigError) as caught:
        shelf.find("a", "en")
    assert f"{bad}: is not valid TOML" in str(caught.value) or f"{bad}:2" in str(caught.value)


def test_the_last_good_state_stays_while_a_file_is_edited_to_nonsense(roots: list[Path]) -> None:
    write(roots[0], "a.zh.toml", 'text = "shipped"')
    mine = write(roots[1], "a.toml", 'text = "first"\nlanguage = "zh"')
    shelf = PromptShelf(KIND, roots)
    assert not shelf.changed_on_disk()
    write(roots[1], "a.toml", "text = [")
    assert shelf.changed_on_disk()
    shelf.reload()
    assert text_of(shelf, "a", "zh") == "first"
    assert str(mine) in shelf.problem_of("a.zh")
    shelf.reload()
    assert text_of(shelf, "a", "zh") == "first"
    write(roots[1], "a.toml", 'text = "second"\nlanguage = "zh"')
    shelf.reload()
    assert text_of(shelf, "a", "zh") == "second"
    assert shelf.problems() == ()
    mine.unlink()
    assert shelf.changed_on_disk()
    shelf.reload()
    assert text_of(shelf, "a", "zh") == "shipped"


def test_a_file_beside_it_is_watched_too(roots: list[Path]) -> None:
    beside = write(roots[0], "long.txt", "one")
    write(roots[0], "a.en.toml", 'text = ""\nfile = "long.txt"')
    shelf = PromptShelf(KIND, roots)
    assert text_of(shelf, "a") == "one"
    assert not shelf.changed_on_disk()
    write(roots[0], "long.txt", "two!")
    assert shelf.changed_on_disk()
    shelf.reload()
    assert text_of(shelf, "a") == "two!"
    beside.unlink()
    shelf.reload()
    assert text_of(shelf, "a") == "two!"
    assert 'a.en.toml:2: file: "long.txt" cannot be read' in shelf.problem_of("a.en")


def test_one_place_named_twice_counts_once(roots: list[Path]) -> None:
    write(roots[0], "a.en.toml", 'text = "one"')
    shelf = PromptShelf(KIND, [roots[0], roots[0].parent / "." / "shipped"])
    assert len(shelf.folders) == 1
    assert shelf.problems() == ()


def test_two_files_of_one_key_in_one_folder_are_told(roots: list[Path]) -> None:
    write(roots[0], "a.en.toml", 'text = "one"')
    write(roots[0], "a.toml", 'text = "two"')
    assert "a.en is in this folder twice" in PromptShelf(KIND, roots).problems()[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('text = "x"\nname = "b"', '2: name: the file is called "a": rename it'),
        ('text = "x"\nlanguage = "zh"', '2: language: the file\'s name says "en"'),
        ('text = "x"\nlanguage = "de"', 'language: "de" is not one of "en", "zh"'),
        ('text = "x"\ntitle = ""', 'title: "" is not one line of visible text'),
        ('text = "x"\ntags = [1]', "tags: a list is neither a text nor a list of texts"),
    ],
)
def test_heads_are_checked(roots: list[Path], text: str, problem: str) -> None:
    write(roots[0], "a.en.toml", text)
    (said,) = PromptShelf(KIND, roots).problems()
    assert problem in said


def test_what_is_no_text_and_what_is_too_large_is_told(roots: list[Path]) -> None:
    (roots[0] / "notes").mkdir(parents=True)
    (roots[0] / "notes" / "bytes.en.toml").write_bytes(b"text = '\xff'")
    (roots[0] / "notes" / "large.en.toml").write_bytes(b"#" * (KIND.largest + 1))
    (roots[0] / "notes" / "folder.en.toml").mkdir()
    (roots[0] / "notes" / ".#hidden.en.toml").write_bytes(b"left by an editor")
    problems = PromptShelf(KIND, roots).problems()
    assert [problem.partition(": ")[2] for problem in problems] == [
        "is not UTF-8 text (byte 8)",
        "is no file",
        "is larger than 1,000,000 bytes",
    ]
