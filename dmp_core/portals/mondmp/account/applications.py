"""Mobile applications: the page on which a holder lets one in, and the list from which they put it out."""

from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from flask import Response, current_app, flash, make_response, redirect, render_template, request, url_for
from flask import session as form_cookie
from flask.typing import ResponseReturnValue

from dmp_core.errors import DmpError, NotFound, WrongState
from dmp_core.holder.guard import TooMany
from dmp_core.holder.mobile import OFFLINE, WRITE
from dmp_core.holder.sessions import Session, Stage
from dmp_core.portals.mobile.oauth import AUTHORIZE_PATH, Holder
from dmp_core.portals.mondmp.account.pages import blueprint, go, secret
from dmp_core.portals.mondmp.account.services import access
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import public, stage
from dmp_core.portals.mondmp.web.errors import seconds_until
from dmp_core.portals.security import policy

_PENDING: Final = "autorisation"
_WAITS: Final = timedelta(minutes=15)
_FRESH: Final = timedelta(minutes=5)
"""After signing in, the password is not asked for a second time."""
_LONGEST: Final = 1_500
_UNKNOWN: Final = (
    "Cette demande d’accès ne vient pas d’une application connue, ou elle est abîmée. Fermez cette page, puis "
    "recommencez depuis l’application."
)


def server() -> AuthorizationServer:
    """The authorization server of this process."""
    return current_app.extensions["mondmp.oauth"]


@blueprint.get(AUTHORIZE_PATH)
@public
def authorise() -> ResponseReturnValue:
    """What an application asks for; who is not signed in signs in first, and comes back here."""
    try:
        grant = server().get_consent_grant()
    except OAuth2Error as error:
        return _answered(error)
    held = web.session_or_none()
    if held is None or held.stage is not Stage.OPEN:
        form_cookie[_PENDING] = {
            "demande": request.query_string.decode("ascii", "ignore")[:_LONGEST],
            "a": web.parts().clock().isoformat(),
        }
        flash(f"Connectez-vous pour répondre à l’application « {grant.client.application.name} ».", "wait")
        return redirect(url_for("account.sign_in"), 303)
    return _page(grant, held)


@blueprint.post(AUTHORIZE_PATH)
@stage(Stage.OPEN)
def authorised() -> ResponseReturnValue:
    """The holder's answer, carried back to the application."""
    held = web.current_session()
    try:
        grant = server().get_consent_grant()
    except OAuth2Error as error:
        return _answered(error)
    agreed = request.form.get("reponse") == "oui"
    if agreed and not _is_fresh(held):
        try:
            access().signing_in.confirm_password(held, secret("mot_de_passe"))
        except (TooMany, WrongState) as refusal:
            page = _page(grant, held, refusal)
            page.status_code = 422
            if isinstance(refusal, TooMany):
                page.status_code, page.retry_after = 429, seconds_until(refusal.retry_at)
            return page
    assert held.dossier_id is not None
    user = Holder(held.dossier_id) if agreed else None
    answer: Response = server().create_authorization_response(grant_user=user, grant=grant)
    return answer


@blueprint.post("/mon-dmp/applications/retirer")
@stage(Stage.OPEN)
def put_out() -> ResponseReturnValue:
    """Put one application out; PostgreSQL shows no other holder's."""
    dossier = web.current_session().dossier_id
    assert dossier is not None
    try:
        access().mobile.put_out(dossier, UUID(request.form.get("application", "")))
    except ValueError:
        raise NotFound("Cette application n’est plus dans votre liste : actualisez la page.") from None
    flash("L’application n’a plus accès à votre DMP.", "done")
    return go("account.connections")


def asked_before() -> str | None:
    """Where to go on, for who was sent to sign in by an application; once, and not for long."""
    kept = form_cookie.pop(_PENDING, None)
    if not isinstance(kept, dict) or web.parts().clock() - datetime.fromisoformat(kept["a"]) > _WAITS:
        return None
    return f"{AUTHORIZE_PATH}?{kept['demande']}"


def _page(grant: Any, held: Session, refusal: DmpError | None = None) -> Response:
    scopes = (grant.request.scope or "").split()
    response = make_response(
        render_template(
            "account/authorise.html", application=grant.client.application, writes=WRITE in scopes,
            stays=OFFLINE in scopes, days=access().limits.app_refresh_life.days,
            refusal=str(refusal) if refusal else None, again=not _is_fresh(held),
        )
    )  # fmt: skip
    # The answer to this form leads back to the application: browsers hold that against `form-action` too.
    where = urlsplit(grant.request.payload.redirect_uri)
    back = f"{where.scheme}://{where.netloc}" if where.netloc else f"{where.scheme}:"
    response.headers["Content-Security-Policy"] = policy(form_action=back)
    return response


def _answered(error: OAuth2Error) -> ResponseReturnValue:
    """To the application when it is known to wait there; otherwise to the reader alone."""
    if error.redirect_uri:
        answer: Response = server().handle_error_response(request, error)
        return answer
    return render_template("refusal.html", title="Demande incomprise", sentence=_UNKNOWN, reference=None), 400


def _is_fresh(held: Session) -> bool:
    return web.parts().clock() - held.began_at < _FRESH
