"""What a file sent with a case really is, whatever its name says; anything that could act by itself is refused."""

import io
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pikepdf
import puremagic
from lxml import etree  # type: ignore[import-untyped]
from PIL import Image

from backoffice.core.errors import Invalid

LARGEST: Final = 10 * 1024**2
"""Bytes of one file: a scanned form of some twenty pages."""
MOST_PIXELS: Final = 80_000_000
_MOST_OBJECTS: Final = 200_000
_DEEPEST: Final = 30
_MOST_PARTS: Final = 2000
_LARGEST_UNPACKED: Final = 100 * 1024**2

_DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_KNOWN: Final = "Sont acceptés : PDF, JPEG, PNG, TIFF, Word (.docx) et texte."
_ACTIVE: Final = "Ce fichier contient un programme ou une action automatique : imprimez-le en PDF, ou numérisez-le."
_UNREADABLE: Final = "Ce fichier est abîmé ou incomplet : ouvrez-le sur votre poste pour le vérifier, puis recommencez."
_TOO_FINE: Final = "Cette image est trop grande : numérisez-la en moins fin (200 points par pouce suffisent)."
_TOO_DEEP: Final = "Ce PDF est trop compliqué : imprimez-le en PDF, ou numérisez-le."
_PDF_ACTIONS: Final = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/SubmitForm",
        "/ImportData",
        "/GoToE",
        "/RichMediaExecute",
        "/Rendition",
        "/Movie",
        "/Sound",
    }
)
_PDF_KEYS: Final = frozenset({"/JS", "/JavaScript", "/AA", "/XFA", "/EmbeddedFiles", "/RichMediaContent"})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that is taken."""

    media_type: str
    label: str
    suffix: str


@dataclass(frozen=True, slots=True)
class _Taken:
    kind: Kind
    check: Callable[[bytes], None]


def kind_of_file(content: bytes) -> Kind:
    """What the content is. Raises Invalid, with what to do, for anything else, too large, damaged or active."""
    if not content:
        raise Invalid("Ce fichier est vide.")
    if len(content) > LARGEST:
        raise Invalid(f"Ce fichier dépasse {LARGEST // 1024**2} Mo : numérisez-le en moins fin, ou en plusieurs fois.")
    found = _sniffed(content)
    taken = next((one for media_type, one in _TAKEN.items() if media_type in found), None)
    if taken is None:
        raise Invalid(f"Ce type de fichier n’est pas accepté. {_KNOWN}")
    taken.check(content)
    return taken.kind


def kind_named(media_type: str) -> Kind:
    """The kind of a file already taken."""
    return _TAKEN[media_type].kind


def _sniffed(content: bytes) -> set[str]:
    try:
        return {match.mime_type for match in puremagic.magic_string(content)}
    except puremagic.PureError:
        # Nothing that begins like a known format: text, or something unknown.
        return {"text/plain"}


def _check_text(content: bytes) -> None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Invalid(f"Ce type de fichier n’est pas accepté. {_KNOWN}") from None
    if any(letter < " " and letter not in "\t\r\n\f" for letter in text):
        raise Invalid(f"Ce type de fichier n’est pas accepté. {_KNOWN}")


def _check_image(content: bytes) -> None:
    try:
        with (
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "TIFF")) as image,
        ):
            if image.width * image.height > MOST_PIXELS:
                raise Invalid(_TOO_FINE)
            image.verify()
    except Image.DecompressionBombError:
        raise Invalid(_TOO_FINE) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise Invalid(_UNREADABLE) from error


def _check_pdf(content: bytes) -> None:
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            if not len(pdf.pages):
                raise Invalid("Ce PDF n’a aucune page.")
            if len(pdf.objects) > _MOST_OBJECTS:
                raise Invalid(_TOO_DEEP)
            for one in pdf.objects:
                _refuse_actions(one)
    except pikepdf.PasswordError:
        raise Invalid("Ce PDF est protégé par un mot de passe : enregistrez-le sans protection.") from None
    except pikepdf.PdfError as error:
        raise Invalid(_UNREADABLE) from error


def _refuse_actions(one: Any, depth: int = 0) -> None:
    """Refuse whatever a reader would run by itself; indirect objects are each looked at in their turn."""
    if depth > _DEEPEST:
        raise Invalid(_TOO_DEEP)
    if isinstance(one, pikepdf.Stream):
        one = one.stream_dict
    if isinstance(one, pikepdf.Dictionary):
        action = one.get("/S")
        if _PDF_KEYS.intersection(one.keys()) or (isinstance(action, pikepdf.Name) and str(action) in _PDF_ACTIONS):
            raise Invalid(_ACTIVE)
        inner = [one[name] for name in one.keys()]  # noqa: SIM118 - iterating over it gives something else
    elif isinstance(one, pikepdf.Array):
        inner = list(one)
    else:
        return
    for value in inner:
        if isinstance(value, pikepdf.Object) and not value.is_indirect:
            _refuse_actions(value, depth + 1)


def _check_docx(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            names = parts.namelist()
            if "word/document.xml" not in names or len(names) > _MOST_PARTS:
                raise Invalid(f"Ce type de fichier n’est pas accepté. {_KNOWN}")
            if sum(part.file_size for part in parts.infolist()) > _LARGEST_UNPACKED:
                raise Invalid("Ce document est trop grand une fois ouvert : enregistrez-le en PDF.")
            lowered = [name.lower() for name in names]
            if any("vbaproject" in name or "activex" in name or "/embeddings/" in name for name in lowered):
                raise Invalid(_ACTIVE)
            for name in names:
                if name.endswith(".rels"):
                    _refuse_outside(parts.read(name))
    except (zipfile.BadZipFile, OSError, etree.XMLSyntaxError, NotImplementedError, RuntimeError) as error:
        raise Invalid(_UNREADABLE) from error


def _refuse_outside(relations: bytes) -> None:
    """A part that lies elsewhere, such as a template on a server, is fetched when the document is opened; a link is not."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    for relation in etree.fromstring(relations, parser):
        if relation.get("TargetMode") == "External" and not relation.get("Type", "").endswith("/hyperlink"):
            raise Invalid(_ACTIVE)


_TAKEN: Final[dict[str, _Taken]] = {
    kind.media_type: _Taken(kind, check)
    for kind, check in (
        (Kind("application/pdf", "PDF", ".pdf"), _check_pdf),
        (Kind("image/jpeg", "image JPEG", ".jpg"), _check_image),
        (Kind("image/png", "image PNG", ".png"), _check_image),
        (Kind("image/tiff", "image TIFF", ".tif"), _check_image),
        (Kind(_DOCX, "document Word", ".docx"), _check_docx),
        (Kind("text/plain", "texte", ".txt"), _check_text),
    )
}
