"""Reading plans: the waves of a campaign with what became of their letters, and those of every campaign by day."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from backoffice.audit.journal import AuditEntry
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.rules import OPEN_LOTS, CampaignState, Channel, LotState, WaveState
from backoffice.campaigns.wave_models import Wave
from backoffice.core.actor import Actor


@dataclass(frozen=True, slots=True)
class WaveLine:
    """A wave as a line of a plan."""

    reference: str
    name: str
    """Of its campaign."""
    campaign_state: CampaignState
    caisses: list[str]
    number: int
    planned_on: date
    latest_on: date
    letters: int
    state: WaveState
    done: bool
    """Whether it has started and nothing of it is left to make or send."""
    left: int
    """Letters sealed and e-mails sent."""
    exceptions: int
    quarantined: int
    """Lots that wait for a person."""
    reason: str | None
    started_at: datetime | None
    started_by: str | None

    @property
    def label(self) -> str:
        """What a French reader sees."""
        if self.state is WaveState.STARTED:
            return "partie" if self.done else "en cours"
        if self.state is WaveState.PLANNED and self.campaign_state is CampaignState.PAUSED:
            return "suspendue"
        return self.state.label

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            key: value.isoformat() if isinstance(value, date | datetime) else value
            for key, value in asdict(self).items()
        } | {"label": self.label}


def wave_lines(session: Session, campaign: Campaign) -> list[WaveLine]:
    """The waves of one campaign in order."""
    return _lines(session, _WAVES.where(Wave.campaign_id == campaign.id).order_by(Wave.number))


def waves_between(session: Session, actor: Actor, first: date, last: date) -> list[WaveLine]:
    """The waves of these days of every campaign within the actor's caisses, those given up left out."""
    return _lines(
        session,
        _WAVES.where(
            Campaign.caisses.contained_by(sorted(actor.caisses)), Wave.planned_on.between(first, last),
            Wave.state != WaveState.CANCELLED,
        ).order_by(Wave.planned_on, Campaign.id, Wave.number),
    )  # fmt: skip


_WAVES = select(Wave, Campaign).join(Campaign, Campaign.id == Wave.campaign_id)


def _lines(session: Session, query: Select[Wave, Campaign]) -> list[WaveLine]:
    found = list(session.execute(query))
    counts = _counts(session, [wave.id for wave, _ in found])
    return [
        WaveLine(
            reference=campaign.reference, name=campaign.name, campaign_state=campaign.status, caisses=campaign.caisses,
            number=wave.number, planned_on=wave.planned_on, latest_on=wave.latest_on, letters=wave.letters,
            state=wave.status, done=wave.status is WaveState.STARTED and not counts[wave.id].open,
            left=counts[wave.id].left, exceptions=counts[wave.id].exceptions, quarantined=counts[wave.id].quarantined,
            reason=wave.reason, started_at=wave.started_at, started_by=wave.started_by,
        )
        for wave, campaign in found
    ]  # fmt: skip


@dataclass(slots=True)
class _Counts:
    open: int = 0
    left: int = 0
    exceptions: int = 0
    quarantined: int = 0


def _counts(session: Session, wave_ids: list[int]) -> dict[int, _Counts]:
    counts: dict[int, _Counts] = defaultdict(_Counts)
    rows = session.execute(
        select(Lot.wave_id, Lot.state, func.count(), func.sum(Lot.letters), func.sum(Lot.exceptions))
        .where(Lot.wave_id.in_(wave_ids))
        .group_by(Lot.wave_id, Lot.state)
    )
    for wave_id, state, lots, letters, exceptions in rows:
        assert wave_id is not None
        one = counts[wave_id]
        one.open += lots if state in OPEN_LOTS else 0
        one.quarantined += lots if state == LotState.QUARANTINED else 0
        one.left += letters if state in (LotState.SEALED, LotState.SENT) else 0
        one.exceptions += exceptions
    return counts


@dataclass(frozen=True, slots=True)
class Departure:
    """What was made of a campaign for one day and one channel: it stays valid, whatever becomes of the campaign."""

    day: date
    channel: Channel
    lots: int
    letters: int
    handed: int
    """Lots of paper whose files somebody took for the printer."""


def departures_of(session: Session, campaign: Campaign) -> list[Departure]:
    """Sealed lots and sent e-mails of a campaign by the date of their letters."""
    handed = (
        select(func.distinct(AuditEntry.object).label("name"))
        .where(AuditEntry.action.in_(_HANDED), AuditEntry.object == Lot.name)
        .correlate(Lot)
        .exists()
    )
    rows = session.execute(
        select(
            Lot.letter_date, Lot.channel, func.count(), func.sum(Lot.letters),
            func.count().filter(handed),
        )
        .where(Lot.campaign_id == campaign.id, Lot.letters > 0)
        .group_by(Lot.letter_date, Lot.channel)
        .order_by(Lot.letter_date, Lot.channel)
    )  # fmt: skip
    return [Departure(day, Channel(channel), lots, letters, taken) for day, channel, lots, letters, taken in rows]


_HANDED = ("lot.telecharger", "lot.exporter")
