"""What a content really is, told from its bytes, and what is refused: anything active, locked, too large or unknown."""

import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pikepdf
from PIL import Image, ImageOps, UnidentifiedImageError

from dmp_core.errors import Invalid

LARGEST: Final = 10 * 1024 * 1024
"""Bytes of one document."""
MOST_PAGES: Final = 30
"""Pictures gathered into one document."""
_MOST_PIXELS: Final = 60_000_000
_LONG_SIDE: Final = 2400
"""Pixels: a page of paper stays readable at twice its size, and a phone's picture becomes a tenth of itself."""
_QUALITY: Final = 82

_KINDS: Final = (
    "Ce fichier n’est ni un PDF, ni une photo (JPEG ou PNG), ni un texte simple : enregistrez-le en PDF, puis "
    "ajoutez-le de nouveau."
)


class Format(StrEnum):
    """Formats of the record (DOMAIN 5.1), by their mime type."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"
    TEXT = "text/plain"
    CDA = "text/xml"
    """A structured document, of our own making or checked before it enters."""

    def format_code(self, type_code: str) -> str:
        """XDS formatCode of a document of this type: a structured one's is its model's."""
        if self is Format.CDA:
            return _MODELS[type_code]
        return _FORMAT_CODES[self]

    @property
    def suffix(self) -> str:
        """Of a file's name."""
        return {Format.PDF: "pdf", Format.JPEG: "jpg", Format.TEXT: "txt", Format.CDA: "xml"}[self]


_FORMAT_CODES: Final = {
    Format.PDF: "urn:ihe:iti:xds-sd:pdf:2008",
    Format.TEXT: "urn:ihe:iti:xds-sd:text:2008",
    Format.JPEG: "urn:ihe:iti-fr:xds-sd:jpeg:2010",
}
_MODELS: Final = {
    "SYNTH": "urn:asip:ci-sis:vsm:2012",
    "REMB": "urn:asip:ci-sis:cnam-hr:2016",  # by analogy with the VSM's: the model's own was not found
}


@dataclass(frozen=True, slots=True)
class Content:
    """A content that may enter the record."""

    data: bytes
    format: Format


def checked(files: list[bytes]) -> Content:
    """The content of one document: one file, or several pictures that become the pages of one PDF.

    A picture is drawn anew, upright, without what the camera wrote beside it (place, device). Raises Invalid, in one
    sentence, for what is empty, too large, unreadable, locked, active or of another kind.
    """
    if not files or not any(files):
        raise Invalid("Choisissez un fichier à ajouter : aucun n’a été reçu, ou il est vide.")
    if len(files) > MOST_PAGES:
        raise Invalid(f"Vous avez choisi {len(files)} photos : ajoutez-en {MOST_PAGES} au plus par document.")
    if sum(map(len, files)) > LARGEST:
        raise Invalid("Le fichier dépasse 10 Mo : réduisez-le, ou photographiez-le page par page.")
    if len(files) > 1:
        return Content(_as_pages([_picture(data) for data in files]), Format.PDF)
    (data,) = files
    if data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"%PDF-"):
        _require_quiet_pdf(data)
        return Content(data, Format.PDF)
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        return Content(_as_jpeg(_picture(data)), Format.JPEG)
    return Content(_plain_text(data), Format.TEXT)


def _require_quiet_pdf(data: bytes) -> None:
    """Raise Invalid unless the PDF opens without a password and can do nothing by itself."""
    try:
        with pikepdf.open(io.BytesIO(data)) as pdf:
            if not len(pdf.pages):
                raise Invalid("Ce PDF n’a aucune page : vérifiez le fichier choisi.")
            found = _active(pdf)
    except pikepdf.PasswordError:
        raise Invalid("Ce PDF est protégé par un mot de passe : enregistrez-le sans protection.") from None
    except (pikepdf.PdfError, ValueError, TypeError, RecursionError):
        raise Invalid("Ce PDF est abîmé et ne s’ouvre pas : enregistrez-le de nouveau.") from None
    if found:
        raise Invalid(
            "Ce PDF contient un programme ou un fichier joint : imprimez-le en PDF, puis ajoutez cette nouvelle version."
        )


_ACTIVE_KEYS: Final = frozenset({"/JS", "/JavaScript", "/AA", "/EmbeddedFiles", "/EmbeddedFile", "/XFA", "/RichMedia"})
_ACTIVE_ACTIONS: Final = frozenset(
    {"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/GoToR", "/GoToE", "/Rendition"}
)
_DEEPEST: Final = 60
_CARRIERS: Final = frozenset({"/RichMedia", "/FileAttachment"})


def _active(pdf: pikepdf.Pdf) -> bool:
    """Whether any object of the file would run, fetch, launch or carry something."""
    return any(_is_active(item) for listed in pdf.objects for item in _inside(listed))


def _inside(item: pikepdf.Object, depth: int = 0) -> Iterator[pikepdf.Object]:
    """The dictionaries of an object that the file does not list by themselves. Raises ValueError when they never end."""
    if depth > _DEEPEST:
        raise ValueError("too deep")
    if isinstance(item, pikepdf.Stream | pikepdf.Dictionary):
        yield item
        inner = [value for _, value in item.items()]
    elif isinstance(item, pikepdf.Array):
        inner = list(item)
    else:
        return
    for value in inner:
        # What has a number of its own is listed, and looked at there.
        if isinstance(value, pikepdf.Object) and not value.is_indirect:
            yield from _inside(value, depth + 1)


def _is_active(item: pikepdf.Object) -> bool:
    opening = item.get("/OpenAction")
    # A page to open at is no action; an action that goes to one is harmless.
    if isinstance(opening, pikepdf.Dictionary) and str(opening.get("/S", "")) != "/GoTo":
        return True
    return (
        not _ACTIVE_KEYS.isdisjoint(item.keys())
        or str(item.get("/S", "")) in _ACTIVE_ACTIONS
        or str(item.get("/Subtype", "")) in _CARRIERS
    )


def _picture(data: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise Invalid("Cette photo est trop grande : réduisez-la, puis ajoutez-la de nouveau.")
            upright = ImageOps.exif_transpose(opened)
            # Transparent parts of a PNG are the paper.
            flat = Image.new("RGB", upright.size, "white")
            flat.paste(upright.convert("RGBA"), mask=upright.convert("RGBA").getchannel("A"))
    except UnidentifiedImageError:
        raise Invalid(_KINDS) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Invalid("Cette photo est abîmée et ne s’ouvre pas : reprenez-la, ou enregistrez-la de nouveau.") from None
    flat.thumbnail((_LONG_SIDE, _LONG_SIDE))
    return flat


def _as_jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return out.getvalue()


def _as_pages(pictures: list[Image.Image]) -> bytes:
    out = io.BytesIO()
    first, *others = pictures
    first.save(out, "PDF", save_all=True, append_images=others, resolution=200, quality=_QUALITY)
    return out.getvalue()


def _plain_text(data: bytes) -> bytes:
    try:
        words = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(_KINDS) from None
    # A page of markup or a file of another kind has controls, or begins with a tag.
    if any(unicodedata.category(one) == "Cc" and one not in "\t\r\n\f" for one in words) or words.lstrip().startswith(
        "<"
    ):
        raise Invalid(_KINDS)
    return words.encode()
