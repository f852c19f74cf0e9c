"""Files of every kind, harmless and not, made on the spot."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pikepdf
from docx import Document
from PIL import Image


def a_pdf(change: Callable[[pikepdf.Pdf], None] | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        if change:
            change(pdf)
        pdf.save(out, **options)
    return out.getvalue()


def an_image(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("1" if size[0] > 1000 else "RGB", size).save(out, kind)
    return out.getvalue()


def a_docx(**parts: bytes) -> bytes:
    """A real document, with more parts in it when asked: "a__b" stands for "a/b"."""
    out = io.BytesIO()
    document = Document()
    document.add_paragraph("Bonjour.")
    document.save(out)
    with zipfile.ZipFile(out, "a") as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def a_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("document.txt", "bonjour")
    return out.getvalue()


def relations(target: str, kind: str) -> bytes:
    return (
        '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" '
        f'Target="{target}" TargetMode="External"/></Relationships>'
    ).encode()
