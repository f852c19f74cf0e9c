"""One visit: a page a step, the keyboard where it is needed, taken up again wherever it stopped."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

from flask import Blueprint, Response, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backoffice.adapters.dmp import CONSENT, current_terms, terms_pdf
from backoffice.cases.linking import open_about
from backoffice.core.clock import paris_date
from backoffice.core.errors import DomainError, Invalid, NotFound, Unavailable, WrongState
from backoffice.counter import actions
from backoffice.counter.creation import create, print_document
from backoffice.counter.models import ROLES, Visit, access_visit
from backoffice.counter.queries import life_of
from backoffice.counter.rules import (
    INFORMATION,
    STAGES,
    CardWay,
    DocumentKind,
    Relation,
    VisitState,
    read_document,
    read_representative,
    read_serial,
)
from backoffice.parameters.reading import current
from backoffice.parameters.reasons import ABANDON, offered
from backoffice.persons.file import Obstacle, obstacle
from backoffice.population.models import Person
from backoffice.population.notices import notices_of
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.composition import office
from backoffice.web.pages.counter import read_card
from backoffice.web.pages.straight_print import held_for_printer, hold_for_printer, to_printer

_PRINT: Final = "document-a-imprimer"
_AWAY: Final = Obstacle(
    "Le DMP ne répond pas pour l’instant : la création attendra quelques minutes.",
    "Vous pouvez déjà faire le reste : ce qui est saisi est gardé.",
)

pages = Blueprint("visit", __name__, url_prefix="/accueil")


@pages.get("/visites/<int:visit_id>")
@access(*ROLES)
def show(visit_id: int) -> str:
    """Where the visit stands, and its next step."""
    return _page(visit_id)


@pages.post("/visites/<int:visit_id>/<slug>")
@access(*ROLES)
def act(visit_id: int, slug: str) -> ResponseReturnValue:
    """Take one step; refused, what was typed stays on the page."""
    if slug not in _ACTS:
        raise NotFound("Cette étape n’existe pas.")
    try:
        said = _ACTS[slug](visit_id, request.form.get("version", None, int))
    except (Invalid, NotFound, WrongState, Unavailable) as refusal:
        if isinstance(refusal, NotFound) and slug != "carte":
            raise
        return _page(visit_id, slug, str(refusal)), status_of(refusal)
    if said:
        flash(said, "done")
    return redirect(url_for(".show", visit_id=visit_id), 303)


@pages.post("/visites/<int:visit_id>/imprimer")
@access(*ROLES)
def ask_print(visit_id: int) -> ResponseReturnValue:
    """Give the browser an address that makes the document, once, for the printer."""
    actor = current_actor()
    with office().db.unit_of_work() as session:
        visit = access_visit(session, actor, visit_id)
    if visit.status is not VisitState.DOCUMENT or visit.owner != actor.login:
        return _page(visit_id, "imprimer", "Le document ne peut pas être imprimé : voici où en est la visite."), 409
    token = hold_for_printer(_PRINT, visit_id)
    return redirect(url_for(".show", visit_id=visit_id, document=token), 303)


@pages.get("/documents/<token>")
@access(*ROLES)
def document(token: str) -> Response:
    """The document des secrets, straight to the printer: made now, of a password that nobody has seen, and never again."""
    (number,) = held_for_printer(_PRINT, token)
    return to_printer(lambda: print_document(office(), current_actor(), int(number)))


@pages.get("/conditions.pdf")
@access(*ROLES)
def conditions() -> Response:
    """The terms of use in force, for who wants to read them at the desk."""
    return send_file(BytesIO(terms_pdf(current_terms())), mimetype="application/pdf", download_name="conditions.pdf")


def _in_session(step: Callable[[Session, Mapping[str, str]], object]) -> None:
    with office().db.unit_of_work() as session:
        step(session, request.form)


def _identify(visit_id: int, seen: int | None) -> str:
    form = request.form
    document = read_document(form.get("piece", ""))
    representative = None
    if form.get("represente") == "oui":
        representative = read_representative(
            form.get("representant", ""), form.get("qualite", ""), form.get("piece_representant", ""), "mandat" in form
        )
    _in_session(
        lambda session, _: actions.identify(
            session, office(), current_actor(), visit_id, document, representative, seen=seen
        )
    )
    return ""


def _read(visit_id: int, seen: int | None) -> str:
    with office().db.unit_of_work() as session:
        access_visit(session, current_actor(), visit_id)
    card = read_card()
    _in_session(lambda session, _: actions.card_read(session, office(), current_actor(), visit_id, card, seen=seen))
    return "La carte Vitale est bien celle de la personne."


def _typed(visit_id: int, seen: int | None) -> str:
    serial = read_serial(request.form.get("serie", ""))
    _in_session(lambda session, _: actions.card_typed(session, office(), current_actor(), visit_id, serial, seen=seen))
    return ""


def _contacts(visit_id: int, seen: int | None) -> str:
    _in_session(
        lambda session, form: actions.give_contacts(session, office(), current_actor(), visit_id, form, seen=seen)
    )
    return ""


def _consent(visit_id: int, seen: int | None) -> str:
    with office().db.unit_of_work() as session:
        visit = access_visit(session, current_actor(), visit_id)
        if found := _obstacle(session, visit):
            raise WrongState(found.said)
    _in_session(
        lambda session, form: actions.consent(
            session,
            office(),
            current_actor(),
            visit_id,
            informed="informe" in form,
            agreed="accord" in form,
            sought="avis" in form,
            seen=seen,
        )
    )
    return _create(visit_id, None)


def _create(visit_id: int, _: int | None) -> str:
    create(office(), current_actor(), visit_id)
    return "Le DMP est créé. L’accusé de réception partira par le canal enregistré de la personne."


def _correct(visit_id: int, seen: int | None) -> str:
    try:
        step = VisitState(request.form.get("etape", ""))
    except ValueError:
        raise Invalid("Cette étape n’existe pas.") from None
    _in_session(lambda session, _: actions.correct(session, office(), current_actor(), visit_id, step, seen=seen))
    return ""


def _take_over(visit_id: int, _: int | None) -> str:
    _in_session(lambda session, _: actions.take_over(session, office(), current_actor(), visit_id))
    return "La visite est à vous, à l’étape où elle s’était arrêtée."


def _finish(visit_id: int, _: int | None) -> str:
    # Whatever version the page has: the printing that it waited for is a change of its own.
    _in_session(lambda session, _: actions.finish(session, office(), current_actor(), visit_id))
    return "La visite est terminée."


def _abandon(visit_id: int, seen: int | None) -> str:
    _in_session(
        lambda session, form: actions.abandon(
            session, office(), current_actor(), visit_id, form.get("motif", ""), seen=seen
        )
    )
    return "La visite est abandonnée."


_ACTS: Final[Mapping[str, Callable[[int, int | None], str]]] = {
    "identite": _identify, "carte": _read, "serie": _typed, "coordonnees": _contacts, "consentement": _consent,
    "creation": _create, "corriger": _correct, "reprendre": _take_over, "terminer": _finish, "abandonner": _abandon,
}  # fmt: skip


def _page(visit_id: int, slug: str = "", error: str = "") -> str:
    actor = current_actor()
    with office().db.unit_of_work() as session:
        visit = access_visit(session, actor, visit_id)
        shown = _facts(session, visit)
    return render_template(
        "counter/visit.html", visit=visit, error=error, slug=slug, typed=request.form, mine=visit.owner == actor.login,
        token=request.args.get("document", ""), stages=STAGES, VisitState=VisitState, documents=list(DocumentKind),
        relations=list(Relation), information=INFORMATION, consent=CONSENT, terms=current_terms(), CardWay=CardWay, **shown,
    )  # fmt: skip


def _facts(session: Session, visit: Visit) -> dict[str, Any]:
    return {
        "person": session.get_one(Person, (visit.caisse, visit.person_id)),
        "life": life_of(session, visit),
        "cases": open_about(session, current_actor(), visit.caisse, visit.person_id),
        "obstacle": None if visit.created_at or visit.status.ended else _obstacle(session, visit),
        "away": _AWAY,
        "reasons": offered(current(session).of(ABANDON)),
    }


def _obstacle(session: Session, visit: Visit) -> Obstacle | None:
    """Eligibility: what keeps a DMP from being created, `_AWAY` for a while, None when nothing does or it is this visit's."""
    person = session.get_one(Person, (visit.caisse, visit.person_id))
    try:
        facts = office().dmp.dossier_states(visit.caisse, [visit.person_id]).get(visit.person_id)
    except DomainError:
        return _AWAY
    if facts is not None and facts.request_id == visit.uid:
        return None
    notices = notices_of(session, visit.caisse, [visit.person_id]).get(visit.person_id, [])
    return obstacle(person, notices, facts, paris_date(office().clock()))
