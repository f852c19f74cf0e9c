"""Every refusal and failure as a page: one sentence, what to do, never a traceback, and nothing of what was refused."""

import secrets
import traceback
from typing import Final

import structlog
from flask import Flask, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from dmp_core.access.summaries import NotAttending
from dmp_core.errors import DmpError, Invalid, NotFound, Unavailable, WrongState
from dmp_core.holder.guard import TooMany
from dmp_core.professionals.certificates import CertificateRefused

_STATUS: Final[dict[type[DmpError], int]] = {
    CertificateRefused: 403, NotAttending: 403, TooMany: 429, NotFound: 404,
    WrongState: 409, Invalid: 422, Unavailable: 503,
}  # fmt: skip
_TITLES: Final = {
    403: "Accès refusé", 404: "Introuvable", 409: "Action impossible pour l’instant", 422: "Saisie à corriger",
    429: "Trop d’essais", 503: "Service momentanément indisponible",
}  # fmt: skip
_OTHERS: Final = "Demande impossible"
_SENTENCES: Final = {
    403: "Ce formulaire était ouvert depuis trop longtemps : rien n’a été fait. Rouvrez la page, puis recommencez.",
    404: "Cette page n’existe pas : repartez de l’accueil.",
    405: "Cette adresse ne s’ouvre pas de cette façon : repartez de l’accueil.",
    413: "Le formulaire envoyé dépasse la taille permise : revenez à la page précédente.",
}
_UNKNOWN: Final = (
    "Une erreur s’est produite. Réessayez ; si elle se répète, donnez la référence ci-dessous à l’assistance."
)
_log = structlog.get_logger(__name__)


def translate_errors(app: Flask) -> None:
    """Register the one translator of each kind of failure."""

    @app.errorhandler(DmpError)
    def refuse(error: DmpError) -> ResponseReturnValue:
        status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)
        return _page(status, str(error))

    @app.errorhandler(CSRFError)
    def stale(error: CSRFError) -> ResponseReturnValue:  # noqa: ARG001
        return _page(403, _SENTENCES[403])

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        return (
            error.get_response()
            if status < 400
            else _page(status, _SENTENCES.get(status, "La demande est incomprise."))
        )

    @app.errorhandler(Exception)
    def fail(error: Exception) -> ResponseReturnValue:
        # Where, never what: the message of an exception may hold a person's data.
        reference = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
        _log.error("unexpected", reference=reference, kind=type(error).__name__, where=where[-12:])
        if current_app.testing:
            raise error
        return _page(500, _UNKNOWN, reference)


def _page(status: int, sentence: str, reference: str = "") -> ResponseReturnValue:
    title = _TITLES.get(status, _OTHERS)
    return render_template("refusal.html", title=title, sentence=sentence, reference=reference), status
