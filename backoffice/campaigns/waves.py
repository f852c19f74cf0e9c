"""One function a button of the plan: schedule, move, start, give up, unschedule. Actions flush; the door commits."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backoffice.adapters import environment
from backoffice.adapters.db import ring_after_commit
from backoffice.campaigns.approvals import void_if_stale
from backoffice.campaigns.models import Campaign, Letter, Lot, access_campaign
from backoffice.campaigns.rules import PENDING_WAVES, CampaignState, LetterState, LotState, WaveState
from backoffice.campaigns.scheduling import Days, Slot, Terms, lay_out, move
from backoffice.campaigns.stepping import advance, note
from backoffice.campaigns.wave_lots import cut_into, erase_pending, let_go, take_out, unmade_lots
from backoffice.campaigns.wave_models import Plan, Wave, days_of, plan_of, wave_of, waves_of
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, WrongState
from backoffice.office import Office

_OPEN = frozenset({CampaignState.APPROVED, CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.PAUSED})
_NOT_LEFT = (CampaignState.APPROVED, CampaignState.SCHEDULED)
_MOVING = frozenset({CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.PAUSED})


def propose(session: Session, office: Office, actor: Actor, reference: str, terms: Terms) -> list[Slot]:
    """The waves that `schedule` would make of these terms; nothing is written. Raises as `schedule` does."""
    campaign = _access(session, actor, reference)
    return _laid_out(session, office, campaign, terms)[0]


def schedule(
    session: Session, office: Office, actor: Actor, reference: str, terms: Terms, *, seen: int | None = None
) -> Campaign:
    """Give the campaign its waves, or remake those that have not started.

    `seen` is the version of the plan that was on the screen, 0 for none. Raises NotFound, NotAllowed, WrongState and
    Invalid, each saying what to do. A campaign whose template changed since its approval goes back to a draft instead:
    look at what is returned.
    """
    campaign = _access(session, actor, reference, lock=True)
    plan = plan_of(session, campaign)
    _require_unchanged(plan, seen)
    if campaign.status in _NOT_LEFT and void_if_stale(session, office, campaign):
        return campaign
    slots, lots = _laid_out(session, office, campaign, terms)
    now = office.clock()
    for lot in lots:
        lot.wave_id = None
    session.flush()
    erase_pending(session, campaign)
    days = days_of(session, campaign, terms.embargoes)
    waves = [
        Wave(
            campaign_id=campaign.id, number=slot.number, planned_on=slot.day, latest_on=days.after(slot.day, terms.tolerance),
            letters=slot.letters, state=WaveState.PLANNED, decided_at=now,
        )
        for slot in slots
    ]  # fmt: skip
    session.add_all(waves)
    session.flush()
    cut_into(session, campaign, lots, waves)
    if plan is None:
        plan = Plan(campaign_id=campaign.id, version=0)
        session.add(plan)
    plan.starts_on, plan.ends_on, plan.per_day, plan.tolerance = terms.start, terms.end, terms.per_day, terms.tolerance
    plan.embargoes = [embargo.as_json() for embargo in terms.embargoes]
    _touch(plan, office, actor)
    summary = (
        f"{len(slots)} vagues du {slots[0].day:%d/%m/%Y} au {slots[-1].day:%d/%m/%Y}, {terms.per_day} envois par jour au plus"
        if len(slots) > 1
        else f"une vague le {slots[0].day:%d/%m/%Y}"
    )
    if campaign.status is CampaignState.APPROVED:
        advance(session, office, actor, campaign, "schedule", summary)
    else:
        note(session, office, actor, campaign, "replan", summary)
    _date_campaign(session, campaign)
    return campaign


def _laid_out(session: Session, office: Office, campaign: Campaign, terms: Terms) -> tuple[list[Slot], list[Lot]]:
    if campaign.status not in _OPEN:
        raise WrongState(
            f"Une campagne « {campaign.status.label} » ne se programme pas : elle doit être approuvée et ne pas être finie."
        )
    if campaign.on_demand:
        raise WrongState("Ces courriers répondent à des demandes : ils partent chaque jour, sans vagues.")
    if campaign.frozen_at is None:
        raise WrongState("La liste des destinataires est en train d’être figée : recommencez dans un instant.")
    today = paris_date(office.clock())
    terms.check(today)
    lots = [
        lot
        for lot in unmade_lots(session, campaign)
        if lot.status is LotState.SCHEDULED or campaign.status is CampaignState.APPROVED
    ]
    done = [wave for wave in waves_of(session, campaign) if not wave.pending]
    started = [wave.planned_on for wave in done if wave.status is WaveState.STARTED]
    if started and terms.start <= max(started):
        raise Invalid(
            f"La dernière vague partie est datée du {max(started):%d/%m/%Y} : le reste doit partir après. Choisissez un jour "
            "plus tard."
        )
    slots = lay_out(
        terms,
        days_of(session, campaign, terms.embargoes),
        sum(lot.planned for lot in lots),
        first_number=max((wave.number for wave in done), default=0) + 1,
    )
    return slots, lots


def planned_move(
    session: Session, office: Office, actor: Actor, reference: str, number: int, day: date, *, follow: bool
) -> list[tuple[Slot, Slot]]:
    """Each pending wave before and after wave `number` leaves on `day`; nothing is written. Raises as `move_wave` does."""
    campaign = _access(session, actor, reference)
    waves, slots, _ = _moved(session, office, campaign, number, day, follow)
    return [(wave.slot, slot) for wave, slot in zip(waves, slots, strict=True)]


def move_wave(
    session: Session, office: Office, actor: Actor, reference: str, number: int, day: date, *, follow: bool,
    seen: int | None = None,
) -> Campaign:  # fmt: skip
    """Have wave `number` leave on `day`; those after it keep their order, one a day to leave.

    The answer, too, to a wave that asks. Raises NotFound, NotAllowed, WrongState and Invalid.
    """
    campaign = _access(session, actor, reference, lock=True)
    plan = plan_of(session, campaign)
    _require_unchanged(plan, seen)
    waves, slots, days = _moved(session, office, campaign, number, day, follow)
    changes = _put(session, office, plan, days, waves, slots, whatever=number)
    if plan is not None:
        _touch(plan, office, actor)
    note(session, office, actor, campaign, "move_wave", _listed(changes))
    _date_campaign(session, campaign)
    return campaign


def _put(
    session: Session, office: Office, plan: Plan | None, days: Days, waves: Sequence[Wave], slots: Sequence[Slot],
    whatever: int = 0,
) -> list[str]:  # fmt: skip
    """Write the new days of those that move, and of wave `whatever` even on its own day; say what changed."""
    changes = []
    for wave, slot in zip(waves, slots, strict=True):
        if wave.planned_on == slot.day and wave.number != whatever:
            continue
        changes.append(f"vague {wave.number} : {wave.planned_on:%d/%m/%Y} → {slot.day:%d/%m/%Y}")
        wave.planned_on, wave.latest_on = slot.day, days.after(slot.day, plan.tolerance if plan else 0)
        wave.state, wave.reason, wave.decided_at = WaveState.PLANNED, None, office.clock()
        session.execute(
            update(Lot).where(Lot.wave_id == wave.id, Lot.state == LotState.SCHEDULED).values(letter_date=slot.day)
        )
    session.flush()
    return changes


def _moved(
    session: Session, office: Office, campaign: Campaign, number: int, day: date, follow: bool
) -> tuple[list[Wave], list[Slot], Days]:
    _require_moving(campaign)
    asked = wave_of(session, campaign, number)
    if not asked.pending:
        raise WrongState(f"La vague {number} est {asked.status.label} : elle ne peut plus être déplacée.")
    waves = waves_of(session, campaign)
    pending = [wave for wave in waves if wave.pending]
    started = [wave.planned_on for wave in waves if wave.status is WaveState.STARTED]
    plan, days = plan_of(session, campaign), days_of(session, campaign)
    slots = move(
        [wave.slot for wave in pending], number, day, days, today=paris_date(office.clock()),
        end=plan.ends_on if plan else None, follow=follow, after=max(started, default=None),
    )  # fmt: skip
    return pending, slots, days


def start_wave(
    session: Session, office: Office, actor: Actor, reference: str, number: int, *, seen: int | None = None
) -> Campaign:
    """Have a wave made now, dated today, whatever its day was; the first one sets the campaign running.

    As `schedule`, voids an approval that no longer holds. Raises NotFound, NotAllowed and WrongState: paused campaign,
    wave that has started, environment that may not send.
    """
    campaign = _access(session, actor, reference, lock=True)
    if campaign.status is CampaignState.PAUSED:
        raise WrongState("La campagne est suspendue : reprenez-la d’abord.")
    _require_moving(campaign)
    plan = plan_of(session, campaign)
    _require_unchanged(plan, seen)
    wave = session.scalar(
        select(Wave).where(Wave.campaign_id == campaign.id, Wave.number == number).with_for_update()
    ) or wave_of(session, campaign, number)  # fmt: skip
    if not wave.pending:
        raise WrongState(f"La vague {number} est déjà {wave.status.label} : il n’y a rien à démarrer.")
    pending = [one for one in waves_of(session, campaign) if one.pending]
    if pending[0].number != number:
        raise WrongState(
            f"La vague {pending[0].number} vient d’abord : démarrez-la, déplacez-la ou abandonnez-la avant celle-ci."
        )
    environment.require_agreement(session, office.environment)
    if campaign.status in _NOT_LEFT and void_if_stale(session, office, campaign):
        return campaign
    begin(session, office, actor, campaign, wave)
    _make_room(session, office, campaign, plan, pending[1:])
    if plan is not None:
        _touch(plan, office, actor)
    return campaign


def _make_room(
    session: Session, office: Office, campaign: Campaign, plan: Plan | None, pending: Sequence[Wave]
) -> None:
    """One wave a day: those that were due by today follow the one that a person has just started."""
    today = paris_date(office.clock())
    if not pending or pending[0].planned_on > today:
        return
    days = days_of(session, campaign)
    slots = move(
        [wave.slot for wave in pending],
        pending[0].number,
        days.after(today, 1),
        days,
        today=today,
        end=None,
        follow=False,
    )
    _put(session, office, plan, days, pending, slots)


def begin(session: Session, office: Office, actor: Actor, campaign: Campaign, wave: Wave) -> None:
    """A wave whose row is held starts: once, as its state and its lots' change in the caller's transaction."""
    now = office.clock()
    today = paris_date(now)
    wave.state, wave.started_at, wave.started_by, wave.reason = WaveState.STARTED, now, actor.login, None
    # Never dated in the past; a wave started before its day by a person carries that day.
    moved = "" if wave.planned_on == today else f" (prévue le {wave.planned_on:%d/%m/%Y})"
    wave.planned_on, wave.latest_on = today, max(today, wave.latest_on)
    lots = let_go(session, wave, today)
    text = f"vague {wave.number}, {wave.letters} envois{moved}"
    if campaign.status is CampaignState.SCHEDULED:
        campaign.launched_at = now
        advance(session, office, actor, campaign, "start", text)
    else:
        note(session, office, actor, campaign, "start_wave", text)
    _date_campaign(session, campaign)
    for lot_id in lots:
        ring_after_commit(session, "lot", lot_id)


def abandon_wave(
    session: Session, office: Office, actor: Actor, reference: str, number: int, reason: str, *, seen: int | None = None
) -> Campaign:
    """Give up a wave that has not started: its letters never leave, its persons are free for another campaign."""
    campaign = _access(session, actor, reference, lock=True)
    _require_moving(campaign)
    plan = plan_of(session, campaign)
    _require_unchanged(plan, seen)
    wave = wave_of(session, campaign, number)
    if not wave.pending:
        raise WrongState(f"La vague {number} est {wave.status.label} : elle ne peut plus être abandonnée.")
    if not reason.strip():
        raise Invalid("Abandonner une vague demande un motif : écrivez-le en quelques mots.")
    for lot in session.scalars(select(Lot).where(Lot.wave_id == wave.id).with_for_update()).all():
        session.execute(
            update(Letter)
            .where(
                Letter.caisse == lot.caisse, Letter.campaign_id == campaign.id, Letter.channel == lot.channel,
                Letter.lot_sequence == lot.sequence, Letter.state == LetterState.PLANNED,
            )
            .values(state=LetterState.CANCELLED, at=office.clock(), reason="vague abandonnée")
        )  # fmt: skip
        lot.state = LotState.CANCELLED
    wave.state, wave.reason = WaveState.CANCELLED, reason.strip()
    if plan is not None:
        _touch(plan, office, actor)
    note(session, office, actor, campaign, "abandon_wave", f"vague {number}, {wave.letters} envois : {reason.strip()}")
    if campaign.status is CampaignState.RUNNING:
        ring_after_commit(session, "freeze", campaign.id)  # it may have been the last one
    return campaign


def unschedule(session: Session, office: Office, actor: Actor, reference: str, reason: str) -> Campaign:
    """Take the plan back before its first wave: the campaign is approved again, its letters as they were."""
    campaign = _access(session, actor, reference, lock=True)
    advance(session, office, actor, campaign, "unschedule", reason)
    take_out(session, campaign)
    return campaign


def _access(session: Session, actor: Actor, reference: str, *, lock: bool = False) -> Campaign:
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    return access_campaign(session, actor, reference, lock=lock)


def _require_moving(campaign: Campaign) -> None:
    if campaign.status not in _MOVING:
        raise WrongState(f"La campagne est « {campaign.status.label} » : ses vagues ne changent plus.")


def _require_unchanged(plan: Plan | None, seen: int | None) -> None:
    version = plan.version if plan else 0
    if seen is not None and seen != version:
        who = plan.changed_by if plan else "quelqu’un"
        raise WrongState(f"Le plan vient d’être changé par {who} : relisez-le, puis recommencez si c’est encore utile.")


def _touch(plan: Plan, office: Office, actor: Actor) -> None:
    plan.version += 1
    plan.changed_by, plan.changed_at = actor.login, office.clock()


def _date_campaign(session: Session, campaign: Campaign) -> None:
    """The campaign's own date is that of its first letters."""
    session.flush()
    first = session.scalar(
        select(Wave.planned_on)
        .where(Wave.campaign_id == campaign.id, Wave.state.in_([WaveState.STARTED, *PENDING_WAVES]))
        .order_by(Wave.planned_on)
        .limit(1)
    )
    if first is not None:
        campaign.letter_date = first
    session.flush()


def _listed(changes: Sequence[str], most: int = 6) -> str:
    more = len(changes) - most
    return " ; ".join(changes[:most]) + (f" ; et {more} autres" if more > 0 else "")
