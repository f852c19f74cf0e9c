"""Calls of applications about their own access: a code or a refresh token against tokens, giving up, what is on offer."""

from typing import Any, Final

from flask import Blueprint, Response, jsonify, request

from dmp_core.holder.guard import strangers
from dmp_core.holder.mobile import SCOPES
from dmp_core.portals.mobile.access import api, public
from dmp_core.portals.mobile.oauth import AUTHORIZE_PATH, issuer

calls = Blueprint("oauth", __name__)

_PATHS: Final = {"token_endpoint": "/oauth/token", "revocation_endpoint": "/oauth/revoke"}


@calls.post("/oauth/token")
@public
def token() -> Response:
    """Tokens, against a code or a refresh token."""
    # Counted before anything is compared, and given back: a network that only guesses is soon no longer heard.
    attempt = api().access.guard.attempt(strangers(request.remote_addr or "", "application"))
    response: Response = api().server.create_token_response()
    if response.status_code == 200:
        attempt.succeeded()
    return response


@calls.post("/oauth/revoke")
@public
def revoke() -> Response:
    """The application gives up its access."""
    response: Response = api().server.create_endpoint_response("revocation")
    return response


@calls.get("/.well-known/oauth-authorization-server")
@public
def metadata() -> Response:
    """What this server offers (RFC 8414)."""
    return jsonify(server_metadata())


@calls.get("/fhir/.well-known/smart-configuration")
@public
def smart() -> Response:
    """The same, where SMART on FHIR looks for it."""
    return jsonify(
        server_metadata()
        | {"capabilities": ["launch-standalone", "client-public", "permission-patient", "permission-offline"]}
    )


def server_metadata() -> dict[str, Any]:
    """Addresses and abilities, as RFC 8414 names them."""
    found = issuer()
    site = found.removesuffix("/api")
    return {
        "issuer": found,
        "authorization_endpoint": site + AUTHORIZE_PATH,
        **{name: found + path for name, path in _PATHS.items()},
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": list(SCOPES),
    }
