"""The awkward files: each ends as it is written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmlab.documents.child import ReadingProcess
from llmlab.domain.document import Document
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.errors import DocumentError
from tests.documents.awkward.__main__ import written_down
from tests.documents.awkward.corpus import CORPUS, Awkward


@pytest.fixture(scope="module")
def reading() -> Iterator[ReadingProcess]:
    with ReadingProcess(ReadingLimits()) as process:
        yield process


def test_there_are_so_many() -> None:
    assert len(CORPUS) == len({each.name for each in CORPUS}) == 70


def test_the_list_in_the_documentation_is_this_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "awkward-files.md").read_text(encoding="utf-8")
    assert page == "\n".join(written_down()) + "\n"


@pytest.mark.parametrize("awkward", CORPUS, ids=lambda each: each.name)
def test_it_ends_as_it_is_written_down(awkward: Awkward, reading: ReadingProcess, tmp_path: Path) -> None:
    path = tmp_path / awkward.name
    path.write_bytes(awkward.make())
    if awkward.error:
        with pytest.raises(DocumentError, match=awkward.error) as caught:
            reading.read(path.name, path, awkward.asked)
        assert caught.value.where == str(path)
        assert caught.value.hint
    else:
        check(awkward, reading.read(path.name, path, awkward.asked))


def check(awkward: Awkward, document: Document) -> None:
    assert (document.kind, document.encoding) == (awkward.kind, awkward.encoding)
    if awkward.text is not None:
        assert document.text == awkward.text
    assert [piece for piece in awkward.holds if piece not in document.text] == []
    assert [piece for piece in awkward.lacks if piece in document.text] == []
    assert tuple((page.number, page.title) for page in document.pages) == awkward.pages
    assert tuple(each.code for each in document.warnings) == awkward.warned
    places = [place for page in document.pages for place in (page.start, page.end)]
    if places:
        assert (places[0], places[-1]) == (0, len(document.text))
        assert places[1:-1:2] == places[2::2]
