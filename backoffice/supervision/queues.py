"""The queues of a supervisor's caisses: how many cases wait, since when, and who has them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from backoffice.cases.colleagues import Absence, names_of
from backoffice.cases.models import Case
from backoffice.cases.queries import within
from backoffice.cases.wanted import Wanted
from backoffice.core.actor import Actor
from backoffice.core.clock import PARIS, paris_date
from backoffice.core.opening_hours import OpeningHours
from backoffice.parameters.hours import hours_of

AGES: Final = (1, 3, 5, 10)
"""Opening days between the columns of ageing."""
_FAR: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Queue:
    """One kind of case in one team's queue of one caisse."""

    caisse: str
    team: str
    kind: str
    open: int
    free: int
    """In nobody's hands."""
    waiting: int
    """For the person."""
    today: int
    """Due before the day is over, late ones too."""
    late: int
    soon: int
    """Told to the supervisor, or about to be."""
    ages: tuple[int, ...]
    """Cases by age, from the youngest, one more than AGES."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one colleague has in hand."""

    login: str
    name: str
    open: int
    late: int
    absent_until: str
    """The last day of an absence under way, as said to a reader; empty when they are here."""


def queues(session: Session, actor: Actor, now: datetime) -> list[Queue]:
    """Every queue with at least one open case, by caisse, team and kind."""
    found: list[Queue] = []
    for caisse in sorted(actor.caisses):
        limits = [_days_ago(hours_of(session, caisse), now, days) for days in AGES]
        found += _of_caisse(session, actor, caisse, limits, now)
    return found


def loads(session: Session, actor: Actor, now: datetime) -> list[Load]:
    """Who has how many open cases, by name: to share the work, not to compare people."""
    query = within(select(Case.owner, func.count(), _number(Case.due_at < now)), actor, Wanted(), now)
    rows = session.execute(query.where(Case.owner.is_not(None)).group_by(Case.owner)).all()
    names = names_of(session, [row[0] for row in rows])
    today = paris_date(now)
    away = {
        one.login: f"{one.last_day:%d/%m/%Y}"
        for one in session.scalars(
            select(Absence).where(Absence.first_day <= today, Absence.last_day >= today, Absence.ended_at.is_(None))
        )
    }
    found = [Load(login, names.get(login, login), total, late, away.get(login, "")) for login, total, late in rows]
    return sorted(found, key=lambda one: one.name)


def _of_caisse(session: Session, actor: Actor, caisse: str, limits: list[datetime], now: datetime) -> list[Queue]:
    local = now.astimezone(PARIS)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    columns: list[Any] = [
        Case.team, Case.kind, func.count(), _number(Case.owner.is_(None)), _number(Case.running_since.is_(None)),
        _number(Case.due_at < midnight), _number(Case.due_at < now), _number(Case.escalates_at <= now),
        *(_number(Case.opened_at < limit) for limit in limits),
    ]  # fmt: skip
    query = within(select(*columns), actor, Wanted(caisse=caisse), now)
    rows = session.execute(query.group_by(Case.team, Case.kind).order_by(Case.team, Case.kind)).all()
    return [
        Queue(caisse, team, kind, total, free, waiting, today, late, soon, _between(total, tuple(older)))
        for team, kind, total, free, waiting, today, late, soon, *older in rows
    ]


def _between(total: int, older: tuple[int, ...]) -> tuple[int, ...]:
    """From "older than 1, 3, 5, 10 days" to the numbers between them."""
    steps = (total, *older, 0)
    return tuple(more - less for more, less in pairwise(steps))


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(condition)


def _days_ago(hours: OpeningHours, now: datetime, days: int) -> datetime:
    """The latest moment from which so many opening days have gone by."""
    wanted = days * OpeningHours().day_minutes
    near, far = timedelta(), _FAR
    while far - near > timedelta(minutes=1):
        middle = (near + far) / 2
        if hours.between(now - middle, now) >= wanted:
            far = middle
        else:
            near = middle
    return now - far
