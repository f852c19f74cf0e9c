"""The environment fence: a restored or copied database never sends by itself (docs/decisions/0005).

An identity held in the database must agree with one held outside it, bound to this place (machine and data folder),
before any lot, e-mail or SMS leaves. Only the owner role writes the database's side, on an operator's word.
"""

import hashlib
import os
import uuid
from datetime import datetime
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from backoffice.core.errors import Invalid, WrongState

REFUSAL = (
    "Envoi bloqué : cette base a été copiée ou restaurée, ou le dossier de données a été déplacé. "
    "Si cet environnement doit vraiment envoyer des courriers, lancez « caisse environment adopt »."
)


def identity(configured: str, data: Path) -> uuid.UUID:
    """The identity held outside the database.

    `configured` (CAISSE_ENVIRONMENT_ID) when an operator gives one; else derived from the machine and the data folder,
    so that a copied folder does not carry it along. Raises Invalid when `configured` is no identifier.
    """
    if configured:
        try:
            return uuid.UUID(configured)
        except ValueError:
            raise Invalid(
                "CAISSE_ENVIRONMENT_ID n’est pas un identifiant : donnez un UUID, par exemple celui de « uuidgen »."
            ) from None
    place = f"{_machine()}\0{os.path.realpath(data)}\0{_marker(data)}"
    return uuid.UUID(bytes=hashlib.sha256(place.encode()).digest()[:16])


def recorded(session: Session) -> uuid.UUID | None:
    """The identity held in the database, if any."""
    found: uuid.UUID | None = session.scalar(text("SELECT id FROM environment"))
    return found


def require_agreement(session: Session, outside: uuid.UUID) -> None:
    """Raise WrongState unless the two identities agree. Call it before anything leaves."""
    if recorded(session) != outside:
        raise WrongState(REFUSAL)


def adopt(owner_url: str, outside: uuid.UUID, at: datetime, *, only_if_none: bool = False) -> bool:
    """Write `outside` into the database as its owner; return whether the database's side changed."""
    engine = create_engine(owner_url, poolclass=NullPool)
    clause = (
        "NOTHING"
        if only_if_none
        else "UPDATE SET id = excluded.id, recorded_at = excluded.recorded_at WHERE environment.id <> excluded.id"
    )
    with engine.begin() as connection:
        done = connection.execute(
            text(f"INSERT INTO environment (id, recorded_at) VALUES (:id, :at) ON CONFLICT (single) DO {clause}"),  # noqa: S608
            {"id": outside, "at": at},
        )
    engine.dispose()
    return done.rowcount > 0


def _machine() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            return Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue
    return os.uname().nodename


def _marker(data: Path) -> str:
    """The data folder's inode: a copy put at the same path after the original has another."""
    try:
        return str(data.stat().st_ino)
    except OSError:
        return ""
