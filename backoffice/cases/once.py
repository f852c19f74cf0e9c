"""Opening a case of which a person has one at a time: asked for twice, by whomever, it is the same case."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from backoffice.cases.actions import open_case
from backoffice.cases.models import Case
from backoffice.cases.queueing import Priority, Way
from backoffice.cases.workflow import Workflow
from backoffice.core.actor import Actor
from backoffice.office import Office

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


def be_alone(session: Session, workflow: Workflow, caisse: str, person_id: int) -> Case | None:
    """Be alone to open this kind of case for this person until the transaction ends; the one that is open already."""
    session.execute(_LOCK, {"key": f"case/{workflow.name}/{caisse}/{person_id}"})
    return session.scalar(
        select(Case).where(
            Case.kind == workflow.name, Case.caisse == caisse, Case.person_id == person_id, Case.ended_at.is_(None)
        )
    )


def open_one(
    session: Session, office: Office, actor: Actor, workflow: Workflow, caisse: str, person_id: int, *,
    facts: Mapping[str, Any] | None = None, way: Way | None = None, priority: Priority = Priority.NORMAL,
    origin: UUID | None = None,
) -> tuple[Case, bool]:  # fmt: skip
    """(the person's open case of this kind, whether it is new)."""
    known = be_alone(session, workflow, caisse, person_id)
    if known is not None:
        return known, False
    made = open_case(
        session, office, actor, workflow, caisse, person_id, origin, facts=facts, way=way, priority=priority
    )  # fmt: skip
    return made, True
