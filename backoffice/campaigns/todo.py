"""What a campaign manager has to do today: what leaves, what waits for them, what is stuck, what ends this week."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backoffice.campaigns.agenda import WaveLine, waves_between
from backoffice.campaigns.codes import requests_of
from backoffice.campaigns.models import Campaign, CampaignStep, Lot
from backoffice.campaigns.rules import CampaignState, LotState, WaveState
from backoffice.campaigns.wave_models import Wave
from backoffice.core.actor import Actor
from backoffice.core.clock import paris_date
from backoffice.office import Office

LONG_PAUSE = timedelta(days=3)
"""After which a paused campaign counts as stuck rather than paused."""
WEEK = timedelta(days=6)
AHEAD = timedelta(days=27)
"""Four weeks, today included."""
_CODES_LIVE = timedelta(days=160)
"""Longer than any code lives after the date of its letter, posting late included."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A campaign that waits for somebody."""

    reference: str
    name: str
    state: CampaignState
    author: str
    since: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class Stuck:
    """Something that will not go on by itself."""

    reference: str
    name: str
    what: str
    """In French, e.g. "2 lots en quarantaine"."""
    why: str | None
    waves: bool
    """Whether the plan of the campaign is where to decide."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Codes of one campaign that can be used until `last` and no longer."""

    reference: str
    name: str
    last: date
    codes: int


@dataclass(frozen=True, slots=True)
class ToDo:
    """One manager's day."""

    today: list[WaveLine]
    approvals: list[Pending]
    to_plan: list[Pending]
    """Approved, neither scheduled nor launched."""
    stuck: list[Stuck]
    ahead: list[WaveLine]
    """The waves of the next four weeks, today included."""

    @property
    def waiting(self) -> int:
        """Things that wait for a person."""
        return len(self.approvals) + len(self.to_plan) + len(self.stuck)


def to_do(session: Session, office: Office, actor: Actor) -> ToDo:
    """What there is to do within the actor's caisses."""
    now = office.clock()
    today = paris_date(now)
    ahead = waves_between(session, actor, today, today + AHEAD)
    return ToDo(
        today=[line for line in ahead if line.planned_on == today],
        approvals=_pending(session, actor, CampaignState.SUBMITTED),
        to_plan=_pending(session, actor, CampaignState.APPROVED),
        stuck=_stuck(session, actor, now),
        ahead=ahead,
    )


def _pending(session: Session, actor: Actor, state: CampaignState) -> list[Pending]:
    return [
        Pending(campaign.reference, campaign.name, campaign.status, campaign.author, step.at, step.reason)
        for campaign, step in _with_last_step(session, actor, state)
    ]


def _with_last_step(session: Session, actor: Actor, state: CampaignState) -> list[tuple[Campaign, CampaignStep]]:
    """Campaigns in this state with the step that led there, the longest there first."""
    last = (
        select(func.max(CampaignStep.id))
        .where(CampaignStep.campaign_id == Campaign.id, CampaignStep.source != CampaignStep.target)
        .correlate(Campaign)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Campaign, CampaignStep)
        .join(CampaignStep, CampaignStep.id == last)
        .where(Campaign.state == state, _within(actor))
        .order_by(CampaignStep.at)
    )
    return [(campaign, step) for campaign, step in rows]


def _within(actor: Actor):  # type: ignore[no-untyped-def]
    return Campaign.caisses.contained_by(sorted(actor.caisses))


def _stuck(session: Session, actor: Actor, now: datetime) -> list[Stuck]:
    found = []
    late = session.execute(
        select(Campaign.reference, Campaign.name, func.count(), func.min(Wave.reason))
        .join(Wave, Wave.campaign_id == Campaign.id)
        .where(Wave.state == WaveState.LATE, _within(actor))
        .group_by(Campaign.id)
        .order_by(Campaign.id)
    )
    for reference, name, number, why in late:
        found.append(
            Stuck(reference, name, _counted(number, "vague à confirmer", "vagues à confirmer"), why, waves=True)
        )
    lots = session.execute(
        select(Campaign.reference, Campaign.name, func.count(), func.min(Lot.reason))
        .join(Lot, Lot.campaign_id == Campaign.id)
        .where(Lot.state == LotState.QUARANTINED, _within(actor))
        .group_by(Campaign.id)
        .order_by(Campaign.id)
    )
    for reference, name, number, why in lots:
        found.append(
            Stuck(reference, name, _counted(number, "lot en quarantaine", "lots en quarantaine"), why, waves=False)
        )
    for campaign, step in _with_last_step(session, actor, CampaignState.PAUSED):
        if now - step.at >= LONG_PAUSE:
            days = (now - step.at).days
            found.append(
                Stuck(campaign.reference, campaign.name, f"suspendue depuis {days} jours", step.reason, waves=False)
            )
    return found


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {many if number > 1 else one}"


def codes_ending(session: Session, office: Office, actor: Actor) -> list[Ending]:
    """Codes that can be used for the last time within a week, by campaign and day; raises Unavailable.

    Codes of answers and those given one by one are not a campaign's: they are left out.
    """
    today = paris_date(office.clock())
    counts = office.dmp.ending(actor.caisses, today + WEEK)
    if not counts:
        return []
    owners = _owners(session, actor, today)
    totals: dict[tuple[str, str, date], int] = {}
    for (request, last), number in counts.items():
        if request in owners:
            key = (*owners[request], last)
            totals[key] = totals.get(key, 0) + number
    return [
        Ending(reference, name, last, number)
        for (reference, name, last), number in sorted(totals.items(), key=lambda one: (one[0][2], one[0][0]))
    ]


def _owners(session: Session, actor: Actor, today: date) -> Mapping[UUID, tuple[str, str]]:
    """The campaign, as (reference, name), of every request for codes that may still be live."""
    rows = session.execute(
        select(Lot, Campaign.reference, Campaign.name)
        .join(Campaign)
        .where(
            _within(actor), Campaign.approver.is_not(None), Lot.letter_date > today - _CODES_LIVE,
            Lot.state.in_([LotState.SEALED, LotState.SENT, LotState.PLANNED]),
        )
    )  # fmt: skip
    owners: dict[UUID, tuple[str, str]] = {}
    for lot, reference, name in rows:
        owners |= dict.fromkeys(requests_of(lot), (reference, name))
    return owners
