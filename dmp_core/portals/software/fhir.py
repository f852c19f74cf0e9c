"""The documents of one DMP in FHIR R4, as its professional sees them: ITI-67, 68 and 105, and taking back.

The base names the DMP: an identifier of a document says nothing outside of it.
"""

from uuid import UUID

from flask import Blueprint, Response, request

from dmp_core.access.software import Person
from dmp_core.errors import NotFound
from dmp_core.fhir import deposits, search
from dmp_core.fhir.resources import document_reference
from dmp_core.fhir.states import patient_state
from dmp_core.portals.answers import FHIR, negotiate, page, require
from dmp_core.portals.answers import content as as_asked
from dmp_core.portals.mobile.errors import answer
from dmp_core.portals.professionals.card import professional
from dmp_core.portals.software.gates import gate, site
from dmp_core.record.documents import Document
from dmp_core.record.finding import Criteria

calls = Blueprint("fhir", __name__, url_prefix="/dmp/<uuid:dossier>/fhir")


@calls.before_request
def negotiated() -> None:
    """Before anything is read."""
    negotiate(any_kind=request.endpoint == "fhir.content")


@calls.get("/Patient/<uuid:patient_id>")
def patient(dossier: UUID, patient_id: UUID) -> Response:
    """TD0.2 again, of a DMP found before."""
    state = gate().state_of(professional(), dossier) if patient_id == dossier else None
    if state is None:
        raise NotFound("Cette ressource n’existe pas.")
    return answer(patient_state(state))


@calls.get("/DocumentReference")
def documents(dossier: UUID) -> Response:
    """ITI-67: documents by their metadata, the latest act first, page by page."""
    return _found(dossier, list(request.args.items(multi=True)))


@calls.post("/DocumentReference/_search")
def documents_posted(dossier: UUID) -> Response:
    """ITI-67 by POST: nothing of what is asked stands in an address."""
    return _found(dossier, [*request.args.items(multi=True), *request.form.items(multi=True)])


@calls.get("/DocumentReference/<uuid:document_id>")
def document(dossier: UUID, document_id: UUID) -> Response:
    """The metadata of one document."""
    return _one(*gate().card(professional(), dossier, document_id))


@calls.post("/DocumentReference")
def deposit(dossier: UUID) -> Response:
    """ITI-105: a document of this professional's; the answer is its receipt. 201 when it entered, 200 when it had."""
    require(FHIR)

    def own(name: str) -> UUID | None:
        if not name.startswith("urn:"):
            return next(iter(search.ids_of(name)), None)
        return gate().named(professional(), dossier, name)

    sent = deposits.deposit_of(deposits.json_of(request.get_data()), own)
    person, made, entered = gate().deposit(professional(), dossier, sent)
    response = _one(person, made, 201 if entered else 200)
    response.headers["Location"] = f"{_base(dossier)}/DocumentReference/{made.id}"
    return response


@calls.delete("/DocumentReference/<uuid:document_id>")
def withdraw(dossier: UUID, document_id: UUID) -> Response:
    """Its author takes a document back."""
    gate().withdraw(professional(), dossier, document_id)
    return Response(status=204)


@calls.get("/Binary/<uuid:document_id>")
def content(dossier: UUID, document_id: UUID) -> Response:
    """ITI-68: what the document says."""
    return as_asked(*gate().read(professional(), dossier, document_id))


def _found(dossier: UUID, arguments: list[tuple[str, str]]) -> Response:
    asked = search.documents_asked(arguments)
    meant = search.is_meant(asked.patients, dossier, None)
    person, found = gate().search(
        professional(), dossier, asked.criteria if meant else Criteria(ids=()), asked.count, asked.offset
    )
    resources = (document_reference(each, person) for each in found.documents)
    return page(_base(dossier), asked, found.total, resources, "DocumentReference")


def _one(person: Person, found: Document, status: int = 200) -> Response:
    response = answer(document_reference(found, person), status)
    response.headers["ETag"] = f'W/"{found.entry_uuid}"'
    response.last_modified = found.changed_at
    return response


def _base(dossier: UUID) -> str:
    return f"{site()}/dmp/{dossier}/fhir"
