"""Every refusal and failure in the layout of the site: one sentence, what to do, never a traceback."""

import secrets
import traceback
from datetime import datetime
from typing import Final

import structlog
from flask import Flask, current_app, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from dmp_core.errors import DmpError, Invalid, NotFound, Unavailable, WrongState
from dmp_core.holder.guard import TooMany
from dmp_core.portals.mondmp.web.session import parts

_STATUS: Final[dict[type[DmpError], int]] = {NotFound: 404, WrongState: 409, Invalid: 422, Unavailable: 503}

_TITLES: Final = {
    400: "Demande incomprise",
    403: "Accès refusé",
    404: "Page introuvable",
    405: "Action impossible ici",
    409: "Action impossible pour l’instant",
    413: "Envoi trop volumineux",
    422: "Saisie à corriger",
    429: "Trop d’essais",
    500: "Erreur inattendue",
    503: "Service momentanément indisponible",
}
_SENTENCES: Final = {
    400: "Votre navigateur a envoyé une demande que le site ne comprend pas. Revenez à la page précédente.",
    403: "Cette page ne vous est pas ouverte. Repartez de l’accueil.",
    404: "Cette page n’existe pas ou n’existe plus. Vérifiez l’adresse, ou repartez de l’accueil.",
    405: "Cette adresse ne s’ouvre pas de cette façon. Repartez de l’accueil.",
    413: "Le formulaire envoyé dépasse la taille permise. Revenez à la page précédente et recommencez.",
    429: "Trop de demandes en peu de temps. Patientez quelques minutes, puis recommencez.",
    500: "Une erreur s’est produite. Réessayez ; si elle se répète, appelez le 0 810 331 133 en donnant la référence "
    "ci-dessous.",
    503: "Le service est momentanément indisponible : réessayez dans quelques minutes.",
}
STALE_FORM: Final = (
    "Ce formulaire était ouvert depuis trop longtemps, ou votre navigateur refuse les cookies. Rien n’a été fait : "
    "rouvrez la page, puis recommencez."
)
_log = structlog.get_logger(__name__)


def translate_errors(app: Flask) -> None:
    """Register the one translator of each kind of failure."""

    @app.errorhandler(DmpError)
    def refuse(error: DmpError) -> ResponseReturnValue:
        status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)
        if status == 503:
            _log.error("unavailable", cause=type(error.__cause__).__name__)
        return _page(status, str(error))

    @app.errorhandler(TooMany)
    def slow_down(error: TooMany) -> ResponseReturnValue:
        response = make_response(_page(429, str(error)))
        response.headers["Retry-After"] = str(seconds_until(error.retry_at))
        return response

    @app.errorhandler(CSRFError)
    def stale(error: CSRFError) -> ResponseReturnValue:  # noqa: ARG001
        return _page(403, STALE_FORM, title="Formulaire expiré")

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        if isinstance(error, SecurityError):  # asked under another host's name: no address of ours can be built
            return "Adresse refusée.", 400
        status = error.code or 500
        if status < 400:
            return error.get_response()
        response = make_response(_page(status, _SENTENCES.get(status, _SENTENCES[500 if status >= 500 else 400])))
        if status == 405:
            response.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or ())
        return response

    @app.errorhandler(Exception)
    def fail(error: Exception) -> ResponseReturnValue:
        # Where, never what: the message of an exception may hold a person's data.
        reference = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
        _log.error("unexpected", reference=reference, kind=type(error).__name__, where=where[-12:])
        if current_app.testing:
            raise error
        return _page(500, _SENTENCES[500], reference=reference)


def seconds_until(instant: datetime) -> int:
    """For the header Retry-After; at least one."""
    return max(1, int((instant - parts().clock()).total_seconds()))


def _page(status: int, sentence: str, *, title: str | None = None, reference: str | None = None) -> ResponseReturnValue:
    heading = title or _TITLES.get(status, _TITLES[500 if status >= 500 else 400])
    return render_template("refusal.html", title=heading, sentence=sentence, reference=reference), status
