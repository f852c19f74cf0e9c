"""PDF that opens without a password and can do nothing by itself. Read in the examiner's process alone."""

import io
from functools import lru_cache
from typing import Final

import pikepdf
from pikepdf.settings import set_qpdf_limits

from dmp_core.errors import Invalid

_DAMAGED: Final = "Ce PDF est abîmé ou démesuré et ne s’ouvre pas : enregistrez-le de nouveau."
_ACTIVE_KEYS: Final = frozenset({"/JS", "/JavaScript", "/AA", "/EmbeddedFiles", "/EmbeddedFile", "/XFA", "/RichMedia"})
_ACTIVE_ACTIONS: Final = frozenset(
    {"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/GoToR", "/GoToE", "/Rendition"}
)
_CARRIERS: Final = frozenset({"/RichMedia", "/FileAttachment"})
_DEEPEST: Final = 60
_MOST_ITEMS: Final = 1_000_000
_MOST_INFLATED: Final = 4 * 1024 * 1024
"""Bytes of one table of objects: the only streams that are opened here, and never a picture's."""


def quiet_pdf(data: bytes) -> bytes:
    """Nothing, for a PDF that may enter. Raises Invalid."""
    _limited()
    try:
        with pikepdf.open(io.BytesIO(data)) as pdf:
            if not len(pdf.pages):
                raise Invalid("Ce PDF n’a aucune page : vérifiez le fichier choisi.")
            found = _Look().active(pdf)
    except pikepdf.PasswordError:
        raise Invalid("Ce PDF est protégé par un mot de passe : enregistrez-le sans protection.") from None
    except (pikepdf.PdfError, ValueError, TypeError, RecursionError, RuntimeError, OverflowError):
        raise Invalid(_DAMAGED) from None
    if found:
        raise Invalid(
            "Ce PDF contient un programme ou un fichier joint : imprimez-le en PDF, puis ajoutez cette nouvelle version."
        )
    return b""


@lru_cache(maxsize=1)
def _limited() -> None:
    set_qpdf_limits(flate_max_memory=_MOST_INFLATED, run_length_max_memory=_MOST_INFLATED, doc_max_warnings=1_000)


class _Look:
    """One look at every object of a file, those that nothing leads to as well."""

    def __init__(self) -> None:
        self._items = 0

    def active(self, pdf: pikepdf.Pdf) -> bool:
        """Whether any object of the file would run, fetch, launch or carry something. Raises ValueError when they never
        end."""
        return any(self._is_active(listed) for listed in pdf.objects)

    def _is_active(self, item: pikepdf.Object, depth: int = 0) -> bool:
        self._items += 1
        if depth > _DEEPEST or self._items > _MOST_ITEMS:
            raise ValueError("endless")
        if isinstance(item, pikepdf.Stream | pikepdf.Dictionary):
            if _acts(item):
                return True
            inner = [value for _, value in item.items()]
        elif isinstance(item, pikepdf.Array):
            inner = list(item)
        else:
            return False
        # What has a number of its own is listed, and looked at there.
        return any(
            self._is_active(value, depth + 1)
            for value in inner
            if isinstance(value, pikepdf.Object) and not value.is_indirect
        )


def _acts(item: pikepdf.Object) -> bool:
    opening = item.get("/OpenAction")
    # A page to open at is no action; an action that goes to one is harmless.
    if isinstance(opening, pikepdf.Dictionary) and str(opening.get("/S", "")) != "/GoTo":
        return True
    return (
        not _ACTIVE_KEYS.isdisjoint(item.keys())
        or str(item.get("/S", "")) in _ACTIVE_ACTIONS
        or str(item.get("/Subtype", "")) in _CARRIERS
    )
