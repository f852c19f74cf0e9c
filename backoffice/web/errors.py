"""Every refusal and failure in the layout of the application: one sentence, what to do, never a traceback."""

import secrets
import time
import traceback
from typing import Final

import structlog
from flask import Flask, current_app, flash, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException, SecurityError

from backoffice.core.errors import DomainError, Invalid, NotAllowed, NotFound, Unavailable, WrongState
from backoffice.web.access import safe_target, wants_json
from backoffice.web.sessions import STORE_DOWN

STATUS: Final[dict[type[DomainError], int]] = {
    NotFound: 404,
    NotAllowed: 403,
    WrongState: 409,
    Invalid: 422,
    Unavailable: 503,
}

_TITLES: Final = {
    400: "Demande incomprise",
    401: "Connexion nécessaire",
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
    400: "Le navigateur a envoyé une demande que l’application ne comprend pas. Revenez à la page précédente.",
    401: "Votre session a expiré. Reconnectez-vous pour continuer.",
    403: "Votre rôle ne permet pas d’ouvrir cette page. Adressez-vous à votre superviseur.",
    404: "Cette page n’existe pas ou n’existe plus. Vérifiez l’adresse, ou repartez de l’accueil.",
    405: "Cette adresse ne s’ouvre pas de cette façon. Repartez de l’accueil.",
    413: "Le fichier ou le formulaire envoyé dépasse la taille permise.",
    429: "Trop de demandes en peu de temps. Patientez une minute, puis recommencez.",
    500: "Une erreur s’est produite. Réessayez ; si elle se répète, signalez-la avec la référence ci-dessous.",
    503: "Le service ne répond pas pour l’instant. Réessayez dans quelques minutes.",
}
STALE_FORM: Final = "Ce formulaire était ouvert depuis trop longtemps. Rechargez la page, puis recommencez."

_log = structlog.get_logger(__name__)


def status_of(error: DomainError) -> int:
    """The HTTP status of a refusal: that of its class, or of the nearest one above."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)


def translate_errors(app: Flask) -> None:
    """Register the one translator of each kind of failure."""

    @app.errorhandler(DomainError)
    def refuse(error: DomainError) -> ResponseReturnValue:
        return _page(status_of(error), str(error))

    @app.errorhandler(CSRFError)
    def stale(error: CSRFError) -> ResponseReturnValue:  # noqa: ARG001
        if request.endpoint == "session.sign_in":  # the page had been left open: nothing is lost by beginning again
            flash("La page de connexion était ouverte depuis trop longtemps. Recommencez.", "wait")
            return redirect(url_for("session.sign_in", suite=safe_target(request.form.get("suite"))), 303)
        return _page(400, STALE_FORM)

    @app.errorhandler(RateLimitExceeded)
    def slow_down(error: RateLimitExceeded) -> ResponseReturnValue:  # noqa: ARG001
        seconds = _seconds_to_wait(app)
        minutes = -(-seconds // 60)
        wait = "une minute" if minutes == 1 else f"au plus {minutes} minutes"
        response = make_response(_page(429, f"Trop d’essais de connexion. Patientez {wait}, puis recommencez."))
        response.headers["Retry-After"] = str(seconds)
        return response

    @app.errorhandler(RedisError)
    def no_store(error: RedisError) -> ResponseReturnValue:
        _log.error("redis_unavailable", kind=type(error).__name__)
        return _page(503, STORE_DOWN)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        if isinstance(error, SecurityError):  # asked under another host's name: no address of ours can be built
            return "Adresse refusée.", 400
        if isinstance(getattr(error, "original_exception", None), RedisError):  # the session could not be written
            return _page(503, STORE_DOWN)
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
        return _page(500, _SENTENCES[500], reference)


def _seconds_to_wait(app: Flask) -> int:
    for limiter in app.extensions.get("limiter", ()):
        if limiter.current_limit is not None:
            return max(1, int(limiter.current_limit.reset_at - time.time()))
    return 60


def _page(status: int, sentence: str, reference: str | None = None) -> ResponseReturnValue:
    if wants_json():
        content = {"erreur": sentence} | ({"reference": reference} if reference else {})
        return jsonify(content), status
    title = _TITLES.get(status, _TITLES[500 if status >= 500 else 400])
    return render_template("refusal.html", title=title, sentence=sentence, status=status, reference=reference), status
