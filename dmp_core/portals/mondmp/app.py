"""mon-dmp as a WSGI application. Importing this module does nothing; `create_app` does everything."""

from typing import Final

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from dmp_core.access.gate import HolderGate
from dmp_core.access.holder_circle import HolderCircle
from dmp_core.access.preview import HolderPreview
from dmp_core.holder.access import Access
from dmp_core.portals.mobile.app import PREFIX, create_api
from dmp_core.portals.mobile.oauth import oauth_server
from dmp_core.portals.mondmp import account, record
from dmp_core.portals.mondmp.pages import code_request, creation, information
from dmp_core.portals.mondmp.parts import Parts
from dmp_core.portals.mondmp.record.uploads import expect_documents
from dmp_core.portals.mondmp.web.access import guard_routes
from dmp_core.portals.mondmp.web.errors import translate_errors
from dmp_core.portals.mondmp.web.rendering import FOLDER, equip_templates
from dmp_core.portals.security import protect_responses, trust_proxies
from dmp_core.record.sealing import DossierKeys

LARGEST_FORM: Final = 64 * 1024
"""Bytes of a request: the longest form is a few hundred; a page that takes a document asks for more."""
SHORTEST_SECRET: Final = 32


def create_app(parts: Parts) -> Flask:
    """The portal over `parts`; no connection is made until a request needs one.

    Raises ValueError when the secret key has fewer than 32 characters.
    """
    settings = parts.settings
    if len(settings.secret_key) < SHORTEST_SECRET:
        raise ValueError("the secret key needs at least 32 characters")
    app = Flask(__name__, static_folder=None, template_folder=str(FOLDER / "templates"))
    app.extensions["mondmp"] = parts
    app.extensions["mondmp.access"] = Access(
        parts.store, parts.secrets, parts.codes, parts.clock, parts.insured, parts.messenger
    )
    app.extensions["mondmp.gate"] = HolderGate(parts.store, parts.shelf, DossierKeys(parts.record), parts.clock)
    app.extensions["mondmp.preview"] = HolderPreview(parts.store, DossierKeys(parts.record), parts.clock)
    app.extensions["mondmp.circle"] = HolderCircle(parts.store, parts.clock)
    app.secret_key = settings.secret_key
    prefix = "__Host-" if settings.https else ""
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        TRUSTED_HOSTS=list(settings.trusted_hosts) or None,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the browser is open: reading slowly is no fault
        # Flask's own signed cookie holds the CSRF token and a sentence for the next page, nothing else.
        SESSION_COOKIE_NAME=f"{prefix}mondmp-formulaire",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_PATH="/",
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    applications = {each.client_id: each for each in settings.applications}
    access: Access = app.extensions["mondmp.access"]
    server = oauth_server(access.mobile, applications, access.limits)
    app.extensions["mondmp.oauth"] = server
    # First of all the checks: a request that may not be here is not read any further.
    guard_routes(app)
    expect_documents(app)
    CSRFProtect(app)
    translate_errors(app)
    protect_responses(app, https=settings.https)
    api = create_api(parts, access, server, settings.applications)
    app.extensions["mondmp.api"] = api
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {PREFIX: api})  # type: ignore[method-assign]
    trust_proxies(app, settings.proxy_hops)
    equip_templates(app, settings.note)
    for blueprint in (information.pages, creation.pages, code_request.pages, account.blueprint, record.blueprint):
        app.register_blueprint(blueprint)
    return app
