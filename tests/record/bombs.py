"""Files made to swell, to loop or to run, each a few kilobytes or the ten megabytes that a document may have."""

import io
import zlib
from collections.abc import Callable
from typing import Final

import pikepdf
from PIL import Image

from .foreign import a_cda, around
from .samples import a_pdf, a_rtf, a_tiff

INS_C, AUTHOR = "1541187387477485562488", "810000000018"
_MEGABYTE: Final = 1024 * 1024


def a_swollen_pdf(tables: int, size: int) -> bytes:
    """A PDF of `tables` tables of objects, each of `size` bytes of numbers once inflated."""
    body = b"[" + b"[0 0 0 0 0 0 0 0 0]" * (size // 19) + b"]"
    out, places = io.BytesIO(), dict[int, int]()
    out.write(b"%PDF-1.7\n")

    def put(number: int, data: bytes) -> None:
        places[number] = out.tell()
        out.write(b"%d 0 obj\n" % number + data + b"\nendobj\n")

    held = b" ".join(b"%d 0 R" % (10 + each) for each in range(tables))
    put(1, b"<</Type/Catalog/Pages 2 0 R/Held [%s]>>" % held)
    put(2, b"<</Type/Pages/Kids[3 0 R]/Count 1>>")
    put(3, b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<<>>>>")
    within = {}
    for each in range(tables):
        head = b"%d 0 " % (10 + each)
        data = zlib.compress(head + body, 9)
        put(
            10 + tables + each,
            b"<</Type/ObjStm/N 1/First %d/Filter/FlateDecode/Length %d>>stream\n" % (len(head), len(data))
            + data + b"\nendstream",
        )  # fmt: skip
        within[10 + each] = 10 + tables + each
    at, last = out.tell(), 10 + 2 * tables
    rows = {0: bytes(7), last: b"\1" + at.to_bytes(4, "big") + bytes(2)}
    rows |= {number: b"\1" + place.to_bytes(4, "big") + bytes(2) for number, place in places.items()}
    rows |= {number: b"\2" + table.to_bytes(4, "big") + bytes(2) for number, table in within.items()}
    table = zlib.compress(b"".join(rows[number] for number in sorted(rows)))
    index = b" ".join(b"%d 1" % number for number in sorted(rows))
    put(
        last,
        b"<</Type/XRef/Size %d/W[1 4 2]/Index[%s]/Root 1 0 R/Filter/FlateDecode/Length %d>>stream\n"
        % (last + 1, index, len(table)) + table + b"\nendstream",
    )  # fmt: skip
    out.write(b"startxref\n%d\n%%%%EOF" % at)
    return out.getvalue()


def a_plain_pdf_of_numbers() -> bytes:
    """Ten megabytes of arrays that nothing compresses, each a hundred times its size in memory."""
    made = pikepdf.new()
    made.add_blank_page()
    out = io.BytesIO()
    made.save(out)
    data = out.getvalue()
    return data.replace(b"/Type /Catalog", b"/Type /Catalog /Held [%s]" % (b"[0 0 0 0 0 0 0 0 0]" * 520_000), 1)


def a_picture(kind: str, size: tuple[int, int], **how: object) -> bytes:
    """One colour: nothing once compressed."""
    out = io.BytesIO()
    Image.new("1" if kind == "TIFF" else "L", size).save(out, kind, **how)
    return out.getvalue()


def _of_pixels(kind: str, **how: object) -> Callable[[], bytes]:
    """A small picture that says it is 65,500 pixels a side."""

    def make() -> bytes:
        data = a_picture(kind, (64, 64), **how)
        if kind == "JPEG":
            at = next(data.index(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in data)
            return data[: at + 5] + (65_500).to_bytes(2, "big") * 2 + data[at + 9 :]
        if kind == "PNG":
            head = b"IHDR" + (65_500).to_bytes(4, "big") * 2 + data[24:29]
            return data[:12] + head + zlib.crc32(head).to_bytes(4, "big") + data[33:]
        return data

    return make


def _cda(**parts: object) -> Callable[[], bytes]:
    return lambda: a_cda(INS_C, AUTHOR, **parts)


def _laughs(levels: int = 10) -> str:
    names = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(levels))
    return f"<!DOCTYPE ClinicalDocument [{names}]>"


BOMBS: Final[dict[str, Callable[[], bytes]]] = {
    "PDF: one table of 50 MB": lambda: a_swollen_pdf(1, 50 * _MEGABYTE),
    "PDF: a hundred tables of 3 MB": lambda: a_swollen_pdf(100, 3 * _MEGABYTE),
    "PDF: 10 MB of numbers": a_plain_pdf_of_numbers,
    "PDF: nested for ever": lambda: a_pdf(Held=pikepdf.Object.parse(b"[" * 400 + b"]" * 400)),
    "JPEG: 65,500 pixels a side": _of_pixels("JPEG"),
    "JPEG: progressive, 7,700 pixels a side": lambda: a_picture("JPEG", (7_700, 7_700), progressive=True, quality=1),
    "PNG: 65,500 pixels a side": _of_pixels("PNG"),
    "PNG: 7,000 pixels a side": lambda: a_picture("PNG", (7_000, 7_000)),
    "TIFF: 30,000 pixels a side": lambda: a_picture("TIFF", (30_000, 30_000), compression="group4"),
    "TIFF: thirty-one pages": lambda: a_tiff(31, (16, 16)),
    "TIFF: ten pages of 6,000": lambda: a_tiff(10, (6_000, 6_000)),
    "CDA: billion laughs": _cda(begin=_laughs(), more="<paragraph>&e9;</paragraph>"),
    "CDA: laughs in an attribute": _cda(begin=_laughs(), title="&e9;"),
    "CDA: entity of a file": _cda(
        begin='<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', more="<paragraph>&x;</paragraph>"
    ),
    "CDA: entity of a site": _cda(begin='<!DOCTYPE a SYSTEM "http://169.254.169.254/a.dtd">'),
    "CDA: 10 MB of tags": _cda(more="<br/>" * 2_000_000),
    "CDA: 10 MB of comments": _cda(more="<!---->" * 1_400_000),
    "CDA: one tag of 10 MB": lambda: a_cda(INS_C, AUTHOR, more="<br " + " ".join(f'a{n}=""' for n in range(600_000)) + "/>"),
    "CDA: nested for ever": _cda(more="<content>" * 500_000),
    "CDA: around a swollen PDF": lambda: a_cda(INS_C, AUTHOR, **around(a_swollen_pdf(1, 50 * _MEGABYTE))),
    "CDA: around a picture of 65,500": lambda: a_cda(INS_C, AUTHOR, **around(_of_pixels("JPEG")(), "image/jpeg")),
    "RTF: 10 MB of braces": lambda: b"{\\rtf1" + b"{" * 5_000_000 + b"}" * 5_000_001,
    "RTF: 10 MB of fields": lambda: b"{\\rtf1" + b"{\\field{\\*\\fldinst PAGE}}" * 400_000 + b"}",
    "RTF: an object": lambda: a_rtf(r"{\object\objemb{\*\objdata 0105}}"),
    "text: 10 MB of controls": lambda: b"\x01" * 10_000_000,
    "ZIP": lambda: b"PK\x03\x04" + b"\0" * 1000,
}  # fmt: skip
