"""What both FHIR servers, of applications and of practice software, say and take in the same way."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.exceptions import NotAcceptable, RequestEntityTooLarge, UnsupportedMediaType

from dmp_core.fhir.resources import Resource, binary, outcome, searchset
from dmp_core.fhir.search import Asked
from dmp_core.portals.mobile.errors import answer
from dmp_core.record.contents import LARGEST, Format
from dmp_core.record.documents import Document

LARGEST_BODY: Final = LARGEST * 4 // 3 + 1024 * 1024
"""Bytes of a deposit: a document in base64, and what is around it."""
FHIR: Final = frozenset({"application/fhir+json", "application/json"})


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
