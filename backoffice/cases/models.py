"""Tables of cases: the case, and its journal of steps and notes."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CHAR, ForeignKey, Identity, Integer, SmallInteger, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.cases.deadlines import Deadline
from backoffice.cases.kinds import workflow_of
from backoffice.cases.queueing import Priority, Team, Way
from backoffice.cases.workflow import State, Workflow
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import PARIS
from backoffice.core.errors import NotFound, WrongState
from backoffice.core.opening_hours import OpeningHours


class Case(Base):
    """One request of, or about, one person."""

    __tablename__ = "case_file"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    """What people say on the phone: year-caisse-sequence, e.g. 2016-631-000042."""
    caisse: Mapped[str] = mapped_column(CHAR(3))
    person_id: Mapped[int | None]
    """None while nobody knows who it is about, such as a caller whose identity was not established."""
    kind: Mapped[str]
    state: Mapped[str]
    origin: Mapped[uuid.UUID | None] = mapped_column(unique=True)
    """The record's event that opened it, once."""
    owner: Mapped[str | None]
    """Login of the agent in charge; None: the team's queue."""
    team: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    way: Mapped[str]
    """How the request came."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    """What its form asked for, by the name of its kind's own; never a NIR, a code or anything medical."""
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]
    ended_at: Mapped[datetime | None]
    allowed: Mapped[int] = mapped_column(Integer)
    """Opening minutes that it would have with an ordinary priority."""
    spent: Mapped[int] = mapped_column(Integer, default=0)
    running_since: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    """As `deadline` says; kept for sorting."""
    escalates_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    """When its supervisor was told that the time runs out, once a count."""
    merged_into: Mapped[str | None]
    """Number of the case that goes on for both; this one has ended."""
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Counts the changes: two agents who meet on one case are told."""

    @property
    def workflow(self) -> Workflow:
        """Its declaration."""
        return workflow_of(self.kind)

    @property
    def status(self) -> State:
        """Its state's declaration."""
        return self.workflow.state(self.state)

    @property
    def closed(self) -> bool:
        """Nothing more is to be done in it: at its end, or merged into another."""
        return self.ended_at is not None

    @property
    def pressing(self) -> Priority:
        """Its priority as its enumeration."""
        return Priority(self.priority)

    @property
    def queue(self) -> Team:
        """Its team as its enumeration."""
        return Team(self.team)

    @property
    def came_by(self) -> Way:
        """Its way as its enumeration."""
        return Way(self.way)

    @property
    def deadline(self) -> Deadline:
        """Its clock, under its priority."""
        return Deadline(self.pressing.minutes(self.allowed), self.spent, self.running_since)

    def set_clock(self, clock: Deadline, hours: OpeningHours) -> None:
        """Keep what this clock has counted, and when it says that the time is over under these opening hours."""
        self.spent, self.running_since = clock.spent, clock.running_since
        self.due_at, self.escalates_at = clock.due_at(hours), clock.escalates_at(hours)


class CaseEntry(Base):
    """One line of a case's life: a step, a note, a change of hands or of queue. Inserted, never changed."""

    __tablename__ = "case_entry"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"))
    at: Mapped[datetime]
    actor: Mapped[str]
    what: Mapped[str]
    """`step`, `note`, `owner`, `team`, `priority`, `person`, `letter`, `escalated`, `attachment`,
    `withdrawn`, `link`, `unlink`, `merged` or `absorbed`."""
    step: Mapped[str | None]
    source: Mapped[str | None]
    target: Mapped[str | None]
    text: Mapped[str | None]


def access_case(session: Session, actor: Actor, number: str, *, lock: bool = False) -> Case:
    """The only way to hold a case: of a kind you may read, within your caisses, or not found."""
    query = session.query(Case).filter_by(number=number)
    found = (query.with_for_update() if lock else query).one_or_none()
    if found is None or found.caisse not in actor.caisses or not may_read(actor, found.workflow):
        raise NotFound(f"La demande « {number[:20]} » est introuvable dans votre périmètre.")
    return found


def require_unchanged(session: Session, case: Case, seen: int | None) -> None:
    """Raise WrongState, saying who changed it and when, unless the case still is as its agent saw it."""
    if seen is None or seen == case.version:
        return
    last = session.scalars(select(CaseEntry).where(CaseEntry.case_id == case.id).order_by(CaseEntry.id.desc())).first()
    who = f" par {last.actor} à {last.at.astimezone(PARIS):%H h %M}" if last else ""
    raise WrongState(
        f"La demande {case.number} a été modifiée{who} pendant que vous la lisiez : relisez-la, puis recommencez."
    )


def may_read(actor: Actor, workflow: Workflow) -> bool:
    """Whether this actor sees cases of this kind: its readers, whoever has a step to take in it, and the system."""
    roles = workflow.readers.union({Role.SYSTEM}, *(step.roles for step in workflow.steps))
    return not actor.roles.isdisjoint(roles)
