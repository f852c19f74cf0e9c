"""What the API of practice software serves, told to software: a CapabilityStatement for what is FHIR, OpenAPI 3.1 for the
rest. Neither says anything of anybody.
"""

from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from flask import Blueprint, Response

from dmp_core.fhir.capability import DOCUMENTS, SETS, resource, statement
from dmp_core.portals.answers import negotiate
from dmp_core.portals.mobile.errors import answer
from dmp_core.portals.software.emergency import Asked
from dmp_core.portals.software.gates import site
from dmp_core.portals.software.news import News
from dmp_core.portals.software.openings import (
    Administration,
    ClosureAsked,
    Conditions,
    Creation,
    Found,
    Link,
    Receipt,
    Reopening,
    SecretsAsked,
    Traits,
)
from dmp_core.portals.software.rest import LAST_PAGE, Consent, Deposits, Kinds, Patients

calls = Blueprint("description", __name__)

AS_OF: Final = date(2016, 11, 2)
"""Day of the statement: changed with what it says."""
_SUMMARY: Final = "Synthèse médicale (VSM) en JSON ; sa version est l’ETag"
_DOSSIER: Final = "/dmp/{dmp}"


@calls.get("/metadata")
@calls.get("/fhir/metadata")
def metadata() -> Response:
    """What the whole API does; documents are under a base of their DMP."""
    negotiate(any_kind=False)
    return answer(_statement(f"{site()}/dmp/[id]/fhir"))


@calls.get("/dmp/<uuid:dossier>/fhir/metadata")
def metadata_of_base(dossier: UUID) -> Response:
    """The same, from the base of a DMP; whether there is such a DMP is not told."""
    negotiate(any_kind=False)
    return answer(_statement(f"{site()}/dmp/{dossier}/fhir"))


@calls.get("/openapi.json")
def description() -> Response:
    """The calls that are not FHIR."""
    return Response(msgspec.json.encode(openapi(site())), content_type="application/json")


def _statement(base: str) -> dict[str, Any]:
    return statement(
        AS_OF, "DMP, API des logiciels de professionnels de santé", base, "Certificates",
        [
            resource(
                "Patient", ["read", "search-type"], ("identifier",),
                documentation=f"TD0.2. La recherche est à {site()}/fhir/Patient, par INS-C, ou par NIR en POST _search.",
            ),
            resource(
                "DocumentReference", ["read", "search-type", "create", "patch", "delete"], DOCUMENTS,
                documentation="ITI-67 et ITI-105. PATCH : annoncer au patient, archiver ; DELETE : retirer (son auteur).",
                conditionalDelete="single",
            ),
            resource("List", ["read", "search-type"], SETS, documentation="ITI-66"),
            resource("Binary", ["read"], documentation="ITI-68"),
        ],
        documentation="ITI-65 est la transaction, sur la base du DMP. Ce qui n’est pas FHIR est dans openapi.json.",
    )  # fmt: skip


def openapi(site: str) -> dict[str, Any]:
    """The description, its schemas made from the very types that are sent and taken."""
    found, components = msgspec.json.schema_components(
        (Consent, Patients, Deposits, Kinds, Asked, News, *_OF_OPENINGS), ref_template="#/components/schemas/{name}"
    )
    consent, patients, deposits, kinds, asked, news, *of_openings = found
    page = _parameter("page", "query", {"type": "integer", "minimum": 1, "maximum": LAST_PAGE, "default": 1})
    summary: dict[str, Any] = {"type": "object"}
    over = _parameter("If-Match", "header", {"type": "string"})
    return {
        "openapi": "3.1.0",
        "info": {"title": "DMP, logiciels de professionnels de santé", "version": "1"},
        "servers": [{"url": site}],
        "security": [{"carte": []}],
        "paths": {
            f"{_DOSSIER}/autorisation": {
                "parameters": [_dossier()],
                "put": _call("TD0.3 : le patient, informé, consent", 204, takes=consent),
                "delete": _call("TD0.3 : fin de mon autorisation", 204),
            },
            "/patients": {"get": _call("TD0.4 : mes patients", 200, patients) | {"parameters": [page]}},
            "/depots": {"get": _call("Reçus de mes dépôts", 200, deposits) | {"parameters": [page]}},
            "/types": {"get": _call("Types que ma profession dépose, le premier à proposer", 200, kinds)},
            f"{_DOSSIER}/nouveautes": {
                "parameters": [_dossier()],
                "get": _call("Ce que d’autres ont déposé depuis ma dernière visite, un jour passé", 200, news),
            },
            f"{_DOSSIER}/synthese": {
                "parameters": [_dossier()],
                "get": _call(_SUMMARY, 200, summary),
                "put": _call(_SUMMARY, 201, takes=summary) | {"parameters": [over]},
            },
            "/certificat-des-recus.pem": {"get": _call("Certificat du cachet des reçus (PEM)", 200)},
            f"{_DOSSIER}/urgence/raison": {
                "parameters": [_dossier()],
                "post": _call("Raison d’un accès en urgence, rendue à signer par la carte", 200, summary, takes=asked),
            },
            f"{_DOSSIER}/urgence": {
                "parameters": [_dossier()],
                "post": _call(
                    "Accès en urgence, par la raison signée",
                    201,
                    summary,
                    takes={"type": "string"},
                    kind="application/jose",
                ),
            },
            **_openings(*of_openings),
        },
        "components": {"schemas": components, "securitySchemes": {"carte": {"type": "mutualTLS"}}},
    }


