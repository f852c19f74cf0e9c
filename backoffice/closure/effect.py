"""Closures take effect on their day, once each, whatever dies: the case's lock, and an effect that may be repeated."""

from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.cases.actions import advance
from backoffice.cases.kinds.closure import CLOSURE
from backoffice.cases.models import Case
from backoffice.core.actor import Actor, system_actor
from backoffice.core.clock import paris_date
from backoffice.core.errors import NotFound, WrongState
from backoffice.office import Office

log = structlog.get_logger(__name__)
_COOLING: Final = (Case.kind == CLOSURE.name, Case.state == "cooling", Case.ended_at.is_(None))


def close_due(office: Office) -> int:
    """Close every DMP whose cooling-off time is over; return how many. Raises Unavailable when a database is away."""
    today = paris_date(office.clock()).isoformat()
    with office.db.unit_of_work() as session:
        numbers = session.scalars(
            select(Case.number).where(*_COOLING, Case.facts["effet_le"].astext <= today).order_by(Case.id)
        ).all()
    done = 0
    for number in numbers:
        try:
            with office.db.unit_of_work() as session:
                advance(session, office, system_actor(), number, "close")
        except WrongState:
            continue  # withdrawn, or closed by another worker, a moment ago
        except NotFound as refusal:
            log.warning("closure_impossible", case=number, reason=str(refusal))
            continue
        done += 1
    return done


def cooling(session: Session, actor: Actor) -> list[Case]:
    """Closures that wait for their day, the next one first, within the actor's caisses."""
    return list(
        session.scalars(
            select(Case)
            .where(*_COOLING, Case.caisse.in_(sorted(actor.caisses)))
            .order_by(Case.facts["effet_le"].astext, Case.id)
            .limit(200)
        )
    )
