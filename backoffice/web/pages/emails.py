"""Letters by e-mail that did not arrive: what is tried again, relayed, in doubt, and what a person must read."""

from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.adapters.mailer import Reason
from backoffice.campaigns.incidents import IncidentState
from backoffice.core.actor import Role
from backoffice.core.errors import DomainError
from backoffice.correspondence.bounces import settle_doubt, settle_unknown
from backoffice.correspondence.troubles import counts_of, doubts_of, troubles_of, unknown_returns
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import StepForm
from backoffice.web.pages.paging import asked_page

READERS: Final = (Role.CAMPAIGN_MANAGER, Role.SUPERVISOR)
BADGES: Final = {
    IncidentState.RETRY: "wait",
    IncidentState.RELAY: "run",
    IncidentState.RELAYED: "done",
    IncidentState.CLOSED: "draft",
    IncidentState.SOLVED: "done",
}
REASONS: Final = {
    Reason.ADDRESS: "adresse inconnue de son serveur",
    Reason.POLICY: "refusé par le serveur du destinataire",
    Reason.CONTENT: "message refusé",
    Reason.BUSY: "boîte pleine ou serveur occupé",
    Reason.SERVER: "envoi coupé",
}

pages = Blueprint("emails", __name__, url_prefix="/courriels")


@pages.get("")
@access(*READERS)
def index() -> str:
    """Everything that stands, and the latest troubles."""
    return _page()


@pages.post("/douteux/<int:lot_id>/<int:number>")
@access(Role.CAMPAIGN_MANAGER)
def settle(lot_id: int, number: int) -> ResponseReturnValue:
    """Say whether a doubtful message had left."""
    left = request.form.get("parti")
    if left not in ("oui", "non"):
        return _page("Indiquez si le courriel était parti ou non."), 422
    try:
        with office().db.unit_of_work() as session:
            settle_doubt(session, office(), current_actor(), lot_id, number, left=left == "oui")
    except DomainError as refusal:
        return _page(str(refusal)), status_of(refusal)
    flash(
        "Le courriel est compté comme parti." if left == "oui" else "La personne recevra un courrier par La Poste.",
        "done",
    )
    return redirect(url_for(".index"), 303)


@pages.post("/retours/<int:return_id>/classer")
@access(Role.CAMPAIGN_MANAGER)
def classify(return_id: int) -> ResponseReturnValue:
    """A message set aside was read."""
    try:
        with office().db.unit_of_work() as session:
            settle_unknown(session, office(), current_actor(), return_id)
    except DomainError as refusal:
        return _page(str(refusal)), status_of(refusal)
    flash("Le message est classé.", "done")
    return redirect(url_for(".index"), 303)


def _page(error: str = "") -> str:
    actor = current_actor()
    asked = request.args.get("etat", "")
    state = IncidentState(asked) if asked in set(IncidentState) else None
    with office().db.unit_of_work() as session:
        counts = counts_of(session, actor)
        page = asked_page(counts[state] if state else sum(counts.values()))
        troubles = troubles_of(session, actor, state, page.size, page.offset)
        doubts, unknown = doubts_of(session, actor), unknown_returns(session, actor)
    return render_template(
        "emails/index.html", counts=counts, states=IncidentState, state=state, page=page, troubles=troubles,
        doubts=doubts, unknown=unknown, badges=BADGES, reasons=REASONS, form=StepForm(), error=error,
    )  # fmt: skip
