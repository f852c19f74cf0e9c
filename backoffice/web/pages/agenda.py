"""The campaign manager's day: to-do, the next four weeks, codes that end, national embargoes."""

from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.campaigns.embargoes import lift_embargo, may_decide, set_embargo, waves_within
from backoffice.campaigns.scheduling import Days, Embargo
from backoffice.campaigns.todo import AHEAD, Ending, ToDo, codes_ending, to_do
from backoffice.campaigns.wave_models import national_embargoes
from backoffice.core.actor import Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, Unavailable
from backoffice.web.access import access, current_actor
from backoffice.web.pages.composition import office
from backoffice.web.pages.month import WEEKDAYS, months_of
from backoffice.web.pages.typed import typed_day
from backoffice.web.pages.waves import WAVE_BADGES

READERS: Final = (Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.ADMINISTRATOR)

_FIELDS: Final = ("du", "au", "pour")

pages = Blueprint("agenda", __name__, url_prefix="/calendrier")


@pages.get("")
@access(*READERS)
def index() -> str:
    """What leaves today, what waits, what is stuck, what ends, and four weeks of waves."""
    actor, today = current_actor(), paris_date(office().clock())
    with office().db.unit_of_work() as session:
        found = to_do(session, office(), actor)
        embargoes = tuple(Embargo(one.first_day, one.last_day, one.label) for one in national_embargoes(session))
    closed = Days(tuple(actor.caisses) if len(actor.caisses) == 1 else (), embargoes).closed
    months = months_of(
        [today, today + AHEAD], [(line.planned_on, line) for line in found.ahead], closed, today, since=today
    )
    return render_template(
        "agenda/index.html", todo=found, months=months, weekdays=WEEKDAYS, badges=WAVE_BADGES, today=today,
        until=today + AHEAD, endings=_endings(),
    )  # fmt: skip


def _endings() -> list[Ending] | None:
    """None when the record does not answer: the rest of the page does not depend on it."""
    try:
        with office().db.unit_of_work() as session:
            return codes_ending(session, office(), current_actor())
    except Unavailable:
        return None


def todo_of_home() -> ToDo | None:
    """For the home page of those who prepare mailings; None for the others."""
    actor = current_actor()
    if Role.CAMPAIGN_MANAGER not in actor.roles:
        return None
    with office().db.unit_of_work() as session:
        return to_do(session, office(), actor)


pages.record_once(lambda state: state.app.jinja_env.globals.update(todo_of_home=todo_of_home))


@pages.get("/embargos")
@access(*READERS)
def embargoes() -> str:
    """The days on which no letter leaves."""
    return _embargo_page(dict.fromkeys(_FIELDS, ""))


@pages.post("/embargos")
@access(Role.CAMPAIGN_MANAGER, Role.ADMINISTRATOR)
def add_embargo() -> ResponseReturnValue:
    """Close a stretch of days."""
    values = {name: request.form.get(name, "").strip()[:120] for name in _FIELDS}
    try:
        first, last = typed_day(values["du"]), typed_day(values["au"])
        if first is None:
            raise Invalid("Indiquez le premier jour.")
        with office().db.unit_of_work() as session:
            made = set_embargo(session, office(), current_actor(), Embargo(first, last or first, values["pour"]))
            met = waves_within(session, current_actor(), made.first_day, made.last_day)
    except Invalid as refusal:
        return _embargo_page(values, str(refusal)), 422
    flash(f"Rien ne partira du {made.first_day:%d/%m/%Y} au {made.last_day:%d/%m/%Y}.", "done")
    if met:
        told = ", ".join(f"{reference} vague {number} ({day:%d/%m})" for reference, number, day in met[:5])
        more = f" et {len(met) - 5} autres" if len(met) > 5 else ""
        flash(
            f"Des vagues étaient prévues ces jours-là : {told}{more}. Déplacez-les, sinon elles attendront votre accord.",
            "wait",
        )
    return redirect(url_for(".embargoes"), 303)


@pages.post("/embargos/<int:embargo_id>/lever")
@access(Role.CAMPAIGN_MANAGER, Role.ADMINISTRATOR)
def lift(embargo_id: int) -> ResponseReturnValue:
    """Open the days again."""
    with office().db.unit_of_work() as session:
        found = lift_embargo(session, office(), current_actor(), embargo_id)
    flash(f"L’embargo du {found.first_day:%d/%m/%Y} au {found.last_day:%d/%m/%Y} est levé.", "done")
    return redirect(url_for(".embargoes"), 303)


def _embargo_page(values: dict[str, Any], error: str = "") -> str:
    with office().db.unit_of_work() as session:
        found = national_embargoes(session)
    return render_template(
        "agenda/embargoes.html", embargoes=found, values=values, error=error, decides=may_decide(current_actor())
    )
