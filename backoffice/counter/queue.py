"""The queue of a reception: numbers drawn, called and left, one series a caisse and a day. It names nobody."""

from datetime import timedelta
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.core.actor import Actor
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid
from backoffice.counter.models import ROLES, Ticket
from backoffice.office import Office

SHOWN: Final = 8
"""Numbers called that the screen of the waiting room shows."""
SHOWN_FOR: Final = timedelta(minutes=20)
DESK_LENGTH: Final = 20
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('counter.ticket.' || :caisse))"


def draw(session: Session, office: Office, actor: Actor, caisse: str) -> Ticket:
    """The next number of the day; nobody else gets it."""
    actor.require(*ROLES)
    actor.require_caisse(caisse)
    now = office.clock()
    day = paris_date(now)
    session.execute(text(_LOCK), {"caisse": caisse})
    last = session.scalar(select(func.max(Ticket.number)).where(Ticket.caisse == caisse, Ticket.day == day)) or 0
    ticket = Ticket(caisse=caisse, day=day, number=last + 1, drawn_at=now)
    session.add(ticket)
    session.flush()
    return ticket


def call_next(session: Session, office: Office, actor: Actor, caisse: str, desk: str) -> Ticket | None:
    """The first number that waits, called to a desk by one agent alone; None when nobody waits. Raises Invalid."""
    actor.require(*ROLES)
    actor.require_caisse(caisse)
    desk = " ".join(desk.split())
    if not desk or len(desk) > DESK_LENGTH:
        raise Invalid(f"Indiquez votre guichet, en {DESK_LENGTH} caractères au plus : il s’affiche avec le numéro.")
    now = office.clock()
    ticket = session.scalars(
        select(Ticket)
        .where(Ticket.caisse == caisse, Ticket.day == paris_date(now), Ticket.called_at.is_(None))
        .order_by(Ticket.number)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if ticket is not None:
        ticket.called_at, ticket.called_by, ticket.desk = now, actor.login, desk
        session.flush()
        record(session, actor, "ticket.appeler", f"ticket {ticket.label}", at=now, caisse=caisse)
    return ticket


def waiting(session: Session, office: Office, caisse: str) -> list[Ticket]:
    """The numbers that wait today, the first one first."""
    query = select(Ticket).where(
        Ticket.caisse == caisse, Ticket.day == paris_date(office.clock()), Ticket.called_at.is_(None)
    )
    return list(session.scalars(query.order_by(Ticket.number)))


def called(session: Session, office: Office, caisse: str) -> list[Ticket]:
    """The numbers called lately, the last one first: for the screen of the waiting room."""
    now = office.clock()
    query = select(Ticket).where(
        Ticket.caisse == caisse,
        Ticket.day == paris_date(now),
        Ticket.called_at > now - SHOWN_FOR,
        Ticket.left_at.is_(None),
    )
    return list(session.scalars(query.order_by(Ticket.called_at.desc(), Ticket.id.desc()).limit(SHOWN)))


def in_hand(session: Session, office: Office, actor: Actor, caisse: str) -> Ticket | None:
    """The number that this agent called last and that nobody has seen off."""
    query = select(Ticket).where(
        Ticket.caisse == caisse, Ticket.day == paris_date(office.clock()), Ticket.called_by == actor.login,
        Ticket.left_at.is_(None),
    )  # fmt: skip
    return session.scalars(query.order_by(Ticket.called_at.desc()).limit(1)).one_or_none()


def see_off(session: Session, office: Office, actor: Actor, caisse: str) -> None:
    """The person called in hand did not come, or is served."""
    ticket = in_hand(session, office, actor, caisse)
    if ticket is not None:
        ticket.left_at = office.clock()
