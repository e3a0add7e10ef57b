"""What a file is: by what it begins with, and by its name where it could be any text."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

from llmlab.documents.archive import Archive
from llmlab.domain.reading_limits import ReadingLimits
from llmlab.errors import DocumentError
from llmlab.words import say


def names(listed: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(listed.split())


_BY_NAME: Final = {
    **dict.fromkeys(names("md markdown mdown mkd qmd rmd"), "markdown"),
    **dict.fromkeys(names("html htm xhtml xht"), "html"),
    **dict.fromkeys(names("csv tsv tab"), "csv"),
    **dict.fromkeys(names("json jsonl ndjson geojson ipynb"), "json"),
    **dict.fromkeys(
        names(
            "py pyi pyx c h cc cpp cxx hpp hh cs java kt kts scala go rs swift m mm js jsx mjs cjs ts tsx vue svelte"
            " rb php pl pm lua r jl hs ml mli ex exs erl clj cljs lisp el scm dart groovy gradle sh bash zsh fish ps1"
            " bat cmd sql toml yaml yml ini cfg conf xml xsl svg css scss sass less proto graphql tf nix cmake mk asm s"
            " v vhd f90 f pas tcl awk diff patch"
        ),
        "code",
    ),
}
"""Kinds of plain text by the end of the name."""
_NAMES: Final = {"makefile": "code", "dockerfile": "code", "cmakelists.txt": "code"}
_OFFICE: Final = {
    "docx": "docx docm dotx dotm",
    "pptx": "pptx pptm ppsx potx",
    "xlsx": "xlsx xlsm xltx xltm",
    "odt": "odt ott",
    "epub": "epub",
}
FORMATS: Final = {end: kind for kind, ends in _OFFICE.items() for end in ends.split()} | {"pdf": "pdf", "rtf": "rtf"}
"""Kinds that are no plain text, by the end of the name."""
TITLES: Final = {
    "docx": "Word", "pptx": "PowerPoint", "xlsx": "Excel", "odt": "OpenDocument", "epub": "EPUB", "pdf": "PDF",
    "rtf": "RTF",
}  # fmt: skip
"""How people call the formats."""

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def extension_of(name: str) -> str:
    """The end of a file's name, in lower case, without its dot."""
    return PurePath(name).suffix.lower().lstrip(".")


def kind_of(name: str, data: bytes, limits: ReadingLimits) -> str:
    """What the file is read as: a kind of `FORMATS`, or of plain text.

    Args:
        name: the file's name.
        data: its content.
        limits: what it may unpack to.

    Raises:
        DocumentError: it is something that cannot be read.
    """
    if _is_pdf(name, data):
        return "pdf"
    if data.lstrip()[:5] == b"{\\rtf":
        return "rtf"
    if data.startswith(b"PK\x03\x04"):
        return _zipped(name, data, limits)
    if data.startswith(_OLE):
        raise _old_office(data)
    for signature, at, what in _signatures():
        if data[at : at + len(signature)] == signature and not _is_text(data):
            raise DocumentError(say("This is no text but {what}.", what=what), hint=say("Only text can be read."))
    end = extension_of(name)
    if end in FORMATS and end != "rtf":
        title = TITLES[FORMATS[end]]
        if _is_text(data):
            return "html" if _is_page(data) else "text"
        raise DocumentError(
            say("The file is named {end} and is no {title} file.", end="." + end, title=title),
            hint=say("It may be damaged, or only partly copied: get it again."),
        )
    by_name = _NAMES.get(name.lower(), _BY_NAME.get(end, ""))
    if by_name:
        return by_name
    return "html" if _is_page(data) else "text"


def _is_pdf(name: str, data: bytes) -> bool:
    """Whether it is a PDF, in front of which some programs put something; a text that speaks of them is none."""
    before, found, _ = data[:1024].partition(b"%PDF-")
    return bool(found) and (extension_of(name) == "pdf" or not _is_text(before.strip(b"\xef\xbb\xbf \t\r\n")))


def _is_page(data: bytes) -> bool:
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html"))


def _is_text(data: bytes) -> bool:
    head = data[:4096]
    return bool(head) and 0 not in head and all(byte >= 32 or byte in b"\t\n\r\f\x1b" for byte in head)


def _zipped(name: str, data: bytes, limits: ReadingLimits) -> str:
    """What kind of zipped document it is."""
    archive = Archive(data, TITLES.get(FORMATS.get(extension_of(name), ""), "ZIP"), limits)
    mimetype = archive.read("mimetype").strip() if "mimetype" in archive else b""
    if mimetype == b"application/epub+zip" or "META-INF/container.xml" in archive:
        return "epub"
    if mimetype.startswith(b"application/vnd.oasis.opendocument.text"):
        return "odt"
    binary = "xl/workbook.bin" in archive
    for folder, kind in (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx")):
        office = "[Content_Types].xml" in archive and any(each.startswith(folder) for each in archive.names)
        if office and not binary:
            return kind
    if "content.xml" in archive and extension_of(name) == "odt":
        return "odt"
    sheet = any(each.startswith("xl/") for each in archive.names) or mimetype.endswith(b"opendocument.spreadsheet")
    what = say("a spreadsheet") if sheet else say("a zip archive")
    advice = say("Save it as .xlsx or CSV, and read that.") if sheet else say("Unpack it, and read the files in it.")
    raise DocumentError(say("This is no text but {what}.", what=what), hint=advice)


def _old_office(data: bytes) -> DocumentError:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return DocumentError(
            say("The {kind} file is encrypted, so nothing of it can be read.", kind="Office"),
            hint=say("Open it with its password in the program that made it, and save it without one."),
        )
    return DocumentError(
        say("This is a file of an Office before 2007, which cannot be read."),
        hint=say("Save it as .docx, .pptx, .xlsx or .pdf first."),
    )


def _signatures() -> tuple[tuple[bytes, int, str], ...]:
    """What other files begin with: bytes, offset, and what they are."""
    picture, archive = say("a picture"), say("a compressed archive")
    sound, program = say("sound or video"), say("a program")
    return (
        *((signature, 0, picture) for signature in (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")),
        (b"WEBP", 8, picture),
        *((signature, 0, archive) for signature in (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!\x1a")),
        (b"\x28\xb5\x2f\xfd", 0, archive),
        (b"ustar", 257, archive),
        *((signature, 0, sound) for signature in (b"ID3", b"OggS", b"fLaC", b"RIFF", b"\x1aE\xdf\xa3")),
        (b"ftyp", 4, sound),
        *((signature, 0, program) for signature in (b"\x7fELF", b"MZ\x90\0", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")),
        (b"GGUF", 0, say("a model in GGUF format")),
        (b"SQLite format 3\0", 0, say("a database")),
    )
