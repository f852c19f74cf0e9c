"""What is new in a DMP since the professional's own last visit, in one call (RECORD 6): what today's protocol needs a search
of submission sets, their associations and batches of documents for.
"""

from datetime import datetime
from uuid import UUID

import msgspec
from flask import Blueprint, Response, current_app

from dmp_core.access.visit import VisitGate
from dmp_core.portals.professionals.card import professional
from dmp_core.record.metadata import Document
from dmp_core.record.nomenclatures import label_of_type

calls = Blueprint("news", __name__)


class New(msgspec.Struct):
    """One document; its content is at `fhir/Binary/` and its id."""

    document: UUID
    version: int
    """More than 1: it took another's place."""
    type: str
    libelle_type: str
    titre: str
    auteur: str
    date_acte: datetime
    recu_le: datetime
    format: str


class News(msgspec.Struct):
    """Those that others put in, the latest first."""

    depuis: datetime | None
    """The last visit, before this day; none: everything that is there for them is new."""
    documents: list[New]


@calls.get("/dmp/<uuid:dossier>/nouveautes")
def news(dossier: UUID) -> Response:
    """Asking is a visit itself; asked twice on one day, it answers the same."""
    gate = current_app.extensions["software.visits"]
    assert isinstance(gate, VisitGate)
    found = gate.since_last_visit(professional(), dossier)
    told = News(found.last_visit, list(map(_new, found.documents)))
    return Response(msgspec.json.encode(told), content_type="application/json")


def _new(document: Document) -> New:
    return New(
        document.id, document.version, document.type_code, label_of_type(document.type_code), document.title,
        document.author.name, document.service_start, document.submitted_at, document.format.value,
    )  # fmt: skip
