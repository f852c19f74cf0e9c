"""What a server can do, in FHIR's words: the CapabilityStatement (FHIR R4, 5.2), made from the parameters that are read."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from dmp_core.fhir.resources import Resource
from dmp_core.fhir.search import DOCUMENT_PARAMETERS, SET_PARAMETERS

PATIENT: Final = ("patient", "patient.identifier")
DOCUMENTS: Final = (*PATIENT, *DOCUMENT_PARAMETERS)
SETS: Final = (*PATIENT, *SET_PARAMETERS)
_KINDS: Final = {
    "_id": "token", "_lastUpdated": "date", "identifier": "token", "status": "token", "isArchived": "token",
    "type": "token", "category": "token", "format": "token", "security-label": "token", "author.identifier": "token",
    "source.identifier": "token", "date": "date", "creation": "date", "period": "date", "period-start": "date",
    "code": "token", "patient": "reference", "patient.identifier": "token",
}  # fmt: skip


def statement(
    as_of: date,
    description: str,
    url: str,
    security: str,
    resources: Iterable[dict[str, Any]],
    *,
    documentation: str = "",
) -> Resource:
    """The statement of a server of ours. `as_of` changes with what it says; `security` is FHIR's code of how one is let
    in."""
    coding = {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": security}
    rest: dict[str, Any] = {
        "mode": "server",
        "security": {"cors": False, "service": [{"coding": [coding]}]},
        "resource": list(resources),
        "interaction": [{"code": "transaction"}],
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": as_of.isoformat(),
        "kind": "instance",
        "implementation": {"description": description, "url": url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "patchFormat": ["application/json-patch+json"],
        "implementationGuide": ["https://profiles.ihe.net/ITI/MHD/ImplementationGuide/ihe.iti.mhd"],
        "rest": [rest | ({"documentation": documentation} if documentation else {})],
    }


def resource(kind: str, interactions: Iterable[str], parameters: Iterable[str] = (), **more: Any) -> dict[str, Any]:
    """One of its resources; a parameter that is a synonym for another is not told."""
    found: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": each} for each in interactions],
        "versioning": "versioned" if kind == "DocumentReference" else "no-version",
    } | more
    if names := [each for each in parameters if each in _KINDS]:
        found["searchParam"] = [{"name": each, "type": _KINDS[each]} for each in names]
    return found
