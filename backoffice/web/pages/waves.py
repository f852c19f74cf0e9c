"""The waves of a campaign: its plan on a calendar, scheduling it, and what may be done to a wave."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backoffice.campaigns import waves
from backoffice.campaigns.agenda import WaveLine, wave_lines
from backoffice.campaigns.approvals import TEMPLATE_CHANGED
from backoffice.campaigns.models import Campaign, access_campaign
from backoffice.campaigns.rules import CampaignState, LotState, WaveState
from backoffice.campaigns.scheduling import Slot, Terms
from backoffice.campaigns.status import lots_of
from backoffice.campaigns.wave_models import Wave, days_of, plan_of, wave_of, waves_of
from backoffice.core.actor import Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import DomainError, Invalid, NotAllowed, WrongState
from backoffice.office import Office
from backoffice.planning.curves import DAYS
from backoffice.planning.outlook import outlook, propose_sizes
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.campaigns import READERS, pages
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import StepForm
from backoffice.web.pages.month import WEEKDAYS, months_of
from backoffice.web.pages.once import new_request, once
from backoffice.web.pages.plan_form import PlanReading, carried, read_plan, starting_plan
from backoffice.web.pages.typed import hidden_number, typed_day

WAVE_BADGES: Final = {
    "programmée": "ready",
    "à confirmer": "stop",
    "en cours": "run",
    "partie": "done",
    "suspendue": "wait",
    "abandonnée": "stop",
}
"""By the label of a wave's line."""
PLANNABLE: Final = (CampaignState.APPROVED, CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.PAUSED)
_CHOICE: Final = timedelta(days=45)
"""Days offered at least when a wave is moved."""


@pages.get("/<reference>/vagues")
@access(*READERS)
def plan(reference: str) -> str:
    """The campaign's waves on a calendar, and the same in a table."""
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        lines, found = wave_lines(session, campaign), plan_of(session, campaign)
        days = days_of(session, campaign)
    today = paris_date(office().clock())
    months = months_of(
        [line.planned_on for line in lines], [(line.planned_on, line) for line in lines], days.closed, today
    )
    first = next((line.number for line in lines if line.state in (WaveState.PLANNED, WaveState.LATE)), None)
    return render_template(
        "campaigns/plan.html", campaign=campaign, plan=found, lines=lines, months=months, weekdays=WEEKDAYS,
        badges=WAVE_BADGES, first=first, today=today, plannable=campaign.status in PLANNABLE and not campaign.on_demand,
        asking=[line for line in lines if line.state is WaveState.LATE],
    )  # fmt: skip


@pages.get("/<reference>/vagues/programmer")
@access(Role.CAMPAIGN_MANAGER)
def plan_form(reference: str) -> ResponseReturnValue:
    """The terms of the plan: a proposal, or those in force."""
    today = paris_date(office().clock())
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        if refusal := _not_plannable(campaign):
            return _refused(reference, refusal)
        found = plan_of(session, campaign)
        started = [wave.planned_on for wave in waves_of(session, campaign) if wave.status is WaveState.STARTED]
        first = max([today, *(day + timedelta(days=1) for day in started)])
        values = starting_plan(campaign, found, _to_plan(session, campaign), first)
        return _plan_page(session, campaign, PlanReading(values), found.version if found else 0)


@pages.post("/<reference>/vagues/programmer")
@access(Role.CAMPAIGN_MANAGER)
def schedule(reference: str) -> ResponseReturnValue:
    """Show the waves that the terms would make, or write them."""
    actor, confirming = current_actor(), request.form.get("geste") == "confirmer"
    reading = read_plan(request.form, paris_date(office().clock()))
    seen = hidden_number(request.form, "version")
    with once(office().redis, actor.login, request.form.get("demande", "") if confirming else "") as claim:
        try:
            with office().db.unit_of_work() as session:
                campaign = access_campaign(session, actor, reference)
                terms = reading.terms
                if terms is None:
                    return _plan_page(session, campaign, reading, seen), 422
                if not confirming:
                    terms = replace(terms, sizes=())
                    if request.form.get("geste") == "proposer":
                        terms = propose_sizes(session, office(), campaign, terms)
                    reading = replace(reading, terms=terms, values=reading.values | {"par_jour": str(terms.per_day)})
                    slots = waves.propose(session, office(), actor, reference, terms)
                    return _plan_page(session, campaign, reading, seen, slots)
                voided = False
                if claim.first:
                    voided = _is_draft(
                        waves.schedule(session, office(), actor, reference, terms, seen=-1 if seen is None else seen)
                    )
            if voided:
                return _voided(reference)
            claim.outcome = reference
        except Invalid as refusal:
            with office().db.unit_of_work() as session:
                campaign = access_campaign(session, actor, reference)
                faulty = PlanReading(reading.values, reading.terms, {"par_jour": str(refusal)})
                return _plan_page(session, campaign, faulty, seen), 422
        except (WrongState, NotAllowed) as refusal:
            return _refused(reference, refusal)
    flash("Les vagues sont programmées. Chacune partira d’elle-même le jour dit.", "done")
    return redirect(url_for(".plan", reference=reference), 303)


