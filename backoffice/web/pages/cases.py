"""Cases: the queue, one case, and the drawing of each declared workflow."""

from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from backoffice.audit.journal import record
from backoffice.cases import actions
from backoffice.cases.kinds import WORKFLOWS, workflow_of
from backoffice.cases.models import Case, access_case, may_read
from backoffice.cases.queries import Wanted, cases_of, count_cases, late_cases, life_of
from backoffice.cases.workflow import Workflow
from backoffice.core.actor import Role
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.letters.requests import letters_of_case
from backoffice.population.models import Person
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.case_lines import line_said
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import CaseForm
from backoffice.web.pages.paging import asked_page

READERS: Final = (Role.AGENT, Role.ADVISOR, Role.SUPERVISOR)

pages = Blueprint("cases", __name__, url_prefix="/demandes")


@pages.get("")
@access(*READERS)
def index() -> str:
    """The cases of one's caisses, the soonest due first."""
    actor, now = current_actor(), office().clock()
    wanted = Wanted("miennes" in request.args, "terminees" in request.args, request.args.get("type", ""))
    with office().db.unit_of_work() as session:
        page = asked_page(count_cases(session, actor, wanted))
        found = cases_of(session, actor, wanted, page.size, page.offset)
        late = late_cases(session, actor, now)
    kinds = [workflow for workflow in WORKFLOWS if may_read(actor, workflow)]
    return render_template(
        "cases/index.html", cases=found, page=page, wanted=wanted, late=late, now=now, kinds=kinds
    )  # fmt: skip


@pages.get("/types/<name>")
@access(*READERS)
def workflow(name: str) -> str:
    """A declared workflow, drawn from its declaration."""
    found = workflow_of(name)
    if not may_read(current_actor(), found):
        raise NotFound("Ce type de demande n’existe pas.")
    return render_template("cases/workflow.html", workflow=found)


@pages.get("/<number>")
@access(*READERS)
def show(number: str) -> str:
    """Everything about one case; reading somebody else's leaves a line in the journal."""
    actor = current_actor()
    with office().db.unit_of_work() as session:
        case = access_case(session, actor, number)
        if case.owner != actor.login:
            record(session, actor, "demande.consulter", case.number, at=office().clock(), caisse=case.caisse)
    return _page(number, CaseForm())


@pages.post("/<number>/<slug>")
@access(*READERS)
def act(number: str, slug: str) -> ResponseReturnValue:
    """A note, a change of hands, or a step of the workflow; refused, what was typed stays on the page."""
    form, actor = CaseForm(), current_actor()
    words = (form.texte.data or "").strip()
    try:
        with office().db.unit_of_work() as session:
            if slug == "noter":
                actions.note(session, office(), actor, number, words)
                said = "La note est ajoutée."
            elif slug in ("prendre", "rendre"):
                actions.take_charge(session, office(), actor, number, release=slug == "rendre", seen=form.version.data)
                said = "La demande est à vous." if slug == "prendre" else "La demande est rendue à l’équipe."
            else:
                _require_button(access_case(session, actor, number).workflow, slug)
                case = actions.advance(session, office(), actor, number, slug, words, seen=form.version.data)
                said = f"La demande {number} est maintenant « {case.status.label} »."
    except (Invalid, WrongState) as refusal:
        return _page(number, form, slug, str(refusal)), status_of(refusal)
    flash(said, "done")
    return redirect(url_for(".show", number=number), 303)


def _require_button(workflow: Workflow, step: str) -> None:
    """A step with a form of its own is taken there alone, with what that form asks for."""
    if workflow.step(step).form:
        raise Invalid("Cette étape a son propre formulaire : ouvrez-le depuis la demande.")


def _page(number: str, form: CaseForm, slug: str = "", error: str = "") -> str:
    actor = current_actor()
    with office().db.unit_of_work() as session:
        case = access_case(session, actor, number)
        life = life_of(session, case)
        letters = letters_of_case(session, case.number)
        person = session.scalars(
            select(Person).where(Person.caisse == case.caisse, Person.id == case.person_id)
        ).one_or_none()
    return render_template(
        "cases/show.html", case=case, life=life, person=person, form=form, slug=slug, error=error,
        steps=case.workflow.possible(case.state, actor), now=office().clock(), may_take=_may_take(case),
        letters=letters, line_said=line_said,
    )  # fmt: skip


def _may_take(case: Case) -> bool:
    actor = current_actor()
    return (
        not case.status.final and (case.owner is None or Role.SUPERVISOR in actor.roles) and case.owner != actor.login
    )
