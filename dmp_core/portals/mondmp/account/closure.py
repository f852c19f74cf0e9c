"""Closing one's DMP: what it does, the code that confirms, the farewell."""

from flask import render_template, request
from flask import session as form_cookie
from flask.typing import ResponseReturnValue

from dmp_core.errors import DmpError, Invalid, Unavailable, WrongState
from dmp_core.holder.closing import WORDS, reason_of
from dmp_core.holder.guard import TooMany
from dmp_core.holder.one_time import WrongCode
from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.account.pages import (
    Errors,
    awaited,
    blueprint,
    channel_chosen,
    go,
    out,
    refused,
    remember_sent,
    secret,
    typed,
)
from dmp_core.portals.mondmp.account.services import access, closing
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import public, stage

_REASON = "raison-cloture"


@blueprint.get("/mon-dmp/fermeture")
@stage(Stage.OPEN)
def closure() -> str:
    """What closing does."""
    return _closure({})


@blueprint.post("/mon-dmp/fermeture")
@stage(Stage.OPEN)
def closure_asked() -> ResponseReturnValue:
    """A reason or none; a code is sent, and nothing is closed yet."""
    try:
        reason = reason_of(request.form.get("raison", ""))
        sent = closing().ask(web.current_session())
    except Invalid as refusal:
        return _closure({"raison": str(refusal)}), 422
    except (TooMany, Unavailable, WrongState) as refusal:
        return refused(_closure({}, refusal), refusal)
    form_cookie[_REASON] = reason.value if reason else ""
    remember_sent("closing", sent)
    return go("account.closure_code")


@blueprint.get("/mon-dmp/fermeture/confirmation")
@stage(Stage.OPEN)
def closure_code() -> ResponseReturnValue:
    """The code that confirms; to be asked for first."""
    return _code({}) if _REASON in form_cookie else go("account.closure")


@blueprint.post("/mon-dmp/fermeture/confirmation")
@stage(Stage.OPEN)
def closed() -> ResponseReturnValue:
    """The code, typed: the DMP is closed."""
    if _REASON not in form_cookie:
        return go("account.closure")
    if not secret("code").strip():
        return _code({"code": "Saisissez les 6 chiffres du code reçu."}), 422
    try:
        closing().confirm(web.current_session(), secret("code"), reason_of(form_cookie[_REASON]))
    except WrongCode as refusal:
        return _code({"code": str(refusal)}), 422
    except (TooMany, WrongState) as refusal:
        return refused(_code({}, refusal), refusal)
    form_cookie.pop(_REASON)
    return out("account.farewell")


@blueprint.post("/mon-dmp/fermeture/envoi")
@stage(Stage.OPEN)
def closure_send_again() -> ResponseReturnValue:
    """Another code."""
    if _REASON not in form_cookie:
        return go("account.closure")
    try:
        sent = closing().ask(web.current_session(), channel_chosen())
    except (TooMany, Unavailable, WrongState) as refusal:
        return refused(_code({}, refusal), refusal)
    remember_sent("closing", sent)
    return go("account.closure_code")


@blueprint.get("/dmp-cloture")
@public
def farewell() -> str:
    """What happens now; says nothing of anybody."""
    return render_template("account/farewell.html")


def _closure(errors: Errors, refusal: DmpError | None = None) -> str:
    return render_template(
        "account/closure.html", errors=errors, refusal=str(refusal) if refusal else None,
        reasons=[(reason.value, words) for reason, words in WORDS.items()], typed=typed("raison"),
    )  # fmt: skip


def _code(errors: Errors, refusal: DmpError | None = None) -> str:
    dossier = web.current_session().dossier_id
    assert dossier is not None
    found = awaited("closing", access().one_time.channels(dossier))
    return render_template(
        "account/closure_code.html", errors=errors, refusal=str(refusal) if refusal else None, awaited=found
    )  # fmt: skip
