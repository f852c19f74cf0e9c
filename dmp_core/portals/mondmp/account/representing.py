"""Legal representatives: whose DMP to open, its first page; and, for the person themselves, who represents them."""

from uuid import UUID

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue

from dmp_core.access import trace
from dmp_core.access.trace import HOLDER, Action, latest_accesses
from dmp_core.clock import PARIS
from dmp_core.errors import NotFound
from dmp_core.holder.notices import Told
from dmp_core.holder.relatives import emergency_contacts
from dmp_core.holder.representatives import acting_for, end_of_access
from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.account.pages import blueprint, go
from dmp_core.portals.mondmp.account.services import access
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import stage

_NOT_THEIRS = "Vous ne représentez pas ou plus cette personne : choisissez dans la liste."


@blueprint.get("/mon-dmp/representes")
@stage(Stage.CHOOSING, Stage.REPRESENTING)
def represented() -> str:
    """The persons for whom the representative acts."""
    whom = access().signing_in.represented(web.current_session())
    return render_template("account/represented.html", whom=whom)


@blueprint.post("/mon-dmp/representes")
@stage(Stage.CHOOSING, Stage.REPRESENTING)
def represented_chosen() -> ResponseReturnValue:
    """Open the DMP of one of them."""
    session = web.current_session()
    try:
        dossier = UUID(request.form.get("qui", ""))
    except ValueError:
        raise NotFound(_NOT_THEIRS) from None
    if dossier not in {each.dossier for each in access().signing_in.represented(session)}:
        raise NotFound(_NOT_THEIRS)
    return go("account.represented_home", access().signing_in.choose(session, dossier))


@blueprint.get("/mon-dmp/represente")
@stage(Stage.REPRESENTING)
def represented_home() -> str:
    """Who came to the DMP of the person represented, and the ways on."""
    session, whom, who = web.current_session(), web.represented(), web.acting()
    if whom is None or who is None:
        raise NotFound(_NOT_THEIRS)
    clock = web.parts().clock
    with web.parts().store.acting(UUID(who.id), clock).transaction(whom.dossier) as connection:
        accesses = latest_accesses(connection, whom.dossier, represented=True)
        to_call = emergency_contacts(connection)
    last = next((each for each in access().connections.of(session) if not each.current), None)
    others = len(access().signing_in.represented(session)) > 1
    return render_template(
        "account/represented_home.html", whom=whom, accesses=accesses, last=last, name=who.name, others=others,
        to_call=to_call,
    )  # fmt: skip


@blueprint.post("/mon-dmp/profil/representants/fin")
@stage(Stage.OPEN)
def representative_ended() -> ResponseReturnValue:
    """The holder, of age, ends a representative's access."""
    session, now = web.current_session(), web.parts().clock()
    assert session.dossier_id is not None
    if request.form.get("confirmation") != "oui":
        flash("Rien n’est changé : cochez la case pour confirmer.", "wait")
        return go("account.profile")
    try:
        mandate = UUID(request.form.get("mandat", ""))
    except ValueError:
        raise NotFound("Cette personne ne vous représente plus : actualisez la page.") from None
    today = now.astimezone(PARIS).date()
    with web.parts().store.transaction(session.dossier_id) as connection:
        whom = {each.mandate: each.representative for each in acting_for(connection, today)}
        name = end_of_access(connection, now, today, mandate)
        trace.write(connection, session.dossier_id, now, HOLDER, Action.END_MANDATE, reason=name)
    if mandate in whom:
        access().notices.tell(whom[mandate], Told.MANDATE_ENDED)
    flash(f"{name} n’a plus accès à votre DMP.", "done")
    return go("account.profile")
