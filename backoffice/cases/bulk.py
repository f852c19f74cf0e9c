"""The same thing done to many cases, each by itself: one that refuses says why and keeps no other back.

Each item's action and its line of the result are one transaction: killed anywhere, the run goes on where it was.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Identity, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base, ring_after_commit
from backoffice.audit.journal import record
from backoffice.cases import actions
from backoffice.cases.queueing import Priority, Team
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import DomainError, Invalid, NotFound
from backoffice.office import Office

MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Gesture:
    """Something that can be done to many cases at once."""

    label: str
    act: Callable[[Session, Office, Actor, str, str, int], object]
    """(session, office, actor, number, argument, version seen)."""
    roles: frozenset[Role] = frozenset({Role.AGENT, Role.ADVISOR, Role.SUPERVISOR})


def _priority(session: Session, office: Office, actor: Actor, number: str, argument: str, seen: int) -> object:
    return actions.set_priority(session, office, actor, number, Priority(int(argument)), seen=seen)


def _team(session: Session, office: Office, actor: Actor, number: str, argument: str, seen: int) -> object:
    return actions.hand_to(session, office, actor, number, Team(argument), seen=seen)


def _take(session: Session, office: Office, actor: Actor, number: str, _: str, seen: int) -> object:
    return actions.take_charge(session, office, actor, number, seen=seen)


def _release(session: Session, office: Office, actor: Actor, number: str, _: str, seen: int) -> object:
    return actions.take_charge(session, office, actor, number, release=True, seen=seen)


def _assign(session: Session, office: Office, actor: Actor, number: str, argument: str, seen: int) -> object:
    return actions.assign(session, office, actor, number, argument or None, seen=seen)


GESTURES: Final[Mapping[str, Gesture]] = {
    "prendre": Gesture("Prendre en charge", _take),
    "rendre": Gesture("Rendre à l’équipe", _release),
    "priorite": Gesture("Changer la priorité", _priority),
    "confier": Gesture("Confier à une file", _team),
    "affecter": Gesture("Affecter à un collègue", _assign, frozenset({Role.SUPERVISOR})),
}


class BulkRun(Base):
    """One gesture over chosen cases, and what became of each so far."""

    __tablename__ = "case_bulk"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    request: Mapped[uuid.UUID] = mapped_column(unique=True)
    """One filling-in of the form: sent twice, it runs once."""
    login: Mapped[str]
    asker: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Name, roles and caisses of who asked, as they were then."""
    gesture: Mapped[str]
    argument: Mapped[str]
    items: Mapped[list[list[Any]]] = mapped_column(JSONB)
    """[case number, version seen]."""
    results: Mapped[list[list[Any]]] = mapped_column(JSONB, default=list)
    """[done, sentence] of each item, in order, as far as it has come."""
    asked_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    @property
    def done(self) -> int:
        """Items that went well."""
        return sum(1 for well, _ in self.results if well)

    def actor(self) -> Actor:
        """Who asked."""
        return Actor(
            self.login, self.asker["name"], frozenset(map(Role, self.asker["roles"])), frozenset(self.asker["caisses"])
        )


def ask(
    session: Session, office: Office, actor: Actor, gesture: str, argument: str, items: Sequence[tuple[str, int]],
    request: uuid.UUID,
) -> BulkRun:  # fmt: skip
    """Write the run down and ring for a worker. Raises Invalid, and NotAllowed for a gesture of another role."""
    if (known := session.scalars(select(BulkRun).where(BulkRun.request == request)).one_or_none()) is not None:
        return known
    found = GESTURES.get(gesture)
    if found is None:
        raise Invalid("Choisissez ce qu’il faut faire de ces demandes.")
    actor.require(*found.roles)
    _require_argument(gesture, argument)
    chosen = list(dict.fromkeys(items))
    if not chosen:
        raise Invalid("Cochez au moins une demande.")
    if len(chosen) > MOST:
        raise Invalid(f"{MOST} demandes au plus à la fois : vous en avez coché {len(chosen)}.")
    run = BulkRun(
        request=request, login=actor.login, gesture=gesture, argument=argument, items=[list(item) for item in chosen],
        asker={"name": actor.name, "roles": sorted(actor.roles), "caisses": sorted(actor.caisses)}, results=[],
        asked_at=office.clock(),
    )  # fmt: skip
    session.add(run)
    session.flush()
    record(
        session, actor, "demande.lot", f"lot de demandes {run.id}", at=office.clock(),
        detail={"geste": gesture, "demandes": len(chosen)},
    )  # fmt: skip
    ring_after_commit(session, "bulk", run.id)
    return run


def carry_out(office: Office, run_id: int) -> None:
    """Do what is left of a run, item by item. Two workers on one run do each item once."""
    while _one_item(office, run_id):
        pass


def access_run(session: Session, actor: Actor, run_id: int) -> BulkRun:
    """A run of one's own, or not found."""
    found = session.get(BulkRun, run_id)
    if found is None or found.login != actor.login:
        raise NotFound("Ce traitement n’existe pas, ou n’est pas le vôtre.")
    return found


def unfinished(session: Session) -> list[int]:
    """Runs that still have items to do, for the sweep."""
    return list(session.scalars(select(BulkRun.id).where(BulkRun.finished_at.is_(None)).order_by(BulkRun.id)))


def _one_item(office: Office, run_id: int) -> bool:
    with office.db.unit_of_work() as session:
        run = session.get(BulkRun, run_id, with_for_update=True)
        if run is None or run.finished_at is not None:
            return False
        if len(run.results) == len(run.items):
            run.finished_at = office.clock()
            return False
        number, seen = run.items[len(run.results)]
        try:
            with session.begin_nested():
                GESTURES[run.gesture].act(session, office, run.actor(), number, run.argument, seen)
            outcome = [True, "fait"]
        except DomainError as refusal:
            outcome = [False, str(refusal)]
        run.results = [*run.results, outcome]
        return True


def _require_argument(gesture: str, argument: str) -> None:
    if gesture == "priorite" and argument not in {str(int(one)) for one in Priority}:
        raise Invalid("Choisissez une priorité.")
    if gesture == "confier" and argument not in set(Team):
        raise Invalid("Choisissez une file.")
