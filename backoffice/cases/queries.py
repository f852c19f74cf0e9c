"""What is asked of cases: the queue, its counts, one case's life."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from backoffice.cases.kinds import WORKFLOWS
from backoffice.cases.models import Case, CaseEntry, may_read
from backoffice.core.actor import Actor


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases of the queue to show."""

    mine: bool = False
    ended: bool = False
    kind: str = ""


def cases_of(session: Session, actor: Actor, wanted: Wanted, size: int, offset: int) -> list[Case]:
    """The actor's cases, the soonest due first; ended ones, the latest first."""
    query = _within(select(Case), actor, wanted)
    order: tuple[Any, ...] = (Case.ended_at.desc(), Case.id.desc()) if wanted.ended else (
        Case.due_at.asc().nulls_last(), Case.id.asc(),
    )  # fmt: skip
    return list(session.scalars(query.order_by(*order).limit(size).offset(offset)))


def count_cases(session: Session, actor: Actor, wanted: Wanted) -> int:
    """How many there are."""
    return session.scalar(_within(select(func.count()).select_from(Case), actor, wanted)) or 0


def late_cases(session: Session, actor: Actor, at: datetime) -> int:
    """Open cases past their due time."""
    query = _within(select(func.count()).select_from(Case), actor, Wanted())
    return session.scalar(query.where(Case.due_at < at)) or 0


def life_of(session: Session, case: Case) -> list[CaseEntry]:
    """Every line of the case's journal, the first one first."""
    return list(session.scalars(select(CaseEntry).where(CaseEntry.case_id == case.id).order_by(CaseEntry.id)))


def _within(query: Select[Any], actor: Actor, wanted: Wanted) -> Select[Any]:
    kinds = [workflow.name for workflow in WORKFLOWS if may_read(actor, workflow)]
    where: list[ColumnElement[bool]] = [
        Case.caisse.in_(sorted(actor.caisses)),
        Case.kind.in_([wanted.kind] if wanted.kind in kinds else kinds),
        Case.ended_at.is_not(None) if wanted.ended else Case.ended_at.is_(None),
    ]
    if wanted.mine:
        where.append(Case.owner == actor.login)
    return query.where(*where)
