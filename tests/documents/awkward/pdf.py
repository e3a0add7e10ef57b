"""PDF files, written object by object."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


class Pdf:
    """Objects and how they are put into a file."""

    def __init__(self) -> None:
        self.objects: list[bytes] = []
        self._key = b""
        self._trailer = b""

    def add(self, body: bytes) -> int:
        """Add an object; its number."""
        self.objects.append(body)
        return len(self.objects)

    def stream(self, data: bytes, extra: bytes = b"") -> int:
        """Add a stream; its number."""
        packed = zlib.compress(data)
        if self._key:
            packed = _rc4(_object_key(self._key, len(self.objects) + 1), packed)
        head = b"<< /Length %d /Filter /FlateDecode %s >>" % (len(packed), extra)
        return self.add(head + b"\nstream\n" + packed + b"\nendstream")

    def encrypt(self, password: str) -> None:
        """Protect what is added from now on (revision 2, 40 bits; what every reader understands)."""
        padded = (password.encode() + _PADDING)[:32]
        owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
        identity = b"0123456789abcdef"
        rights = (-4 & 0xFFFFFFFF).to_bytes(4, "little")
        self._key = hashlib.md5(padded + owner + rights + identity).digest()[:5]
        user = _rc4(self._key, _PADDING)
        number = self.add(b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (_hex(owner), _hex(user)))
        self._trailer = b"/Encrypt %d 0 R /ID [<%s> <%s>]" % (number, _hex(identity), _hex(identity))

    def file(self, root: int, *, table: bool = True) -> bytes:
        """The whole file; without its `table` of objects a reader has to look for them."""
        out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        places = []
        for number, body in enumerate(self.objects, 1):
            places.append(len(out))
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start = len(out)
        if table:
            out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
            out += b"".join(b"%010d 00000 n \n" % place for place in places)
        else:
            start = 999_999
        out += b"trailer\n<< /Size %d /Root %d 0 R %s >>\n" % (len(places) + 1, root, self._trailer)
        return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def make_pdf(
    pages: Sequence[str | None], *, password: str = "", table: bool = True, labels: bytes = b"", pictures: bool = True
) -> bytes:
    """A file with these pages; `None` is a page that is a picture. Text may be of any script."""
    pdf = Pdf()
    if password:
        pdf.encrypt(password)
    letters = sorted(set("".join(page or "" for page in pages)))
    codes = {letter: number for number, letter in enumerate(letters, 1)}
    font = _font(pdf, codes)
    picture = pdf.stream(b"\x80" * 64 * 64, b"/Type /XObject /Subtype /Image /Width 64 /Height 64"
                         b" /ColorSpace /DeviceGray /BitsPerComponent 8")  # fmt: skip
    parent = len(pdf.objects) + 2 * len(pages) + 1
    kids = []
    for page in pages:
        drawn = _draw(page, codes) if page is not None else b"q 500 0 0 700 50 50 cm /P Do Q" if pictures else b""
        content = pdf.stream(drawn)
        resources = b"<< /Font << /F %d 0 R >> /XObject << /P %d 0 R >> >>" % (font, picture)
        kids.append(
            pdf.add(
                b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 600 800] /Resources %s /Contents %d 0 R >>"
                % (parent, resources, content)
            )
        )
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    tree = pdf.add(b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, len(kids)))
    assert tree == parent
    root = pdf.add(b"<< /Type /Catalog /Pages %d 0 R %s >>" % (tree, labels))
    return pdf.file(root, table=table)


def _font(pdf: Pdf, codes: dict[str, int]) -> int:
    """A font of no file whose codes are explained by a table, as in PDFs that office programs write."""
    rows = b"".join(b"<%04x> <%s>\n" % (code, _hex(letter.encode("utf-16-be"))) for letter, code in codes.items())
    table = pdf.stream(
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n"
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        b"%d beginbfchar\n%sendbfchar\nendcmap end end" % (len(codes), rows)
    )
    descriptor = pdf.add(
        b"<< /Type /FontDescriptor /FontName /F /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 800"
        b" /Descent -200 /CapHeight 700 /StemV 80 >>"
    )
    child = pdf.add(
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /F /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity)"
        b" /Supplement 0 >> /FontDescriptor %d 0 R /DW 1000 >>" % descriptor
    )
    return pdf.add(
        b"<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding /Identity-H /DescendantFonts [%d 0 R]"
        b" /ToUnicode %d 0 R >>" % (child, table)
    )


def _draw(page: str, codes: dict[str, int]) -> bytes:
    lines = b" 0 -20 Td ".join(
        b"<%s> Tj" % b"".join(b"%04x" % codes[letter] for letter in line) for line in page.split("\n")
    )
    return b"BT /F 12 Tf 40 740 Td %s ET" % lines


def _hex(data: bytes) -> bytes:
    return data.hex().encode()


def _object_key(key: bytes, number: int) -> bytes:
    return hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[: len(key) + 5]


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
