"""Documents as a person opens them: structured ones read as what they are, scans as pages, the others as they stand."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dmp_core.errors import Invalid
from dmp_core.record.cda import parsed
from dmp_core.record.cda_check import body_of
from dmp_core.record.contents import REIMBURSEMENTS, VSM, Content, Format, pages_of
from dmp_core.record.metadata import Document
from dmp_core.record.narrative import Narrative, narrative_in, page_of
from dmp_core.record.reimbursements.history import History
from dmp_core.record.reimbursements.pages import history_pdf
from dmp_core.record.reimbursements.reading import history_in
from dmp_core.record.vsm.pages import summary_pdf
from dmp_core.record.vsm.reading import Written, summary_in

Told = History | Written | Narrative | Content
_DAMAGED: Final = "Ce document structuré ne peut pas être lu : il est abîmé. Téléchargez-le pour un logiciel."
QUIET: Final = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""Content-Security-Policy of what a browser shows by itself: it reaches nothing, has no script, no form, no other site."""


@dataclass(frozen=True, slots=True)
class Readable:
    """What is handed to a person."""

    data: bytes = field(repr=False)
    mime: str
    suffix: str
    shown: bool
    """Whether a browser shows it; what it cannot is kept in a file."""

    @property
    def sandboxed(self) -> bool:
        """Whether `QUIET` goes with it: a sandbox would keep the viewer of PDF from starting."""
        return self.mime != Format.PDF.value


def told_by(document: Document, data: bytes) -> Told:
    """What a CDA says: a model of ours read back, the body that it is around, or its narrative as its author wrote it.

    Raises Invalid for one that cannot be read.
    """
    if document.format_code == REIMBURSEMENTS:
        return history_in(data)
    if document.format_code == VSM and document.is_ours:
        return summary_in(data)
    root = parsed(data, _DAMAGED)
    body = body_of(root)
    if body is not None:
        return Content(body[1], body[0])
    return narrative_in(root)


def as_pdf(told: History | Written, submitted_at: datetime) -> bytes:
    """As pages to keep."""
    return summary_pdf(told) if isinstance(told, Written) else history_pdf(told, submitted_at)


def readable(document: Document, data: bytes) -> Readable:
    """What a person opens of this document. Raises Invalid for one that cannot be read."""
    if document.format is not Format.CDA:
        return _of_format(data, document.format)
    match told_by(document, data):
        case Content() as body:
            return _of_format(body.data, body.format)
        case Narrative() as told:
            return Readable(page_of(told), "text/html; charset=utf-8", "html", shown=True)
        case told:
            return Readable(as_pdf(told, document.submitted_at), Format.PDF.value, Format.PDF.suffix, shown=True)


def beside(document: Document, data: bytes) -> Readable | None:
    """What stands beside a document that a person does not open as it is; None for any other, or one that cannot be read."""
    if document.format not in (Format.CDA, Format.TIFF):
        return None
    try:
        return readable(document, data)
    except Invalid:
        return None


def _of_format(data: bytes, kind: Format) -> Readable:
    if kind is Format.TIFF:
        return Readable(pages_of(data), Format.PDF.value, Format.PDF.suffix, shown=True)
    mime = f"{kind.value}; charset=utf-8" if kind is Format.TEXT else kind.value
    return Readable(data, mime, kind.suffix, shown=kind is not Format.RTF)
