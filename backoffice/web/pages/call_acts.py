"""Acts during a call: about the person of the call, once their identity is proved, or for a death once they are found."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backoffice.calls.facts import facts_of
from backoffice.calls.models import Call, access_call, open_call_of
from backoffice.cases.queueing import Way
from backoffice.core.actor import Role
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.acts import ACTS, Act, facts_of_form, perform
from backoffice.web.pages.calls import pages
from backoffice.web.pages.composition import office

UNPROVED = (
    "L’identité de la personne n’est pas vérifiée : posez d’abord les questions, ou invitez-la à passer à l’accueil."
)


@pages.get("/<int:call_id>/actes/<slug>")
@access(Role.ADVISOR)
def act(call_id: int, slug: str) -> ResponseReturnValue:
    """The form of one act."""
    try:
        return _form(call_id, _act(slug))
    except WrongState as refusal:
        flash(str(refusal), "wait")
        return redirect(url_for(".show", call_id=call_id), 303)


@pages.post("/<int:call_id>/actes/<slug>")
@access(Role.ADVISOR)
def do(call_id: int, slug: str) -> ResponseReturnValue:
    """Do it; done already, nothing more happens."""
    chosen = _act(slug)
    try:
        with office().db.unit_of_work() as session:
            call = open_call_of(session, current_actor(), call_id)
            caisse, person_id = _about(session, call, chosen)
            said = perform(session, chosen, caisse, person_id, Way.PHONE, f"appel {call.id}")
    except WrongState as refusal:
        flash(str(refusal), "wait")
        return redirect(url_for(".show", call_id=call_id, sujet=chosen.subject), 303)
    except Invalid as refusal:
        return _form(call_id, chosen, str(refusal)), status_of(refusal)
    flash(said, "done")
    return redirect(url_for(".show", call_id=call_id, sujet=chosen.subject), 303)


def _act(slug: str) -> Act:
    if slug not in ACTS:
        raise NotFound("Cette page n’existe pas.")
    return ACTS[slug]


def _about(session: Session, call: Call, chosen: Act) -> tuple[str, int]:
    """The person of the call, if this act may be done about them now."""
    if call.ended_at is not None or call.caisse is None or call.person_id is None:
        raise WrongState("Cherchez d’abord la personne dont il s’agit.")
    if chosen.needs_proof and facts_of(session, office(), call) is None:
        raise WrongState(UNPROVED)
    return call.caisse, call.person_id


def _form(call_id: int, chosen: Act, error: str = "") -> str:
    with office().db.unit_of_work() as session:
        call = access_call(session, current_actor(), call_id)
        caisse, person_id = _about(session, call, chosen)
        proved = facts_of(session, office(), call) is not None
        shown = facts_of_form(session, chosen, Way.PHONE, caisse, person_id, known=proved)
    return render_template(
        "closure/act.html", person=None, typed=request.form, error=error, ways=(), call=call,
        address=url_for(".do", call_id=call_id, slug=chosen.slug), back=url_for(".show", call_id=call_id), **shown,
    )  # fmt: skip
