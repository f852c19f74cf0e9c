"""What the patient application's screens need and FHIR has no words for: the nine categories, who came to the record."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from flask import Blueprint, Response, jsonify, request

from dmp_core.access.trace import ActorKind, Filter
from dmp_core.errors import Invalid
from dmp_core.holder.mobile import READ, WRITE
from dmp_core.portals.mobile.access import dossier, gate, public, scope
from dmp_core.portals.mobile.oauth import AUTHORIZE_PATH, issuer
from dmp_core.record.categories import Category, categorised

calls = Blueprint("rest", __name__)

PAGE: Final = 50
_LAST_PAGE: Final = 2_000


class CategoryCount(msgspec.Struct):
    """One of the nine categories."""

    id: str
    label: str
    documents: int
    types: list[str]
    """Type codes that lead to it, whatever their class."""
    classes: list[str]
    """Class codes that lead to it."""


class Overview(msgspec.Struct):
    """What the record holds."""

    current: int
    recent: int
    """Deposited in the last thirty days."""
    archived: int
    awaited: bool
    """A document waits for a professional to present it: the holder is to see theirs."""
    categories: list[CategoryCount]


class AccessLine(msgspec.Struct):
    """One access, made or refused."""

    number: int
    at: datetime
    who: str
    profession: str
    mode: str
    action: str
    document: UUID | None
    title: str | None
    granted: bool
    reason: str


class Accesses(msgspec.Struct):
    """One page of them, the latest first."""

    accesses: list[AccessLine]
    more: bool


@calls.get("/categories")
@scope(READ)
def categories() -> Response:
    """The nine categories of the application's screen, with what each holds."""
    held, leading = gate().overview(dossier()), categorised()
    return _json(
        Overview(
            held.current, held.recent, held.archived, held.awaited,
            [
                CategoryCount(
                    each.value, each.label, held.counts.get(each, 0), sorted(leading[each][0]), sorted(leading[each][1])
                )
                for each in Category
            ],
        )
    )  # fmt: skip


@calls.get("/accesses")
@scope(READ)
def accesses() -> Response:
    """Who came to the record, and when; `page` from 1, `by=professional`, `refused=true`."""
    page = request.args.get("page", "1")
    if not (page.isascii() and page.isdigit() and 0 < int(page) <= _LAST_PAGE):
        raise Invalid("page est un nombre, à partir de 1.")
    by = request.args.get("by")
    if by is not None and by not in set(ActorKind):
        raise Invalid("by vaut holder, professional ou insurance.")
    chosen = Filter(kind=ActorKind(by) if by else None, refused=request.args.get("refused") == "true")
    found = gate().lines(dossier(), chosen, PAGE, (int(page) - 1) * PAGE)
    return _json(
        Accesses(
            [
                AccessLine(
                    each.number, each.at, each.who.name, each.who.profession, each.who.mode.value, each.action.label,
                    each.document if each.document in found.named else None,
                    found.named[each.document].title if each.document in found.named else None, each.granted, each.reason,
                )
                for each in found.lines
            ],
            found.more,
        )
    )  # fmt: skip


@calls.get("/openapi.json")
@public
def description() -> Response:
    """These calls in OpenAPI 3.1; what is FHIR is in its CapabilityStatement."""
    return jsonify(openapi())


def openapi() -> dict[str, Any]:
    """The description, its schemas made from the very types that are sent."""
    (overview, listed), components = msgspec.json.schema_components(
        (Overview, Accesses), ref_template="#/components/schemas/{name}"
    )
    site = issuer()
    return {
        "openapi": "3.1.0",
        "info": {"title": "mon-dmp, application mobile", "version": "1"},
        "servers": [{"url": site}],
        "paths": {
            "/categories": {"get": _operation("Les neuf catégories et ce qu’elles contiennent", overview)},
            "/accesses": {
                "get": _operation("Qui a accédé au DMP, et quand", listed)
                | {
                    "parameters": [
                        _parameter("page", {"type": "integer", "minimum": 1, "maximum": _LAST_PAGE, "default": 1}),
                        _parameter("by", {"type": "string", "enum": [each.value for each in ActorKind]}),
                        _parameter("refused", {"type": "boolean", "default": False}),
                    ]
                }
            },
        },
        "components": {
            "schemas": components,
            "securitySchemes": {
                "oauth": {
                    "type": "oauth2",
                    "flows": {
                        "authorizationCode": {
                            "authorizationUrl": site.removesuffix("/api") + AUTHORIZE_PATH,
                            "tokenUrl": f"{site}/oauth/token",
                            "refreshUrl": f"{site}/oauth/token",
                            "scopes": {READ: "Lire le DMP", WRITE: "Ajouter, masquer, archiver"},
                        }
                    },
                }
            },
        },
    }


def _operation(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "security": [{"oauth": [READ]}],
        "responses": {
            "200": {"description": summary, "content": {"application/json": {"schema": schema}}},
            "401": {"description": "Pas, ou plus, d’accès : OperationOutcome de FHIR"},
        },
    }


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _json(told: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(told), content_type="application/json")
