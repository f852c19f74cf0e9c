"""Cases: the queue, the one to take next, and what names the person who asks."""

import uuid
from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.cases import actions
from backoffice.cases.bulk import MOST
from backoffice.cases.colleagues import names_of
from backoffice.cases.kinds import workflow_of
from backoffice.cases.mentions import count_mentions, mentions_of, unread
from backoffice.cases.models import may_read
from backoffice.cases.queries import MOST_COUNTED, cases_of, count_cases, late_cases, readable_kinds
from backoffice.cases.queueing import Priority, Team, teams_of
from backoffice.cases.views import views_of
from backoffice.cases.wanted import CLOCKS, NOBODY, Wanted
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import NotFound
from backoffice.web.access import access, current_actor
from backoffice.web.drawing import draw
from backoffice.web.pages.case_gestures import colleagues_within, gestures_for
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import CaseForm
from backoffice.web.pages.paging import SIZE, asked_page

READERS: Final = (Role.AGENT, Role.ADVISOR, Role.SUPERVISOR)

pages = Blueprint("cases", __name__, url_prefix="/demandes")


@pages.get("")
@access(*READERS)
def index() -> str:
    """The cases of one's caisses, the soonest due first."""
    actor, now = current_actor(), office().clock()
    wanted = Wanted.read(request.args)
    with office().db.unit_of_work() as session:
        # As many as may be done at once, for who wants to tick them all.
        size = MOST if request.args.get("par") == str(MOST) else SIZE
        page = asked_page(count_cases(session, actor, wanted, now), size, most=MOST_COUNTED)
        found = cases_of(session, actor, wanted, now, page.size, page.offset)
        late, named = late_cases(session, actor, now), unread(session, actor)
        names = names_of(session, [case.owner for case in found])
        kept, colleagues = views_of(session, actor), colleagues_within(session, actor)
    return render_template(
        "cases/index.html", cases=found, page=page, wanted=wanted, late=late, now=now, kinds=readable_kinds(actor),
        named=named, names=names, teams=Team, priorities=Priority, clocks=CLOCKS, nobody=NOBODY, form=CaseForm(),
        views=kept, gestures=gestures_for(actor, colleagues), request_id=uuid.uuid4(), most=MOST, team=_team(actor),
    )  # fmt: skip


def _team(actor: Actor) -> str:
    """The one queue of somebody with one, for a tab of its own; the list shows the others' as well."""
    teams = teams_of(actor)
    return next(iter(teams)).value if len(teams) == 1 else ""


@pages.post("/suivante")
@access(*READERS)
def take_next() -> ResponseReturnValue:
    """The most urgent case of one's queues, in one's own hands."""
    with office().db.unit_of_work() as session:
        case = actions.take_next(session, office(), current_actor())
    if case is None:
        flash("Aucune demande n’attend dans vos files.", "wait")
        return redirect(url_for(".index"), 303)
    flash(f"La demande {case.number} est à vous.", "done")
    return redirect(url_for(".show", number=case.number), 303)


@pages.get("/mentions")
@access(*READERS)
def mentions() -> str:
    """The notes that name the person who asks."""
    actor = current_actor()
    with office().db.unit_of_work() as session:
        page = asked_page(count_mentions(session, actor))
        rows = mentions_of(session, actor, page.size, page.offset)
        names = names_of(session, [entry.actor for _, _, entry in rows])
        named = unread(session, actor)
    return render_template("cases/mentions.html", rows=rows, page=page, names=names, named=named, team=_team(actor))


@pages.get("/types/<name>")
@access(*READERS)
def workflow(name: str) -> str:
    """A declared workflow, drawn from its declaration."""
    found = workflow_of(name)
    if not may_read(current_actor(), found):
        raise NotFound("Ce type de demande n’existe pas.")
    return render_template("cases/workflow.html", workflow=found, drawing=draw(found))
