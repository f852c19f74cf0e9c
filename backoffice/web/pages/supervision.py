"""Supervision: queues, who has what in hand, absences, activity."""

from datetime import date
from typing import Final

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from backoffice.cases.kinds import workflow_of
from backoffice.cases.queueing import Team
from backoffice.core.actor import Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid
from backoffice.supervision import absences
from backoffice.supervision.activity import activity, weeks_until
from backoffice.supervision.queues import AGES, loads, queues
from backoffice.supervision.sampling import count_samples
from backoffice.web.access import access, current_actor
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import AbsenceForm
from backoffice.web.pages.once import new_request, once

READERS: Final = (Role.SUPERVISOR,)

pages = Blueprint("supervision", __name__, url_prefix="/supervision")


@pages.get("")
@access(*READERS)
def index() -> str:
    """The queues of one's caisses: how many, since when, in whose hands."""
    actor, now = current_actor(), office().clock()
    with office().db.unit_of_work() as session:
        found, people = queues(session, actor, now), loads(session, actor, now)
        to_read = count_samples(session, actor, reviewed=False)
    return render_template(
        "supervision/index.html", queues=found, people=people, to_read=to_read, ages=AGES, team=Team, kind=workflow_of
    )


@pages.get("/activite")
@access(*READERS)
def weekly() -> str:
    """Cases handled, by agent and by week."""
    actor, now = current_actor(), office().clock()
    with office().db.unit_of_work() as session:
        rows = activity(session, actor, now)
    return render_template("supervision/activity.html", rows=rows, weeks=weeks_until(now))


@pages.get("/absences")
@access(*READERS)
def away() -> str:
    """Absences under way and to come, and a form for another."""
    return _away(AbsenceForm(data={"demande": new_request()}))


@pages.post("/absences")
@access(*READERS)
def note_absence() -> ResponseReturnValue:
    """Write an absence down; sent twice, it is one."""
    form, actor = AbsenceForm(), current_actor()
    try:
        first_day, last_day = _days(form)
        with once(office().redis, actor.login, form.demande.data or "") as claim:
            if claim.first:
                with office().db.unit_of_work() as session:
                    absences.note_absence(
                        session, office(), actor, form.qui.data or "", first_day, last_day, form.remplacant.data or None,
                    )  # fmt: skip
                claim.outcome = "noted"
                flash("L’absence est notée.", "done")
    except Invalid as refusal:
        return _away(form, str(refusal)), 422
    return redirect(url_for(".away"), 303)


@pages.post("/absences/<int:absence_id>/terminer")
@access(*READERS)
def end_absence(absence_id: int) -> ResponseReturnValue:
    """The colleague is back."""
    with office().db.unit_of_work() as session:
        absences.end_absence(session, office(), current_actor(), absence_id)
    flash("L’absence est terminée.", "done")
    return redirect(url_for(".away"), 303)


def _days(form: AbsenceForm) -> tuple[date, date]:
    form.validate()
    days: list[date | None] = [form.du.data, form.au.data]
    if days[0] is None or days[1] is None:
        raise Invalid("Indiquez le premier et le dernier jour de l’absence, sous la forme JJ/MM/AAAA.")
    return days[0], days[1]


def _away(form: AbsenceForm, error: str = "") -> str:
    actor, today = current_actor(), paris_date(office().clock())
    with office().db.unit_of_work() as session:
        people, rows = absences.staff(session, actor), absences.absences(session, actor, today)
    names = {one.login: one.name for one in people}
    return render_template(
        "supervision/absences.html", people=people, rows=rows, names=names, form=form, error=error, today=today
    )
