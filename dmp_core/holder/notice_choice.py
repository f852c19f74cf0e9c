"""Which notices a holder wants. First accesses may be refused; creation, closure and emergencies are always told."""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, text


def wants_first_accesses(connection: Connection) -> bool:
    """Whether the holder of the bound dossier is told of the first access of each professional."""
    return not connection.scalar(_REFUSES)


def want_first_accesses(connection: Connection, now: datetime, dossier: UUID, *, wanted: bool) -> None:
    """From the next access on, tell of first accesses or no more."""
    connection.execute(_ACCEPT if wanted else _REFUSE, {"id": uuid4(), "dossier": dossier, "now": now})


_REFUSES: Final = text(
    "SELECT EXISTS (SELECT FROM medical.notice_refusal WHERE kind = 'first_access' AND until IS NULL)"
)
_REFUSE: Final = text(
    "INSERT INTO medical.notice_refusal (id, dossier_id, kind, since) VALUES (:id, :dossier, 'first_access', :now) "
    "ON CONFLICT DO NOTHING"
)
_ACCEPT: Final = text(
    "UPDATE medical.notice_refusal SET until = greatest(since, :now) WHERE dossier_id = :dossier AND until IS NULL"
)
