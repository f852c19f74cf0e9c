"""The holder's home, and staying signed in."""

from flask import jsonify, render_template, request
from flask.typing import ResponseReturnValue

from dmp_core.access.trace import latest_accesses
from dmp_core.holder.profile import profile_of
from dmp_core.holder.relatives import trusted_person
from dmp_core.holder.sessions import SIGNED_IN, Stage
from dmp_core.portals.mondmp.account.pages import HOMES, blueprint, go, seconds_left
from dmp_core.portals.mondmp.account.services import access
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import stage


@blueprint.get("/mon-dmp")
@stage(Stage.OPEN)
def home() -> str:
    """Who came to see the dossier, the last connection, and the ways on."""
    session = web.current_session()
    with web.parts().store.transaction(session.dossier_id) as connection:
        holder, trusted = profile_of(connection), trusted_person(connection)
        accesses = latest_accesses(connection, holder.dossier_id)
    last = next((each for each in access().connections.of(session) if not each.current), None)
    return render_template("account/home.html", holder=holder, accesses=accesses, trusted=trusted, last=last)


@blueprint.post("/mon-dmp/rester")
@stage(*SIGNED_IN)
def stay() -> ResponseReturnValue:
    """The holder is still there: the request itself is what counts; for the script, how long is left."""
    if request.accept_mimetypes.best == "application/json":
        return jsonify(seconds_left(web.current_session().began_at))
    return go(HOMES[web.current_session().stage])
