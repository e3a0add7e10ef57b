"""Zipped documents: Word, PowerPoint, OpenDocument, EPUB, and zips that are made to harm."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def make_zip(parts: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive with these files, the same bytes every time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def relations(*pairs: tuple[str, str]) -> str:
    """A relationships file: (type, target), with the ids r1, r2 and so on."""
    rows = (
        f'<Relationship Id="r{number}" Type="{TYPES}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(pairs, 1)
    )
    return f"{HEAD}<Relationships {PACKAGE}>{''.join(rows)}</Relationships>"


def paragraph(text: str, style: str = "") -> str:
    """A paragraph of a Word document."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{properties}<w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def make_docx(body: str, *, footnotes: str = "", document: str = "") -> bytes:
    """A Word document; style `1` is its first heading, as Word calls it in Chinese and German, `H` is based on it."""
    styles = (
        f'{HEAD}<w:styles {W}><w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>'
        f'<w:style w:styleId="H"><w:name w:val="House"/><w:basedOn w:val="1"/></w:style>'
        f'<w:style w:styleId="T"><w:name w:val="TOC"/><w:basedOn w:val="1"/><w:outlineLvl w:val="9"/></w:style>'
        f'<w:style w:styleId="Z"><w:name w:val="Quote"/></w:style></w:styles>'
    )
    related = [("styles", "styles.xml"), *([("footnotes", "footnotes.xml")] if footnotes else [])]
    parts = {
        "[Content_Types].xml": HEAD + "<Types/>",
        "_rels/.rels": relations(("officeDocument", "word/document.xml")),
        "word/_rels/document.xml.rels": relations(*related),
        "word/styles.xml": styles,
        "word/document.xml": document or f"{HEAD}<w:document {W} {R}><w:body>{body}</w:body></w:document>",
    }
    if footnotes:
        parts["word/footnotes.xml"] = f"{HEAD}<w:footnotes {W}>{footnotes}</w:footnotes>"
    return make_zip(parts)


def make_pptx(slides: list[tuple[str, str, str]]) -> bytes:
    """A presentation: title, text and notes of each slide; its files are numbered against their order."""
    count = len(slides)
    numbers = [count - index for index in range(count)]
    order = "".join(f'<p:sldId id="{256 + index}" r:id="r{index + 1}"/>' for index in range(count))
    parts = {
        "[Content_Types].xml": HEAD + "<Types/>",
        "_rels/.rels": relations(("officeDocument", "ppt/presentation.xml")),
        "ppt/_rels/presentation.xml.rels": relations(*(("slide", f"slides/slide{number}.xml") for number in numbers)),
        "ppt/presentation.xml": f"{HEAD}<p:presentation {P} {R}><p:sldIdLst>{order}</p:sldIdLst></p:presentation>",
    }
    for number, (title, text, notes) in zip(numbers, slides, strict=True):
        shapes = shape("title", title) + shape("body", text) + shape("sldNum", str(number))
        parts[f"ppt/slides/slide{number}.xml"] = f"{HEAD}<p:sld {P} {A}>{shapes}</p:sld>"
        parts[f"ppt/slides/_rels/slide{number}.xml.rels"] = relations(("notesSlide", f"../notesSlides/n{number}.xml"))
        noted = shape("body", notes) + shape("sldNum", "9")
        parts[f"ppt/notesSlides/n{number}.xml"] = f"{HEAD}<p:notes {P} {A}>{noted}</p:notes>"
    return make_zip(parts)


X = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def make_xlsx(
    sheets: Mapping[str, str],
    *,
    shared: str = "",
    formats: str = "",
    styles: str = "",
    hidden: str = "",
    old: bool = False,
) -> bytes:
    """A workbook: the rows of each sheet; its files are numbered against their order.

    Args:
        sheets: `<row>` elements by the name of the sheet.
        shared: `<si>` elements, the texts that cells share.
        formats: `<numFmt>` elements.
        styles: `<xf>` elements of cells.
        hidden: the sheet that is not shown.
        old: days are counted from 1904.
    """
    count = len(sheets)
    numbers = [count - index for index in range(count)]
    states = {hidden: "hidden"}
    order = "".join(
        f'<sheet name="{name}" sheetId="{index}" r:id="r{index}" state="{states.get(name, "visible")}"/>'
        for index, name in enumerate(sheets, 1)
    )
    related = [("worksheet", f"worksheets/sheet{number}.xml") for number in numbers]
    related += [("sharedStrings", "sharedStrings.xml"), ("styles", "styles.xml")]
    year = '<workbookPr date1904="1"/>' if old else ""
    parts = {
        "[Content_Types].xml": HEAD + "<Types/>",
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/_rels/workbook.xml.rels": relations(*related),
        "xl/workbook.xml": f"{HEAD}<workbook {X} {R}>{year}<sheets>{order}</sheets></workbook>",
        "xl/sharedStrings.xml": f"{HEAD}<sst {X}>{shared}</sst>",
        "xl/styles.xml": f"{HEAD}<styleSheet {X}><numFmts>{formats}</numFmts>"
        f"<cellStyleXfs><xf numFmtId='14'/></cellStyleXfs><cellXfs>{styles}</cellXfs></styleSheet>",
    }
    for number, rows in zip(numbers, sheets.values(), strict=True):
        parts[f"xl/worksheets/sheet{number}.xml"] = f"{HEAD}<worksheet {X}><sheetData>{rows}</sheetData></worksheet>"
    return make_zip(parts)


def shape(kind: str, text: str) -> str:
    """A shape of a slide."""
    return (
        f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
        f"<p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
    )


def make_odt(body: str, *, manifest: str = "") -> bytes:
    """An OpenDocument text."""
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
                      for name in ("office", "text", "table"))  # fmt: skip
    content = f"{HEAD}<office:document-content {spaces}><office:body><office:text>{body}</office:text></office:body>"
    return make_zip(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": manifest or HEAD + "<manifest/>",
            "content.xml": content + "</office:document-content>",
        }
    )


def make_epub(
    chapters: Mapping[str, str | bytes], titles: list[str], *, extra: Mapping[str, str] | None = None
) -> bytes:
    """A book: files of its chapters in order, and their titles in its table of contents."""
    names = list(chapters)
    items = "".join(
        f'<item id="c{index}" href="text/{name}" media-type="application/xhtml+xml"/>'
        for index, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="c{index}"/>' for index in range(len(names)))
    points = "".join(
        f'<navPoint><navLabel><text>{title}</text></navLabel><content src="text/{name}#x"/></navPoint>'
        for name, title in zip(names, titles, strict=False)
    )
    ncx = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    return make_zip(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": f'{HEAD}<container><rootfile full-path="OEBPS/b.opf"/></container>',
            "OEBPS/b.opf": f"{HEAD}<package><manifest>{ncx}{items}</manifest><spine>{spine}</spine></package>",
            "OEBPS/toc.ncx": f"{HEAD}<ncx><navMap>{points}</navMap></ncx>",
            **{f"OEBPS/text/{name}": content for name, content in chapters.items()},
            **(extra or {}),
        }
    )


def make_bomb(megabytes: int) -> bytes:
    """A Word document whose text is this large and packs into next to nothing."""
    text = f"{HEAD}<w:document {W}><w:body><w:p><w:r><w:t>" + "A" * (megabytes << 20)
    return make_docx("", document=text + "</w:t></w:r></w:p></w:body></w:document>")


def make_liar(megabytes: int) -> bytes:
    """The same, with a directory that promises a few bytes."""
    data = bytearray(make_bomb(megabytes))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    return bytes(data)


def make_ole(stream: str) -> bytes:
    """The beginning of a file of old Office, with the name of a stream where its directory has it."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0") + stream.encode("utf-16-le").ljust(512, b"\0")
