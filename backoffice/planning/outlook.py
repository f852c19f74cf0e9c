"""The forecast as the page shows it: waves of every campaign, curves as learnt, the staff in force."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import func, or_, select, true
from sqlalchemy.orm import Session

from backoffice.campaigns.kinds import PREPARED
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.rules import UNMADE_LOTS, CampaignState, WaveState
from backoffice.campaigns.scheduling import Slot, Terms
from backoffice.campaigns.wave_models import Wave, days_of
from backoffice.core.calendar import is_working_day
from backoffice.core.clock import paris_date
from backoffice.office import Office
from backoffice.planning.curves import DAYS, Curve, Observed, Response, learnt
from backoffice.planning.figures import curves_in_force, staff_in_force
from backoffice.planning.learning import observed
from backoffice.planning.load import DayLoad, forecast, propose
from backoffice.planning.staff import Staff

_LEFT_OR_WILL = (WaveState.PLANNED, WaveState.LATE, WaveState.STARTED)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the coming weeks look like."""

    loads: list[DayLoad]
    staff: Staff
    curves: Mapping[Response, Curve]
    seen: Mapping[Response, Observed]
    """What was observed, by response."""
    rates: Mapping[Response, Sequence[float]]

    @property
    def busiest(self) -> DayLoad | None:
        """The day that needs most advisors; None when nothing is expected."""
        return max((load for load in self.loads if load.open), key=lambda load: max(load.needed), default=None)

    @property
    def short(self) -> list[DayLoad]:
        """Open days with fewer advisors than needed."""
        return [load for load in self.loads if load.open and load.short]


def outlook(
    session: Session, office: Office, first: date, count: int, *, instead: tuple[Campaign, Sequence[Slot]] | None = None
) -> Outlook:
    """The load of all campaigns of the nine caisses, whose calls one platform answers.

    `instead` puts waves that are only thought of in the place of those that a campaign has not started.
    """
    staff, _ = staff_in_force(session)
    curves, seen, rates = _rates(session, office)
    waves = _waves(session, first, without=instead[0].id if instead else None)
    if instead:
        waves += [(slot.day, slot.letters) for slot in instead[1]]
    return Outlook(forecast(waves, rates, staff, is_working_day, first, count), staff, curves, seen, rates)


def propose_sizes(session: Session, office: Office, campaign: Campaign, terms: Terms) -> Terms:
    """The same terms with the wave sizes that the staff of the 0 810 can take. Raises Invalid, saying what to change."""
    terms.check(paris_date(office.clock()))
    staff, _ = staff_in_force(session)
    _, _, rates = _rates(session, office)
    horizon = DAYS + 800
    others = forecast(
        _waves(session, terms.start, without=campaign.id), rates, staff, is_working_day, terms.start, horizon
    )
    slots = propose(
        _to_plan(session, campaign), terms.start, terms.end, days_of(session, campaign, terms.embargoes), rates, staff,
        is_working_day, {load.day: load.calls for load in others},
    )  # fmt: skip
    return replace(
        terms, sizes=tuple((slot.day, slot.letters) for slot in slots), per_day=max(slot.letters for slot in slots)
    )


def _rates(
    session: Session, office: Office
) -> tuple[Mapping[Response, Curve], Mapping[Response, Observed], Mapping[Response, Sequence[float]]]:
    curves, _ = curves_in_force(session)
    seen = observed(session, office.clock(), [kind.name for kind in PREPARED])
    return curves, seen, {response: learnt(curve, seen[response]) for response, curve in curves.items()}


def _waves(session: Session, first: date, *, without: int | None) -> list[tuple[date, int]]:
    """(day, letters) of every wave that has left or will, whose answers may still come from `first` on."""
    rows = session.execute(
        select(Wave.planned_on, func.sum(Wave.letters))
        .join(Campaign, Campaign.id == Wave.campaign_id)
        .where(
            Wave.state.in_(_LEFT_OR_WILL), Campaign.state != CampaignState.CANCELLED,
            Wave.planned_on > first - timedelta(days=DAYS),
            true() if without is None else or_(Wave.campaign_id != without, Wave.state == WaveState.STARTED),
        )
        .group_by(Wave.planned_on)
    )  # fmt: skip
    sizes: dict[date, int] = defaultdict(int)
    for day, letters in rows:
        sizes[day] += int(letters)
    return sorted(sizes.items())


def _to_plan(session: Session, campaign: Campaign) -> int:
    found = session.scalar(
        select(func.coalesce(func.sum(Lot.planned), 0)).where(
            Lot.campaign_id == campaign.id, Lot.state.in_(UNMADE_LOTS), Lot.attempts == 0
        )
    )
    return int(found or 0)
