"""Closures: those that wait for their day, and the acts at the desk about a person's DMP."""

from typing import Any, Final, cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.cases.files import has_file
from backoffice.cases.models import access_case
from backoffice.cases.queueing import Way
from backoffice.cases.sniffing import LARGEST
from backoffice.closure import asking
from backoffice.closure.asking import MEANS, Asked
from backoffice.closure.effect import cooling
from backoffice.closure.explanation import explanation
from backoffice.closure.persons import person_of
from backoffice.closure.representation import Title
from backoffice.core.actor import Role
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.persons.access import access_person, consult
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.acts import ACTS, Act, facts_of_form, letter_sent, perform
from backoffice.web.pages.composition import office
from backoffice.web.pages.grounds import GROUNDS
from backoffice.web.pages.uploads import OfficeRequest

STAFF: Final = (Role.AGENT, Role.ADVISOR, Role.SUPERVISOR)
DESK: Final = (Role.AGENT, Role.SUPERVISOR)
WAYS: Final = (Way.COUNTER, Way.POST)

pages = Blueprint("closure", __name__, url_prefix="/clotures")


@pages.url_value_preprocessor
def _expect_letter(endpoint: str | None, _: dict[str, Any] | None) -> None:
    if endpoint in ("closure.do", "closure.record_confirmation"):
        cast(OfficeRequest, request).expect_private(LARGEST)


@pages.get("")
@access(*STAFF)
def index() -> str:
    """The closures that wait for their day."""
    with office().db.unit_of_work() as session:
        waiting = cooling(session, current_actor())
    return render_template("closure/index.html", waiting=waiting)


@pages.get("/<number>/confirmer")
@access(*STAFF)
def confirm(number: str) -> str:
    """What closing means, and the boxes to tick when it was told and confirmed."""
    return _confirmation(number)


@pages.post("/<number>/confirmer")
@access(*STAFF)
def record_confirmation(number: str) -> ResponseReturnValue:
    """The cooling-off time begins."""
    form = request.form
    try:
        with office().db.unit_of_work() as session:
            case = access_case(session, current_actor(), number)
            asked = Asked(
                case.came_by, form.get("identite", ""), "", "explique" in form, "confirme" in form,
                form.get("titre", ""), "titre_vu" in form, letter_sent(),
            )  # fmt: skip
            done = asking.confirm_closure(
                session, office(), current_actor(), number, asked, seen=form.get("version", None, int)
            )
    except (Invalid, WrongState) as refusal:
        return _confirmation(number, str(refusal)), status_of(refusal)
    flash(f"Le DMP sera clôturé le {done.facts['effet']}. Un courrier le rappelle à la personne.", "done")
    return redirect(url_for("cases.show", number=number), 303)


@pages.get("/<caisse>/<int:person_id>/<slug>")
@access(*DESK)
def act(caisse: str, person_id: int, slug: str) -> ResponseReturnValue:
    """The form of one act about one person, once there is a ground to look at them."""
    chosen = _act(slug)
    return _form(chosen, caisse, person_id) if _grounded(caisse, person_id, chosen) else _to_file(caisse, person_id)


@pages.post("/<caisse>/<int:person_id>/<slug>")
@access(*DESK)
def do(caisse: str, person_id: int, slug: str) -> ResponseReturnValue:
    """Do it at the desk; done already, nothing more happens."""
    chosen, way = _act(slug), _way()
    if not _grounded(caisse, person_id, chosen):
        return _to_file(caisse, person_id)
    try:
        with office().db.unit_of_work() as session:
            said = perform(session, chosen, caisse, person_id, way, way.label)
    except (Invalid, WrongState) as refusal:
        return _form(chosen, caisse, person_id, str(refusal)), status_of(refusal)
    flash(said, "done")
    return redirect(url_for(".index"), 303)


def _grounded(caisse: str, person_id: int, chosen: Act) -> bool:
    """Whether the person is the agent's business now; the consultation is noted."""
    actor = current_actor()
    with office().db.unit_of_work() as session:
        person = access_person(session, actor, caisse, person_id)
        return consult(session, actor, person, GROUNDS, office().clock(), f"acte {chosen.slug}") is not None


def _to_file(caisse: str, person_id: int) -> ResponseReturnValue:
    """To the person's file, which asks why it is opened."""
    flash("Dites d’abord pourquoi vous ouvrez la fiche de cette personne ; l’acte s’y demande ensuite.", "wait")
    return redirect(url_for("persons.show", caisse=caisse, person_id=person_id), 303)


def _act(slug: str) -> Act:
    if slug not in ACTS:
        raise NotFound("Cette page n’existe pas.")
    return ACTS[slug]


def _way() -> Way:
    return Way.POST if request.values.get("voie") == Way.POST else Way.COUNTER


def _form(chosen: Act, caisse: str, person_id: int, error: str = "") -> str:
    with office().db.unit_of_work() as session:
        person = person_of(session, current_actor(), caisse, person_id)
        shown = facts_of_form(session, chosen, _way(), caisse, person_id)
    return render_template(
        "closure/act.html", person=person, typed=request.form, error=error, ways=WAYS, call=None,
        address=url_for(".do", caisse=caisse, person_id=person_id, slug=chosen.slug),
        back=url_for("persons.show", caisse=caisse, person_id=person_id), **shown,
    )  # fmt: skip


def _confirmation(number: str, error: str = "") -> str:
    with office().db.unit_of_work() as session:
        case = access_case(session, current_actor(), number)
        if case.kind != "closure":
            raise NotFound("Cette page n’existe pas.")
        blocks, wants_letter = explanation(session), case.came_by is Way.POST and not has_file(session, case)
    return render_template(
        "closure/confirm.html", case=case, wants_letter=wants_letter,
        blocks=blocks, means=MEANS.get(case.came_by, {}), error=error,
        typed=request.form, titles=() if case.came_by is Way.PHONE else tuple(Title),
    )  # fmt: skip
