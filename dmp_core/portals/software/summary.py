"""The medical summary as practice software reads and writes it: JSON, its version as an ETag (docs/medical-summary-json.md)."""

from uuid import UUID

from flask import Blueprint, Response, current_app, request

from dmp_core.access.summaries import SummaryGate
from dmp_core.portals.answers import require
from dmp_core.portals.professionals.card import professional
from dmp_core.record.vsm.form import LARGEST, summary_in, written_summary

calls = Blueprint("summary", __name__, url_prefix="/dmp/<uuid:dossier>/synthese")


@calls.get("")
def read(dossier: UUID) -> Response:
    """The summary in force; its document is among the others, as CDA R2."""
    current = _gate().summary(professional(), dossier)
    response = Response(written_summary(current.told.summary), content_type="application/json")
    response.set_etag(str(current.document.id))
    return response


@calls.put("")
def write(dossier: UUID) -> Response:
    """Put a summary in place: `If-Match` names the version it replaces, none for the first one."""
    require({"application/json"})
    request.max_content_length = LARGEST
    seen = next(iter(request.if_match.as_set()), "")
    made = _gate().write(professional(), dossier, summary_in(request.get_data()), _version(seen))
    response = Response(status=201 if made.version == 1 else 200)
    response.set_etag(str(made.id))
    return response


def _gate() -> SummaryGate:
    found = current_app.extensions["software.summaries"]
    assert isinstance(found, SummaryGate)
    return found


def _version(written: str) -> UUID | None:
    try:
        return UUID(written)
    except ValueError:
        return None