def _plan_page(
    session: Session, campaign: Campaign, reading: PlanReading, seen: int | None, slots: list[Slot] | None = None
) -> str:
    terms, today = reading.terms, paris_date(office().clock())
    days = days_of(session, campaign, terms.embargoes if terms else None)
    months = months_of(
        [slot.day for slot in slots or ()], [(slot.day, slot) for slot in slots or ()], days.closed, today
    )
    load = None
    if slots:
        span = (slots[-1].day - slots[0].day).days + DAYS
        load = outlook(session, office(), slots[0].day, span, instead=(campaign, slots))
    return render_template(
        "campaigns/plan_form.html", load=load, campaign=campaign, values=reading.values, errors=reading.errors, slots=slots,
        months=months, weekdays=WEEKDAYS, version=seen or 0, request_name=new_request(), terms=terms,
        latest=_latest(days.after, slots, terms), total=_to_plan(session, campaign),
        carried=carried(terms.sizes) if terms else "",
        again=campaign.status is not CampaignState.APPROVED,
    )  # fmt: skip


def _latest(after: Callable[[date, int], date], slots: list[Slot] | None, terms: Terms | None) -> dict[int, date]:
    return {slot.number: after(slot.day, terms.tolerance) for slot in slots or ()} if terms else {}


def _to_plan(session: Session, campaign: Campaign) -> int:
    """Letters and e-mails that a plan of now would hold."""
    wanted = LotState.PLANNED if campaign.status is CampaignState.APPROVED else LotState.SCHEDULED
    return sum(lot.planned for lot in lots_of(session, campaign) if lot.status is wanted)


def _not_plannable(campaign: Campaign) -> WrongState | None:
    if campaign.on_demand or campaign.status not in PLANNABLE:
        return WrongState(
            f"Une campagne « {campaign.status.label} » ne se programme pas : elle doit être approuvée et ne pas être finie."
        )
    if campaign.frozen_at is None:
        return WrongState("La liste des destinataires est en train d’être figée : recommencez dans un instant.")
    return None


@pages.get("/<reference>/vagues/<int:number>/deplacer")
@access(Role.CAMPAIGN_MANAGER)
def move_form(reference: str, number: int) -> ResponseReturnValue:
    """Choose another day for a wave (`?jour=`), then read what becomes of the others."""
    return _move_page(reference, number)


@pages.post("/<reference>/vagues/<int:number>/deplacer")
@access(Role.CAMPAIGN_MANAGER)
def move(reference: str, number: int) -> ResponseReturnValue:
    """Write the move that was shown."""
    actor, follow = current_actor(), request.form.get("suivre") == "1"
    try:
        day = typed_day(request.form.get("jour", ""))
        if day is None:
            raise Invalid("Choisissez un jour.")
    except Invalid as refusal:
        return _move_page(reference, number, str(refusal))

    def write(session: Session, parts: Office, seen: int) -> Campaign:
        return waves.move_wave(session, parts, actor, reference, number, day, follow=follow, seen=seen)

    return _write(
        reference, write, f"La vague {number} est déplacée au {day:%d/%m/%Y}.",
        lambda refusal: _move_page(reference, number, str(refusal)),
    )  # fmt: skip


def _move_page(reference: str, number: int, error: str = "") -> ResponseReturnValue:
    actor, today = current_actor(), paris_date(office().clock())
    typed = request.values.get("choix") or request.values.get("jour", "")
    follow = request.values.get("suivre") == "1"
    changes: list[tuple[Slot, Slot]] = []
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, actor, reference)
        wave, found, days = wave_of(session, campaign, number), plan_of(session, campaign), days_of(session, campaign)
        if refusal := _not_movable(campaign, wave):
            return _refused(reference, refusal)
        every = waves_of(session, campaign)
        others = {other.planned_on: other.number for other in every if other.pending}
        # As the rule has it: after the wave before this one, and after the last that has started.
        before = [other.planned_on for other in every if other.number < number or other.started_at]
        try:
            if typed and not error and (day := typed_day(typed)) is not None:
                changes = waves.planned_move(session, office(), actor, reference, number, day, follow=follow)
        except Invalid as fault:
            error = str(fault)
    last = max(today + _CHOICE, wave.planned_on + _CHOICE)
    months = months_of([today, last], list(others.items()), days.closed, today, since=today)
    page = render_template(
        "campaigns/wave_move.html", campaign=campaign, wave=wave, months=months, weekdays=WEEKDAYS, typed=typed,
        follow=follow, error=error, changes=changes, version=found.version if found else 0, request_name=new_request(),
        earliest=max([today, *(day + timedelta(days=1) for day in before)]),
    )  # fmt: skip
    return (page, 422) if error else page


