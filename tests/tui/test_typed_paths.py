"""Paths in what is typed, dragged and pasted: every way in which terminals write them, and nothing else."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.tui.typed_paths import dropped, mention_of, mentions, spoken

NAMES = "novel.txt /a/b.pdf 红楼梦.txt /a/红楼梦.txt docs /a/it's.txt b.txt.gz"
THERE = {Path("/a/my notes.md"), Path(), Path(".."), Path("/"), Path.home(), *map(Path, NAMES.split())}
HOME = Path.home()


def named(text: str) -> list[Path]:
    return [mention.path for mention in mentions(text, THERE.__contains__)]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("what is @novel.txt about?", ["novel.txt"]),
        ("@novel.txt, please.", ["novel.txt"]),
        ("compare @novel.txt and @/a/b.pdf.", ["novel.txt", "/a/b.pdf"]),
        ("请总结@红楼梦.txt的内容", ["红楼梦.txt"]),
        ("（@/a/红楼梦.txt）", ["/a/红楼梦.txt"]),
        ('read @"/a/my notes.md" aloud', ["/a/my notes.md"]),
        ("read @'/a/my notes.md'", ["/a/my notes.md"]),
        ('@"/a/it\'s.txt"', ["/a/it's.txt"]),
        ("in @docs/ and @docs", ["docs", "docs"]),
        ("@absent.txt", []),
        ("mail me@novel.txt", []),
        ("@novel.txtual is another name", []),
        ("@", []),
        ("see @. and @.. and @/ and @~ and @'.'", []),
        ("@b.txt.gz", ["b.txt.gz"]),
        ("@docs/absent.txt and @/absent/a.txt and @./absent.txt", []),
        ("in @docs/, and（@docs/）", ["docs", "docs"]),
        ("@~nobody/a.txt", []),
    ],
)
def test_files_behind_an_at_sign(text: str, paths: list[str]) -> None:
    assert named(text) == [Path(path) for path in paths]


def test_a_message_speaks_of_files_by_their_names() -> None:
    text = 'what do @"/a/my notes.md" and @/a/b.pdf. have in common with @nobody?'
    assert spoken(text, mentions(text, THERE.__contains__)) == (
        "what do my notes.md and b.pdf. have in common with @nobody?"
    )


@given(
    st.text(st.characters(exclude_characters="\n\r\"'@\x00"), min_size=1, max_size=30).filter(lambda s: s == s.strip())
)
def test_what_is_offered_is_understood(name: str) -> None:
    path = Path(f"/folder/{name}")
    text = f"see {mention_of(str(path))}"
    assert [one.path for one in mentions(text, {path}.__contains__)] == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="paths of other systems")
@pytest.mark.parametrize(
    ("pasted", "paths"),
    [
        ("/a/b.pdf", ["/a/b.pdf"]),
        ("/a/b.pdf \n", ["/a/b.pdf"]),
        ("'/a/my notes.md'", ["/a/my notes.md"]),
        ('"/a/my notes.md"', ["/a/my notes.md"]),
        ("/a/my\\ notes.md", ["/a/my notes.md"]),
        ("/a/my\\ notes\\ \\(2\\).md", ["/a/my notes (2).md"]),
        ("file:///a/my%20notes.md", ["/a/my notes.md"]),
        ("file:///a/%E7%BA%A2%E6%A5%BC%E6%A2%A6.txt", ["/a/红楼梦.txt"]),
        ("file:///C:/Users/a.txt", ["C:/Users/a.txt"]),
        ("'/a/it'\\''s.txt'", ["/a/it's.txt"]),
        ("/a/b.pdf /a/c.pdf", ["/a/b.pdf", "/a/c.pdf"]),
        ("'/a/b c.pdf' '/a/d.pdf'", ["/a/b c.pdf", "/a/d.pdf"]),
        ("/a/b.pdf\n/a/c d.pdf\n", ["/a/b.pdf", "/a/c d.pdf"]),
        ("~/notes.md", [str(HOME / "notes.md")]),
    ],
)
def test_every_way_to_write_a_dragged_file(pasted: str, paths: list[str]) -> None:
    assert tuple(map(Path, paths)) in list(dropped(pasted))


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        " ",
        "novel.txt",
        "a sentence",
        "and/or",
        "so: /a/b.pdf",
        "x" * 9_000,
        "\n".join(["/a"] * 60),
        "'",
        "🙂",
        "/a b",
    ],
)
def test_what_is_no_list_of_paths(pasted: str) -> None:
    assert all(len(reading) == 1 for reading in dropped(pasted))
    assert pasted.startswith("/") or list(dropped(pasted)) == []


@pytest.mark.parametrize("pasted", ["/", "~/", "'/'", "file:///", "/a/b.pdf\n~/", HOME.as_posix()])
def test_the_root_and_the_home_folder_are_never_dropped(pasted: str) -> None:
    assert list(dropped(pasted)) == []


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's quoting")
@given(
    st.text(st.characters(exclude_characters="\n\r\x00\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), min_size=1, max_size=30)
)
def test_what_a_shell_quotes_is_read(name: str) -> None:
    path = f"/folder/{name}."
    assert (Path(path),) in list(dropped(shlex.quote(path)))
