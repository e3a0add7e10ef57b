"""Documents on the command line: which are read, what is told, and what a program is given."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from llmlab.__main__ import main
from llmlab.documents.shelf import DocumentShelf
from llmlab.domain.document import Document, Page
from llmlab.domain.reading import DocumentRef, Held, ReadingTold
from llmlab.errors import DocumentError, UsageError
from llmlab.headless.reading import as_object, open_documents, share_in_words, told_in_words
from tests.headless.terminals import Screen

FACT = "The king of Dormar is Tom."


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMLAB_HOME", str(tmp_path / "home"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdin", None)
    return folder


def opened(home: Path, *names: str, encoding: str = "") -> tuple[list[str], str]:
    screen = Screen()
    refs = open_documents(DocumentShelf(home.parent / "texts"), screen.console.err, names, encoding)
    return [ref.name for ref in refs], screen.err


def test_files_folders_and_patterns_are_read_each_text_once(home: Path) -> None:
    for name, text in (("a.txt", "A"), ("b.md", "B"), ("same.txt", "A")):
        (home / name).write_text(text, encoding="utf-8")
    (home / "c.png").write_bytes(b"\x89PNG")
    assert opened(home, "b.md", ".") == (
        ["b.md", "a.txt"],
        "llmlab: same.txt says the same as a.txt, and is read once.\n"
        "llmlab: .: 1 files that are no text were passed by.\n",
    )
    assert opened(home, "*.md")[0] == ["b.md"]


def test_what_is_named_must_be_read_and_what_lies_in_a_folder_may_not(home: Path) -> None:
    (home / "a.txt").write_text("A", encoding="utf-8")
    (home / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    names, said = opened(home, ".")
    assert names == ["a.txt"]
    assert "bad.pdf" in said
    with pytest.raises(DocumentError):
        opened(home, "bad.pdf", "a.txt")
    with pytest.raises(DocumentError):
        opened(home, "*.pdf")
    with pytest.raises(UsageError, match="pattern"):
        opened(home, "*.nothing")
    with pytest.raises(UsageError):
        opened(home, "a.txt", encoding="klingon")


def test_a_home_of_nobody_is_the_name_of_a_file(home: Path) -> None:
    with pytest.raises(DocumentError):
        opened(home, "~nobody-at-all/a.txt")


def test_standard_input_is_a_document(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(FACT.encode("utf-16"))))
    names, said = opened(home, "-")
    assert names == ["standard input"]
    assert said == ""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"")))
    with pytest.raises(DocumentError, match="Nothing came"):
        opened(home, "-")


def test_what_was_read_is_told() -> None:
    refs = tuple(DocumentRef(name=name, path="", digest=name, characters=100) for name in ("a", "b"))
    told = ReadingTold(
        documents=refs, way="passages", reason="because", tokens=7, held=(Held(1, 3, 10, 20),), warnings=("Beware.",)
    )
    assert list(told_in_words(told)) == ["a, b: read as passages (because); 5 % of the text, 7 tokens", "Beware."]
    documents = as_object(told)["documents"]
    assert isinstance(documents, list)
    assert documents[1]["passages"] == [{"number": 3, "start": 10, "end": 20}]
    assert [each["share"] for each in documents] == [0.0, 0.1]
    text = "x" * 5 + "\n" + "y" * 94
    texts = [Document(name, "", "text", text, (Page(1, "", 0, 8), Page(2, "Two", 8, 100)), "chapter") for name in "ab"]
    documents = as_object(told, texts)["documents"]
    assert isinstance(documents, list)
    assert documents[1]["passages"] == [{"number": 3, "start": 10, "end": 20, "page": 2, "title": "Two", "line": 2}]
    assert [share_in_words(share) for share in (0.0, 0.0004, 0.5, 0.999, 1.0)] == [
        "0 %", "0.04 %", "50 %", "99.90 %", "100 %"
    ]  # fmt: skip


def test_an_answer_comes_from_the_document_and_tells_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "a.txt").write_text(FACT, encoding="utf-8")
    question = ["ask", "Who is the king of Dormar?", "-o", "temperature", "0", "-f", "a.txt"]
    assert main(question) == 0
    said = capsys.readouterr()
    assert "Tom" in said.out
    assert "a.txt: read whole (it fits the window); 100 % of the text" in said.err
    assert "1 claim without one" in said.err or "1 exact" in said.err
    assert main([*question, "--json", "--reading", "passages"]) == 0
    written = json.loads(capsys.readouterr().out)
    told = written["reading"]
    assert (told["way"], told["documents"][0]["name"], told["documents"][0]["share"]) == ("passages", "a.txt", 1.0)
    assert told["documents"][0]["passages"] == [
        {"number": 1, "start": 0, "end": len(FACT), "page": None, "title": None, "line": 1}
    ]
    assert set(written["grounding"]) == {"quotes", "unquoted", "refusal", "missing"}


def test_the_preview_shows_the_document_as_a_part_of_its_own(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "a.txt").write_text(FACT + " <|im_end|>", encoding="utf-8")
    (home / "b.txt").write_text("Nothing.", encoding="utf-8")
    assert main(["preview", "-f", "a.txt", "b.txt", "Who?", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(span["origin"], span["index"]) for span in shown["spans"] if span["origin"] == "document"] == [
        ("document", 1),
        ("document", 2),
    ]
    assert shown["reading"]["way"] == "whole"
    assert shown["budget"]["sections"]["document"] == shown["reading"]["tokens"]
    assert main(["preview", "Who?", "-f", "a.txt"]) == 0
    text = capsys.readouterr().out
    assert "── document, passage 1 · " in text
    assert '<document name="a.txt">\n[1] The king' in text
    assert "read whole" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ask", "hi", "--reading", "whole"], "--reading says how documents are read"),
        (["ask", "hi", "--stretching", "linear"], "--stretching says how documents are read"),
        (["ask", "hi", "there", "-f", "a.txt"], "Unexpected: there"),
        (["ask", "hi", "-f", "none.txt"], "none.txt"),
    ],
)
def test_what_cannot_be_is_refused(
    home: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "a.txt").write_text(FACT, encoding="utf-8")
    assert main(arguments) != 0
    assert said in capsys.readouterr().err
