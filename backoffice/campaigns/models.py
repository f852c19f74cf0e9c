"""Tables of campaigns: the campaign and its journal of steps, its lots, its letters."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import CHAR, ForeignKey, Identity, Integer, Sequence
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from backoffice.adapters.db import Base
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.rules import CampaignState, ChannelRule, LotState
from backoffice.core.actor import Actor
from backoffice.core.errors import NotFound


class Campaign(Base):
    """A mailing to a part of the insured persons of one or more caisses."""

    __tablename__ = "campaign"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    """What people say on the phone, e.g. REC-2016-0001."""
    name: Mapped[str]
    kind: Mapped[str]
    caisses: Mapped[list[str]] = mapped_column(ARRAY(Text))
    letter_date: Mapped[date]
    """Date printed on the first letters; with `per_day`, the following ones carry the following working days."""
    channel_rule: Mapped[str]
    criteria: Mapped[dict[str, Any]] = mapped_column(JSONB)
    per_day: Mapped[int | None] = mapped_column(Integer)
    lot_size: Mapped[int] = mapped_column(Integer)
    state: Mapped[str]
    author: Mapped[str]
    hands: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    """Everybody who had a hand in the draft: none of them may approve it."""
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Counts the changes of the draft, and guards against two at once."""
    segment_id: Mapped[int | None]
    segment_version: Mapped[int | None] = mapped_column(Integer)
    approver: Mapped[str | None]
    proof_id: Mapped[int | None]
    """The bon à tirer that the approver read (see campaigns.proof); None for what the command line approved."""
    template_version: Mapped[str | None]
    """SHA-256 of the template approved; a lot made with another one is refused."""
    printer_id: Mapped[int | None]
    """Who prints its lots (see campaigns.printers); None: whoever they are handed to."""
    variant_version: Mapped[str | None]
    """SHA-256 of the second version of the template, tried on a share of the persons; None: everybody gets the first."""
    variant_share: Mapped[int | None] = mapped_column(Integer)
    """Per cent of the persons who get it."""
    relay_of: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"))
    """The campaign whose letters by e-mail did not arrive, when this one takes their place."""
    folder: Mapped[str | None]
    """Where its lots are sealed; None for the store's own place."""
    targeted: Mapped[int] = mapped_column(default=0)
    """Persons within the criteria, whether they may be written to or not."""
    eligible: Mapped[int] = mapped_column(default=0)
    excluded: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict)
    """Persons left out at approval, by reason."""
    created_at: Mapped[datetime]
    frozen_at: Mapped[datetime | None]
    launched_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    @property
    def status(self) -> CampaignState:
        """The state as its enumeration."""
        return CampaignState(self.state)

    @property
    def on_demand(self) -> bool:
        """Whether its letters answer what persons did; see CampaignKind."""
        return kind_of(self.kind).on_demand

    @property
    def rule(self) -> ChannelRule:
        """The channel rule as its enumeration."""
        return ChannelRule(self.channel_rule)

    @property
    def target(self) -> Criteria:
        """The criteria as their declaration."""
        return Criteria.from_json(self.criteria)


class CampaignStep(Base):
    """One step of a campaign's life: who, when, why. Inserted, never changed."""

    __tablename__ = "campaign_step"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    step: Mapped[str]
    source: Mapped[str]
    target: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str | None]
    at: Mapped[datetime]


