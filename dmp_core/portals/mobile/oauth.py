"""The authorization server: Authlib's, over the consents of `dmp_core.holder.mobile`.

Public clients alone, authorization code with PKCE S256 alone, refresh tokens that turn (RFC 6749, 7009, 7636, 8252, 9207,
9700). No password, no implicit grant, no secret in an application.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import request

from dmp_core.errors import NotFound
from dmp_core.holder.limits import Limits
from dmp_core.holder.mobile import OFFLINE, READ, SCOPES, Application, Consent, Held, Kind, Mobile

ISSUER_PATH: Final = "/api"
AUTHORIZE_PATH: Final = "/mon-dmp/applications/autoriser"
_LOOPBACK: Final = frozenset({"127.0.0.1", "[::1]", "::1"})


class Client(ClientMixin):  # type: ignore[misc]
    """An application, as Authlib asks about it."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.client_id = application.client_id

    def get_client_id(self) -> str:
        """Its identifier."""
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: an application always says where it waits."""
        return

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What it may have of this; None, a refusal, when nothing of it can be read."""
        wanted = (scope or READ).split()
        return " ".join(each for each in SCOPES if each in wanted) if READ in wanted else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it may wait there: word for word, but for the port of a loopback address (RFC 8252, 7.3)."""
        return any(_same(redirect_uri, known) for known in self.application.redirect_uris)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - Authlib's signature
        """It has no secret."""
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        """A code."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """A code, then what it was given for it."""
        return grant_type in ("authorization_code", "refresh_token")


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom an application speaks for."""

    dossier: UUID


@dataclass(frozen=True, slots=True)
class Code:
    """A code that has served, as Authlib asks about it."""

    consent: Consent

    @property
    def code_challenge(self) -> str:
        """SHA-256 of the verifier."""
        return self.consent.challenge

    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        """Where the application said it waits."""
        return self.consent.redirect_uri

    def get_scope(self) -> str:
        """What the holder granted."""
        return self.consent.scope


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token that has served, as Authlib asks about it."""

    held: Held

    def get_scope(self) -> str:
        """What it stood for."""
        return self.held.scope

    def check_client(self, client: Client) -> bool:
        """Whether it was this application's."""
        return self.held.consent.client_id == client.client_id


class _Pkce(CodeChallenge):  # type: ignore[misc]
    """S256, and never without: the plain method proves nothing to who saw the request."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse a request that brings none."""
        if not grant.request.payload.data.get("code_challenge"):
            raise InvalidRequestError("Missing 'code_challenge'")
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("Unsupported 'code_challenge_method'")
        super().validate_code_challenge(grant, redirect_uri)


class _Issuer(IssuerParameter):  # type: ignore[misc]
    """The answer names who gives it: no other server's answer can be taken for ours."""

    def get_issuer(self) -> str:
        """This site's address."""
        return issuer()


def issuer() -> str:
    """The address under which this server answers, whichever of its pages is asked."""
    return f"{request.scheme}://{request.host}{ISSUER_PATH}"


def oauth_server(mobile: Mobile, applications: Mapping[str, Application], limits: Limits) -> AuthorizationServer:
    """The server, for the portal's page of consent and for the applications' calls."""

    class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

        def generate_authorization_code(self) -> str:
            asked = self.request
            return mobile.grant(
                asked.user.dossier, asked.client.application, asked.scope, asked.payload.redirect_uri,
                asked.payload.data["code_challenge"],
            )  # fmt: skip

        def save_authorization_code(self, code: str, request: Any) -> None:
            """Kept as it was drawn."""

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            # It has served now: who comes with a wrong verifier has no second try.
            consent = mobile.take_code(code, client.client_id)
            return Code(consent) if consent else None

        def authenticate_user(self, code: Code) -> Holder:
            self.request.credential = code.consent
            return Holder(code.consent.dossier)

        def delete_authorization_code(self, code: Code) -> None:
            """It cannot serve again, and is kept to be known if it comes back."""

    class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = ("none",)
        INCLUDE_NEW_REFRESH_TOKEN = True

        def authenticate_refresh_token(self, token: str) -> Refresh | None:
            held = mobile.take_refresh(token, self.request.client.client_id)
            return Refresh(held) if held else None

        def authenticate_user(self, refresh: Refresh) -> Holder:
            self.request.credential = refresh.held.consent
            return Holder(refresh.held.consent.dossier)

        def revoke_old_credential(self, refresh: Refresh) -> None:
            """It has served already."""

    class Revocation(RevocationEndpoint):  # type: ignore[misc]
        CLIENT_AUTH_METHODS = ("none",)

        def query_token(self, token: str, hint: str | None) -> str:  # noqa: ARG002
            return token

        def authenticate_token(self, asked: Any, client: Client) -> str:
            self.check_params(asked, client)
            return str(asked.form["token"])

        def revoke_token(self, token: str, asked: Any) -> None:
            mobile.give_up(token, asked.client.client_id)

    def query_client(client_id: str) -> Client | None:
        found = applications.get(client_id or "")
        return Client(found) if found else None

    def save_token(token: dict[str, Any], asked: Any) -> None:
        consent: Consent = asked.credential
        scope = token.get("scope", "")
        if OFFLINE not in scope.split():
            token.pop("refresh_token", None)
        try:
            mobile.keep(consent, Kind.ACCESS, token["access_token"], scope)
            if "refresh_token" in token:
                mobile.keep(consent, Kind.REFRESH, token["refresh_token"], scope)
        except NotFound as error:
            raise InvalidGrantError() from error

    server = AuthorizationServer(query_client=query_client, save_token=save_token)
    seconds = int(limits.app_access_life.total_seconds())
    server.load_config(
        {
            "OAUTH2_SCOPES_SUPPORTED": list(SCOPES),
            "OAUTH2_REFRESH_TOKEN_GENERATOR": True,
            "OAUTH2_TOKEN_EXPIRES_IN": {"authorization_code": seconds, "refresh_token": seconds},
        }
    )
    server.register_grant(CodeGrant, [_Pkce(required=True)])
    server.register_grant(RefreshGrant)
    server.register_endpoint(Revocation)
    server.register_extension(_Issuer())
    return server


def _same(asked: str, known: str) -> bool:
    if asked == known:
        return True
    try:
        one, other = urlsplit(asked), urlsplit(known)
        if one.scheme != "http" or one.hostname not in _LOOPBACK or one.username or one.fragment:
            return False
        _ = one.port  # raises ValueError for what is no port
    except ValueError:
        return False
    return (one.hostname, one.path, one.query) == (other.hostname, other.path, other.query) and other.scheme == "http"
