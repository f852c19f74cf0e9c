"""Who may call what. A route that does not say so is open to nobody."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from flask import Flask, abort, current_app, g, request

from dmp_core.access.application import ApplicationGate
from dmp_core.holder.access import Access
from dmp_core.holder.mobile import Application, Held
from dmp_core.holder.profile import Profile
from dmp_core.portals.mondmp.parts import Parts

_View = TypeVar("_View", bound=Callable[..., Any])
_MARK: Final = "scope_declaration"
_OPEN: Final = ""
_log = structlog.get_logger(__name__)


class Unauthorized(Exception):
    """No access token, or one that is not good."""


class InsufficientScope(Exception):
    """The holder did not grant this."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class Api:
    """What the routes work with; `app.extensions["mobile"]`."""

    parts: Parts
    access: Access
    gate: ApplicationGate
    applications: dict[str, Application]
    server: Any = field(repr=False)
    """Authlib's AuthorizationServer."""


def scope(wanted: str) -> Callable[[_View], _View]:
    """Open a view to applications whose holder granted `wanted`."""
    return lambda view: _marked(view, wanted)


def public(view: _View) -> _View:
    """Open a view to everybody."""
    return _marked(view, _OPEN)


def declared(view: Callable[..., Any] | None) -> str | None:
    """What a view declares: a scope, an empty text for a public one, None for nothing."""
    found = getattr(view, _MARK, None)
    return found if isinstance(found, str) else None


def guard_routes(app: Flask) -> None:
    """Check every call against its route's declaration, before anything else reads it."""

    @app.before_request
    def check() -> None:
        if request.endpoint is None:
            return
        wanted = declared(app.view_functions.get(request.endpoint))
        if wanted is None:
            _log.error("route_without_scope", endpoint=request.endpoint)
            abort(403)
        if wanted == _OPEN:
            return
        g.held = _held()
        if wanted not in g.held.scope.split():
            raise InsufficientScope(wanted)


def api() -> Api:
    """The parts of this process."""
    found = current_app.extensions["mobile"]
    assert isinstance(found, Api)
    return found


def dossier() -> UUID:
    """Whose record it is."""
    held: Held = g.held
    return held.consent.dossier


def holder() -> Profile:
    """Who let the application in."""
    held: Held = g.held
    assert held.holder is not None
    return held.holder


def gate() -> ApplicationGate:
    """The gate, which writes down the application's name."""
    held: Held = g.held
    known = api().applications.get(held.consent.client_id)
    return api().gate.for_application(held.consent.client_id, known.name if known else held.consent.client_id)


def _held() -> Held:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token or len(token) > 200:
        raise Unauthorized
    held = api().access.mobile.bearer(token.strip())
    # An application that the house no longer knows is no longer let in.
    if held is None or held.consent.client_id not in api().applications:
        raise Unauthorized
    return held


def _marked(view: _View, wanted: str) -> _View:
    setattr(view, _MARK, wanted)
    return view
