"""Letters that an agent finishes in Word: a prepared docx with its merge fields filled, and the check of what comes back."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn
from zipfile import BadZipFile

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph
from lxml.etree import LxmlError  # type: ignore[import-untyped]

from backoffice.core.errors import Invalid, NotFound
from backoffice.core.typography import quoted
from backoffice.letters.faults import TemplateFault
from backoffice.letters.fields import split_fields

FOLDER: Final = "libre"


@dataclass(frozen=True, slots=True)
class FreeLetter:
    """One prepared letter."""

    name: str
    label: str
    template: str
    """File name in templates/letters/libre."""
    only: tuple[str, str] | None = None
    """(kind, state) of the cases whose facts make what it says true; None: any."""

    def fits(self, kind: str, state: str) -> bool:
        """Whether it may be written for a case of this kind that stands so."""
        return self.only in (None, (kind, state))


FREE_LETTERS: Final[tuple[FreeLetter, ...]] = (
    FreeLetter("lettre", "Lettre libre à la personne", "lettre.docx"),
    FreeLetter("famille", "Confirmation à la famille d’une personne décédée", "famille.docx", ("death", "closed")),
)


def free_letter(name: str) -> FreeLetter:
    """The prepared letter of this name. Raises NotFound when there is none."""
    for letter in FREE_LETTERS:
        if letter.name == name:
            return letter
    raise NotFound("Ce modèle de lettre n’existe pas.")


def filled(path: Path, values: Mapping[str, str]) -> bytes:
    """The docx at `path` with every field replaced, its looks untouched.

    Raises TemplateFault, before anything is replaced, for a field that is not in `values` or a file that is no docx.
    """
    try:
        document = docx.Document(str(path))
    except (OSError, PackageNotFoundError, BadZipFile, KeyError, ValueError, LxmlError):
        raise TemplateFault(
            f"Le modèle {quoted(path.name)} ne peut pas être lu : prévenez votre administrateur."
        ) from None
    found = [(paragraph, _fields(paragraph, path.name, values)) for paragraph in _paragraphs(document)]
    for paragraph, fields in found:
        for start, end, field in reversed(fields):
            _replace(paragraph, start, end, values[field])
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def require_finished(content: bytes) -> None:
    """Raise Invalid when a docx that comes back still holds a field or a passage to be completed, in brackets."""
    try:
        document = docx.Document(io.BytesIO(content))
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError, LxmlError):
        return  # a PDF or a picture: what it shows was read by who scanned it
    for paragraph in _paragraphs(document):
        for sign in ("{{", "["):
            if sign in paragraph.text:
                words = paragraph.text[paragraph.text.index(sign) :][:40]
                raise Invalid(f"La lettre n’est pas finie : il reste {quoted(words + '…')}. Complétez-la dans Word.")


def _paragraphs(document: Any) -> Iterator[Paragraph]:
    parts = [document.element.body]
    for section in document.sections:
        parts += [section.header._element, section.footer._element]
    for part in parts:
        for element in part.iter(qn("w:p")):
            yield Paragraph(element, document)


def _fields(paragraph: Paragraph, template: str, values: Mapping[str, str]) -> list[tuple[int, int, str]]:
    def fail(what: str) -> NoReturn:
        raise TemplateFault(f"Modèle {quoted(template)} : {what}.")

    text = "".join(run.text for run in paragraph.runs)
    found = [(start, end, field) for start, end, field in split_fields(text, fail) if field is not None]
    for _, _, field in found:
        if field not in values:
            fail(f"le champ {quoted(field)} n’existe pas ; les champs connus sont {', '.join(sorted(values))}")
    return found


def _replace(paragraph: Paragraph, start: int, end: int, value: str) -> None:
    """Word may have cut a field into several runs: its value takes the looks of its first brace."""
    at = 0
    for run in paragraph.runs:
        text = run.text
        low, high = max(start - at, 0), min(end - at, len(text))
        if low < high:
            run.text = text[:low] + (value if start >= at else "") + text[high:]
        at += len(text)
