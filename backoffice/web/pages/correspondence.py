"""Letters that answer what persons do: their counts, and the days' lots."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.status import campaign_statuses
from backoffice.core.actor import Role
from backoffice.core.clock import paris_date
from backoffice.correspondence.answers import last_gathering
from backoffice.correspondence.counts import answer_counts, recent_days
from backoffice.correspondence.gathering import gather
from backoffice.web.access import access, current_actor
from backoffice.web.pages import live
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import StepForm

READERS = (Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.ADMINISTRATOR)

pages = Blueprint("correspondence", __name__, url_prefix="/courriers-a-la-demande")


@pages.get("")
@access(*READERS)
def index() -> str:
    """What was asked for, what waits, what was made."""
    actor, now = current_actor(), office().clock()
    with office().db.unit_of_work() as session:
        counts = answer_counts(session, actor, now)
        made = recent_days(session, actor, paris_date(now))
        days = list(zip(made, campaign_statuses(session, made), strict=True))
    return render_template(
        "correspondence/index.html", counts=counts, days=days, last=last_gathering(now), form=StepForm(), kind_of=kind_of,
        badges=live.CAMPAIGN_BADGES,
    )  # fmt: skip


@pages.post("/rassembler")
@access(Role.CAMPAIGN_MANAGER)
def gather_now() -> ResponseReturnValue:
    """Put what waits into lots now; asked twice, the second call finds nothing."""
    found = gather(office(), current_actor(), post_now=True)
    if found.letters or found.emails:
        flash(f"Mis en lots : {found.letters} par La Poste, {found.emails} par courriel.", "done")
    else:
        flash("Aucun courrier n’attend : il n’y a rien à mettre en lots.", "wait")
    return redirect(url_for(".index"), 303)
