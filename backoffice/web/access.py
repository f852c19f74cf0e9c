"""Who may open which page. A route that does not say so is opened by nobody.

    @pages.get("/campagnes")
    @access(Role.CAMPAIGN_MANAGER, Role.SUPERVISOR)
    def index() -> str: ...

Roles open doors; the caisse is checked by the `access_*` functions of each feature, on what is behind them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from flask import Flask, abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.core.actor import Actor, Role
from backoffice.core.errors import NotAllowed

_View = TypeVar("_View", bound=Callable[..., Any])
_MARK: Final = "access_declaration"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """What a route declares."""

    roles: frozenset[Role] = frozenset()
    """Any one of these opens it."""
    public: bool = False
    """Open without signing in."""
    background: bool = False
    """Asked by a script on its own: it does not count as the person being there."""


@dataclass(frozen=True, slots=True)
class RouteAccess:
    """One line of the table of routes; `access` is None for a route that forgot."""

    endpoint: str
    rule: str
    methods: frozenset[str]
    access: Access | None


def access(*roles: Role, background: bool = False) -> Callable[[_View], _View]:
    """Open a view to the actors who hold one of `roles`. Raises ValueError when none is given."""
    if not roles:
        raise ValueError("name at least one role, or say @public")

    def mark(view: _View) -> _View:
        setattr(view, _MARK, Access(frozenset(roles), background=background))
        return view

    return mark


def public(view: _View) -> _View:
    """Open a view to everybody: signing in, style sheets, the state of the service."""
    setattr(view, _MARK, Access(public=True))
    return view


EVERY_ROLE: Final = tuple(role for role in Role if role is not Role.SYSTEM)
"""For the few pages of every member of staff."""


def declared(view: Callable[..., Any] | None) -> Access | None:
    """What a view function declares; for the method of a register, what the register declares."""
    found = getattr(view, _MARK, None) or getattr(getattr(view, "__self__", None), _MARK, None)
    return found if isinstance(found, Access) else None


def access_table(app: Flask) -> list[RouteAccess]:
    """Every route with its declaration, sorted by address: for the tests and for `caisse secrecy`."""
    return sorted(
        (
            RouteAccess(
                rule.endpoint, rule.rule, frozenset(rule.methods or ()), declared(app.view_functions.get(rule.endpoint))
            )
            for rule in app.url_map.iter_rules()
        ),
        key=lambda route: (route.rule, sorted(route.methods)),
    )


def current_actor() -> Actor:
    """Who is signed in. Raises NotAllowed when nobody is: a view that asks has declared roles."""
    actor = actor_or_none()
    if actor is None:
        raise NotAllowed("Connectez-vous pour continuer.")
    return actor


def actor_or_none() -> Actor | None:
    """Who is signed in, or None."""
    actor = g.get("actor")
    return actor if isinstance(actor, Actor) else None


def may_open(app: Flask, actor: Actor, endpoint: str) -> bool:
    """Whether this actor may open this endpoint: to show only the links that lead somewhere."""
    found = declared(app.view_functions.get(endpoint))
    return found is not None and (found.public or not actor.roles.isdisjoint(found.roles))


def guard(app: Flask, load_actor: Callable[[Access], Actor | None]) -> None:
    """Check every request against its route's declaration, before anything else reads it.

    `load_actor` gives the actor of the session, or None.
    """

    @app.before_request
    def check() -> ResponseReturnValue | None:
        if request.endpoint is None:
            return None  # no such page, or not by this method: Flask says so
        found = declared(app.view_functions.get(request.endpoint))
        if found is None:
            _log.error("route_without_access", endpoint=request.endpoint)
            raise NotAllowed("Cette page n’est ouverte à aucun rôle.")
        g.actor = load_actor(found)
        if found.public:
            return None
        if g.actor is None:
            return _ask_to_sign_in()
        g.actor.require(*found.roles)
        return None


def wants_json() -> bool:
    """Whether the one who asks is a script that reads JSON rather than a person."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"


def _ask_to_sign_in() -> ResponseReturnValue:
    if wants_json():
        abort(401)
    if request.method not in ("GET", "HEAD"):
        flash("Votre session avait expiré : reconnectez-vous, puis recommencez. Rien n’a été fait.", "wait")
        return redirect(url_for("session.sign_in"), 303)
    wanted = request.full_path.rstrip("?")
    return redirect(url_for("session.sign_in", suite=None if wanted == "/" else wanted), 303)


def safe_target(text: str | None) -> str | None:
    """`text` when it is an address within this application ("/campagnes?page=2"), else None.

    Browsers read "//host" and "/\\host" as another site, and drop tabs and line ends before they look.
    """
    if not text or len(text) > 2000 or not text.isprintable():
        return None
    if not text.startswith("/") or text.startswith(("//", "/\\")) or "\\" in text:
        return None
    return text
