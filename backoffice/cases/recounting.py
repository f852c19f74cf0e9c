"""When a caisse's hours change, the due times that were counted in the old ones are counted again."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.cases.models import Case
from backoffice.parameters.hours import hours_of


def recount(session: Session, caisses: Collection[str]) -> int:
    """Set the due times of the running cases of these caisses by their hours of now; return the number that moved."""
    moved = 0
    for caisse in sorted(caisses):
        hours = hours_of(session, caisse)
        running = (
            select(Case)
            .where(Case.caisse == caisse, Case.ended_at.is_(None), Case.running_since.is_not(None))
            .order_by(Case.id)
            .with_for_update()
        )
        for case in session.scalars(running):
            before = case.due_at
            case.set_clock(case.deadline, hours)
            moved += case.due_at != before
    session.flush()
    return moved
