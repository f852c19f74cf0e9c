"""Activity by agent: weekly counts of cases handled. No times, no order of merit: it serves to share the work."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backoffice.cases.colleagues import names_of
from backoffice.cases.models import Case, CaseEntry
from backoffice.core.actor import Actor, system_actor
from backoffice.core.clock import PARIS, paris_date

WEEKS: Final = 6


@dataclass(frozen=True, slots=True)
class Activity:
    """Cases that one agent handled, week by week."""

    name: str
    counts: tuple[int, ...]
    """One a week, the earliest first."""


def weeks_until(now: datetime) -> list[date]:
    """The Mondays of the weeks shown, this one last."""
    today = paris_date(now)
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=back) for back in range(WEEKS - 1, -1, -1)]


def activity(session: Session, actor: Actor, now: datetime) -> list[Activity]:
    """Each agent who took a step or wrote a note in a case of the actor's caisses, by name; a case counts once a week."""
    weeks = weeks_until(now)
    begins = datetime.combine(weeks[0], time(), tzinfo=PARIS)
    week = func.date_trunc("week", func.timezone("Europe/Paris", CaseEntry.at))
    rows = session.execute(
        select(CaseEntry.actor, week, func.count(CaseEntry.case_id.distinct()))
        .join(Case, Case.id == CaseEntry.case_id)
        .where(
            Case.caisse.in_(sorted(actor.caisses)), CaseEntry.at >= begins, CaseEntry.what.in_(["step", "note"]),
            CaseEntry.actor != system_actor().login,
        )
        .group_by(CaseEntry.actor, week)
    ).all()  # fmt: skip
    counts = {(login, monday.date()): number for login, monday, number in rows}
    logins = {login for login, _ in counts}
    names = names_of(session, logins)
    found = [
        Activity(names.get(login, login), tuple(counts.get((login, monday), 0) for monday in weeks)) for login in logins
    ]
    return sorted(found, key=lambda one: one.name)
