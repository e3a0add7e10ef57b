"""The shelf: a file is read once, its text is found by digest, and what is on disk is never believed unseen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from llmlab.documents import shelf as shelves
from llmlab.documents.child import ReadingProcess
from llmlab.documents.extraction import Source, extract
from llmlab.documents.shelf import DocumentShelf
from llmlab.documents.texts import TextStore
from llmlab.domain.document import Document, Page, digest_of, remark
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.errors import DocumentError
from tests.documents.awkward.zipped import make_epub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "documents"


@pytest.fixture
def shelf(folder: Path) -> DocumentShelf:
    return DocumentShelf(folder)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes("话说天下大势，分久必合。\n".encode("gb18030"))
    return path


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a file that is read fails the test."""

    def refuse(*_args: object, **_named: object) -> Document:
        raise AssertionError("it was read again")

    monkeypatch.setattr(ReadingProcess, "read", refuse)


def test_a_file_that_did_not_change_is_read_once(
    shelf: DocumentShelf, folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = shelf.open(file)
    assert (document.name, document.path, document.encoding) == ("a.txt", str(file), "gb18030")
    assert document.digest == digest_of(document.text)
    forbid_reading(monkeypatch)
    assert shelf.open(file) == document
    assert DocumentShelf(folder).open(file) == document
    assert DocumentShelf(folder).get(document.digest) == document


def test_a_file_that_changed_is_read_again(shelf: DocumentShelf, file: Path) -> None:
    before = shelf.open(file)
    file.write_text("new", encoding="utf-8")
    assert shelf.open(file).text == "new"
    assert shelf.get(before.digest) == before


def test_another_encoding_is_another_reading(shelf: DocumentShelf, file: Path) -> None:
    assert shelf.open(file).encoding == "gb18030"
    assert shelf.open(file, "big5").encoding == "big5"
    assert shelf.open(file).encoding == "gb18030"


def test_a_copy_keeps_its_own_name(shelf: DocumentShelf, file: Path) -> None:
    copy = file.with_name("copy.txt")
    copy.write_bytes(file.read_bytes())
    first, second = shelf.open(file), shelf.open(copy)
    assert first.digest == second.digest
    assert (second.name, second.path) == ("copy.txt", str(copy))
    assert shelf.open(file).name == "a.txt"


def test_many_files_are_read_by_one_process_and_a_bad_one_takes_its_place(shelf: DocumentShelf, file: Path) -> None:
    other = file.with_name("b.md")
    other.write_text("# B", encoding="utf-8")
    told = list[int]()
    found = list(
        shelf.open_all([file, file.with_name("none.txt"), other], progress=lambda index, _share: told.append(index))
    )
    assert [each.kind if isinstance(each, Document) else each.what for each in found] == [
        "text",
        "There is no such file.",
        "markdown",
    ]
    assert told == sorted(told)


def test_a_batch_reads_file_by_file_in_one_process_until_it_is_closed(
    shelf: DocumentShelf, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[ReadingProcess] = []
    start = ReadingProcess._start

    def noted(process: ReadingProcess) -> None:
        started.append(process)
        start(process)

    monkeypatch.setattr(ReadingProcess, "_start", noted)
    bad, other = tmp_path / "bad.pdf", tmp_path / "b.txt"
    bad.write_bytes(b"%PDF-1.4 no more than this")
    other.write_text("another")
    batch = shelf.batch()
    assert not started
    assert batch.open(file).encoding == "gb18030"
    with pytest.raises(DocumentError, match="damaged"):
        batch.open(bad)
    assert batch.open(other).text == "another"
    assert len(started) == 1
    pid = started[0].pid
    assert pid is not None
    batch.close()
    batch.close()
    assert not psutil.pid_exists(pid)


def test_bytes_from_elsewhere_are_a_document_without_a_path(shelf: DocumentShelf) -> None:
    document = shelf.take("standard input", "你好".encode("utf-16"))
    assert (document.name, document.path, document.text) == ("standard input", "", "你好")
    assert shelf.get(document.digest) == document


def test_a_text_that_was_made_is_found_by_its_digest(shelf: DocumentShelf, folder: Path) -> None:
    made = make_document("It was never in a file.")
    shelf.keep(made)
    assert DocumentShelf(folder).get(made.digest).text == "It was never in a file."


def test_more_bytes_than_a_file_may_have_are_refused(folder: Path) -> None:
    with pytest.raises(DocumentError, match="More than 1 MB"):
        DocumentShelf(folder, ReadingLimits(file_mb=1)).take("standard input", b"x" * (1 << 20 | 1))


def test_a_text_that_was_tampered_with_is_not_given_out(shelf: DocumentShelf, folder: Path, file: Path) -> None:
    document = shelf.open(file)
    (kept,) = folder.glob("??/*.txt")
    kept.write_bytes(kept.read_bytes().replace("天下".encode(), "地上".encode()))
    with pytest.raises(DocumentError, match="not kept any more") as caught:
        DocumentShelf(folder).get(document.digest)
    assert caught.value.hint
    assert DocumentShelf(folder).open(file) == document


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "f" * 64, "F" * 64, "\0"])
def test_what_is_no_digest_finds_nothing(shelf: DocumentShelf, digest: str) -> None:
    with pytest.raises(DocumentError, match="not kept any more"):
        shelf.get(digest)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_texts_are_for_their_owner_alone(shelf: DocumentShelf, folder: Path, file: Path) -> None:
    shelf.open(file)
    for path in [folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_memory_holds_the_newest_documents(shelf: DocumentShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "AT_HAND", 10)
    first, second = shelf.take("a", b"aaaaaaaa"), shelf.take("b", b"bbbbbbbb")
    assert shelf.get(second.digest) is second
    assert shelf.get(first.digest) is not first
    assert shelf.get(first.digest) == first


def make_document(text: str) -> Document:
    return Document(
        "n", "/p", "pdf", text, (Page(1, "t", 0, len(text)),), "page", "", (remark("cut"),), digest_of(text)
    )


def test_a_document_comes_back_as_it_was(folder: Path) -> None:
    store, document = TextStore(folder), make_document("line\none \u2028 two\x00\r")
    store.keep(document)
    assert store.find(document.digest) == document


def test_texts_not_used_for_longest_make_room(folder: Path) -> None:
    store = TextStore(folder, room=2500)
    documents = [make_document(letter * 1000) for letter in "abc"]
    for age, document in enumerate(documents[:2]):
        store.keep(document)
        (path,) = folder.glob(f"??/{document.digest}.txt")
        os.utime(path, (1000 + age, 1000 + age))
    assert store.find(documents[0].digest) is not None  # used just now, so the other one goes
    store.keep(documents[2])
    assert [store.find(each.digest) is not None for each in documents] == [True, False, True]


def test_a_text_that_was_forgotten_is_gone(folder: Path) -> None:
    store, document = TextStore(folder), make_document("x")
    store.keep(document)
    store.forget(document.digest)
    assert store.find(document.digest) is None


@pytest.mark.parametrize(
    ("name", "unit"), [("novel.txt", "chapter"), ("notes.md", "section"), ("script.py", ""), ("table.csv", "")]
)
def test_the_headings_of_a_plain_text_divide_it(name: str, unit: str) -> None:
    parts = ["It was all quiet. " * 40 + "\n", *(f"# Part {number}\n" + "They went on. " * 60 for number in (1, 2))]
    text = "\n".join(parts)
    document = extract(Source(name, name, text.encode()), ReadingLimits(), lambda _share: None)
    assert document.unit == unit
    if unit:
        assert [(page.number, page.title) for page in document.pages] == [(0, ""), (1, "Part 1"), (2, "Part 2")]
        assert "".join(text[page.start : page.end] for page in document.pages) == text
        assert document.page_count == 2
    else:
        assert document.pages == ()


def test_form_feeds_divide_a_text_before_its_headings_do() -> None:
    text = ("# Part\n" + "They went on. " * 60 + "\f") * 3
    document = extract(Source("a.md", "a.md", text.encode()), ReadingLimits(), lambda _share: None)
    assert (document.unit, document.page_count) == ("page", 3)


def test_a_format_that_tells_no_parts_has_those_of_its_headings() -> None:
    said = "They went on. " * 60
    data = rb"{\rtf1 Chapter 1\par " + said.encode() + rb"\par Chapter 2\par " + said.encode() + b"}"
    document = extract(Source("a.rtf", "a.rtf", data), ReadingLimits(), lambda _share: None)
    assert [(page.number, page.title) for page in document.pages] == [(1, "Chapter 1"), (2, "Chapter 2")]
    assert (document.kind, document.unit) == ("rtf", "chapter")


def test_what_a_book_cannot_say_in_its_encoding_is_counted_over_all_its_texts() -> None:
    page = b"<html><body><p>" + "话说天下大势，分久必合，合久必分。".encode() + b"\xff</p></body></html>"
    data = make_epub({"a.xhtml": page, "b.xhtml": page}, [])
    document = extract(Source("a.epub", "a.epub", data), ReadingLimits(), lambda _share: None)
    assert document.warnings == (remark("undecodable", encoding="utf-8", count=2),)
