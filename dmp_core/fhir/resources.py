"""Documents, their sets and their holder as FHIR R4 resources (PDSm 3.1.1, pdsm4dmp TD0.2 and TD3.1a).

They are made as plain mappings: the models of `fhir.resources` take a hundred milliseconds for a list of twenty. Every
answer given in a test is read by those models, and again by those of `fhirclient`.
"""

import base64
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final, Protocol
from uuid import UUID

from dmp_core.clock import PARIS
from dmp_core.fhir import systems
from dmp_core.holder.profile import Profile
from dmp_core.identity.identifiers import System
from dmp_core.record.finding import Submission
from dmp_core.record.metadata import AuthorKind, Document, Status
from dmp_core.record.nomenclatures import label_of_class, label_of_type

Resource = dict[str, Any]
"""A FHIR resource, as JSON has it."""

_CUSTODIAN: Final = {
    "resourceType": "Organization",
    "id": "dmp",
    "name": "Dossier médical partagé",
    "identifier": [{"system": systems.URI, "value": systems.HOUSE}],
}
_OF_NO_STRUCTURE: Final = {AuthorKind.HOLDER: "EXP_PATIENT", AuthorKind.INSURANCE: "ALIM_AM"}
_SETTINGS: Final = {
    AuthorKind.HOLDER: (systems.AUTHORS, "EXP_PATIENT"),
    AuthorKind.INSURANCE: (systems.PRACTICE_SETTINGS, "AMO"),
}


class Subject(Protocol):
    """Whom documents are about: the holder in front of their own, or as a professional who is in knows them."""

    @property
    def dossier_id(self) -> UUID:
        """Of the dossier, which is the patient's id here."""

    @property
    def birth_name(self) -> str:
        """Family name at birth."""

    @property
    def usual_name(self) -> str:
        """Empty when it is the birth name."""

    @property
    def given_name(self) -> str:
        """First given name."""

    @property
    def ins_c(self) -> str | None:
        """None when there is none, or when it is not to be told."""


def document_references(
    documents: Iterable[Document], patient: Subject, now: datetime | None = None
) -> Iterator[Resource]:  # fmt: skip
    """Documents of one patient; with `now`, those that await their announcement say so."""
    source = _source(patient)
    return (_reference(each, patient, source, held=now is not None and each.awaits(now)) for each in documents)


def document_reference(document: Document, patient: Subject, *, held: bool = False) -> Resource:
    """One version of a document; of one written by a professional the structure is not kept, so neither is told.
    `held`: it awaits its announcement to the patient."""
    return _reference(document, patient, _source(patient), held=held)


def _reference(document: Document, patient: Subject, source: Resource, *, held: bool) -> Resource:
    kind, name, created = document.author.kind, str(document.id), instant(document.created_at)
    day = document.created_at.astimezone(PARIS).date()
    context: dict[str, Any] = {
        "period": {"start": instant(document.service_start)},
        "sourcePatientInfo": {"reference": "#patient"},
    }
    whole = kind in _OF_NO_STRUCTURE
    if whole:
        context["facilityType"] = _coded(systems.AUTHORS, _OF_NO_STRUCTURE[kind])
        context["practiceSetting"] = _coded(*_SETTINGS[kind])
    told: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "id": name,
        "meta": {"versionId": str(document.entry_uuid), "lastUpdated": instant(document.changed_at)}
        | ({"profile": [systems.COMPREHENSIVE]} if whole else {}),
        "contained": [source, _author(document), _CUSTODIAN],
        "extension": [{"url": systems.IS_ARCHIVED, "valueBoolean": document.status is Status.ARCHIVED}],
        "masterIdentifier": {"system": systems.URI, "value": document.unique_id},
        "identifier": [{"use": "official", "system": systems.URI, "value": document.entry_uuid.urn}],
        "status": "superseded" if document.status is Status.DEPRECATED else "current",
        "type": _type(document.type_system, document.type_code),
        "category": [_class(document.class_code, day)],
        "subject": {"reference": f"Patient/{patient.dossier_id}"},
        "date": created,
        "author": [{"reference": "#author"}],
        "custodian": {"reference": "#dmp"},
        "securityLabel": [
            _NORMAL,
            *([_MASKED] if document.masked else []),
            *([_HELD] if held else []),
            *([_SECRET] if document.hidden_from_representatives else []),
        ],
        "content": [
            {
                "attachment": {
                    "contentType": document.format.value,
                    "language": "fr-FR",
                    "url": f"Binary/{name}",
                    "size": document.size,
                    "hash": base64.b64encode(document.sha1).decode(),
                    "title": document.title,
                    "creation": created,
                },
                "format": {"system": systems.URI, "code": document.format_code},
            }
        ],
        "context": context,
    }
    return told