_OF_OPENINGS: Final = (
    Conditions, Creation, Reopening, Receipt, SecretsAsked, ClosureAsked, Traits, Found, Administration, Link,
)  # fmt: skip


def _openings(
    conditions: dict[str, Any], creation: dict[str, Any], reopening: dict[str, Any], receipt: dict[str, Any],
    secrets: dict[str, Any], closure: dict[str, Any], traits: dict[str, Any], found: dict[str, Any],
    administration: dict[str, Any], link: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """The calls that open a DMP for a patient who is there, and find one again."""
    operation = _parameter("operation", "path", {"type": "string", "format": "uuid"}) | {"required": True}
    sheet = _call("TD1.5a : nouveau document des secrets, PDF, à la demande du titulaire", 200, takes=secrets)
    sheet["responses"]["200"]["content"] = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}
    return {
        "/conditions": {"get": _call("Ce qui se dit au patient, et la version à citer", 200, conditions)},
        "/creations/{operation}": {
            "parameters": [operation],
            "put": _call("TD1.1 : créer un DMP ; redemandé, le même, et un nouveau document", 201, receipt, creation),
        },
        "/reactivations/{operation}": {
            "parameters": [operation],
            "put": _call("TD1.2 : réactiver un DMP clôturé", 201, receipt, reopening),
        },
        "/clotures/{operation}": {
            "parameters": [operation],
            "put": _call(
                "TD1.4 : transmettre une demande de clôture, que la caisse fait confirmer", 202, takes=closure
            ),
        },
        "/secrets": {"post": sheet},
        "/patients/_recherche": {"post": _call("TD0.5 : mes patients, par leurs traits", 200, found, traits)},
        f"{_DOSSIER}/administratif": {
            "parameters": [_dossier()],
            "get": _call("TD1.3 : données administratives", 200, administration),
        },
        f"{_DOSSIER}/contexte": {
            "parameters": [_dossier()],
            "post": _call("TD0.9 : adresse de ce DMP sur le site, pour une minute et pour ma carte", 201, link),
        },
    }


def _call(
    summary: str, status: int, gives: dict[str, Any] | None = None, takes: dict[str, Any] | None = None,
    kind: str = "application/json",
) -> dict[str, Any]:  # fmt: skip
    done: dict[str, Any] = {"description": summary}
    if gives is not None:
        done["content"] = {"application/json": {"schema": gives}}
    refusal = {"schema": {"type": "object", "description": "OperationOutcome de FHIR R4"}}
    found: dict[str, Any] = {
        "summary": summary,
        "responses": {
            str(status): done,
            "default": {"description": "Refus, en une phrase", "content": {"application/fhir+json": refusal}},
        },
    }
    if takes is not None:
        found["requestBody"] = {"required": True, "content": {kind: {"schema": takes}}}
    return found


def _dossier() -> dict[str, Any]:
    return _parameter("dmp", "path", {"type": "string", "format": "uuid"}) | {"required": True}


def _parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "schema": schema}
