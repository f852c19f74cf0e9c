"""What people ring for: counts by subject, day and outcome. Counts alone: no person, no advisor."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import Date, cast, func, select
from sqlalchemy.orm import Session

from backoffice.calls.models import Call, IdentityCheck
from backoffice.calls.rules import Identity
from backoffice.calls.scripts import SUBJECTS
from backoffice.core.actor import Actor
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.clock import PARIS

WEEKS: Final = 12


@dataclass(frozen=True, slots=True)
class SubjectCounts:
    """One subject over the days asked for."""

    name: str
    label: str
    by_period: tuple[int, ...]
    total: int
    share: float
    """Of all calls, 0 to 1."""


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Calls ended, by subject and period."""

    periods: tuple[date, ...]
    """First day of each."""
    subjects: tuple[SubjectCounts, ...]
    """The most frequent first."""
    total: int
    by_period: tuple[int, ...]
    proved: int
    """Identities proved, and not."""
    refused: int
    seconds: int
    """Middle duration of a call."""


def counts(session: Session, actor: Actor, first: date, last: date, *, weekly: bool) -> CallCounts:
    """The calls ended from `first` to `last`, both included, within the actor's caisses.

    A call about nobody known belongs to no caisse: it is counted for those who see all nine.
    """
    day = cast(func.timezone("Europe/Paris", Call.ended_at), Date)
    begins, ends = _midnight(first), _midnight(last + timedelta(days=1))
    within = [Call.ended_at >= begins, Call.ended_at < ends]
    checked = [IdentityCheck.at >= begins, IdentityCheck.at < ends]
    if not actor.caisses.issuperset(CAISSE_CODES):
        within.append(Call.caisse.in_(sorted(actor.caisses)))
        checked.append(IdentityCheck.caisse.in_(sorted(actor.caisses)))
    rows = session.execute(
        select(day.label("day"), Call.subject, func.count().label("number")).where(*within).group_by(day, Call.subject)
    ).all()
    periods = _periods(first, last, weekly)
    table: dict[str, list[int]] = {subject.name: [0] * len(periods) for subject in SUBJECTS}
    for row in rows:
        rank = (row.day - periods[0]).days // 7 if weekly else (row.day - first).days
        table.get(row.subject or "", table["autre"])[rank] += row.number
    total = sum(map(sum, table.values()))
    checks = select(IdentityCheck.result, func.count()).where(*checked)
    results: dict[str, int] = {row[0]: row[1] for row in session.execute(checks.group_by(IdentityCheck.result))}
    middle = session.scalar(
        select(
            func.percentile_cont(0.5).within_group(func.extract("epoch", Call.ended_at - Call.opened_at).asc())
        ).where(*within)
    )
    found = [
        SubjectCounts(subject.name, subject.label, tuple(table[subject.name]), sum(table[subject.name]),
                      sum(table[subject.name]) / total if total else 0)
        for subject in SUBJECTS
    ]  # fmt: skip
    return CallCounts(
        periods=periods, subjects=tuple(sorted(found, key=lambda one: -one.total)), total=total,
        by_period=tuple(sum(column) for column in zip(*table.values(), strict=True)),
        proved=results.get(Identity.PASSED.value, 0), refused=results.get(Identity.FAILED.value, 0),
        seconds=round(middle or 0),
    )  # fmt: skip


def span(now: datetime, *, weekly: bool) -> tuple[date, date]:
    """The days shown: the last twelve weeks, or the last fourteen days, today included."""
    today = now.astimezone(PARIS).date()
    if weekly:
        return today - timedelta(days=today.weekday() + 7 * (WEEKS - 1)), today
    return today - timedelta(days=13), today


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=PARIS)


def _periods(first: date, last: date, weekly: bool) -> tuple[date, ...]:
    if not weekly:
        return tuple(first + timedelta(days=rank) for rank in range((last - first).days + 1))
    monday = first - timedelta(days=first.weekday())
    return tuple(monday + timedelta(days=7 * rank) for rank in range((last - monday).days // 7 + 1))
