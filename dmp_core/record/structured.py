"""Structured documents, each kind read as what it is; what a person reads of them."""

from datetime import datetime

from dmp_core.errors import Invalid
from dmp_core.record.documents import Document
from dmp_core.record.reimbursements.history import History
from dmp_core.record.reimbursements.pages import history_pdf
from dmp_core.record.reimbursements.reading import history_in
from dmp_core.record.vsm.pages import summary_pdf
from dmp_core.record.vsm.reading import Written, summary_in


def told_by(document: Document, data: bytes) -> History | Written:
    """What the document says, by its type. Raises Invalid for one that cannot be read, or of a type without a model."""
    match document.type_code:
        case "REMB":
            return history_in(data)
        case "SYNTH":
            return summary_in(data)
        case _:
            raise Invalid("Ce document structuré n’est pas d’un modèle connu : téléchargez-le pour un logiciel.")


def as_pdf(told: History | Written, submitted_at: datetime) -> bytes:
    """As pages to keep."""
    return summary_pdf(told) if isinstance(told, Written) else history_pdf(told, submitted_at)
