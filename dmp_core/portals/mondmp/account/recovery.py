"""The ways back in: password forgotten, login forgotten, e-mail and mobile lost. One answer whoever is asked about."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from dmp_core.errors import DmpError, Invalid, Unavailable, WrongState
from dmp_core.holder.guard import TooMany
from dmp_core.holder.one_time import WrongCode
from dmp_core.holder.profile import profile_of
from dmp_core.holder.recovery import Claim
from dmp_core.holder.sessions import Session, Stage
from dmp_core.portals.mondmp.account.pages import (
    Errors,
    blueprint,
    channel_chosen,
    device_cookie,
    go,
    keep_device,
    out,
    refused,
    secret,
)
from dmp_core.portals.mondmp.account.services import access
from dmp_core.portals.mondmp.pages import typed
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import public, stage

_DONE = "Votre nouveau mot de passe est enregistré et vos appareils sont déconnectés. Connectez-vous."
_STEPS = {
    ("password", False): "account.recovery_code",
    ("password", True): "account.recovery_password",
    ("post", True): "account.new_access",
}


@blueprint.get("/aide-connexion")
@public
def help_page() -> str:
    """Every way back, in plain words."""
    return render_template("account/help.html")


@blueprint.get("/aide-connexion/mot-de-passe")
@public
def forgotten() -> str:
    """Password forgotten: who asks."""
    return _page("forgotten", {})


@blueprint.post("/aide-connexion/mot-de-passe")
@public
def forgotten_typed() -> ResponseReturnValue:
    """Taken, whoever it is; who is known receives a code."""
    errors: Errors = {}
    login = "".join(request.form.get("identifiant", "").split()).lower()
    if not login:
        errors["identifiant"] = "Saisissez votre identifiant de connexion."
    serial = typed.serial_of(request.form, errors)
    if errors:
        return _page("forgotten", errors), 422
    try:
        token = access().recovery.forgotten_password(
            Claim(serial, login=login), web.client(), web.session_or_none()
        )  # fmt: skip
    except (TooMany, Unavailable) as refusal:
        return refused(_page("forgotten", {}, refusal), refusal)
    return go("account.recovery_code", token)


@blueprint.get("/aide-connexion/code")
@stage(Stage.RECOVERY)
def recovery_code() -> ResponseReturnValue:
    """The code awaited, by who is known and by who is not."""
    return _page("recovery_code", {}) if _at("password", proved=False) else _where_it_stands()


@blueprint.post("/aide-connexion/code")
@stage(Stage.RECOVERY)
def recovery_code_typed() -> ResponseReturnValue:
    """The code, typed."""
    if not _at("password", proved=False):
        return _where_it_stands()
    if not secret("code").strip():
        return _page("recovery_code", {"code": "Saisissez les 6 chiffres du code reçu."}), 422
    try:
        token = access().recovery.give_code(web.current_session(), secret("code"))
    except WrongCode as refusal:
        if not refusal.left:
            return out("account.help_page", str(refusal), "error")
        return _page("recovery_code", {"code": str(refusal)}), 422
    except TooMany as refusal:
        return refused(_page("recovery_code", {}, refusal), refusal)
    return go("account.recovery_password", token)


@blueprint.post("/aide-connexion/code/envoi")
@stage(Stage.RECOVERY)
def recovery_send_again() -> ResponseReturnValue:
    """Another code; the same answer for all."""
    if not _at("password", proved=False):
        return _where_it_stands()
    try:
        token = access().recovery.resend_code(web.current_session(), channel_chosen())
    except TooMany as refusal:
        return refused(_page("recovery_code", {}, refusal), refusal)
    return go("account.recovery_code", token)


@blueprint.get("/aide-connexion/nouveau-mot-de-passe")
@stage(Stage.RECOVERY)
def recovery_password() -> ResponseReturnValue:
    """A new password, once the code is given."""
    return _page("recovery_password", {}) if _at("password", proved=True) else _where_it_stands()


@blueprint.post("/aide-connexion/nouveau-mot-de-passe")
@stage(Stage.RECOVERY)
def recovery_password_typed() -> ResponseReturnValue:
    """The new password."""
    if not _at("password", proved=True):
        return _where_it_stands()
    new = secret("nouveau")
    try:
        device = access().recovery.choose_password(web.current_session(), new, new, web.client(), device_cookie())
    except Invalid as refusal:
        return _page("recovery_password", {"nouveau": str(refusal)}), 422
    return _restored(device)


@blueprint.get("/aide-connexion/identifiant")
@public
def forgotten_login() -> str:
    """Login forgotten: who asks."""
    return _page("forgotten_login", {})


@blueprint.post("/aide-connexion/identifiant")
@public
def forgotten_login_typed() -> ResponseReturnValue:
    """Taken, whoever it is; who is known receives their login."""
    given = typed.request_for_code(request.form)
    if isinstance(given, dict):
        return _page("forgotten_login", given), 422
    try:
        access().recovery.forgotten_login(
            Claim(given.serial, nir=given.nir, birth_date=given.birth_date), web.client()
        )  # fmt: skip
    except (TooMany, Unavailable) as refusal:
        return refused(_page("forgotten_login", {}, refusal), refusal)
    return go("account.login_sent")


@blueprint.get("/aide-connexion/identifiant/demande-prise-en-compte")
@public
def login_sent() -> str:
    """The one answer."""
    return render_template("account/login_sent.html")


@blueprint.get("/aide-connexion/courrier")
@public
def with_code() -> str:
    """E-mail and mobile lost: the code sent by post."""
    return _page("with_code", {})


@blueprint.post("/aide-connexion/courrier")
@public
def with_code_typed() -> ResponseReturnValue:
    """NIR, code and serial."""
    given = typed.identity(request.form, card_type=False)
    if isinstance(given, dict):
        return _page("with_code", given), 422
    try:
        token = access().recovery.enter_code(
            given.nir, given.code, given.serial, web.client(), web.session_or_none()
        )  # fmt: skip
    except (Invalid, WrongState, Unavailable) as refusal:
        return refused(_page("with_code", {}, refusal), refusal)
    return go("account.new_access", token)


@blueprint.get("/aide-connexion/nouveaux-acces")
@stage(Stage.RECOVERY)
def new_access() -> ResponseReturnValue:
    """New contacts and a new password."""
    return _new_access({}) if _at("post", proved=True) else _where_it_stands()


@blueprint.post("/aide-connexion/nouveaux-acces")
@stage(Stage.RECOVERY)
def new_access_typed() -> ResponseReturnValue:
    """The new contacts and password; the code is used with them."""
    if not _at("post", proved=True):
        return _where_it_stands()
    contacts, new = typed.contacts(request.form), secret("nouveau")
    if isinstance(contacts, dict):
        return _new_access(contacts), 422
    try:
        device = access().recovery.set_contacts(
            web.current_session(), contacts, new, new, web.client(), device_cookie()
        )  # fmt: skip
    except Invalid as refusal:  # the contacts were read already: it is the password
        return _new_access({"nouveau": str(refusal)}), 422
    except WrongState as refusal:
        return out("account.help_page", str(refusal), "error")
    return _restored(device)


def _restored(device: str) -> ResponseReturnValue:
    response = out("account.sign_in", _DONE, "done")
    keep_device(response, device)
    return response


def _at(way: str, *, proved: bool) -> bool:
    """Whether the session is at this step of this way; the service says no to any other all the same."""
    return _standing(web.current_session()) == (way, proved)


def _standing(held: Session) -> tuple[str, bool]:
    return held.data["way"], bool(held.data.get("proved"))


def _where_it_stands() -> ResponseReturnValue:
    """To the step at which the session stands: the browser's back button leads to the others."""
    return go(_STEPS[_standing(web.current_session())])


def _new_access(errors: Errors) -> str:
    with web.parts().store.transaction(web.current_session().dossier_id) as connection:
        login = profile_of(connection).login
    return render_template("account/new_access.html", errors=errors, refusal=None, typed=request.form, login=login)


def _page(name: str, errors: Errors, refusal: DmpError | None = None) -> str:
    return render_template(
        f"account/{name}.html", errors=errors, refusal=str(refusal) if refusal else None, typed=request.form
    )  # fmt: skip
