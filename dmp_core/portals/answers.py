"""What both FHIR servers, of applications and of practice software, say and take in the same way."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.exceptions import BadRequest, NotAcceptable, RequestEntityTooLarge, UnsupportedMediaType

from dmp_core.access.application import Changed
from dmp_core.fhir.deposits import Unreadable
from dmp_core.fhir.resources import Resource, binary, instant, outcome, searchset
from dmp_core.fhir.search import Asked
from dmp_core.portals.mobile.errors import answer
from dmp_core.record.contents import LARGEST, Format
from dmp_core.record.metadata import Document

LARGEST_BODY: Final = LARGEST * 4 // 3 + 1024 * 1024
"""Bytes of a deposit: a document in base64, and what is around it."""
FHIR: Final = frozenset({"application/fhir+json", "application/json"})
PATCH: Final = "application/json-patch+json"


def negotiate(*, any_kind: bool) -> None:
    """JSON alone is spoken, but where `any_kind` of content is asked for: who wants XML is told before anything is read."""
    wanted = request.args.get("_format")
    if wanted is not None and wanted not in ("json", *FHIR):
        raise NotAcceptable
    accepted = request.accept_mimetypes
    if not any_kind and accepted and not any(accepted[each] for each in FHIR):
        raise NotAcceptable
    if request.content_length is not None and request.content_length > LARGEST_BODY:
        raise RequestEntityTooLarge
    request.max_content_length = LARGEST_BODY


def require(mimes: Iterable[str]) -> None:
    """Refuse a body of another kind."""
    if request.mimetype not in mimes:
        raise UnsupportedMediaType


def operations() -> object:
    """The body of a PATCH. Raises Unreadable."""
    try:
        return request.get_json(force=True, silent=False)
    except BadRequest as error:
        raise Unreadable("Le corps de la demande n’est pas du JSON.") from error


def require_unchanged(found: Document) -> None:
    """Refuse a change of what is no longer as it was read. Raises Changed."""
    expected = request.headers.get("If-Match")
    if expected is not None and expected.removeprefix("W/").strip('"') != str(found.entry_uuid):
        raise Changed("Ce document a changé depuis que l’application l’a lu : actualisez, puis recommencez.")


def transaction(asked: Iterable[str], made: list[tuple[Document, bool]]) -> Response:
    """What became of ITI-65, entry by entry: of each document, and whether it entered or was there already."""
    left, entries = iter(made), []
    submission = next((each.submission for each, entered in made if entered), made[0][0].submission)
    for each in asked:
        told = {"status": "201 Created"}
        if each == "DocumentReference":
            one, entered = next(left)
            told = {
                "status": "201 Created" if entered else "200 OK",
                "location": f"DocumentReference/{one.id}/_history/{one.entry_uuid}",
                "etag": f'W/"{one.entry_uuid}"', "lastModified": instant(one.changed_at),
            }  # fmt: skip
        elif each == "List":
            told["location"] = f"List/{submission}"
        entries.append({"response": told})
    return answer({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})


def page(base: str, asked: Asked, total: int, found: Iterable[Resource], kind: str) -> Response:
    """One page of a search, with the addresses of those around it."""
    strict = "handling=strict" in request.headers.get("Prefer", "").replace(" ", "")
    if asked.ignored and strict:
        return answer(outcome("not-supported", f"Paramètres inconnus : {', '.join(asked.ignored)}."), 400)

    def at(offset: int) -> str:
        return f"{base}/{kind}?{urlencode([*asked.used, ('_count', asked.count), ('_offset', offset)])}"

    links = [("self", at(asked.offset))]
    if asked.count and asked.offset:
        links += [("first", at(0)), ("previous", at(max(0, asked.offset - asked.count)))]
    if asked.count and asked.offset + asked.count < total:
        links.append(("next", at(asked.offset + asked.count)))
    return answer(searchset(base, found, total, links, asked.ignored))


def content(found: Document, data: bytes) -> Response:
    """A content as it is, or in FHIR's envelope for who asks for JSON before anything else."""
    accepted = request.accept_mimetypes
    own = accepted[found.format.value] if accepted else 1
    wrapped = max(accepted[each] for each in FHIR) if accepted else 0
    if own <= 0 and wrapped <= 0:
        raise NotAcceptable
    if wrapped > own or (wrapped == own and "*/*" not in accepted.values()):
        return answer(binary(found, data))
    mime = f"{found.format.value}; charset=utf-8" if found.format is Format.TEXT else found.format.value
    response = Response(data, content_type=mime)
    response.headers["Content-Disposition"] = "attachment"
    response.headers["ETag"] = f'"{found.sha256.hex()}"'
    return response
