"""Tables of the counter: queue tickets, visits with one row each, and the journal of what was done in a visit."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import CHAR, ForeignKey, Identity, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import NotFound
from backoffice.counter.rules import VisitState

ROLES = (Role.AGENT, Role.SUPERVISOR)
"""Who receives persons."""


class Ticket(Base):
    """A place in the queue of a caisse's reception, for one day. It names nobody."""

    __tablename__ = "ticket"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    caisse: Mapped[str] = mapped_column(CHAR(3))
    day: Mapped[date]
    number: Mapped[int] = mapped_column(Integer)
    drawn_at: Mapped[datetime]
    called_at: Mapped[datetime | None]
    called_by: Mapped[str | None]
    desk: Mapped[str | None]
    left_at: Mapped[datetime | None]
    """When the person was gone, called in vain or served."""

    @property
    def label(self) -> str:
        """As printed and called: "A012"."""
        return f"A{self.number:03d}"


class Visit(Base):
    """Somebody in front of an agent, and how far the creation of their DMP is."""

    __tablename__ = "visit"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    uid: Mapped[uuid.UUID] = mapped_column(unique=True)
    """Request id towards the record: whoever asks again finds the same DMP."""
    caisse: Mapped[str] = mapped_column(CHAR(3))
    person_id: Mapped[int]
    state: Mapped[str]
    owner: Mapped[str]
    """Login of the agent who has the person in front of them."""
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]
    ended_at: Mapped[datetime | None]
    document: Mapped[str | None]
    """Kind of the identity document seen; never its number."""
    identified_by: Mapped[str | None]
    identified_at: Mapped[datetime | None]
    representative: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    card: Mapped[str | None]
    """How the carte Vitale was known; its number is compared and not kept."""
    mail: Mapped[str | None]
    """Kept until the visit ends: the record's own afterwards."""
    mobile: Mapped[str | None]
    informed_at: Mapped[datetime | None]
    terms: Mapped[str | None]
    terms_sha256: Mapped[bytes | None]
    wording: Mapped[str | None]
    consent_by: Mapped[str | None]
    consent_at: Mapped[datetime | None]
    created_at: Mapped[datetime | None]
    """When the record told that the DMP is there."""
    prints: Mapped[int] = mapped_column(Integer, default=0)
    """Documents streamed to the printer; each has a password of its own, the last one alone opens."""
    reason: Mapped[str | None]
    """Why it was abandoned."""
    version: Mapped[int] = mapped_column(Integer, default=1)

    @property
    def status(self) -> VisitState:
        """The state as its enumeration."""
        return VisitState(self.state)


class VisitEntry(Base):
    """One line of a visit's journal. Inserted, never changed."""

    __tablename__ = "visit_entry"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    at: Mapped[datetime]
    actor: Mapped[str]
    what: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)


def access_visit(session: Session, actor: Actor, visit_id: int, *, lock: bool = False) -> Visit:
    """The only way to hold a visit: within your caisses, or not found."""
    actor.require(*ROLES)
    query = session.query(Visit).filter_by(id=visit_id)
    found = (query.with_for_update() if lock else query).one_or_none()
    if found is None or found.caisse not in actor.caisses:
        raise NotFound("Cette visite est introuvable dans votre périmètre.")
    return found
