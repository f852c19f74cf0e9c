"""DMP past their ten years: proposed by one supervisor, destroyed on the word of another."""

from io import BytesIO

from flask import Response, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from backoffice.closure import destruction
from backoffice.closure.minutes import minutes_file
from backoffice.core.actor import Role
from backoffice.core.errors import Invalid, NotAllowed, WrongState
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.closure import pages
from backoffice.web.pages.composition import office

UNSURE = "Cochez la case : la destruction est définitive, rien ne pourra être retrouvé."


@pages.get("/destructions")
@access(Role.SUPERVISOR)
def destructions() -> str:
    """What may be proposed, what waits for a second person, and the proofs."""
    return _page()


@pages.post("/destructions/proposer")
@access(Role.SUPERVISOR)
def propose_destruction() -> ResponseReturnValue:
    """The first of two persons."""
    try:
        with office().db.unit_of_work() as session:
            added = destruction.propose(session, office(), current_actor(), request.form.getlist("dmp"))
    except Invalid as refusal:
        return _page(str(refusal)), status_of(refusal)
    said = "1 DMP est proposé" if added == 1 else f"{added} DMP sont proposés"
    flash(f"{said} : un autre superviseur confirme la destruction.", "done")
    return redirect(url_for(".destructions"), 303)


@pages.post("/destructions/detruire")
@access(Role.SUPERVISOR)
def destroy() -> ResponseReturnValue:
    """The second of two persons."""
    try:
        if "definitif" not in request.form:
            raise Invalid(UNSURE)
        done = destruction.destroy(office(), current_actor(), request.form.getlist("proposition"))
    except (Invalid, NotAllowed, WrongState) as refusal:
        return _page(str(refusal)), status_of(refusal)
    said = "1 DMP est détruit, sa preuve est" if done == 1 else f"{done} DMP sont détruits, leurs preuves sont"
    flash(f"{said} ci-dessous.", "done")
    return redirect(url_for(".destructions"), 303)


@pages.post("/destructions/<destruction_id>/garder")
@access(Role.SUPERVISOR)
def keep(destruction_id: str) -> ResponseReturnValue:
    """Take a proposal back."""
    with office().db.unit_of_work() as session:
        destruction.withdraw(session, office(), current_actor(), destruction_id)
    flash("La proposition est retirée : le DMP est gardé.", "done")
    return redirect(url_for(".destructions"), 303)


@pages.get("/destructions/<destruction_id>/proces-verbal.pdf")
@access(Role.SUPERVISOR)
def minutes(destruction_id: str) -> Response:
    """The page that the two persons sign."""
    with office().db.unit_of_work() as session:
        content = minutes_file(session, office(), current_actor(), destruction_id)
    return send_file(
        BytesIO(content), mimetype="application/pdf", download_name="proces-verbal-destruction.pdf", max_age=0
    )


def _page(error: str = "") -> str:
    actor = current_actor()
    with office().db.unit_of_work() as session:
        expired, waiting = destruction.to_propose(session, office(), actor), destruction.proposed(session, actor)
        proofs = destruction.destroyed(session, actor)
    return render_template(
        "closure/destructions.html", expired=expired, waiting=waiting, proofs=proofs, error=error, login=actor.login
    )
