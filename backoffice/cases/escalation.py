"""Escalation: a case whose time runs out is put before its supervisors, once a count and in opening hours alone."""

from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.cases.models import Case, CaseEntry
from backoffice.core.actor import system_actor
from backoffice.office import Office
from backoffice.parameters.hours import hours_of

BATCH: Final = 200
_log = structlog.get_logger(__name__)


def escalate(office: Office) -> int:
    """Tell the supervisors of every case whose time has come; return how many were told.

    Nobody is told at night or on a closed day: a clock that counts opening minutes reaches its moment within them, and a
    sweep that comes late waits for the next opening.
    """
    now, told = office.clock(), 0
    with office.db.unit_of_work() as session:
        for caisse in session.scalars(_due(select(Case.caisse).distinct(), now)).all():
            if hours_of(session, caisse).is_open(now):
                told += _tell(session, caisse, now)
    if told:
        _log.info("cases_escalated", number=told)
    return told


def _tell(session: Session, caisse: str, now: datetime) -> int:
    actor = system_actor()
    query = _due(select(Case), now).where(Case.caisse == caisse).order_by(Case.escalates_at).limit(BATCH)
    found = session.scalars(query.with_for_update(skip_locked=True)).all()
    for case in found:
        case.escalated_at = now
        # No new version: what an agent is about to decide has not changed.
        session.add(CaseEntry(case_id=case.id, at=now, actor=actor.login, what="escalated"))
        session.flush()
        record(session, actor, "demande.alerter", case.number, at=now, caisse=caisse)
    return len(found)


def _due(query: Select[Any], now: datetime) -> Select[Any]:
    return query.where(Case.escalates_at <= now, Case.ended_at.is_(None), Case.escalated_at.is_(None))
