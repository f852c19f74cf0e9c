"""What a content really is, told from its bytes, and what is refused: anything active, locked, too large or unknown.

Formats that a library must open (PDF, pictures) are looked at in another process (`examiner`): what is made to break such a
library breaks that one, within its memory, away from the keys and the database.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dmp_core.errors import Invalid
from dmp_core.record.examiner import examined
from dmp_core.record.rtf import require_quiet_rtf

LARGEST: Final = 10 * 1024 * 1024
"""Bytes of one document."""
MOST_PAGES: Final = 30
"""Pictures gathered into one document."""

_KINDS: Final = (
    "Ce fichier n’est ni un PDF, ni une image (JPEG, PNG ou TIFF), ni un RTF, ni un texte simple : enregistrez-le en "
    "PDF, puis ajoutez-le de nouveau."
)
_TOO_LARGE: Final = "Le fichier dépasse 10 Mo : réduisez-le, ou photographiez-le page par page."


class Format(StrEnum):
    """Formats of the record (DOMAIN 5.1), by their mime type."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"
    RTF = "text/rtf"
    TEXT = "text/plain"
    CDA = "text/xml"
    """A CDA R2, structured or around one body, of our own making or checked before it enters (`cda_check`)."""

    @property
    def suffix(self) -> str:
        """Of a file's name."""
        return _SUFFIXES[self]


_SUFFIXES: Final = {
    Format.PDF: "pdf", Format.JPEG: "jpg", Format.TIFF: "tif", Format.RTF: "rtf", Format.TEXT: "txt", Format.CDA: "xml",
}  # fmt: skip
VSM: Final = "urn:asip:ci-sis:vsm:2012"
REIMBURSEMENTS: Final = "urn:asip:ci-sis:cnam-hr:2016"  # by analogy with the VSM's: the model's own was not found
LABORATORY: Final = "urn:ihe:lab:xd-lab:2008"
FORMAT_CODES: Final = {
    Format.PDF: "urn:ihe:iti:xds-sd:pdf:2008",
    Format.TEXT: "urn:ihe:iti:xds-sd:text:2008",
    Format.RTF: "urn:ihe:iti-fr:xds-sd:rtf:2010",
    Format.JPEG: "urn:ihe:iti-fr:xds-sd:jpeg:2010",
    Format.TIFF: "urn:ihe:iti-fr:xds-sd:tiff:2010",
}
"""XDS formatCode of what is no structured document, or is the body of one."""
MODELS: Final = {
    "1.2.250.1.213.1.1.1.13": VSM,
    "1.2.250.1.213.1.1.1.36": REIMBURSEMENTS,
    "1.3.6.1.4.1.19376.1.3.3": LABORATORY,
}
"""XDS formatCode of structured documents, by the templateId of their model."""


@dataclass(frozen=True, slots=True)
class Content:
    """A content that may enter the record."""

    data: bytes
    format: Format
    model: str = ""
    """formatCode of a CDA; any other content has its format's."""

    @property
    def format_code(self) -> str:
        """As XDS writes it."""
        return self.model or FORMAT_CODES[self.format]


def checked(files: list[bytes]) -> Content:
    """The content of one document: one file, or several pictures that become the pages of one PDF.

    A picture is drawn anew, upright, without what the camera wrote beside it (place, device); the pages of a TIFF become
    those of a PDF. Raises Invalid, in one sentence, for what is empty, too large, unreadable, locked, active or of another
    kind.
    """
    if not files or not any(files):
        raise Invalid("Choisissez un fichier à ajouter : aucun n’a été reçu, ou il est vide.")
    if len(files) > MOST_PAGES:
        raise Invalid(f"Vous avez choisi {len(files)} photos : ajoutez-en {MOST_PAGES} au plus par document.")
    if sum(map(len, files)) > LARGEST:
        raise Invalid(_TOO_LARGE)
    if len(files) > 1:
        return Content(examined("pages", files), Format.PDF)
    (data,) = files
    match _seen(data):
        case Format.TIFF:
            return Content(examined("pages", [data]), Format.PDF)
        case Format.JPEG:
            return Content(examined("photo", [data]), Format.JPEG)
        case Format.TEXT:
            return Content(_plain_text(data), Format.TEXT)
        case kind:
            require_quiet(data, kind)
            return Content(data, kind)


def as_sent(data: bytes) -> Content:
    """The content of one document of a professional, kept to the byte: an image is their finding, and is not drawn anew.

    A PNG, which the record has no format for, is. Raises Invalid.
    """
    if not data or data.startswith(b"\x89PNG"):
        return checked([data])
    kind = _seen(data)
    if kind is Format.TEXT:
        return checked([data])
    require_quiet(data, kind)
    return Content(data, kind)


def require_quiet(data: bytes, kind: Format) -> None:
    """Raise Invalid unless `data` is of this kind, whole, of a modest size, and can do nothing by itself."""
    if len(data) > LARGEST:
        raise Invalid(_TOO_LARGE)
    if not data or _seen(data) is not kind or (kind is Format.JPEG and not data.startswith(b"\xff\xd8\xff")):
        raise Invalid("Le contenu n’est pas du format annoncé : enregistrez-le de nouveau.")
    match kind:
        case Format.PDF:
            examined("quiet_pdf", [data])
        case Format.JPEG | Format.TIFF:
            examined("whole_picture", [data])
        case Format.RTF:
            require_quiet_rtf(data)
        case _:
            _plain_text(data)


def pages_of(data: bytes) -> bytes:
    """The pages of a TIFF as a PDF, which every browser shows. Raises Invalid."""
    return examined("pages", [data])


def _seen(data: bytes) -> Format:
    """The format that the first bytes announce; text for whatever announces nothing."""
    if data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"%PDF-"):
        return Format.PDF
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        return Format.JPEG
    if data.startswith((b"II*\0", b"MM\0*")):
        return Format.TIFF
    return Format.RTF if data.startswith(b"{\\rt") else Format.TEXT


def _plain_text(data: bytes) -> bytes:
    try:
        words = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(_KINDS) from None
    # A page of markup or a file of another kind has controls, or begins with a tag.
    if any(unicodedata.category(one) == "Cc" and one not in "\t\r\n\f" for one in set(words)) or (
        words.lstrip().startswith("<")
    ):
        raise Invalid(_KINDS)
    return words.encode()
