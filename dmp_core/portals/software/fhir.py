"""The documents of one DMP in FHIR R4, as its professional sees them: ITI-65 to 68 and 105, TD3.3, and taking back.

The base names the DMP: an identifier of a document says nothing outside of it.
"""

from functools import partial
from uuid import UUID

from flask import Blueprint, Response, request

from dmp_core.access.depositing import Person, Settled
from dmp_core.access.professional import NOT_HERE
from dmp_core.errors import Invalid, NotFound
from dmp_core.fhir import deposits, search
from dmp_core.fhir.patching import NotAllowed, patched
from dmp_core.fhir.resources import document_reference, document_references, submission_set
from dmp_core.fhir.states import patient_state
from dmp_core.portals.answers import (
    FHIR,
    PATCH,
    negotiate,
    operations,
    page,
    require,
    require_unchanged,
    transaction,
)
from dmp_core.portals.answers import content as as_asked
from dmp_core.portals.mobile.errors import answer
from dmp_core.portals.professionals.card import parts, professional
from dmp_core.portals.software.gates import gate, site
from dmp_core.record.finding import Criteria
from dmp_core.record.metadata import Document

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
    person, found = gate().card(professional(), dossier, document_id)
    return _one(person, found, held=found.awaits(parts().clock()))


@calls.post("/DocumentReference")
def deposit(dossier: UUID) -> Response:
    """ITI-105: a document of this professional's; the answer is its receipt. 201 when it entered, 200 when it had."""
    require(FHIR)
    sent = deposits.deposit_of(deposits.json_of(request.get_data()), partial(_own, dossier))
    person, made, entered = gate().deposit(professional(), dossier, sent)
    response = _one(person, made, 201 if entered else 200, held=made.awaits(parts().clock()))
    response.headers["Location"] = f"{_base(dossier)}/DocumentReference/{made.id}"
    return response


@calls.post("")
@calls.post("/")
def submit(dossier: UUID) -> Response:
    """ITI-65: a set of this professional's documents, all of it or nothing."""
    require(FHIR)
    submitted = deposits.submission_of(deposits.json_of(request.get_data()), partial(_own, dossier))
    _, made = gate().publish(professional(), dossier, submitted.deposits)
    return transaction(submitted.entries, made)


@calls.patch("/DocumentReference/<uuid:document_id>")
def change(dossier: UUID, document_id: UUID) -> Response:
    """TD3.3b and TD3.3d: announcing to the patient, the secret towards representatives, archiving."""
    require({PATCH})
    asked = operations()

    def wanted(found: Document, person: Person, held: bool) -> Settled:
        require_unchanged(found)
        made = patched(document_reference(found, person, held=held), asked)
        if made.masked != found.masked:
            raise NotAllowed("Le patient seul masque un document aux professionnels, et le montre de nouveau.")
        return Settled(made.held, made.archived, made.secret)

    person, found, held = gate().settle(professional(), dossier, document_id, wanted)
    return _one(person, found, held=held)


@calls.patch("/DocumentReference")
def change_named(dossier: UUID) -> Response:
    """The same, of the document of theirs that has this identifier (conditional patch)."""
    return change(dossier, _asked_by_name(dossier))


@calls.get("/List")
def sets(dossier: UUID) -> Response:
    """ITI-66: sets of documents deposited together."""
    return _sets_found(dossier, list(request.args.items(multi=True)))


@calls.post("/List/_search")
def sets_posted(dossier: UUID) -> Response:
    """ITI-66 by POST."""
    return _sets_found(dossier, [*request.args.items(multi=True), *request.form.items(multi=True)])


@calls.get("/List/<uuid:submission_id>")
def one_set(dossier: UUID, submission_id: UUID) -> Response:
    """One set; of it, what is there for them."""
    criteria = Criteria(submissions=(submission_id,))
    person, found, _ = gate().submissions(professional(), dossier, criteria, 1)
    if not found:
        raise NotFound("Cette ressource n’existe pas.")
    return answer(submission_set(found[0], person))


@calls.delete("/DocumentReference/<uuid:document_id>")
def withdraw(dossier: UUID, document_id: UUID) -> Response:
    """Its author takes a document back."""
    gate().withdraw(professional(), dossier, document_id)
    return Response(status=204)


@calls.delete("/DocumentReference")
def withdraw_named(dossier: UUID) -> Response:
    """The same, of the document of theirs that has this identifier (conditional delete, of one)."""
    return withdraw(dossier, _asked_by_name(dossier))


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
    resources = document_references(found.documents, person, parts().clock())
    return page(_base(dossier), asked, found.total, resources, "DocumentReference")


def _sets_found(dossier: UUID, arguments: list[tuple[str, str]]) -> Response:
    asked = search.sets_asked(arguments)
    meant = search.is_meant(asked.patients, dossier, None)
    criteria = asked.criteria if meant else Criteria(ids=())
    person, found, total = gate().submissions(professional(), dossier, criteria, asked.count, asked.offset)
    return page(_base(dossier), asked, total, (submission_set(each, person) for each in found), "List")


def _asked_by_name(dossier: UUID) -> UUID:
    """The document of theirs that the request names by its identifier. Raises Invalid, NotFound."""
    name = request.args.get("identifier", "").rpartition("|")[2]
    if not name:
        raise Invalid("Dites de quelle fiche il s’agit : identifier=urn:ietf:rfc:3986| suivi de son identifiant.")
    found = _own(dossier, name) if name.startswith("urn:") else None
    if found is None:
        raise NotFound(NOT_HERE)
    return found


def _own(dossier: UUID, name: str) -> UUID | None:
    """The document of theirs that an identifier or a reference names."""
    if not name.startswith("urn:"):
        return next(iter(search.ids_of(name)), None)
    return gate().named(professional(), dossier, name)


def _one(person: Person, found: Document, status: int = 200, *, held: bool) -> Response:
    response = answer(document_reference(found, person, held=held), status)
    response.headers["ETag"] = f'W/"{found.entry_uuid}"'
    response.last_modified = found.changed_at
    return response


def _base(dossier: UUID) -> str:
    return f"{site()}/dmp/{dossier}/fhir"
