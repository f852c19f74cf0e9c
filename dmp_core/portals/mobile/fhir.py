"""The record in FHIR R4: patient, documents, sets, contents (ITI-65 to 68 and 105; PDSm 3.1.1; DOMAIN 10)."""

from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, request

from dmp_core.errors import Invalid, NotFound
from dmp_core.fhir import deposits, search
from dmp_core.fhir.patching import NotAllowed, patched
from dmp_core.fhir.resources import document_reference, document_references, patient_of, searchset, submission_set
from dmp_core.holder.mobile import READ, WRITE
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
from dmp_core.portals.mobile.access import dossier, gate, holder, scope
from dmp_core.portals.mobile.errors import answer
from dmp_core.portals.mobile.oauth import issuer
from dmp_core.record.finding import Criteria
from dmp_core.record.metadata import Document, Status

calls = Blueprint("fhir", __name__, url_prefix="/fhir")


@calls.before_request
def negotiated() -> None:
    """Before anything is read."""
    negotiate(any_kind=request.endpoint == "fhir.content")


@calls.get("/Patient")
@scope(READ)
def patients() -> Response:
    """TD0.2 as the holder's application asks it: the one patient there is, or nobody."""
    names = [
        value if name != "_id" else f"Patient/{value}"
        for name, value in request.args.items(multi=True)
        if name in ("identifier", "_id")
    ]
    own = holder()
    meant = bool(names) and search.is_meant(names, own.dossier_id, own.ins_c)
    found = [patient_of(own)] if meant else []
    self_link = f"{_base()}/Patient?{urlencode(list(request.args.items(multi=True)))}"
    return answer(searchset(_base(), found, len(found), [("self", self_link)]))


@calls.get("/Patient/<uuid:patient_id>")
@scope(READ)
def patient(patient_id: UUID) -> Response:
    """The holder."""
    if patient_id != dossier():
        raise NotFound("Cette ressource n’existe pas.")
    return answer(patient_of(holder()))


@calls.get("/DocumentReference")
@scope(READ)
def documents() -> Response:
    """ITI-67: documents by their metadata, the latest act first, page by page."""
    return _found(list(request.args.items(multi=True)))


@calls.post("/DocumentReference/_search")
@scope(READ)
def documents_posted() -> Response:
    """ITI-67 by POST: nothing of what is asked stands in an address."""
    return _found([*request.args.items(multi=True), *request.form.items(multi=True)])


@calls.get("/DocumentReference/<uuid:document_id>")
@scope(READ)
def document(document_id: UUID) -> Response:
    """The metadata of one document."""
    return _one(gate().look(dossier(), document_id).document)


@calls.post("/DocumentReference")
@scope(WRITE)
def publish() -> Response:
    """ITI-105: one document of the holder's own."""
    require(FHIR)
    deposit = deposits.deposit_of(deposits.json_of(request.get_data()), _version_named)
    (made,) = gate().publish(dossier(), [deposit], _holder_name())
    response = _one(made, 201)
    response.headers["Location"] = f"{_base()}/DocumentReference/{made.id}/_history/{made.entry_uuid}"
    return response


@calls.patch("/DocumentReference/<uuid:document_id>")
@scope(WRITE)
def change(document_id: UUID) -> Response:
    """Masking and archiving (PDSm flux 03)."""
    return _changed(gate().look(dossier(), document_id).document)


@calls.patch("/DocumentReference")
@scope(WRITE)
def change_named() -> Response:
    """The same, of the document that has this identifier (conditional patch)."""
    name = request.args.get("identifier", "").rpartition("|")[2]
    if not name:
        raise Invalid("Dites quelle fiche modifier : identifier=urn:ietf:rfc:3986|urn:…")
    return _changed(gate().named(dossier(), name))


@calls.post("")
@calls.post("/")
@scope(WRITE)
def submit() -> Response:
    """ITI-65: a set of documents, all of it or nothing."""
    require(FHIR)
    submitted = deposits.submission_of(deposits.json_of(request.get_data()), _version_named)
    made = gate().publish(dossier(), submitted.deposits, _holder_name())
    return transaction(submitted.entries, [(each, True) for each in made])


@calls.get("/List")
@scope(READ)
def sets() -> Response:
    """ITI-66: sets of documents deposited together."""
    return _sets_found(list(request.args.items(multi=True)))


@calls.post("/List/_search")
@scope(READ)
def sets_posted() -> Response:
    """ITI-66 by POST."""
    return _sets_found([*request.args.items(multi=True), *request.form.items(multi=True)])


@calls.get("/List/<uuid:submission_id>")
@scope(READ)
def one_set(submission_id: UUID) -> Response:
    """One set; of it, what is there."""
    found, _ = gate().submissions(dossier(), Criteria(submissions=(submission_id,)), 1)
    if not found:
        raise NotFound("Cette ressource n’existe pas.")
    return answer(submission_set(found[0], holder()))


@calls.get("/Binary/<uuid:document_id>")
@scope(READ)
def content(document_id: UUID) -> Response:
    """ITI-68: what the document says, as it is, or in FHIR's envelope for who asks for JSON before anything else."""
    found, data = gate().read(dossier(), document_id)
    return as_asked(found, data)


def _found(arguments: list[tuple[str, str]]) -> Response:
    asked, own = search.documents_asked(arguments), holder()
    criteria = asked.criteria
    if not search.is_meant(asked.patients, own.dossier_id, own.ins_c):
        criteria = Criteria(ids=())
    found = gate().find(dossier(), criteria, asked.count, asked.offset)
    return page(_base(), asked, found.total, document_references(found.documents, own), "DocumentReference")


def _sets_found(arguments: list[tuple[str, str]]) -> Response:
    asked, own = search.sets_asked(arguments), holder()
    criteria = asked.criteria
    if not search.is_meant(asked.patients, own.dossier_id, own.ins_c):
        criteria = Criteria(ids=())
    found, total = gate().submissions(dossier(), criteria, asked.count, asked.offset)
    return page(_base(), asked, total, (submission_set(each, own) for each in found), "List")


def _one(found: Document, status: int = 200) -> Response:
    response = answer(document_reference(found, holder()), status)
    response.headers["ETag"] = f'W/"{found.entry_uuid}"'
    response.last_modified = found.changed_at
    return response


def _changed(found: Document) -> Response:
    require({PATCH})
    require_unchanged(found)
    made = patched(document_reference(found, holder()), operations())
    if made.secret != found.hidden_from_representatives:
        raise NotAllowed("Le secret envers les représentants légaux se règle sur le site.")
    if made.held:
        raise NotAllowed("Un titulaire ne se cache pas un document : INVISIBLE_PATIENT est à son auteur.")
    if (made.masked, made.archived) == (found.masked, found.status is Status.ARCHIVED):
        return _one(found)
    return _one(gate().update(dossier(), found.id, found.entry_uuid, masked=made.masked, archived=made.archived))


def _version_named(name: str) -> UUID | None:
    """The version in force that a reference or an identifier names."""
    criteria = Criteria(names=(name,)) if name.startswith("urn:") else Criteria(ids=search.ids_of(name))
    found = gate().find(dossier(), criteria, 2).documents
    return found[0].id if len(found) == 1 else None


def _holder_name() -> str:
    own = holder()
    return f"{own.given_name} {own.name}"


def _base() -> str:
    return f"{issuer()}/fhir"
