"""The access of professionals as a WSGI application. Importing this module does nothing; `create_app` does everything."""

from typing import Final

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from dmp_core.access.feeding import FeedingGate
from dmp_core.access.professional import ProfessionalGate
from dmp_core.access.signed_reason import Reasons
from dmp_core.access.summaries import SummaryGate
from dmp_core.access.visit import VisitGate
from dmp_core.portals.professionals import (
    admissions,
    button,
    contests,
    context,
    creation,
    deposits,
    establishment,
    pages,
    signed_emergency,
    summaries,
    visit,
)
from dmp_core.portals.professionals.card import require_card
from dmp_core.portals.professionals.contests import require_answers
from dmp_core.portals.professionals.errors import translate_errors
from dmp_core.portals.professionals.openings import opening_gate
from dmp_core.portals.professionals.parts import Parts
from dmp_core.portals.professionals.rendering import equip_templates
from dmp_core.portals.security import protect_responses
from dmp_core.portals.software.app import PREFIX, create_api
from dmp_core.portals.software.pace import Pace
from dmp_core.record.sealing import DossierKeys

LARGEST_FORM: Final = 256 * 1024
"""A whole medical summary."""
SHORTEST_SECRET: Final = 32


def create_app(parts: Parts) -> Flask:
    """The site over `parts`; no connection is made until a request needs one.

    Raises ValueError when the secret key has fewer than 32 characters.
    """
    if len(parts.secret_key) < SHORTEST_SECRET:
        raise ValueError("the secret key needs at least 32 characters")
    app = Flask(__name__, static_folder=None, template_folder="templates")
    app.extensions["professionals"] = parts
    app.extensions["professionals.gate"] = ProfessionalGate(
        parts.store, parts.shelf, DossierKeys(parts.record), parts.clock, parts.regulators
    )
    app.extensions["professionals.feeding"] = FeedingGate(
        parts.store, parts.shelf, DossierKeys(parts.record), parts.clock
    )
    app.extensions["professionals.summaries"] = SummaryGate(
        parts.store, parts.shelf, DossierKeys(parts.record), parts.clock, parts.regulators
    )
    app.extensions["professionals.visits"] = VisitGate(
        parts.store, parts.shelf, DossierKeys(parts.record), parts.clock, parts.regulators
    )
    app.extensions["professionals.reasons"] = Reasons(parts.secret_key)
    app.extensions["professionals.opening"] = opening_gate(parts)
    app.extensions["professionals.pace"] = Pace(parts.calls_per_minute)
    app.secret_key = parts.secret_key
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        TRUSTED_HOSTS=list(parts.hosts) or None,
        WTF_CSRF_TIME_LIMIT=None,
        SESSION_COOKIE_NAME="__Host-dmp-ps",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_PATH="/",
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    require_card(app)  # before anything else reads a request
    require_answers(app)
    deposits.allow_files(app)
    csrf = CSRFProtect(app)
    csrf.exempt(admissions.blueprint)
    csrf.exempt(establishment.blueprint)  # each request bears its own signed assertion, which serves once
    translate_errors(app)
    protect_responses(app, https=True)
    equip_templates(app, parts)
    api = create_api(parts)
    app.extensions["professionals.api"], app.extensions["professionals.button"] = api, api.extensions["software.gate"]
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {PREFIX: api})  # type: ignore[method-assign]
    for blueprint in (
        pages.blueprint, visit.blueprint, deposits.blueprint, signed_emergency.blueprint, button.blueprint,
        summaries.blueprint, contests.blueprint, establishment.blueprint, admissions.blueprint, creation.blueprint,
        context.blueprint,
    ):  # fmt: skip
        app.register_blueprint(blueprint)
    return app
