"""The counter: the queue, the visits under way, a visit opened for a person or by their card."""

from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backoffice.adapters.cards import Card, DeskReader
from backoffice.audit.journal import record
from backoffice.core.actor import Actor
from backoffice.core.errors import Invalid, NotFound, Unavailable, WrongState
from backoffice.counter import actions, queue
from backoffice.counter.models import ROLES, Ticket
from backoffice.counter.queries import under_way
from backoffice.persons.access import access_person
from backoffice.persons.search import person_of_nir
from backoffice.web.access import access, current_actor
from backoffice.web.pages.composition import office

SCREEN_SECONDS: Final = 5
DESK: Final = "caisse:guichet:"

pages = Blueprint("counter", __name__, url_prefix="/accueil")


@pages.get("")
@access(*ROLES)
def index() -> str:
    """The queue of one's caisse, and the visits under way."""
    actor, caisse = current_actor(), _caisse()
    with office().db.unit_of_work() as session:
        visits = under_way(session, actor)
        waiting, mine = queue.waiting(session, office(), caisse), queue.in_hand(session, office(), actor, caisse)
    return render_template(
        "counter/index.html",
        visits=visits,
        waiting=waiting,
        mine=mine,
        caisse=caisse,
        desk=_desk(),
        now=office().clock(),
    )


@pages.post("/carte")
@access(*ROLES)
def by_card() -> ResponseReturnValue:
    """Read the carte Vitale in this desk's reader, and open the visit of its holder."""
    actor = current_actor()
    try:
        card = read_card()
        with office().db.unit_of_work() as session:
            person = person_of_nir(session, actor, card.nir)
            visit = actions.start(session, office(), actor, person, _ticket(session, actor), by_card=card)
    except (Invalid, NotFound, Unavailable, WrongState) as refusal:
        flash(str(refusal), "error")
        return redirect(url_for(".index"), 303)
    return redirect(url_for("visit.show", visit_id=visit.id), 303)


@pages.post("/personnes/<caisse>/<int:person_id>")
@access(*ROLES)
def open_visit(caisse: str, person_id: int) -> ResponseReturnValue:
    """Open the visit of a person found by the search; clicked twice, one visit."""
    actor = current_actor()
    try:
        with office().db.unit_of_work() as session:
            person = access_person(session, actor, caisse, person_id)
            visit = actions.start(session, office(), actor, person, _ticket(session, actor))
    except WrongState as refusal:
        flash(str(refusal), "wait")
        return redirect(url_for(".index"), 303)
    return redirect(url_for("visit.show", visit_id=visit.id), 303)


@pages.post("/tickets")
@access(*ROLES)
def draw() -> ResponseReturnValue:
    """A number for somebody who arrives."""
    with office().db.unit_of_work() as session:
        ticket = queue.draw(session, office(), current_actor(), _caisse())
    flash(f"Ticket {ticket.label} : donnez ce numéro à la personne.", "done")
    return redirect(url_for(".index"), 303)


@pages.post("/tickets/suivant")
@access(*ROLES)
def call() -> ResponseReturnValue:
    """Call the next number to this desk; the one in hand is seen off."""
    actor, desk = current_actor(), request.form.get("guichet", "")
    try:
        with office().db.unit_of_work() as session:
            queue.see_off(session, office(), actor, _caisse())
            ticket = queue.call_next(session, office(), actor, _caisse(), desk)
    except Invalid as refusal:
        flash(str(refusal), "error")
        return redirect(url_for(".index"), 303)
    office().redis.set(DESK + actor.login, desk.strip(), ex=12 * 3600)
    flash(f"Le numéro {ticket.label} est appelé." if ticket else "Personne n’attend.", "done")
    return redirect(url_for(".index"), 303)


@pages.post("/tickets/absent")
@access(*ROLES)
def absent() -> ResponseReturnValue:
    """The number called did not come, or left without a visit."""
    with office().db.unit_of_work() as session:
        queue.see_off(session, office(), current_actor(), _caisse())
    return redirect(url_for(".index"), 303)


@pages.get("/ecran")
@access(*ROLES, background=True)
def screen() -> str:
    """For the waiting room: numbers and desks, no name; it follows by itself."""
    caisse = _caisse()
    with office().db.unit_of_work() as session:
        shown, waiting = queue.called(session, office(), caisse), len(queue.waiting(session, office(), caisse))
    return render_template("counter/screen.html", called=shown, waiting=waiting, seconds=SCREEN_SECONDS)


def read_card() -> Card:
    """The card in the reader of the desk that asks, with a line of the journal. See `DeskReader` for what it raises."""
    card = DeskReader(office().settings.card_reader, request.remote_addr or "").read()
    with office().db.unit_of_work() as session:
        record(session, current_actor(), "carte.lire", "carte Vitale", at=office().clock())
    return card


def _caisse() -> str:
    """The caisse of the reception: an agent has one; a supervisor of several, the first."""
    return min(current_actor().caisses)


def _desk() -> str:
    kept = office().redis.get(DESK + current_actor().login)
    return kept.decode() if isinstance(kept, bytes) else ""


def _ticket(session: Session, actor: Actor) -> Ticket | None:
    return queue.in_hand(session, office(), actor, _caisse())
