"""PDF: the text of its pages, by PDFium."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from llmlab.documents.problems import damaged, locked, without_text
from llmlab.documents.scribe import Scribe, plain_lines
from llmlab.domain.document import Remark, remark
from llmlab.words import say

_HYPHEN: Final = re.compile("[\ufffe\x02]\r?\n?")
"""How PDFium marks a word that a hyphen divides between two lines."""
_FEW: Final = 0.2
"""Share of characters without meaning above which a person is told."""


def read_pdf(data: bytes, scribe: Scribe, progress: Callable[[float], None]) -> tuple[Remark, ...]:
    """Write the text of the pages on `scribe`.

    Args:
        data: the whole file.
        scribe: takes it down.
        progress: called with the share that is read, 0 to 1.

    Raises:
        DocumentError: it is damaged, encrypted, without any text, or too long.
    """
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        document = PdfDocument(data)
        count = len(document)
    except PdfiumError as error:
        said = str(error)
        if "assword" in said or "ecurity" in said:
            raise locked("PDF") from None
        raise damaged("PDF", "") from None
    if not count:
        raise damaged("PDF", say("it has no pages"))
    silent = broken = 0
    for index in range(count):
        scribe.line()
        scribe.turn(_label(document, index), index + 1)
        try:
            text = _text_of(document, index)
        except PdfiumError:
            broken += 1
        else:
            silent += not text.strip()
            scribe.write(text.strip("\n"))
        progress((index + 1) / count)
    if silent + broken == count:
        raise damaged("PDF", say("none of its pages can be read")) if broken else without_text("PDF")
    remarks = []
    if silent:
        remarks.append(remark("silent_pages", count=silent, all=count))
    if broken:
        remarks.append(remark("broken_pages", count=broken, all=count))
    return tuple(remarks)


def unreadable(text: str) -> bool:
    """Whether so many characters mean nothing that the fonts of the file cannot say which letters they draw."""
    odd = sum(1 for character in text if character == "\ufffd" or "\ue000" <= character <= "\uf8ff")
    return odd > len(text) * _FEW


def _text_of(document: Any, index: int) -> str:
    page = document[index]
    try:
        textpage = page.get_textpage()
        try:
            said: str = textpage.get_text_range()
        finally:
            textpage.close()
    finally:
        page.close()
    return plain_lines(_HYPHEN.sub("", said))


def _label(document: Any, index: int) -> str:
    """What is printed on the page as its number, when that is another one."""
    label: str = document.get_page_label(index) or ""
    return "" if label == str(index + 1) else label[:40]
