"""Mes connexions, and the devices that are known."""

from uuid import UUID

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue

from dmp_core.errors import NotFound
from dmp_core.holder.sessions import SIGNED_IN
from dmp_core.portals.mondmp.account.pages import blueprint, go
from dmp_core.portals.mondmp.account.services import access
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import stage


@blueprint.get("/mon-dmp/connexions")
@stage(*SIGNED_IN)
def connections() -> str:
    """When, from which device, how it ended."""
    session = web.current_session()
    assert session.dossier_id is not None
    return render_template(
        "account/connections.html", connections=access().connections.of(session),
        devices=access().devices.all_of(session.dossier_id), applications=access().mobile.of(session.dossier_id),
        names={each.client_id: each.name for each in web.parts().settings.applications},
    )  # fmt: skip


@blueprint.post("/mon-dmp/connexions/deconnecter")
@stage(*SIGNED_IN)
def sign_out_everywhere() -> ResponseReturnValue:
    """End the sessions of every other device."""
    ended = access().signing_in.sign_out_everywhere(web.current_session())
    flash(
        "Aucun autre appareil n’était connecté." if not ended
        else "Un autre appareil a été déconnecté." if ended == 1
        else f"{ended} autres appareils ont été déconnectés.",
        "done",
    )  # fmt: skip
    return go("account.connections")


@blueprint.post("/mon-dmp/connexions/oublier")
@stage(*SIGNED_IN)
def forget_device() -> ResponseReturnValue:
    """Forget one device of this holder; PostgreSQL shows no other's."""
    dossier = web.current_session().dossier_id
    assert dossier is not None
    try:
        access().devices.forget(dossier, UUID(request.form.get("appareil", "")))
    except ValueError:
        raise NotFound("Cet appareil n’est plus dans votre liste : actualisez la page.") from None
    flash("L’appareil a été oublié.", "done")
    return go("account.connections")