def _not_movable(campaign: Campaign, wave: Wave) -> WrongState | None:
    if campaign.status not in PLANNABLE[1:]:
        return WrongState(f"La campagne est « {campaign.status.label} » : ses vagues ne changent plus.")
    if not wave.pending:
        return WrongState(f"La vague {wave.number} est {wave.status.label} : elle ne peut plus être changée.")
    return None


@pages.get("/<reference>/vagues/<int:number>/demarrer", defaults={"gesture": "demarrer"})
@pages.get("/<reference>/vagues/<int:number>/abandonner", defaults={"gesture": "abandonner"})
@access(Role.CAMPAIGN_MANAGER)
def wave_gesture(reference: str, number: int, gesture: str) -> ResponseReturnValue:
    """What starting or giving up a wave will do, and the button."""
    return _gesture_page(reference, number, gesture, StepForm())


@pages.post("/<reference>/vagues/<int:number>/demarrer", defaults={"gesture": "demarrer"})
@pages.post("/<reference>/vagues/<int:number>/abandonner", defaults={"gesture": "abandonner"})
@access(Role.CAMPAIGN_MANAGER)
def act_on_wave(reference: str, number: int, gesture: str) -> ResponseReturnValue:
    """Start the wave now, or give it up."""
    actor, form = current_actor(), StepForm()
    reason = (form.motif.data or "").strip()

    def write(session: Session, parts: Office, seen: int) -> Campaign:
        if gesture == "demarrer":
            return waves.start_wave(session, parts, actor, reference, number, seen=seen)
        return waves.abandon_wave(session, parts, actor, reference, number, reason, seen=seen)

    done = f"La vague {number} part." if gesture == "demarrer" else f"La vague {number} est abandonnée."
    return _write(reference, write, done, lambda refusal: _gesture_page(reference, number, gesture, form, str(refusal)))


def _gesture_page(reference: str, number: int, gesture: str, form: StepForm, error: str = "") -> ResponseReturnValue:
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        wave, found = wave_of(session, campaign, number), plan_of(session, campaign)
        others = [line for line in wave_lines(session, campaign) if line.number > number and _pending(line)]
    if refusal := _not_movable(campaign, wave):
        return _refused(reference, refusal)
    return render_template(
        "campaigns/wave_gesture.html", campaign=campaign, wave=wave, gesture=gesture, form=form, error=error,
        version=found.version if found else 0, request_name=new_request(), today=paris_date(office().clock()),
        followers=len(others),
    )  # fmt: skip


def _pending(line: WaveLine) -> bool:
    return line.state in (WaveState.PLANNED, WaveState.LATE)


def _write(
    reference: str, write: Callable[[Session, Office, int], Campaign], done: str,
    again: Callable[[Invalid], ResponseReturnValue],
) -> ResponseReturnValue:  # fmt: skip
    """Write once what a form asks, on the plan that was on the screen; `again` shows the form with its fault."""
    seen = hidden_number(request.form, "version")
    with once(office().redis, current_actor().login, request.form.get("demande", "")) as claim:
        try:
            if claim.first:
                with office().db.unit_of_work() as session:
                    voided = _is_draft(write(session, office(), -1 if seen is None else seen))
                if voided:
                    return _voided(reference)
            claim.outcome = reference
        except Invalid as refusal:
            page: Any = again(refusal)
            return page if isinstance(page, tuple) else (page, 422)
        except (WrongState, NotAllowed) as refusal:
            return _refused(reference, refusal)
    flash(done, "done")
    return redirect(url_for(".plan", reference=reference), 303)


def _is_draft(campaign: Campaign) -> bool:
    return campaign.status is CampaignState.DRAFT


def _voided(reference: str) -> ResponseReturnValue:
    """The approval no longer held: nothing leaves, the page of the campaign says why."""
    flash(TEMPLATE_CHANGED, "wait")
    return redirect(url_for(".show", reference=reference), 303)


def _refused(reference: str, refusal: DomainError) -> ResponseReturnValue:
    page = render_template(
        "campaigns/refused.html", reference=reference, sentence=str(refusal), back=url_for(".plan", reference=reference)
    )
    return page, status_of(refusal)
