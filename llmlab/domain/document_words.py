"""Places of a document in words that a person can look up."""

from __future__ import annotations

from llmlab.domain.document import Document, Page, Unit
from llmlab.domain.terminal import visible_line
from llmlab.words import say


def place_in_words(document: Document, offset: int) -> str:
    """Where a character is: page or chapter, line, and how far into the text."""
    page = document.page_at(offset)
    parts: list[str] = [_page_in_words(page, document.unit)] if page is not None else []
    row = document.row_at(offset)
    parts.append(
        say("line {number:,}", number=document.line_at(offset)) if row is None else say("row {number:,}", number=row)
    )
    if document.text:
        parts.append(f"{offset / len(document.text):.0%}")
    return " · ".join(filter(None, parts))


def _page_in_words(page: Page, unit: Unit) -> str:
    """A page, with its printed label; a chapter and the like by its title; nothing for what precedes the first."""
    if unit in ("page", ""):
        if page.title:
            return say("page {number:,} ({label})", number=page.number, label=visible_line(page.title))
        return say("page {number:,}", number=page.number)
    if page.title or not page.number:
        return visible_line(page.title)
    texts: dict[Unit, str] = {
        "slide": say("slide {number:,}", number=page.number),
        "sheet": say("sheet {number:,}", number=page.number),
        "section": say("section {number:,}", number=page.number),
    }
    return texts.get(unit, say("chapter {number:,}", number=page.number))
