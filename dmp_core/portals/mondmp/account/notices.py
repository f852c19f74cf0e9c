"""Which notices the holder wants: first accesses may be left out, the others are always sent."""

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue

from dmp_core.holder.notice_choice import want_first_accesses, wants_first_accesses
from dmp_core.holder.profile import profile_of
from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.account.pages import blueprint, go
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import stage


@blueprint.get("/mon-dmp/profil/avis")
@stage(Stage.OPEN)
def notices() -> str:
    """What is told, by which channels."""
    with web.parts().store.transaction(web.current_session().dossier_id) as connection:
        holder, wanted = profile_of(connection), wants_first_accesses(connection)
    return render_template("account/notices.html", holder=holder, wanted=wanted)


@blueprint.post("/mon-dmp/profil/avis")
@stage(Stage.OPEN)
def notices_chosen() -> ResponseReturnValue:
    """The choice: holds from the next access on."""
    dossier, wanted = web.current_session().dossier_id, request.form.get("premier_acces") == "oui"
    assert dossier is not None
    with web.parts().store.transaction(dossier) as connection:
        want_first_accesses(connection, web.parts().clock(), dossier, wanted=wanted)
    flash(
        "Vous serez averti du premier accès de chaque professionnel."
        if wanted
        else "Vous ne serez plus averti des premiers accès. Les accès en urgence vous sont toujours signalés.",
        "done",
    )
    return go("account.profile")
