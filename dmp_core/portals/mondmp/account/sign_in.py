"""Signing in, the one-time code, the first password of one's own, and signing out."""

from flask import flash, make_response, render_template, request
from flask.typing import ResponseReturnValue

from dmp_core.errors import DmpError, Invalid, Unavailable, WrongState
from dmp_core.holder.accounts import holder_of
from dmp_core.holder.guard import TooMany
from dmp_core.holder.one_time import WrongCode
from dmp_core.holder.sessions import SIGNED_IN, Stage
from dmp_core.holder.signing_in import Step
from dmp_core.portals.mondmp.account.applications import asked_before
from dmp_core.portals.mondmp.account.pages import (
    HOMES,
    Errors,
    awaited,
    blueprint,
    channel_chosen,
    device_cookie,
    forget_sent,
    go,
    keep_device,
    out,
    refused,
    remember_sent,
    secret,
    typed,
)
from dmp_core.portals.mondmp.account.services import access
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import public, stage

_NEXT = {Stage.CODE: "account.code", Stage.PASSWORD_CHANGE: "account.first_password", **HOMES}
_NO_CODE = "Saisissez les 6 chiffres du code reçu."


@blueprint.get("/connexion")
@public
def sign_in() -> ResponseReturnValue:
    """Login and password; who is signed in already goes home."""
    held = web.session_or_none()
    if held is not None and held.stage in SIGNED_IN:
        return go(HOMES[held.stage])
    return _sign_in({})


@blueprint.post("/connexion")
@public
def signed_in() -> ResponseReturnValue:
    """Login and password, typed."""
    errors: Errors = {}
    if not request.form.get("identifiant", "").strip():
        errors["identifiant"] = "Saisissez votre identifiant de connexion."
    if not secret("mot_de_passe"):
        errors["mot_de_passe"] = "Saisissez votre mot de passe."
    if errors:
        return _sign_in(errors), 422
    try:
        step = access().signing_in.give_password(
            request.form["identifiant"], secret("mot_de_passe"), web.client(), device_cookie(), web.session_or_none()
        )
    except (TooMany, WrongState) as refusal:
        return refused(_sign_in({}, refusal), refusal)
    return _moved_on(step)


@blueprint.get("/connexion/code")
@stage(Stage.CODE)
def code() -> str:
    """The one-time code awaited."""
    return _code({})


@blueprint.post("/connexion/code")
@stage(Stage.CODE)
def code_typed() -> ResponseReturnValue:
    """The one-time code, typed."""
    if not secret("code").strip():
        return _code({"code": _NO_CODE}), 422
    session = web.current_session()
    try:
        step = access().signing_in.give_code(session, secret("code"), web.client(), device_cookie())
    except WrongCode as refusal:
        if not refusal.left:
            return out("account.sign_in", str(refusal), "error")
        return _code({"code": str(refusal)}), 422
    except TooMany as refusal:
        return refused(_code({}, refusal), refusal)
    except WrongState as refusal:  # closed, suspended, initial password spent meanwhile: the session has ended
        return out("account.sign_in", str(refusal), "error")
    forget_sent()
    return _moved_on(step)


@blueprint.post("/connexion/code/envoi")
@stage(Stage.CODE)
def send_again() -> ResponseReturnValue:
    """Another code, by the same channel or another."""
    try:
        sent = access().signing_in.resend_code(web.current_session(), channel_chosen())
    except (TooMany, Unavailable, WrongState) as refusal:
        return refused(_code({}, refusal), refusal)
    remember_sent("sign_in", sent)
    return go("account.code")


@blueprint.get("/connexion/mot-de-passe")
@stage(Stage.PASSWORD_CHANGE)
def first_password() -> str:
    """A password of one's own, in the place of the initial one."""
    return _first_password({})


@blueprint.post("/connexion/mot-de-passe")
@stage(Stage.PASSWORD_CHANGE)
def first_password_typed() -> ResponseReturnValue:
    """The password chosen."""
    new = secret("nouveau")
    try:
        # Typed once: who can look at what they typed makes fewer faults than who types it twice unseen.
        step = access().signing_in.choose_password(web.current_session(), new, new, web.client(), device_cookie())
    except Invalid as refusal:
        return _first_password({"nouveau": str(refusal)}), 422
    return _moved_on(step)


@blueprint.post("/deconnexion")
@public
def sign_out() -> ResponseReturnValue:
    """End the session on the server, whatever its stage; without one, there is nothing left to end."""
    held = web.session_or_none()
    if held is None:
        return out("information.home")
    access().signing_in.sign_out(held)
    opened = held.stage in SIGNED_IN
    return out("information.home", "Vous êtes déconnecté." if opened else None, "done")


def _moved_on(step: Step) -> ResponseReturnValue:
    response = make_response(go(_NEXT[step.stage], step.token))
    if step.stage is Stage.OPEN and (asked := asked_before()) is not None:
        response.location = asked
    keep_device(response, step.device_cookie)
    if step.sent is not None:
        remember_sent("sign_in", step.sent)
    if step.problem is not None:
        forget_sent()
        flash(step.problem, "error")
    return response


def _sign_in(errors: Errors, refusal: DmpError | None = None) -> str:
    return render_template(
        "account/sign_in.html", errors=errors, refusal=str(refusal) if refusal else None,
        blocked=isinstance(refusal, TooMany), typed=typed("identifiant"),
    )  # fmt: skip


def _code(errors: Errors, refusal: DmpError | None = None) -> str:
    dossier = web.current_session().dossier_id
    assert dossier is not None
    found = awaited("sign_in", access().one_time.channels(dossier))
    return render_template(
        "account/code.html", errors=errors, refusal=str(refusal) if refusal else None, awaited=found
    )  # fmt: skip


def _first_password(errors: Errors) -> str:
    with web.parts().store.transaction(web.current_session().dossier_id) as connection:
        account = holder_of(connection)
    assert account is not None
    return render_template("account/new_password.html", errors=errors, login=account.login)
