"""Absences: a colleague's cases go to whoever stands in for them, or back to the queue, on the first day away."""

from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.cases.actions import assign
from backoffice.cases.colleagues import Absence, Colleague
from backoffice.cases.models import Case
from backoffice.core.actor import Actor, Role, system_actor
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, NotFound
from backoffice.office import Office

LONGEST: Final = 400
"""Days."""


def note_absence(
    session: Session, office: Office, actor: Actor, login: str, first_day: date, last_day: date, deputy: str | None
) -> Absence:
    """Write down that a colleague is away, and who stands in for them: without anybody, their cases go to the queue.

    Raises NotFound for a colleague of no caisse of the actor's, Invalid for days or a deputy that cannot be.
    """
    actor.require(Role.SUPERVISOR)
    _colleague(session, actor, login)
    today = paris_date(office.clock())
    if last_day < first_day:
        raise Invalid("Le dernier jour d’absence vient avant le premier.")
    if last_day < today or (last_day - first_day).days > LONGEST:
        raise Invalid(f"L’absence est passée, ou dépasse {LONGEST} jours : vérifiez les dates.")
    if deputy is not None:
        if deputy == login:
            raise Invalid("Une personne absente ne se remplace pas elle-même.")
        _colleague(session, actor, deputy)
        if _overlapping(session, deputy, first_day, last_day):
            raise Invalid("La personne qui remplace est elle-même absente ces jours-là.")
    if _overlapping(session, login, first_day, last_day):
        raise Invalid("Une absence est déjà notée sur ces jours : terminez-la d’abord.")
    noted = Absence(
        login=login,
        first_day=first_day,
        last_day=last_day,
        deputy=deputy,
        noted_by=actor.login,
        noted_at=office.clock(),
    )
    session.add(noted)
    session.flush()
    record(
        session, actor, "absence.noter", f"compte {login}", at=office.clock(),
        detail={"du": str(first_day), "au": str(last_day), "remplace": deputy or "la file"},
    )  # fmt: skip
    return noted


def end_absence(session: Session, office: Office, actor: Actor, absence_id: int) -> Absence:
    """The colleague is back, or was never away. What was handed over stays where it is. Raises NotFound."""
    actor.require(Role.SUPERVISOR)
    found = session.get(Absence, absence_id, with_for_update=True)
    whose = session.get(Colleague, found.login) if found else None
    if found is None or found.ended_at is not None or whose is None or actor.caisses.isdisjoint(whose.caisses):
        raise NotFound("Cette absence n’existe pas, ou est déjà terminée.")
    found.ended_by, found.ended_at = actor.login, office.clock()
    record(session, actor, "absence.terminer", f"compte {found.login}", at=office.clock())
    return found


def absences(session: Session, actor: Actor, today: date) -> list[tuple[Absence, Colleague]]:
    """Absences under way or to come of the colleagues of the actor's caisses, the next first."""
    rows = session.execute(
        select(Absence, Colleague)
        .join(Colleague, Colleague.login == Absence.login)
        .where(
            Absence.ended_at.is_(None), Absence.last_day >= today, Colleague.caisses.overlap(sorted(actor.caisses))
        )
        .order_by(Absence.first_day, Absence.id)
    )  # fmt: skip
    return [(row.Absence, row.Colleague) for row in rows]


def staff(session: Session, actor: Actor) -> list[Colleague]:
    """Who handles cases in the actor's caisses, by name."""
    handlers = [Role.AGENT.value, Role.ADVISOR.value, Role.SUPERVISOR.value]
    return list(
        session.scalars(
            select(Colleague)
            .where(Colleague.caisses.overlap(sorted(actor.caisses)), Colleague.roles.overlap(handlers))
            .order_by(Colleague.name)
        )
    )


def hand_over_absent(office: Office) -> int:
    """Give away the open cases of whoever is away today; return how many. What they are given later goes on too."""
    actor, moved = system_actor(), 0
    today = paris_date(office.clock())
    with office.db.unit_of_work() as session:
        rows = session.execute(
            select(Case.number, Absence.deputy)
            .join(Absence, Absence.login == Case.owner)
            .where(
                Case.ended_at.is_(None), Absence.first_day <= today, Absence.last_day >= today,
                Absence.ended_at.is_(None),
            )
            .order_by(Case.id)
            .limit(200)
        ).all()  # fmt: skip
    for number, deputy in rows:
        with office.db.unit_of_work() as session:
            try:
                assign(session, office, actor, number, deputy)
            except Invalid:
                # The deputy has left, or has lost the right to such cases: the queue is never absent.
                assign(session, office, actor, number, None)
        moved += 1
    return moved


def _colleague(session: Session, actor: Actor, login: str) -> Colleague:
    found = session.get(Colleague, login)
    if found is None or actor.caisses.isdisjoint(found.caisses):
        raise NotFound("Ce collègue est inconnu dans votre périmètre.")
    return found


def _overlapping(session: Session, login: str, first_day: date, last_day: date) -> bool:
    mine = select(Absence.id).where(
        Absence.login == login, Absence.ended_at.is_(None), Absence.first_day <= last_day,
        Absence.last_day >= first_day,
    )  # fmt: skip
    return session.scalar(mine.limit(1)) is not None
