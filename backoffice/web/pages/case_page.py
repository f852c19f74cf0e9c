"""One case: its page, and what is done there."""

from collections.abc import Callable
from typing import Any, Final

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.cases import actions
from backoffice.cases.attachments import attachments_of
from backoffice.cases.colleagues import names_of
from backoffice.cases.mentions import mark_read
from backoffice.cases.models import Case, access_case
from backoffice.cases.queries import life_of
from backoffice.cases.queueing import Priority, Team
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, WrongState
from backoffice.letters.requests import letters_of_case
from backoffice.population.models import Person
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.case_lines import line_said
from backoffice.web.pages.cases import READERS, pages
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import CaseForm
from backoffice.web.pages.once import new_request, once

_REQUEST: Final = "demande"


@pages.get("/<number>")
@access(*READERS)
def show(number: str) -> str:
    """Everything about one case; reading somebody else's leaves a line in the journal."""
    actor, now = current_actor(), office().clock()
    with office().db.unit_of_work() as session:
        case = access_case(session, actor, number)
        mark_read(session, actor, case, now)
        if case.owner != actor.login:
            record(session, actor, "demande.consulter", case.number, at=now, caisse=case.caisse)
    return page_of(number, CaseForm(data={_REQUEST: new_request()}))


@pages.post("/<number>/<slug>")
@access(*READERS)
def act(number: str, slug: str) -> ResponseReturnValue:
    """A note, a change of hands, or a step of the workflow; refused, what was typed stays on the page."""
    form, actor = CaseForm(), current_actor()
    done = _ACTS.get(slug, _step)
    try:
        with once(office().redis, actor.login, form.demande.data or "") as claim:
            if claim.first:
                with office().db.unit_of_work() as session:
                    said = done(session, actor, number, slug, form)
                claim.outcome = said
                flash(said, "done")
    except (Invalid, WrongState) as refusal:
        return page_of(number, form, slug, str(refusal)), status_of(refusal)
    return redirect(url_for(".show", number=number), 303)


def _note(session: Session, actor: Actor, number: str, _slug: str, form: CaseForm) -> str:
    actions.note(session, office(), actor, number, form.texte.data or "")
    return "La note est ajoutée."


def _hands(session: Session, actor: Actor, number: str, slug: str, form: CaseForm) -> str:
    release = slug == "rendre"
    actions.take_charge(session, office(), actor, number, release=release, seen=form.version.data)
    return "La demande est rendue à l’équipe." if release else "La demande est à vous."


def _priority(session: Session, actor: Actor, number: str, _slug: str, form: CaseForm) -> str:
    if form.priorite.data not in [str(int(one)) for one in Priority]:
        raise Invalid("Choisissez une priorité.")
    asked = Priority(int(form.priorite.data))
    actions.set_priority(session, office(), actor, number, asked, seen=form.version.data)
    return f"La priorité est maintenant {asked.label}."


def _hand_over(session: Session, actor: Actor, number: str, _slug: str, form: CaseForm) -> str:
    if form.file.data not in set(Team):
        raise Invalid("Choisissez une file.")
    team = Team(form.file.data)
    actions.hand_to(session, office(), actor, number, team, form.texte.data or "", seen=form.version.data)
    return f"La demande est confiée à la file « {team.label} »."


def _step(session: Session, actor: Actor, number: str, slug: str, form: CaseForm) -> str:
    if access_case(session, actor, number).workflow.step(slug).form:
        raise Invalid("Cette étape a son propre formulaire : ouvrez-le depuis la demande.")
    case = actions.advance(session, office(), actor, number, slug, form.texte.data or "", seen=form.version.data)
    return f"La demande {number} est maintenant « {case.status.label} »."


_ACTS: Final[dict[str, Callable[[Session, Actor, str, str, CaseForm], str]]] = {
    "noter": _note, "prendre": _hands, "rendre": _hands, "priorite": _priority, "confier": _hand_over,
}  # fmt: skip


def page_of(number: str, form: CaseForm, slug: str = "", error: str = "") -> str:
    """The page, with what was refused on it, if anything was."""
    actor = current_actor()
    with office().db.unit_of_work() as session:
        case = access_case(session, actor, number)
        content = _content(session, case)
    return render_template(
        "cases/show.html", case=case, form=form, slug=slug, error=error, now=office().clock(),
        steps=case.workflow.possible(case.state, actor), may_take=_may_take(case), line_said=line_said,
        priorities=Priority, teams=Team, supervises=Role.SUPERVISOR in actor.roles, **content,
    )  # fmt: skip


def _content(session: Session, case: Case) -> dict[str, Any]:
    life = life_of(session, case)
    person = session.scalars(
        select(Person).where(Person.caisse == case.caisse, Person.id == case.person_id)
    ).one_or_none()  # fmt: skip
    logins = {
        case.owner,
        case.opened_by,
        *(line.actor for line in life),
        *(line.text for line in life if line.what == "owner"),
    }
    return {
        "files": attachments_of(session, case), "life": life, "person": person, "letters": letters_of_case(session, case.number),
        "names": names_of(session, logins),
    }  # fmt: skip


def _may_take(case: Case) -> bool:
    actor = current_actor()
    return (
        not case.status.final and (case.owner is None or Role.SUPERVISOR in actor.roles) and case.owner != actor.login
    )
