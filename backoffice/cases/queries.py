"""What is asked of cases: the queue, its counts, one case's life."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from backoffice.cases.kinds import WORKFLOWS
from backoffice.cases.models import Case, CaseEntry, may_read
from backoffice.cases.queueing import teams_of
from backoffice.cases.wanted import NOBODY, Wanted
from backoffice.cases.workflow import Workflow
from backoffice.core.actor import Actor
from backoffice.core.clock import PARIS

MOST_COUNTED: Final = 2000
"""Nobody turns forty pages: beyond, a list says that there are more, and is narrowed by its filters."""


def readable_kinds(actor: Actor) -> list[Workflow]:
    """The kinds of cases this actor sees."""
    return [workflow for workflow in WORKFLOWS if may_read(actor, workflow)]


def cases_of(session: Session, actor: Actor, wanted: Wanted, now: datetime, size: int, offset: int) -> list[Case]:
    """The actor's cases, the soonest due first; ended ones, the latest first."""
    query = within(select(Case), actor, wanted, now)
    order: tuple[Any, ...] = (Case.ended_at.desc(), Case.id.desc()) if wanted.ended else (
        Case.due_at.asc().nulls_last(), Case.id.asc(),
    )  # fmt: skip
    return list(session.scalars(query.order_by(*order).limit(size).offset(offset)))


def count_cases(session: Session, actor: Actor, wanted: Wanted, now: datetime) -> int:
    """How many there are, up to MOST_COUNTED; one more means that there are others."""
    found = within(select(Case.id), actor, wanted, now).limit(MOST_COUNTED + 1).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def late_cases(session: Session, actor: Actor, at: datetime) -> int:
    """Open cases past their due time."""
    query = within(select(func.count()).select_from(Case), actor, Wanted(clock="depassee"), at)
    return session.scalar(query) or 0


def next_case(session: Session, actor: Actor, now: datetime) -> str | None:
    """The number of the most urgent case that nobody has in the actor's queues, kept from others until the commit."""
    mine = [team.value for team in teams_of(actor)]
    query = within(select(Case), actor, Wanted(), now).where(
        Case.owner.is_(None), Case.team.in_(mine), Case.running_since.is_not(None)
    )
    found = session.scalars(
        query.order_by(Case.due_at, Case.id).limit(1).with_for_update(skip_locked=True)
    ).one_or_none()  # fmt: skip
    return found.number if found else None


def life_of(session: Session, case: Case) -> list[CaseEntry]:
    """Every line of the case's journal, the first one first."""
    return list(session.scalars(select(CaseEntry).where(CaseEntry.case_id == case.id).order_by(CaseEntry.id)))


def within(query: Select[*tuple[Any, ...]], actor: Actor, wanted: Wanted, now: datetime) -> Select[*tuple[Any, ...]]:
    """The query narrowed to what the actor may see and asks for."""
    kinds = [workflow.name for workflow in readable_kinds(actor)]
    where: list[ColumnElement[bool]] = [
        Case.caisse.in_(sorted(actor.caisses & {wanted.caisse} if wanted.caisse else actor.caisses)),
        Case.kind.in_([wanted.kind] if wanted.kind in kinds else kinds),
        Case.ended_at.is_not(None) if wanted.ended else Case.ended_at.is_(None),
    ]
    if wanted.mine:
        where.append(Case.owner == actor.login)
    if wanted.state:
        where.append(Case.state == wanted.state)
    if wanted.team:
        where.append(Case.team == wanted.team)
    if wanted.priority.isdecimal():
        where.append(Case.priority == int(wanted.priority))
    if wanted.owner:
        where.append(Case.owner.is_(None) if wanted.owner == NOBODY else Case.owner == wanted.owner)
    if wanted.number:
        # The beginning or the end, each by an index of its own.
        where.append(
            or_(
                Case.number.startswith(wanted.number, autoescape=True),
                func.reverse(Case.number).startswith(wanted.number[::-1], autoescape=True),
            )
        )
    if wanted.clock:
        where.append(_clock(wanted.clock, now))
    return query.where(*where)


def _clock(asked: str, now: datetime) -> ColumnElement[bool]:
    local = now.astimezone(PARIS)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return {
        "depassee": Case.due_at < now,
        "proche": Case.escalates_at <= now,
        "aujourdhui": Case.due_at < midnight,
    }.get(asked, Case.running_since.is_(None))
