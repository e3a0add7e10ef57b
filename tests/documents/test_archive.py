"""Zipped documents within their limits, each of which is named where it is met, and can be raised."""

from __future__ import annotations

from functools import cache

import pytest

from llmlab.documents.archive import Archive
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.errors import DocumentError
from tests.documents.awkward.zipped import make_bomb, make_docx, paragraph

TEXT = "word/document.xml"


@cache
def bomb() -> bytes:
    """More than may be unpacked whatever the ratio, of next to nothing."""
    return make_bomb(70)


def read(data: bytes, limits: ReadingLimits) -> int:
    return len(Archive(data, "Word", limits).read(TEXT))


def test_what_grows_too_much_names_the_ratio_and_is_read_where_that_is_raised() -> None:
    with pytest.raises(DocumentError, match="zip bomb") as caught:
        read(bomb(), ReadingLimits())
    assert "Raise unpack_ratio under [documents]" in caught.value.hint
    assert read(bomb(), ReadingLimits(unpack_ratio=10_000)) > 70 << 20


def test_what_is_too_large_names_the_size() -> None:
    data = make_docx(paragraph("x" * (3 << 20)))
    with pytest.raises(DocumentError) as caught:
        read(data, ReadingLimits(file_mb=2))
    assert "Raise file_mb under [documents]" in caught.value.hint
    assert read(data, ReadingLimits(file_mb=4)) > 3 << 20


def test_too_many_files_are_named() -> None:
    data = make_docx(paragraph("x"))
    with pytest.raises(DocumentError, match="more than 4 files") as caught:
        read(data, ReadingLimits(zip_files=4))
    assert "Raise zip_files under [documents]" in caught.value.hint
    assert read(data, ReadingLimits(zip_files=5))


def test_what_is_read_twice_counts_once() -> None:
    archive = Archive(make_docx(paragraph("x" * (3 << 20))), "Word", ReadingLimits(file_mb=4))
    assert archive.read(TEXT) == archive.read(TEXT)
