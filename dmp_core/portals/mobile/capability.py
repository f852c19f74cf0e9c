"""What this server can do, in FHIR's words: the CapabilityStatement (FHIR R4, 5.2)."""

from datetime import date
from typing import Any, Final

from flask import Blueprint, Response

from dmp_core.fhir.search import DOCUMENT_PARAMETERS, SET_PARAMETERS
from dmp_core.portals.mobile.access import public
from dmp_core.portals.mobile.errors import answer
from dmp_core.portals.mobile.oauth import issuer

calls = Blueprint("capability", __name__, url_prefix="/fhir")

AS_OF: Final = date(2016, 11, 2)
"""Day of this statement: changed with what it says."""
_KINDS: Final = {
    "_id": "token", "_lastUpdated": "date", "identifier": "token", "status": "token", "isArchived": "token",
    "type": "token", "category": "token", "format": "token", "security-label": "token", "author.identifier": "token",
    "source.identifier": "token", "date": "date", "creation": "date", "period": "date", "period-start": "date",
    "code": "token", "patient": "reference", "patient.identifier": "token",
}  # fmt: skip


@calls.get("/metadata")
@public
def metadata() -> Response:
    """The CapabilityStatement; it is open to all, and says nothing of anybody."""
    return answer(_statement())


def _statement() -> dict[str, Any]:
    site = issuer()
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": AS_OF.isoformat(),
        "kind": "instance",
        "implementation": {"description": "mon-dmp, API de l’application mobile", "url": f"{site}/fhir"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "patchFormat": ["application/json-patch+json"],
        "implementationGuide": ["https://profiles.ihe.net/ITI/MHD/ImplementationGuide/ihe.iti.mhd"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "cors": False,
                    "service": [
                        {
                            "coding": [
                                {
                                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                                    "code": "SMART-on-FHIR",
                                }
                            ]
                        }
                    ],
                },
                "interaction": [{"code": "transaction"}],
                "resource": [
                    _resource("Patient", ["read", "search-type"], ("_id", "identifier")),
                    _resource(
                        "DocumentReference",
                        ["read", "search-type", "create", "patch"],
                        ("patient", "patient.identifier", *DOCUMENT_PARAMETERS),
                    ),
                    _resource("List", ["read", "search-type"], ("patient", "patient.identifier", *SET_PARAMETERS)),
                    _resource("Binary", ["read"], ()),
                ],
            }
        ],
    }


def _resource(kind: str, interactions: list[str], parameters: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": each} for each in interactions],
        "versioning": "versioned" if kind == "DocumentReference" else "no-version",
    }
    if names := [each for each in parameters if each in _KINDS]:
        found["searchParam"] = [{"name": each, "type": _KINDS[each]} for each in names]
    return found
