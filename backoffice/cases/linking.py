"""Cases that belong together: linked, or, for two of one kind about one person, merged into one."""

from datetime import datetime
from typing import Final

from sqlalchemy import ForeignKey, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.audit.journal import record
from backoffice.cases.actions import add_line
from backoffice.cases.models import Case, access_case, may_read, require_unchanged
from backoffice.cases.workflow import Workflow
from backoffice.core.actor import Actor
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.office import Office
from backoffice.parameters.hours import hours_of

MOST_SHOWN: Final = 20


class CaseLink(Base):
    """Two cases that somebody found to belong together; the older one first."""

    __tablename__ = "case_link"

    first: Mapped[int] = mapped_column(ForeignKey("case_file.id"), primary_key=True)
    second: Mapped[int] = mapped_column(ForeignKey("case_file.id"), primary_key=True)
    linked_by: Mapped[str]
    linked_at: Mapped[datetime]


def link(session: Session, office: Office, actor: Actor, number: str, other_number: str) -> None:
    """Link two cases; linked already, nothing changes. Raises NotFound, and Invalid for a case and itself."""
    first, second = _both(session, actor, number, other_number)
    if session.get(CaseLink, (first.id, second.id)) is not None:
        return
    session.add(CaseLink(first=first.id, second=second.id, linked_by=actor.login, linked_at=office.clock()))
    _tell_both(session, office, actor, first, second, "link", "demande.lier")


def unlink(session: Session, office: Office, actor: Actor, number: str, other_number: str) -> None:
    """Undo a link made by mistake. Raises NotFound when there is none."""
    first, second = _both(session, actor, number, other_number)
    found = session.get(CaseLink, (first.id, second.id))
    if found is None:
        raise NotFound("Ces deux demandes ne sont pas liées.")
    session.delete(found)
    _tell_both(session, office, actor, first, second, "unlink", "demande.delier")


def linked_to(session: Session, actor: Actor, case: Case) -> list[Case]:
    """The cases linked with this one, and those merged with it, that the actor may read."""
    pairs = select(CaseLink.first, CaseLink.second).where(or_(CaseLink.first == case.id, CaseLink.second == case.id))
    ids = {number for pair in session.execute(pairs) for number in pair} - {case.id}
    found = session.scalars(
        select(Case)
        .where(or_(Case.id.in_(ids), Case.merged_into == case.number, Case.number == (case.merged_into or "")))
        .order_by(Case.id)
    )
    return [one for one in found if one.caisse in actor.caisses and may_read(actor, one.workflow)]


def same_open(
    session: Session, actor: Actor, workflow: Workflow, caisse: str, person_id: int | None, *, but: int = 0
) -> list[Case]:
    """The open cases of this kind about this person: to be proposed before another one is opened."""
    if person_id is None or caisse not in actor.caisses or not may_read(actor, workflow):
        return []
    return list(
        session.scalars(
            select(Case)
            .where(
                Case.caisse == caisse, Case.person_id == person_id, Case.kind == workflow.name, Case.ended_at.is_(None),
                Case.id != but,
            )
            .order_by(Case.id)
        )
    )  # fmt: skip


def open_about(session: Session, actor: Actor, caisse: str, person_id: int) -> list[Case]:
    """Every open case about this person that the actor may read, the oldest first."""
    if caisse not in actor.caisses:
        return []
    found = session.scalars(
        select(Case)
        .where(Case.caisse == caisse, Case.person_id == person_id, Case.ended_at.is_(None))
        .order_by(Case.id)
        .limit(MOST_SHOWN)
    )
    return [one for one in found if may_read(actor, one.workflow)]


def merge(
    session: Session, office: Office, actor: Actor, number: str, into: str, *, seen: int | None = None
) -> Case:  # fmt: skip
    """End the case `number` in the case `into`, which goes on with the earlier of their two due times.

    Both keep their journal, and each says what became of the other. Raises WrongState when they are not two open cases
    of one kind about one person that stand at the same point.
    """
    first, second = _both(session, actor, number, into)
    gone, kept = (first, second) if first.number == number else (second, first)
    require_unchanged(session, gone, seen)
    _require_mergeable(gone, kept)
    now = office.clock()
    if gone.due_at is not None and kept.due_at is not None and gone.due_at < kept.due_at:
        kept.allowed, kept.priority = gone.allowed, gone.priority
        kept.set_clock(gone.deadline, hours_of(session, kept.caisse))
    kept.facts = gone.facts | kept.facts
    gone.set_clock(gone.deadline.pause(now, hours_of(session, gone.caisse)), hours_of(session, gone.caisse))
    gone.merged_into, gone.ended_at, gone.owner = kept.number, now, None
    add_line(session, gone, office, actor, "merged", target=kept.number)
    add_line(session, kept, office, actor, "absorbed", source=gone.number)
    record(
        session, actor, "demande.reunir", gone.number, at=now, caisse=gone.caisse, detail={"dans": kept.number}
    )  # fmt: skip
    return kept


def _require_mergeable(gone: Case, kept: Case) -> None:
    if (
        gone.kind != kept.kind
        or gone.caisse != kept.caisse
        or gone.person_id is None
        or gone.person_id != kept.person_id
    ):
        raise WrongState("Seules deux demandes du même type, pour la même personne, se réunissent : liez-les plutôt.")
    for case in (gone, kept):
        if case.ended_at is not None:
            raise WrongState(f"La demande {case.number} est terminée : elle ne se réunit plus.")
    if gone.state != kept.state:
        raise WrongState(
            f"La demande {gone.number} est « {gone.status.label} » et la demande {kept.number} « {kept.status.label} » : "
            "amenez-les au même point avant de les réunir."
        )


def _both(session: Session, actor: Actor, number: str, other_number: str) -> tuple[Case, Case]:
    """Both cases, locked in one order whoever asks; the older one first."""
    if number == other_number:
        raise Invalid("Ce sont deux fois la même demande : indiquez le numéro de l’autre.")
    found = [access_case(session, actor, one, lock=True) for one in sorted((number, other_number))]
    return (found[0], found[1]) if found[0].id < found[1].id else (found[1], found[0])


def _tell_both(
    session: Session, office: Office, actor: Actor, first: Case, second: Case, what: str, action: str
) -> None:  # fmt: skip
    add_line(session, first, office, actor, what, target=second.number)
    add_line(session, second, office, actor, what, target=first.number)
    record(
        session, actor, action, first.number, at=office.clock(), caisse=first.caisse, detail={"autre": second.number}
    )
