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
_UNSEEN: Final = ("limit exceeded", "decoding", "unfilterable", "memory", "bad_alloc")
"""How `qpdf` says that it left out what it could not open."""
_MOST_INFLATED: Final = 4 * 1024 * 1024
"""Bytes of one table of objects: the only streams that are opened here, and never a picture's."""


def quiet_pdf(data: bytes) -> bytes:
    """Nothing, for a PDF that may enter. Raises Invalid."""
    _limited()
    try:
        with pikepdf.open(io.BytesIO(data)) as pdf:
            if not len(pdf.pages):
                raise Invalid("Ce PDF n’a aucune page : vérifiez le fichier choisi.")
            found = _Look(pdf).active()
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
    """One look at every object of a file, those that nothing leads to as well. Raises ValueError when they never end, or
    when one cannot be looked at."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self._items = 0
        self._seen: set[tuple[int, int]] = set()
        self._waiting: list[pikepdf.Object] = [pdf.trailer]

    def active(self) -> bool:
        """Whether any object of the file would run, fetch, launch or carry something."""
        if self._found():
            return True
        for number in range(1, min(int(self._pdf.trailer.get("/Size", 0)), _MOST_ITEMS)):
            if (number, 0) not in self._seen:
                found = self._pdf.get_object((number, 0))
                self._require_seen()
                if isinstance(found, pikepdf.Object):
                    self._wait_for(found)
                if self._found():
                    return True
        return False

    def _found(self) -> bool:
        while self._waiting:
            if self._is_active(self._waiting.pop()):
                return True
        return False

    def _require_seen(self) -> None:
        """No more once one could not be opened: what is not looked at might do anything."""
        if any(sign in str(warning) for warning in self._pdf.get_warnings() for sign in _UNSEEN):
            raise ValueError("unseen")

    def _wait_for(self, item: pikepdf.Object) -> None:
        if item.objgen not in self._seen:
            self._seen.add(item.objgen)
            self._waiting.append(item)

    def _is_active(self, item: pikepdf.Object, depth: int = 0) -> bool:
        self._items += 1
        if depth > _DEEPEST or self._items > _MOST_ITEMS:
            raise ValueError("endless")
        if isinstance(item, pikepdf.Stream | pikepdf.Dictionary):
            if _acts(item):
                return True
            inner = (item.get(name) for name in item.keys())  # noqa: SIM118 - no mapping
        elif isinstance(item, pikepdf.Array):
            inner = (item[index] for index in range(len(item)))
        else:
            return False
        for value in inner:  # one at a time: to take a value is to open what it stands in
            self._require_seen()
            if not isinstance(value, pikepdf.Object):
                continue
            if value.is_indirect:
                self._wait_for(value)
            elif self._is_active(value, depth + 1):
                return True
        self._require_seen()
        return False


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
