"""One case: its page, and what is done there."""

from collections.abc import Callable
from typing import Any, Final

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.cases import actions, linking
from backoffice.cases.colleagues import colleagues_of, names_of
from backoffice.cases.files import attachments_of, has_file
from backoffice.cases.mentions import mark_read
from backoffice.cases.models import Case, access_case
from backoffice.cases.queries import life_of
from backoffice.cases.queueing import Priority, Team
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, WrongState
from backoffice.letters.freehand import FREE_LETTERS
from backoffice.letters.requests import letters_of_case
from backoffice.population.models import Person
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.case_lines import line_said
from backoffice.web.pages.cases import READERS, pages
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import CaseForm
from backoffice.web.pages.once import new_request, once
from backoffice.web.presence import show_up

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


@pages.get("/<number>/presence")
@access(*READERS, background=True)
def presence(number: str) -> dict[str, str]:
    """Who else is on the case, for the page's script."""
    with office().db.unit_of_work() as session:
        return {"phrase": _others_here(session, access_case(session, current_actor(), number))}


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


def _assign(session: Session, actor: Actor, number: str, _slug: str, form: CaseForm) -> str:
    login = form.qui.data or None
    case = actions.assign(session, office(), actor, number, login, seen=form.version.data)
    return f"La demande est affectée à {names_of(session, [login]).get(login, login)}." if case.owner and login else (
        "La demande est rendue à la file."
    )  # fmt: skip


def _other(session: Session, actor: Actor, number: str, slug: str, form: CaseForm) -> str:
    other = (form.autre.data or "").strip()
    if slug == "reunir":
        linking.merge(session, office(), actor, number, other, seen=form.version.data)
        return f"La demande {number} est réunie à la demande {other}."
    if slug == "delier":
        linking.unlink(session, office(), actor, number, other)
        return f"La demande {other} n’est plus liée à celle-ci."
    linking.link(session, office(), actor, number, other)
    return f"La demande {other} est liée à celle-ci."


def _step(session: Session, actor: Actor, number: str, slug: str, form: CaseForm) -> str:
    if access_case(session, actor, number).workflow.step(slug).form:
        raise Invalid("Cette étape a son propre formulaire : ouvrez-le depuis la demande.")
    case = actions.advance(session, office(), actor, number, slug, form.texte.data or "", seen=form.version.data)
    return f"La demande {number} est maintenant « {case.status.label} »."


_ACTS: Final[dict[str, Callable[[Session, Actor, str, str, CaseForm], str]]] = {
    "noter": _note, "prendre": _hands, "rendre": _hands, "priorite": _priority, "confier": _hand_over,
    "affecter": _assign,
    "lier": _other, "delier": _other, "reunir": _other,
}  # fmt: skip


def page_of(number: str, form: CaseForm, slug: str = "", error: str = "") -> str:
    """The page, with what was refused on it, if anything was."""
    actor = current_actor()
    with office().db.unit_of_work() as session:
        case = access_case(session, actor, number)
        content = _content(session, actor, case)
    return render_template(
        "cases/show.html", case=case, free_letters=[one for one in FREE_LETTERS if one.fits(case.kind, case.state)],
        form=form, slug=slug, error=error, now=office().clock(),
        steps=() if case.merged_into else case.workflow.possible(case.state, actor), may_take=_may_take(case),
        line_said=line_said,
        priorities=Priority, teams=Team, supervises=Role.SUPERVISOR in actor.roles, **content,
    )  # fmt: skip


def _content(session: Session, actor: Actor, case: Case) -> dict[str, Any]:
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
        "colleagues": colleagues_of(session, case.caisse, READERS) if Role.SUPERVISOR in actor.roles else [],
        "linked": linking.linked_to(session, actor, case),
        "twins": [] if case.closed else linking.same_open(
            session, actor, case.workflow, case.caisse, case.person_id, but=case.id
        ),
        "others": _others_here(session, case),
        "files": attachments_of(session, case), "has_file": has_file(session, case),
        "life": life, "person": person, "letters": letters_of_case(session, case.number),
        "names": names_of(session, logins),
    }  # fmt: skip


def _others_here(session: Session, case: Case) -> str:
    """ "Luc Morel est aussi sur cette demande.": whoever asks is from now on one of those who are."""
    others = show_up(office().redis, case.number, current_actor().login, office().clock())
    names = names_of(session, others)
    said = [names.get(login, login) for login in others]
    if not said:
        return ""
    listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} et {said[-1]}"
    return f"{listed} {'est' if len(said) == 1 else 'sont'} aussi sur cette demande."


def _may_take(case: Case) -> bool:
    actor = current_actor()
    return not case.closed and (case.owner is None or Role.SUPERVISOR in actor.roles) and case.owner != actor.login
