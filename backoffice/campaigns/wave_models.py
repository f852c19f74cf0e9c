"""Tables of the plan of a campaign: its terms, its waves, and the days on which nothing leaves anywhere."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Identity, Integer, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import PENDING_WAVES, WaveState
from backoffice.campaigns.scheduling import Days, Embargo, Slot
from backoffice.core.errors import NotFound


class Plan(Base):
    """The terms of a campaign's waves; absent for a campaign launched in one go."""

    __tablename__ = "campaign_plan"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    """Changes with every change of the plan: whoever decides on an older one is told."""
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    per_day: Mapped[int] = mapped_column(Integer)
    tolerance: Mapped[int] = mapped_column(Integer)
    embargoes: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    """Of this campaign alone."""
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]

    @property
    def own_embargoes(self) -> tuple[Embargo, ...]:
        """The embargoes of this campaign as their declaration."""
        return tuple(Embargo.from_json(one) for one in self.embargoes)


class Wave(Base):
    """The letters of a campaign that leave on one day."""

    __tablename__ = "wave"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    number: Mapped[int] = mapped_column(Integer)
    planned_on: Mapped[date]
    """The day it leaves, and the date of its letters."""
    latest_on: Mapped[date]
    """The last day on which it may start by itself."""
    letters: Mapped[int] = mapped_column(Integer)
    """Letters and e-mails in it."""
    state: Mapped[str]
    decided_at: Mapped[datetime]
    """When its day was chosen."""
    reason: Mapped[str | None]
    """Why a person is asked, or why it was given up."""
    started_at: Mapped[datetime | None]
    started_by: Mapped[str | None]

    @property
    def status(self) -> WaveState:
        """The state as its enumeration."""
        return WaveState(self.state)

    @property
    def pending(self) -> bool:
        """Whether it has not started and still may."""
        return self.status in PENDING_WAVES

    @property
    def slot(self) -> Slot:
        """The wave as the rules see it."""
        return Slot(self.number, self.planned_on, self.letters)


class NationalEmbargo(Base):
    """Days on which no campaign's letters leave; ended, never erased."""

    __tablename__ = "embargo"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    label: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]


def plan_of(session: Session, campaign: Campaign) -> Plan | None:
    """The campaign's plan, if it has one."""
    return session.get(Plan, campaign.id)


def waves_of(session: Session, campaign: Campaign) -> list[Wave]:
    """The campaign's waves in order."""
    return list(session.scalars(select(Wave).where(Wave.campaign_id == campaign.id).order_by(Wave.number)))


def wave_of(session: Session, campaign: Campaign, number: int) -> Wave:
    """One wave of a campaign already held; NotFound when it has none of this number."""
    found = session.scalar(select(Wave).where(Wave.campaign_id == campaign.id, Wave.number == number))
    if found is None:
        raise NotFound(f"La campagne {campaign.reference} n’a pas de vague {number}.")
    return found


def national_embargoes(session: Session) -> list[NationalEmbargo]:
    """Those in force, in the order of their days."""
    return list(
        session.scalars(
            select(NationalEmbargo).where(NationalEmbargo.ended_at.is_(None)).order_by(NationalEmbargo.first_day)
        )
    )


def days_of(session: Session, campaign: Campaign, own: tuple[Embargo, ...] | None = None) -> Days:
    """The days on which the campaign's letters may leave; `own` instead of the embargoes of its plan."""
    if own is None:
        plan = plan_of(session, campaign)
        own = plan.own_embargoes if plan else ()
    national = tuple(Embargo(one.first_day, one.last_day, one.label) for one in national_embargoes(session))
    return Days(tuple(campaign.caisses), (*own, *national))
