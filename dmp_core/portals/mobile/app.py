"""The mobile API as a WSGI application, mounted under `/api` of mon-dmp: no cookie, no session, no form.

Importing this module does nothing; `create_api` does everything.
"""

from collections.abc import Sequence
from typing import Final

from authlib.integrations.flask_oauth2 import AuthorizationServer
from flask import Flask

from dmp_core.access.application import ApplicationGate
from dmp_core.holder.access import Access
from dmp_core.holder.mobile import Application
from dmp_core.portals.mobile import capability, fhir, rest, token
from dmp_core.portals.mobile.access import Api, guard_routes
from dmp_core.portals.mobile.errors import translate_errors
from dmp_core.portals.mondmp.parts import Parts
from dmp_core.portals.security import protect_responses
from dmp_core.record.sealing import DossierKeys

PREFIX: Final = "/api"
LARGEST_CALL: Final = 64 * 1024
"""Bytes of a body, but for a deposit."""
_ROUTES: Final = (token.calls, capability.calls, fhir.calls, rest.calls)


def create_api(
    parts: Parts, access: Access, server: AuthorizationServer, applications: Sequence[Application]
) -> Flask:  # fmt: skip
    """The API over the portal's parts; no connection is made until a call needs one."""
    app = Flask(__name__, static_folder=None)
    gate = ApplicationGate(parts.store, parts.shelf, DossierKeys(parts.record), parts.clock)
    known = {each.client_id: each for each in applications}
    app.extensions["mobile"] = Api(parts, access, gate, known, server)
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_CALL, TRUSTED_HOSTS=list(parts.settings.trusted_hosts) or None
    )  # fmt: skip
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    guard_routes(app)
    translate_errors(app)
    protect_responses(app, https=parts.settings.https)
    for blueprint in _ROUTES:
        app.register_blueprint(blueprint)
    return app
