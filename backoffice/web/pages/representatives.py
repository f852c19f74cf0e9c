"""Legal representatives of a person: who may open their DMP in their name; declaring one, ending an access, the document."""

import uuid
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backoffice.adapters.dmp import PROOFS_OF, Capacity, Proof
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.counter import representatives as desk
from backoffice.counter.models import ROLES
from backoffice.counter.rules import DocumentKind
from backoffice.persons.access import access_person, consult
from backoffice.population.insured import is_minor
from backoffice.population.models import Person
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.composition import office
from backoffice.web.pages.grounds import GROUNDS
from backoffice.web.pages.straight_print import held_for_printer, hold_for_printer, to_printer

_PRINT: Final = "document-de-representant"

pages = Blueprint("representatives", __name__, url_prefix="/personnes")


@pages.get("/<caisse>/<int:person_id>/representants")
@access(*ROLES)
def show(caisse: str, person_id: int) -> ResponseReturnValue:
    """Who represents the person, and the form of a new declaration."""
    return _page(caisse, person_id)


@pages.post("/<caisse>/<int:person_id>/representants")
@access(*ROLES)
def declare(caisse: str, person_id: int) -> ResponseReturnValue:
    """Declare one; refused, what was typed stays on the page."""
    actor, typed = current_actor(), request.form
    try:
        with office().db.unit_of_work() as session:
            person = _held(session, caisse, person_id)
            if person is None:
                return _to_file(caisse, person_id)
            made = desk.declare(session, office(), actor, person, desk.request_of(typed), typed)
    except (Invalid, WrongState) as refusal:
        return _page(caisse, person_id, str(refusal), status_of(refusal))
    if made.login is None:
        flash(f"{made.name} représente la personne, avec l’accès qu’elle ou il a déjà.", "done")
        return redirect(url_for(".show", caisse=caisse, person_id=person_id), 303)
    flash(f"{made.name} représente la personne. Imprimez son document, et remettez-le-lui.", "done")
    return _to_print(caisse, person_id, made.mandate)


@pages.post("/<caisse>/<int:person_id>/representants/<uuid:mandate>/<any('fin', 'imprimer'):gesture>")
@access(*ROLES)
def act(caisse: str, person_id: int, mandate: UUID, gesture: str) -> ResponseReturnValue:
    """End an access, or have its document printed with a new initial password."""
    try:
        with office().db.unit_of_work() as session:
            person = _held(session, caisse, person_id)
            if person is None:
                return _to_file(caisse, person_id)
            if gesture == "fin":
                desk.end(session, office(), current_actor(), person, mandate, request.form.get("motif", ""))
            elif mandate not in {each.mandate for each in desk.known_of(office(), person)[0]}:
                raise NotFound("Ce représentant n’a plus accès à ce DMP : actualisez la page.")
    except Invalid as refusal:
        return _page(caisse, person_id, str(refusal), status_of(refusal))
    if gesture == "imprimer":
        return _to_print(caisse, person_id, mandate)
    flash("L’accès de ce représentant est terminé.", "done")
    return redirect(url_for(".show", caisse=caisse, person_id=person_id), 303)


@pages.get("/representants/<token>")
@access(*ROLES)
def document(token: str) -> Response:
    """The document, straight to the printer: made now, of a password that nobody has seen, and never again."""
    caisse, person_id, mandate = held_for_printer(_PRINT, token)
    actor = current_actor()
    with office().db.unit_of_work() as session:
        person = access_person(session, actor, caisse, int(person_id))
        made = desk.print_document(session, office(), actor, person, UUID(mandate))
    return to_printer(lambda: made)


def _held(session: Session, caisse: str, person_id: int) -> Person | None:
    """The person, with the consultation noted; None when a reason is due first."""
    actor = current_actor()
    person = access_person(session, actor, caisse, person_id)
    ground = consult(session, actor, person, GROUNDS, office().clock(), "représentants légaux")
    return person if ground is not None else None


def _to_file(caisse: str, person_id: int) -> ResponseReturnValue:
    flash(
        "Dites d’abord pourquoi vous ouvrez la fiche de cette personne ; ses représentants s’y voient ensuite.", "wait"
    )
    return redirect(url_for("persons.show", caisse=caisse, person_id=person_id), 303)


def _to_print(caisse: str, person_id: int, mandate: UUID) -> ResponseReturnValue:
    token = hold_for_printer(_PRINT, caisse, person_id, mandate)
    return redirect(url_for(".show", caisse=caisse, person_id=person_id, document=token), 303)


def _page(caisse: str, person_id: int, error: str = "", status: int = 200) -> ResponseReturnValue:
    with office().db.unit_of_work() as session:
        person = _held(session, caisse, person_id)
        if person is None:
            return _to_file(caisse, person_id)
        facts = office().dmp.dossier_states(caisse, [person_id]).get(person_id)
        now, before = desk.known_of(office(), person)
        shown = {"person": person, "facts": facts, "now": now, "before": before}
    page = render_template(
        "counter/representatives.html", error=error, typed=request.form, capacities=list(Capacity), proofs=list(Proof),
        proofs_of=PROOFS_OF, documents=list(DocumentKind), minor=is_minor(person, paris_date(office().clock())),
        token=request.args.get("document", ""), request_id=request.form.get("demande") or uuid.uuid4(), **shown,
    )  # fmt: skip
    return page, status
