"""The API of practice software as a WSGI application, mounted under `/api/v1` of the professionals' site: no cookie, no
session, no form. Each call is a proof by the card, and is told by it.

Importing this module does nothing; `create_api` does everything.
"""

from typing import Final

from flask import Flask, Response, g, request

from dmp_core.access.professional import NotIn
from dmp_core.access.signed_reason import Reasons
from dmp_core.access.software import SoftwareGate
from dmp_core.access.summaries import Moved, NotAttending, SummaryGate
from dmp_core.access.visit import VisitGate
from dmp_core.holder.guard import TooMany
from dmp_core.portals.mobile.errors import refuse, translate_errors
from dmp_core.portals.professionals.card import parts, presented
from dmp_core.portals.professionals.contests import FIRST, contests
from dmp_core.portals.professionals.openings import opening_gate
from dmp_core.portals.professionals.parts import Parts
from dmp_core.portals.security import protect_responses
from dmp_core.portals.software import description, emergency, fhir, news, openings, rest, state, summary
from dmp_core.portals.software.pace import Pace
from dmp_core.professionals.certificates import CertificateRefused
from dmp_core.professionals.signing import SignatureRefused
from dmp_core.record.sealing import DossierKeys

PREFIX: Final = "/api/v1"
LARGEST_CALL: Final = 64 * 1024
"""Bytes of a body, but for a deposit."""
_SLOWLY: Final = "Trop de demandes en peu de temps : patientez, puis envoyez de nouveau la même."
_BROWSERS: Final = ("Origin", "Sec-Fetch-Site")
"""Headers that every browser adds by itself, and no software."""


def create_api(parts_of_site: Parts) -> Flask:
    """The API over the site's parts; no connection is made until a call needs one."""
    app = Flask(__name__, static_folder=None)
    app.extensions["professionals"] = parts_of_site
    app.extensions["software.gate"] = SoftwareGate(
        parts_of_site.store, parts_of_site.shelf, DossierKeys(parts_of_site.record), parts_of_site.clock,
        parts_of_site.regulators,
    )  # fmt: skip
    app.extensions["software.opening"] = opening_gate(parts_of_site)
    app.extensions["software.summaries"] = SummaryGate(
        parts_of_site.store, parts_of_site.shelf, DossierKeys(parts_of_site.record), parts_of_site.clock,
        parts_of_site.regulators,
    )  # fmt: skip
    app.extensions["professionals.reasons"] = Reasons(parts_of_site.secret_key)
    app.extensions["software.visits"] = VisitGate(
        parts_of_site.store, parts_of_site.shelf, DossierKeys(parts_of_site.record), parts_of_site.clock,
        parts_of_site.regulators,
    )  # fmt: skip
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_CALL, TRUSTED_HOSTS=list(parts_of_site.hosts) or None)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    _require_card(app)  # before anything else reads a request
    translate_errors(app)
    _translate_refusals(app)
    protect_responses(app, https=True)
    for blueprint in (
        description.calls, state.calls, fhir.calls, rest.calls, summary.calls, emergency.calls, news.calls, openings.calls,
    ):  # fmt: skip
        app.register_blueprint(blueprint)
    return app


def _require_card(app: Flask) -> None:
    pace = Pace(app.extensions["professionals"].calls_per_minute)

    @app.before_request
    def check() -> Response | None:
        if any(name in request.headers for name in _BROWSERS):
            # A card answers for every page that its browser shows, whoever wrote it.
            return refuse(403, "forbidden", "Cette adresse est celle des logiciels : un navigateur n’y vient pas.")
        now = parts().clock()
        g.professional = presented(now)
        if seconds := pace.wait(str(g.professional.id), now):
            response = refuse(429, "throttled", _SLOWLY)
            response.headers["Retry-After"] = str(seconds)
            return response
        # A call is a session of its own; whether there is a DMP, and what it takes to come in, is told all the same.
        if request.blueprint not in (state.calls.name, description.calls.name) and contests().waiting(g.professional):
            return refuse(409, "business-rule", FIRST)
        return None


def _translate_refusals(app: Flask) -> None:
    @app.errorhandler(CertificateRefused)
    def no_card(error: CertificateRefused) -> Response:
        return refuse(403, "login", str(error))

    @app.errorhandler(NotIn)
    @app.errorhandler(NotAttending)
    def not_in(error: NotIn | NotAttending) -> Response:
        return refuse(403, "forbidden", str(error))

    @app.errorhandler(SignatureRefused)
    def not_signed(error: SignatureRefused) -> Response:
        return refuse(403, "security", str(error))

    @app.errorhandler(TooMany)
    def slow_down(error: TooMany) -> Response:
        response = refuse(429, "throttled", str(error))
        seconds = (error.retry_at - parts().clock()).total_seconds()
        response.headers["Retry-After"] = str(max(1, int(seconds)))
        return response

    @app.errorhandler(Moved)
    def moved(error: Moved) -> Response:
        return refuse(412, "conflict", str(error))
