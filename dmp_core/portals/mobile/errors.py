"""Every refusal and failure as an OperationOutcome: one French sentence, never a traceback (FHIR R4, 3.1.0.4)."""

import secrets
import traceback
from typing import Final

import msgspec
import structlog
from fhir.resources.R4B import get_fhir_model_class
from flask import Flask, Response, current_app
from werkzeug.exceptions import HTTPException, SecurityError

from dmp_core.access.application import Changed
from dmp_core.errors import DmpError, Invalid, NotFound, Unavailable, WrongState
from dmp_core.fhir.deposits import Unfit, Unreadable
from dmp_core.fhir.patching import NotAllowed
from dmp_core.fhir.resources import Resource, outcome
from dmp_core.holder.guard import TooMany
from dmp_core.portals.mobile.access import InsufficientScope, Unauthorized, api

JSON: Final = "application/fhir+json; charset=utf-8"
_REALM: Final = 'Bearer realm="mon-dmp"'
# The status, and FHIR's issue type.
_STATUS: Final[dict[type[DmpError], tuple[int, str]]] = {
    Unreadable: (400, "structure"),
    Unfit: (422, "processing"),
    NotAllowed: (405, "not-supported"),
    Changed: (412, "conflict"),
    NotFound: (404, "not-found"),
    WrongState: (409, "business-rule"),
    Invalid: (422, "invalid"),
    Unavailable: (503, "transient"),
}
_SENTENCES: Final = {
    400: ("invalid", "Cette demande ne se lit pas."),
    403: ("forbidden", "Cette adresse n’est pas ouverte."),
    404: ("not-found", "Rien ne se trouve à cette adresse."),
    405: ("not-supported", "Cette adresse ne s’appelle pas de cette façon."),
    406: ("not-supported", "La réponse n’existe pas sous cette forme : demandez application/fhir+json."),
    413: ("too-long", "L’envoi dépasse la taille permise."),
    415: ("not-supported", "Le corps de la demande n’est pas de l’espèce attendue."),
    429: ("throttled", "Trop de demandes en peu de temps : patientez, puis recommencez."),
    500: ("exception", "Une erreur s’est produite : recommencez ; si elle se répète, donnez la référence."),
    503: ("transient", "Le service est momentanément indisponible : recommencez dans quelques minutes."),
}
_log = structlog.get_logger(__name__)


def answer(resource: Resource, status: int = 200) -> Response:
    """A resource as the answer."""
    if current_app.testing:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    return Response(msgspec.json.encode(resource), status=status, content_type=JSON)


def refuse(status: int, code: str, text: str, where: str | None = None) -> Response:
    """A refusal as the answer."""
    return answer(outcome(code, text, where=where), status)


def translate_errors(app: Flask) -> None:
    """Register the one translator of each kind of failure."""

    @app.errorhandler(DmpError)
    def refused(error: DmpError) -> Response:
        status, code = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
        if status == 503:
            _log.error("unavailable", cause=type(error.__cause__).__name__)
        return refuse(status, code, str(error), getattr(error, "where", None))

    @app.errorhandler(TooMany)
    def slow_down(error: TooMany) -> Response:
        response = refuse(429, "throttled", str(error))
        seconds = (error.retry_at - api().parts.clock()).total_seconds()
        response.headers["Retry-After"] = str(max(1, int(seconds)))
        return response

    @app.errorhandler(Unauthorized)
    def unknown(error: Unauthorized) -> Response:  # noqa: ARG001
        response = refuse(401, "login", "Cette application n’a pas, ou plus, accès à ce DMP : demandez-le de nouveau.")
        response.headers["WWW-Authenticate"] = f'{_REALM}, error="invalid_token"'
        return response

    @app.errorhandler(InsufficientScope)
    def too_far(error: InsufficientScope) -> Response:
        response = refuse(403, "forbidden", "Le titulaire n’a pas permis cela à cette application.")
        response.headers["WWW-Authenticate"] = f'{_REALM}, error="insufficient_scope", scope="{error.wanted}"'
        return response

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        if isinstance(error, SecurityError):
            return Response("Adresse refusée.", 400)
        status = error.code or 500
        code, text = _SENTENCES.get(status, _SENTENCES[500 if status >= 500 else 400])
        response = refuse(status, code, text)
        if status == 405:
            response.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or ())
        return response

    @app.errorhandler(Exception)
    def fail(error: Exception) -> Response:
        # Where, never what: the message of an exception may hold a person's data.
        reference = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
        _log.error("unexpected", reference=reference, kind=type(error).__name__, where=where[-12:])
        if current_app.testing:
            raise error
        return refuse(500, "exception", f"{_SENTENCES[500][1]} Référence : {reference}.")