def submission_set(submission: Submission, patient: Subject) -> Resource:
    """Documents that were deposited together (XDS SubmissionSet), those of them that are there."""
    first = submission.documents[0]
    day = submission.at.astimezone(PARIS).date()
    return {
        "resourceType": "List",
        "id": str(submission.id),
        "meta": {"profile": [systems.SUBMISSION_SET]},
        "contained": [_author(first)],
        "extension": [
            {
                "url": systems.DESIGNATION,
                "valueCodeableConcept": _coded(
                    systems.CLASSES, first.class_code, label_of_class(first.class_code, day)
                ),
            },
            {"url": systems.SOURCE, "valueIdentifier": {"system": systems.URI, "value": systems.HOUSE}},
        ],
        "identifier": [{"use": "official", "system": systems.URI, "value": submission.id.urn}],
        "status": "current",
        "mode": "working",
        "code": _coded(systems.LIST_TYPES, "submissionset"),
        "subject": {"reference": f"Patient/{patient.dossier_id}"},
        "date": instant(submission.at),
        "source": {"reference": "#author"},
        "entry": [{"item": {"reference": f"DocumentReference/{each.id}"}} for each in submission.documents],
    }


def patient_of(profile: Profile) -> Resource:
    """The holder; `active` says that the DMP is open (TD0.2). Never the NIR: the application has no use for it."""
    return {
        "resourceType": "Patient",
        "id": str(profile.dossier_id),
        "identifier": _identifiers(profile),
        "active": True,
        "name": _names(profile),
        "gender": "female" if profile.civilite == "MME" else "male",
    } | ({"birthDate": profile.birth_date} if _is_day(profile.birth_date) else {})


def binary(document: Document, data: bytes) -> Resource:
    """A content, for who asks for it in FHIR's own envelope."""
    return {
        "resourceType": "Binary", "id": str(document.id), "contentType": document.format.value,
        "data": base64.b64encode(data).decode(),
    }  # fmt: skip


def searchset(
    base: str, found: Iterable[Resource], total: int, links: Sequence[tuple[str, str]], ignored: Sequence[str] = ()
) -> Resource:
    """What a search found; parameters that were not understood are told in an outcome beside it."""
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": f"{base}/{each['resourceType']}/{each['id']}",
            "resource": each,
            "search": {"mode": "match"},
        }
        for each in found
    ]
    if ignored:
        warning = outcome("not-supported", f"Paramètres ignorés : {', '.join(ignored)}.", severity="warning")
        entries.append({"resource": warning, "search": {"mode": "outcome"}})
    return {
        "resourceType": "Bundle", "type": "searchset", "total": total,
        "link": [{"relation": relation, "url": url} for relation, url in links],
    } | ({"entry": entries} if entries else {})  # fmt: skip


def outcome(code: str, text: str, *, severity: str = "error", where: str | None = None) -> Resource:
    """What went wrong: a code of FHIR's issue types, one French sentence, and the element that is at fault."""
    issue: dict[str, Any] = {"severity": severity, "code": code, "diagnostics": text, "details": {"text": text}}
    if where:
        issue["expression"] = [where]
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def instant(moment: datetime) -> str:
    """An instant, to the millisecond, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _coded(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


@lru_cache(maxsize=1024)
def _type(system: str, code: str) -> dict[str, Any]:
    return _coded(systems.system_of_type(system), code, label_of_type(code))


@lru_cache(maxsize=1024)
def _class(code: str, on: date) -> dict[str, Any]:
    return _coded(systems.CLASSES, code, label_of_class(code, on))


_NORMAL: Final = _coded(systems.CONFIDENTIALITY, "N", "normal")
_MASKED: Final = _coded(systems.VISIBILITY, systems.MASKED, "Masqué aux professionnels de santé")
_SECRET: Final = _coded(
    systems.VISIBILITY, systems.SECRET, "Non visible par les représentants légaux du patient"
)  # fmt: skip
_HELD: Final = _coded(systems.VISIBILITY, systems.HELD, "Non visible par le patient")


def _source(patient: Subject) -> dict[str, Any]:
    """The person as they are known; a document keeps no other identity of its own."""
    found: dict[str, Any] = {"resourceType": "Patient", "id": "patient", "name": _names(patient)}
    if identifiers := _identifiers(patient):
        found["identifier"] = identifiers
    return found


def _author(document: Document) -> dict[str, Any]:
    author = document.author
    match author.kind:
        case AuthorKind.HOLDER:
            return {
                "resourceType": "Patient", "id": "author", "name": [{"text": author.name}],
                "identifier": [{"system": systems.AUTHORS, "value": author.id}],
            }  # fmt: skip
        case AuthorKind.INSURANCE:
            return {
                "resourceType": "Organization", "id": "author", "name": author.name,
                "identifier": [{"system": systems.AUTHORS, "value": author.id}],
            }  # fmt: skip
        case AuthorKind.PROFESSIONAL:
            return {
                "resourceType": "Practitioner", "id": "author", "name": [{"text": author.name}],
                "identifier": [{"system": systems.PROFESSIONALS, "value": author.id}],
            }  # fmt: skip


def _identifiers(profile: Subject) -> list[dict[str, Any]]:
    if profile.ins_c is None:
        return []
    return [{"use": "official", "system": systems.oid(System.INS_C), "value": profile.ins_c}]


def _names(profile: Subject) -> list[dict[str, Any]]:
    names = [{"use": "official", "family": profile.birth_name, "given": [profile.given_name]}]
    if profile.usual_name:
        names.insert(0, {"use": "usual", "family": profile.usual_name, "given": [profile.given_name]})
    return names


def _is_day(written: str) -> bool:
    """Whether a birth date is a day of the calendar: one that is not known whole has no place in `birthDate`."""
    try:
        return bool(date.fromisoformat(written))
    except ValueError:
        return False
