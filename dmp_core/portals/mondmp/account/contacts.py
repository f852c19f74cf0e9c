"""Where one-time codes go: changed, added or withdrawn, proved on the old channel and on the new one."""

from typing import Final

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue

from dmp_core.errors import DmpError, Invalid, Unavailable, WrongState
from dmp_core.holder.accounts import contacts_of
from dmp_core.holder.contact_change import MAIL, MOBILE, Pending
from dmp_core.holder.guard import TooMany
from dmp_core.holder.one_time import WrongCode
from dmp_core.holder.sessions import SIGNED_IN
from dmp_core.portals.mondmp.account.pages import (
    Errors,
    awaited,
    blueprint,
    channel_chosen,
    forget_sent,
    go,
    refused,
    remember_sent,
    secret,
    typed,
)
from dmp_core.portals.mondmp.account.services import access
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import stage

_KINDS: Final = {"e-mail": MAIL, "mobile": MOBILE}
"""By the last part of a page's address."""
_MISSING: Final = {
    "e-mail": "Saisissez votre nouvelle adresse mail.",
    "mobile": "Saisissez votre nouveau numéro de téléphone mobile.",
}
_OLD, _NEW = "old_contact", "new_contact"


@blueprint.get("/mon-dmp/profil/coordonnees/<any('e-mail', mobile):kind>")
@stage(*SIGNED_IN)
def contact(kind: str) -> str:
    """A contact, to be changed or added."""
    return _page("contact", kind, {})


@blueprint.post("/mon-dmp/profil/coordonnees/<any('e-mail', mobile):kind>")
@stage(*SIGNED_IN)
def contact_typed(kind: str) -> ResponseReturnValue:
    """The new contact, twice, and the password; a code goes to the channels there are."""
    new, again = request.form.get("contact", ""), request.form.get("contact_bis", "")
    errors: Errors = {}
    if not new.strip():
        errors["contact"] = _MISSING[kind]
    elif "".join(new.split()).casefold() != "".join(again.split()).casefold():
        errors["contact_bis"] = "Les deux saisies ne sont pas identiques : vérifiez les deux."
    return _begin("contact", kind, new, errors)


@blueprint.get("/mon-dmp/profil/coordonnees/<any('e-mail', mobile):kind>/retrait")
@stage(*SIGNED_IN)
def contact_withdrawal(kind: str) -> str:
    """A contact, to be withdrawn."""
    return _page("contact_withdrawal", kind, {})


@blueprint.post("/mon-dmp/profil/coordonnees/<any('e-mail', mobile):kind>/retrait")
@stage(*SIGNED_IN)
def contact_withdrawn(kind: str) -> ResponseReturnValue:
    """The password; a code goes to the channels there are. The last contact stays."""
    return _begin("contact_withdrawal", kind, None, {})


@blueprint.get("/mon-dmp/profil/coordonnees/code")
@stage(*SIGNED_IN)
def contact_code() -> ResponseReturnValue:
    """The code awaited: of the old channel first, then of the new one."""
    pending = access().contact_change.pending(web.current_session())
    return go("account.profile") if pending is None else _code(pending, {})


@blueprint.post("/mon-dmp/profil/coordonnees/code")
@stage(*SIGNED_IN)
def contact_code_typed() -> ResponseReturnValue:
    """The code, typed; the second one makes the change."""
    session, change = web.current_session(), access().contact_change
    pending = change.pending(session)
    if pending is None:
        return go("account.profile")
    if not secret("code").strip():
        return _code(pending, {"code": "Saisissez les 6 chiffres du code reçu."}), 422
    try:
        if pending.old_proved:
            change.prove_new(session, secret("code"))
        elif (sent := change.prove_old(session, secret("code"))) is not None:
            remember_sent(_NEW, sent)
            return go("account.contact_code")
    except WrongCode as refusal:
        return _code(pending, {"code": str(refusal)}), 422
    except (TooMany, Unavailable, WrongState) as refusal:
        now = change.pending(session)  # the first code may be proved and the second not sent
        return go("account.profile") if now is None else refused(_code(now, {}, refusal), refusal)
    forget_sent()
    flash("Vos coordonnées sont à jour.", "done")
    return go("account.profile")


@blueprint.post("/mon-dmp/profil/coordonnees/code/envoi")
@stage(*SIGNED_IN)
def contact_send_again() -> ResponseReturnValue:
    """Another code for the same step."""
    session, change = web.current_session(), access().contact_change
    pending = change.pending(session)
    if pending is None:
        return go("account.profile")
    try:
        sent = change.resend(session, channel_chosen())
    except (TooMany, Unavailable, WrongState) as refusal:
        return refused(_code(pending, {}, refusal), refusal)
    remember_sent(_NEW if pending.old_proved else _OLD, sent)
    return go("account.contact_code")


def _begin(page: str, kind: str, value: str | None, errors: Errors) -> ResponseReturnValue:
    if not secret("actuel"):
        errors["actuel"] = "Saisissez votre mot de passe actuel."
    if errors:
        return _page(page, kind, errors), 422
    try:
        sent = access().contact_change.begin(web.current_session(), secret("actuel"), _KINDS[kind], value)
    except Invalid as refusal:
        return (_page(page, kind, {"contact": str(refusal)}) if value else _page(page, kind, {}, refusal)), 422
    except (TooMany, Unavailable) as refusal:
        return refused(_page(page, kind, {}, refusal), refusal)
    except WrongState as refusal:
        return _page(page, kind, {"actuel": str(refusal)}), 422
    remember_sent(_OLD, sent)
    return go("account.contact_code")


def _page(page: str, kind: str, errors: Errors, refusal: DmpError | None = None) -> str:
    with web.parts().store.transaction(web.current_session().dossier_id) as connection:
        held = contacts_of(connection)
    return render_template(
        f"account/{page}.html", kind=kind, errors=errors, refusal=str(refusal) if refusal else None,
        now=held.mail if _KINDS[kind] == MAIL else held.mobile, typed=typed("contact", "contact_bis"),
    )  # fmt: skip


def _code(pending: Pending, errors: Errors, refusal: DmpError | None = None) -> str:
    dossier = web.current_session().dossier_id
    assert dossier is not None
    channels = [] if pending.old_proved else access().one_time.channels(dossier)
    return render_template(
        "account/contact_code.html", pending=pending, errors=errors, refusal=str(refusal) if refusal else None,
        awaited=awaited(_NEW if pending.old_proved else _OLD, channels),
    )  # fmt: skip
