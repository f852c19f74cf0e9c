"""The emergency account: one local administrator for the day on which no directory answers. Off by default.

An operator opens it from the command line, as the owner of the database, for some hours and with a reason; the web may
read it and can neither open nor lengthen it. Opening, closing and every use are lines of the journal.
"""

import secrets
from datetime import datetime, timedelta
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Identity, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.audit.journal import record
from backoffice.core.actor import EMERGENCY_LOGIN, Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import Invalid

LONGEST_HOURS: Final = 24
_LONGEST_PASSWORD: Final = 200
_hasher: Final = PasswordHasher()


class EmergencyAccess(Base):
    """One opening of the account."""

    __tablename__ = "emergency_access"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    password_hash: Mapped[str]
    reason: Mapped[str]
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


def open_access(session: Session, actor: Actor, hours: int, reason: str, at: datetime) -> tuple[EmergencyAccess, str]:
    """Open the account for some hours, in a session of the database's owner; return it with its password, told once.

    Whatever was open before is closed. Raises Invalid for too long a time or no reason.
    """
    reason = " ".join(reason.split())
    if not 1 <= hours <= LONGEST_HOURS:
        raise Invalid(f"Le compte de secours s’ouvre pour 1 à {LONGEST_HOURS} heures.")
    if not reason:
        raise Invalid("Dites pourquoi le compte de secours est ouvert : le motif reste au journal.")
    _end(session, at)
    password = secrets.token_urlsafe(18)
    access = EmergencyAccess(
        password_hash=_hasher.hash(password), reason=reason[:300], opened_at=at, opened_by=actor.login,
        expires_at=at + timedelta(hours=hours), closed_at=None,
    )  # fmt: skip
    session.add(access)
    session.flush()
    record(session, actor, "secours.ouvrir", "compte de secours", at=at, reason=access.reason, detail={"heures": hours})
    return access, password


def close_access(session: Session, actor: Actor, at: datetime) -> bool:
    """Close the account now, in a session of the database's owner; False when it was not open."""
    if not _end(session, at):
        return False
    record(session, actor, "secours.fermer", "compte de secours", at=at)
    return True


def access_now(session: Session, at: datetime) -> EmergencyAccess | None:
    """The opening in force, if any."""
    query = select(EmergencyAccess).where(EmergencyAccess.closed_at.is_(None), EmergencyAccess.expires_at > at)
    return session.scalars(query.order_by(EmergencyAccess.id.desc()).limit(1)).one_or_none()


def is_its_password(access: EmergencyAccess, password: str) -> bool:
    """Whether this is the password told when the account was opened."""
    try:
        return len(password) <= _LONGEST_PASSWORD and _hasher.verify(access.password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def emergency_actor() -> Actor:
    """Who signs in with it: an administrator of the nine caisses, and nothing else."""
    return Actor(EMERGENCY_LOGIN, "Compte de secours", frozenset({Role.ADMINISTRATOR}), frozenset(CAISSE_CODES))


def _end(session: Session, at: datetime) -> bool:
    open_now = select(EmergencyAccess.id).where(EmergencyAccess.closed_at.is_(None), EmergencyAccess.expires_at > at)
    found = list(session.scalars(open_now.with_for_update()))
    session.execute(update(EmergencyAccess).where(EmergencyAccess.id.in_(found)).values(closed_at=at))
    return bool(found)
