"""The holder's profile: identity, password, authenticator application. Contacts and relatives have their own modules."""

import segno
from flask import flash, render_template
from flask.typing import ResponseReturnValue

from dmp_core.clock import PARIS
from dmp_core.enrolment.majority import is_minor
from dmp_core.errors import DmpError, Invalid, NotFound, WrongState
from dmp_core.holder.accounts import contacts_of, holder_of
from dmp_core.holder.authenticator import Enrolment
from dmp_core.holder.guard import TooMany
from dmp_core.holder.notice_choice import wants_first_accesses
from dmp_core.holder.one_time import WrongCode
from dmp_core.holder.profile import profile_of
from dmp_core.holder.relatives import emergency_contacts, trusted_person
from dmp_core.holder.representatives import acting_for, name_of
from dmp_core.holder.sessions import SIGNED_IN, Session, Stage
from dmp_core.portals.mondmp.account.pages import Errors, blueprint, go, refused, secret
from dmp_core.portals.mondmp.account.services import access
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import stage

_NO_PASSWORD = "Saisissez votre mot de passe actuel."  # noqa: S105 - a sentence


@blueprint.get("/mon-dmp/profil")
@stage(*SIGNED_IN)
def profile() -> str:
    """All that the account holds about its holder."""
    session = web.current_session()
    application = access().application.is_set_up(session)
    if session.stage is not Stage.OPEN:
        return _of_representative(session, application=application)
    today = web.parts().clock().astimezone(PARIS).date()
    with web.parts().store.transaction(session.dossier_id) as connection:
        holder, trusted = profile_of(connection), trusted_person(connection)
        contacts = emergency_contacts(connection)
        told, acting = wants_first_accesses(connection), acting_for(connection, today)
    return render_template(
        "account/profile.html", holder=holder, contacts=holder.contacts, trusted=trusted, relatives=contacts,
        application=application, told_of_first_accesses=told, acting=acting, minor=is_minor(holder.birth_date, today),
    )  # fmt: skip


@blueprint.get("/mon-dmp/profil/mot-de-passe")
@stage(*SIGNED_IN)
def password() -> str:
    """The password, to be changed."""
    return _password({})


@blueprint.post("/mon-dmp/profil/mot-de-passe")
@stage(*SIGNED_IN)
def password_typed() -> ResponseReturnValue:
    """The present password and the new one."""
    if not secret("actuel"):
        return _password({"actuel": _NO_PASSWORD}), 422
    new = secret("nouveau")
    try:
        access().signing_in.change_password(web.current_session(), secret("actuel"), new, new)
    except Invalid as refusal:
        return _password({"nouveau": str(refusal)}), 422
    except TooMany as refusal:
        return refused(_password({}, refusal), refusal)
    except WrongState as refusal:
        return _password({"actuel": str(refusal)}), 422
    flash("Votre mot de passe est changé. Vos autres appareils sont déconnectés.", "done")
    return go("account.profile")


@blueprint.get("/mon-dmp/profil/application")
@stage(*SIGNED_IN)
def application() -> str:
    """The authenticator application: to be added, or withdrawn."""
    return _application({})


@blueprint.post("/mon-dmp/profil/application")
@stage(*SIGNED_IN)
def application_offered() -> ResponseReturnValue:
    """The password is right: the secret, shown in this answer alone."""
    if not secret("actuel"):
        return _application({"actuel": _NO_PASSWORD}), 422
    try:
        offered = access().application.offer(web.current_session(), secret("actuel"))
    except TooMany as refusal:
        return refused(_application({}, refusal), refusal)
    except WrongState as refusal:
        return _application({"actuel": str(refusal)}), 422
    except NotFound:  # set up meanwhile, in another window
        return go("account.application")
    return _application({}, enrolment=offered)


@blueprint.post("/mon-dmp/profil/application/confirmation")
@stage(*SIGNED_IN)
def application_confirmed() -> ResponseReturnValue:
    """The application's first code."""
    try:
        access().application.confirm(web.current_session(), secret("code"))
    except WrongState as refusal:
        return refused(_application({"code": str(refusal)}, confirming=True), refusal)
    flash("Votre application est associée : c’est elle qui donnera vos codes.", "done")
    return go("account.profile")


@blueprint.post("/mon-dmp/profil/application/retrait")
@stage(*SIGNED_IN)
def application_withdrawn() -> ResponseReturnValue:
    """Codes by e-mail or SMS again."""
    if not secret("actuel"):
        return _application({"actuel": _NO_PASSWORD}), 422
    try:
        access().application.withdraw(web.current_session(), secret("actuel"), secret("code"))
    except WrongCode as refusal:
        return _application({"code": str(refusal)}), 422
    except TooMany as refusal:
        return refused(_application({}, refusal), refusal)
    except WrongState as refusal:
        return _application({"actuel": str(refusal)}), 422
    flash("L’application est retirée : vos codes vous seront de nouveau envoyés.", "done")
    return go("account.profile")


def _of_representative(session: Session, *, application: bool) -> str:
    assert session.dossier_id is not None
    with web.parts().store.transaction(session.dossier_id) as connection:
        account, contacts = holder_of(connection), contacts_of(connection)
        name = name_of(connection, session.dossier_id)
    assert account is not None
    return render_template(
        "account/representative_profile.html", name=name, login=account.login, contacts=contacts,
        application=application, whom=access().signing_in.represented(session),
    )  # fmt: skip


def _password(errors: Errors, refusal: DmpError | None = None) -> str:
    with web.parts().store.transaction(web.current_session().dossier_id) as connection:
        account = holder_of(connection)
    assert account is not None
    login = account.login
    return render_template(
        "account/password.html", errors=errors, refusal=str(refusal) if refusal else None, login=login
    )


def _application(
    errors: Errors, refusal: DmpError | None = None, *, enrolment: Enrolment | None = None, confirming: bool = False
) -> str:
    return render_template(
        "account/application.html", errors=errors, refusal=str(refusal) if refusal else None,
        active=access().application.is_set_up(web.current_session()), enrolment=enrolment, confirming=confirming,
        qr=segno.make(enrolment.uri, error="m").svg_data_uri(scale=4, border=4) if enrolment else "",
    )  # fmt: skip
