"""DMP past their ten years: proposed for destruction by one supervisor, destroyed on the word of another, with a proof."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import CHAR, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.adapters.dmp import Kept
from backoffice.audit.journal import record
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotAllowed, NotFound
from backoffice.office import Office

MOST: Final = 100
"""Proposed, and destroyed, at once."""


class Destruction(Base):
    """One DMP proposed for destruction, and what became of it. A person here is a number."""

    __tablename__ = "destruction"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    """The request towards the record: asked again, the same proof."""
    caisse: Mapped[str] = mapped_column(CHAR(3))
    person_id: Mapped[int]
    keep_until: Mapped[date]
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None]
    destroyed_at: Mapped[datetime | None]
    proof: Mapped[str | None]


def to_propose(session: Session, office: Office, actor: Actor) -> list[Kept]:
    """Closed DMP past their ten years that nobody has proposed yet, the oldest first."""
    known = {(one.caisse, one.person_id) for one in proposed(session, actor)}
    found = office.dmp.expired_dossiers(actor.caisses, MOST + len(known))
    return [one for one in found if (one.caisse, one.person_id) not in known][:MOST]


def proposed(session: Session, actor: Actor) -> Sequence[Destruction]:
    """What waits for a second person, within the actor's caisses."""
    return session.scalars(
        select(Destruction)
        .where(
            Destruction.caisse.in_(sorted(actor.caisses)), Destruction.destroyed_at.is_(None),
            Destruction.withdrawn_at.is_(None),
        )
        .order_by(Destruction.proposed_at, Destruction.id)
    ).all()  # fmt: skip


def destroyed(session: Session, actor: Actor) -> Sequence[Destruction]:
    """The latest proofs, within the actor's caisses."""
    return session.scalars(
        select(Destruction)
        .where(Destruction.caisse.in_(sorted(actor.caisses)), Destruction.destroyed_at.is_not(None))
        .order_by(Destruction.destroyed_at.desc(), Destruction.id)
        .limit(MOST)
    ).all()


def done_here(session: Session, actor: Actor, destruction_id: str) -> Destruction:
    """A destruction that is done, within the actor's caisses. Raises NotFound."""
    row = session.get(Destruction, _uuid(destruction_id))
    if row is None or row.caisse not in actor.caisses or row.destroyed_at is None:
        raise NotFound("Cette destruction est introuvable dans votre périmètre.")
    return row


def propose(session: Session, office: Office, actor: Actor, chosen: Iterable[str]) -> int:
    """Propose these DMP ("caisse-person"); return how many are new. Raises Invalid when none was chosen."""
    actor.require(Role.SUPERVISOR)
    open_to = {f"{one.caisse}-{one.person_id}": one for one in to_propose(session, office, actor)}
    wanted = [open_to[key] for key in dict.fromkeys(chosen) if key in open_to]
    if not wanted:
        raise Invalid("Cochez au moins un DMP de la liste.")
    now, added = office.clock(), 0
    for one in wanted:
        added += len(
            session.execute(
                insert(Destruction)
                .values(
                    id=uuid.uuid4(), caisse=one.caisse, person_id=one.person_id, keep_until=one.keep_until,
                    proposed_by=actor.login, proposed_at=now,
                )
                .on_conflict_do_nothing()
                .returning(Destruction.id)
            ).all()
        )  # fmt: skip
    record(
        session, actor, "dmp.proposer_destruction", f"{added} DMP", at=now,
        detail={"personnes": [one.person_id for one in wanted]},
    )  # fmt: skip
    return added


def destroy(office: Office, actor: Actor, ids: Iterable[str]) -> int:
    """Destroy these, each in a transaction of its own: what a crash interrupts is taken up by asking again.

    Return how many are destroyed now. Raises NotAllowed for one's own proposals, NotFound, Invalid, WrongState.
    """
    actor.require(Role.SUPERVISOR)
    wanted = [_uuid(text) for text in dict.fromkeys(ids)][:MOST]
    if not wanted:
        raise Invalid("Cochez au moins un DMP de la liste.")
    done = 0
    for one in wanted:
        with office.db.unit_of_work() as session:
            done += _destroy(session, office, actor, one)
    return done


def withdraw(session: Session, office: Office, actor: Actor, destruction_id: str) -> None:
    """Take a proposal back; withdrawn or destroyed already, nothing changes. Raises NotFound."""
    actor.require(Role.SUPERVISOR)
    row = _access(session, actor, _uuid(destruction_id))
    if row.destroyed_at is None and row.withdrawn_at is None:
        row.withdrawn_by, row.withdrawn_at = actor.login, office.clock()
        record(
            session, actor, "dmp.garder", f"personne {row.person_id}", at=office.clock(), caisse=row.caisse
        )  # fmt: skip


def _destroy(session: Session, office: Office, actor: Actor, destruction_id: uuid.UUID) -> bool:
    row = _access(session, actor, destruction_id)
    if row.destroyed_at is not None or row.withdrawn_at is not None:
        return False
    if row.proposed_by == actor.login:
        raise NotAllowed("Vous avez proposé cette destruction : un autre superviseur la confirme.")
    proof = office.dmp.destroy_dossier(row.id, row.caisse, row.person_id, row.proposed_by, actor.login)
    row.confirmed_by, row.destroyed_at, row.proof = actor.login, proof.at, proof.proof
    record(
        session, actor, "dmp.detruire", f"personne {row.person_id}", at=office.clock(), caisse=row.caisse,
        detail={"preuve": proof.proof, "proposé par": row.proposed_by},
    )  # fmt: skip
    return True


def _access(session: Session, actor: Actor, destruction_id: uuid.UUID) -> Destruction:
    row = session.scalar(select(Destruction).where(Destruction.id == destruction_id).with_for_update())
    if row is None or row.caisse not in actor.caisses:
        raise NotFound("Cette proposition est introuvable dans votre périmètre.")
    return row


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound("Cette proposition est introuvable dans votre périmètre.") from None
