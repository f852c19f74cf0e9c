"""The plan's clock: waves whose hour has come start, once; those whose hour has gone by ask a person."""

import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from backoffice.adapters import environment
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import CampaignState, WaveState
from backoffice.campaigns.scheduling import Judgement, Verdict, judge
from backoffice.campaigns.stepping import note
from backoffice.campaigns.wave_models import Wave, days_of, waves_of
from backoffice.campaigns.waves import begin
from backoffice.core.actor import system_actor
from backoffice.core.clock import paris_date
from backoffice.office import Office

log = structlog.get_logger(__name__)
_ALIVE = (CampaignState.SCHEDULED, CampaignState.RUNNING)


def start_due_waves(office: Office) -> int:
    """Look at every campaign with a wave of today or before; return how many waves started.

    Several processes may do so at once, and any may die: a campaign's row is held from the look to the commit, and a
    wave starts by the change of its own state. An environment that may not send starts nothing and changes nothing.
    """
    today = paris_date(office.clock())
    with office.db.unit_of_work() as session:
        waiting = session.scalars(
            select(Campaign.id)
            .where(
                Campaign.state.in_(_ALIVE),
                select(Wave.id)
                .where(Wave.campaign_id == Campaign.id, Wave.state == WaveState.PLANNED, Wave.planned_on <= today)
                .exists(),
            )
            .order_by(Campaign.id)
        ).all()
        if not waiting or environment.recorded(session) != office.environment:
            return 0
    started = 0
    for campaign_id in waiting:
        with office.db.unit_of_work() as session:
            started += _look_at(session, office, campaign_id)
    return started


def _look_at(session: Session, office: Office, campaign_id: int) -> int:
    campaign = session.scalar(
        select(Campaign).where(Campaign.id == campaign_id, Campaign.state.in_(_ALIVE)).with_for_update(skip_locked=True)
    )
    if campaign is None:
        return 0
    now, days = office.clock(), days_of(session, campaign)
    since = session.scalar(text("SELECT recorded_at FROM environment"))
    waves = waves_of(session, campaign)
    # One wave a day, in order: a wave that asks, or has left today, holds those behind it.
    held = any(
        wave.status is WaveState.LATE
        or (wave.started_at is not None and paris_date(wave.started_at) == paris_date(now))
        for wave in waves
    )
    started = 0
    for wave in waves:
        if wave.status is not WaveState.PLANNED:
            continue
        found = judge(
            wave.planned_on, wave.latest_on, now, days, decided_at=wave.decided_at, known_since=since, held=held
        )
        if found.verdict is Verdict.START:
            begin(session, office, system_actor(), campaign, wave)
            log.info("wave_started", campaign=campaign.reference, wave=wave.number)
            started += 1
        elif found.verdict is Verdict.ASK:
            _ask(session, office, campaign, wave, found)
        held = True
    return started


def _ask(session: Session, office: Office, campaign: Campaign, wave: Wave, found: Judgement) -> None:
    wave.state, wave.reason = WaveState.LATE, found.reason
    note(session, office, system_actor(), campaign, "late_wave", f"vague {wave.number} : {found.reason}")
    log.warning("wave_late", campaign=campaign.reference, wave=wave.number)
