"""`llmlab documents inspect`, called as a person calls it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.documents.awkward import texts as t
from tests.documents.awkward.pdf import make_pdf
from tests.headless.conftest import Command


@pytest.fixture
def novel(llmlab: Command) -> Path:
    path = Path("novel.txt")
    path.write_bytes(("第一回 桃园\n\n" + t.ZH * 40).encode("gb18030"))
    return path.absolute()


def test_a_file_is_told_in_a_few_lines(llmlab: Command, novel: Path) -> None:
    assert llmlab("documents", "inspect", "novel.txt", "--no-tokens") == 0
    assert llmlab.out.splitlines() == [
        str(novel),
        "  Kind        text",
        "  Encoding    gb18030",
        "  Chapters    1",
        "  Characters  1,968",
        "  Passages    5",
    ]
    assert llmlab.err == ""


def test_json_of_one_file_is_one_object(llmlab: Command, novel: Path) -> None:
    found = llmlab.json("documents", "inspect", "novel.txt", "--no-tokens")
    assert isinstance(found, dict)
    digest = found.pop("digest")
    assert found == {
        "path": str(novel),
        "name": "novel.txt",
        "kind": "text",
        "encoding": "gb18030",
        "unit": "chapter",
        "pages": 1,
        "lines": 83,
        "characters": 1968,
        "tokens": None,
        "model": None,
        "window": None,
        "passages": 5,
        "warnings": [],
    }
    assert isinstance(digest, str)
    assert len(digest) == 64


def test_tokens_are_those_of_a_model(llmlab: Command, novel: Path) -> None:
    found = llmlab.json("documents", "inspect", "novel.txt", "-m", "pocket:pocket-m")
    assert isinstance(found, dict)
    assert found["tokens"] > found["characters"]  # this model has a token for each byte
    assert found["model"] == "pocket-m"
    assert found["window"] > 0
    assert llmlab("documents", "inspect", "novel.txt") == 0
    assert "% of its window" in llmlab.out


def test_a_model_that_was_named_must_count(llmlab: Command, novel: Path) -> None:
    Path("bad.gguf").write_bytes(b"GGUF" + bytes(20))
    assert llmlab("documents", "inspect", "novel.txt", "-m", "bad.gguf") == 1
    assert llmlab.out == ""


def test_pages_slides_and_remarks_are_shown(llmlab: Command) -> None:
    Path("a.pdf").write_bytes(make_pdf(["one", None, "three"]))
    Path("b.txt").write_bytes(b"\x1b[2J\n")
    assert llmlab("documents", "inspect", "a.pdf", "b.txt", "--no-tokens") == 0
    assert "  Pages       3" in llmlab.out.splitlines()
    assert "  ! 1 of 3 pages hold no text; they may be pictures." in llmlab.out.splitlines()
    assert "  ! It holds 1 control or invisible characters; they are shown as signs." in llmlab.out.splitlines()
    assert "\x1b" not in llmlab.out


def test_a_file_that_cannot_be_read_does_not_keep_the_others_back(llmlab: Command, novel: Path) -> None:
    Path("x.pdf").write_bytes(b"%PDF-1.7 nothing")
    assert llmlab("documents", "inspect", "x.pdf", "none.txt", "novel.txt", "--no-tokens") == 1
    assert str(novel) in llmlab.out
    assert llmlab.err.count("llmlab: ") == 2
    assert "The PDF file is damaged" in llmlab.err
    assert "There is no such file" in llmlab.err
    assert llmlab("documents", "inspect", "x.pdf", "novel.txt", "--no-tokens", "--json") == 1
    assert '"what": "The PDF file is damaged."' in llmlab.out


def test_standard_input_is_a_document(llmlab: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(t.TW.encode("big5"))))
    assert llmlab("documents", "inspect", "-", "--no-tokens") == 0
    assert llmlab.out.splitlines()[:3] == ["standard input", "  Kind        text", "  Encoding    big5"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert llmlab("documents", "inspect", "-") == 1
    assert "Nothing came from standard input" in llmlab.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.txt", "--encoding", "gb18300"], "did you mean gb18030?"),
        (["*.docx"], "No file matches the pattern"),
        ([], "FILE"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake_of_the_command_line(
    llmlab: Command, arguments: list[str], said: str
) -> None:
    assert llmlab("documents", "inspect", *arguments) == 2
    assert said in llmlab.err


def test_limits_of_the_settings_hold(llmlab: Command, novel: Path) -> None:
    llmlab.paths.settings_file.write_text("[documents]\ncharacters = 1000\n", encoding="utf-8")
    assert llmlab("documents", "inspect", "novel.txt", "--no-tokens") == 1
    assert "longer than 1,000 characters" in llmlab.err
    assert "Raise characters under [documents] in settings.toml" in llmlab.err


def test_it_speaks_chinese(llmlab: Command, novel: Path) -> None:
    from llmlab import words

    words.use_language("zh")
    assert llmlab("documents", "inspect", "novel.txt", "none.txt", "--no-tokens") == 1
    assert "  编码  gb18030" in llmlab.out.splitlines()
    assert "没有这个文件" in llmlab.err