class Lot(Base):
    """A batch of letters of one caisse and one channel: the unit of work, of sealing and of proof."""

    __tablename__ = "lot"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    uid: Mapped[uuid.UUID] = mapped_column(unique=True)
    """Request id of the lot's codes towards the record."""
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    caisse: Mapped[str] = mapped_column(CHAR(3))
    channel: Mapped[str]
    sequence: Mapped[int] = mapped_column(Integer)
    state: Mapped[str]
    wave_id: Mapped[int | None]
    """The wave it leaves with; None for answers, and before a campaign is launched or scheduled."""
    letter_date: Mapped[date]
    planned: Mapped[int] = mapped_column(Integer)
    name: Mapped[str | None] = mapped_column(unique=True)
    letters: Mapped[int] = mapped_column(Integer, default=0)
    exceptions: Mapped[int] = mapped_column(Integer, default=0)
    excluded: Mapped[int] = mapped_column(Integer, default=0)
    left_out: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict)
    """The same by reason."""
    doubtful: Mapped[int] = mapped_column(Integer, default=0)
    controls: Mapped[int] = mapped_column(Integer, default=0)
    """Letters to control addresses, beyond `letters`."""
    pages: Mapped[int] = mapped_column(Integer, default=0)
    size: Mapped[int] = mapped_column(default=0)
    pdf_sha256: Mapped[bytes | None]
    csv_sha256: Mapped[bytes | None]
    emission: Mapped[uuid.UUID | None]
    """Issue id of the codes printed: tells a lot's pages from an earlier attempt's."""
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    duplex: Mapped[bool] = mapped_column(default=False)
    """Whether each sheet has a blank back (see campaigns.printers)."""
    marks: Mapped[bool] = mapped_column(default=False)
    """Whether each sheet carries a mark for the inserter."""
    variant: Mapped[str] = mapped_column(default="A")
    """The version of the letter that all of it has, "A" or "B"."""
    retry_at: Mapped[datetime | None]
    """Of e-mails: when the first of those still waiting may be tried again; None when nothing holds them back."""
    sealed_at: Mapped[datetime | None]

    @property
    def status(self) -> LotState:
        """The state as its enumeration."""
        return LotState(self.state)

    @property
    def envelopes(self) -> int:
        """What the printer inserts and the post takes: letters and control letters."""
        return self.letters + self.controls


class Letter(Base):
    """One letter to one person: in one lot, on one page, with one live code."""

    __tablename__ = "letter"

    caisse: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    number: Mapped[int] = mapped_column(Sequence("letter_number_seq"), primary_key=True)
    campaign_id: Mapped[int]
    person_id: Mapped[int]
    channel: Mapped[str]
    lot_sequence: Mapped[int] = mapped_column(Integer)
    position: Mapped[int] = mapped_column(Integer)
    state: Mapped[str]
    page_first: Mapped[int | None] = mapped_column(Integer)
    page_last: Mapped[int | None] = mapped_column(Integer)
    reason: Mapped[str | None]
    at: Mapped[datetime | None]


class DmpEvent(Base):
    """What the record told the caisse, once each, with the kind of letter that it calls for."""

    __tablename__ = "dmp_event"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    event_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    kind: Mapped[str]
    """As the record names it, e.g. dossier.opened."""
    caisse: Mapped[str] = mapped_column(CHAR(3))
    person_id: Mapped[int]
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    answer: Mapped[str | None]
    """The kind of campaign whose letter answers it, asked for under the event's id; None when no letter is due."""


def access_campaign(session: Session, actor: Actor, reference: str, *, lock: bool = False) -> Campaign:
    """The only way to hold a campaign: within your caisses, or not found."""
    campaign = session.query(Campaign).filter_by(reference=reference)
    found = (campaign.with_for_update() if lock else campaign).one_or_none()
    if found is None or not actor.caisses.issuperset(found.caisses):
        raise NotFound(f"La campagne « {reference[:30]} » est introuvable dans votre périmètre.")
    return found


def access_lot(session: Session, actor: Actor, lot_name: str) -> tuple[Lot, Campaign]:
    """The only way to hold a lot by its name: its campaign within your caisses, or not found."""
    row = session.query(Lot, Campaign).join(Campaign).filter(Lot.name == lot_name).one_or_none()
    if row is None or not actor.caisses.issuperset(row[1].caisses):
        raise NotFound(f"Le lot « {lot_name[:60]} » est introuvable dans votre périmètre.")
    return row[0], row[1]
