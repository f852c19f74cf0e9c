"""Who may open which page. A route that does not say so is opened by nobody.

@pages.get("/mon-dmp")
@stage(Stage.OPEN)
def home() -> str: ...
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from flask import Flask, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.web import session

_View = TypeVar("_View", bound=Callable[..., Any])
_MARK: Final = "access_declaration"
_CREATION: Final = frozenset({Stage.IDENTIFIED, Stage.CREATED})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """What a route declares."""

    stages: frozenset[Stage] = frozenset()
    """A session in any one of these opens it; none at all: open to everybody."""

    @property
    def public(self) -> bool:
        """Whether no session is needed."""
        return not self.stages


def stage(*stages: Stage) -> Callable[[_View], _View]:
    """Open a view to the sessions in one of `stages`. Raises ValueError when none is given."""
    if not stages:
        raise ValueError("name at least one stage, or say @public")
    return lambda view: _marked(view, Access(frozenset(stages)))


def public(view: _View) -> _View:
    """Open a view to everybody."""
    return _marked(view, Access())


def declared(view: Callable[..., Any] | None) -> Access | None:
    """What a view function declares."""
    found = getattr(view, _MARK, None)
    return found if isinstance(found, Access) else None


def guard_routes(app: Flask) -> None:
    """Check every request against its route's declaration, before anything else reads it."""

    @app.before_request
    def check() -> ResponseReturnValue | None:
        if request.endpoint is None:
            return None  # no such page, or not by this method: Flask says so
        found = declared(app.view_functions.get(request.endpoint))
        if found is None:
            _log.error("route_without_access", endpoint=request.endpoint)
            abort(403)
        if found.public:
            return None
        held = session.session_or_none()
        if held is None or held.stage not in found.stages:
            return _back_to_the_beginning(found)
        return None


def _back_to_the_beginning(wanted: Access) -> ResponseReturnValue:
    """To the first page of the way that was wanted; a session that ran out has undone nothing and done nothing."""
    flash("Votre session a expiré ou cette page n’est pas encore ouverte : recommencez ici.", "wait")
    creating = wanted.stages <= _CREATION
    return redirect(url_for("creation.identify") if creating else "/connexion", 303)


def _marked(view: _View, access: Access) -> _View:
    setattr(view, _MARK, access)
    return view
