""" "Mes connexions": when the holder signed in, from which device, and how each connection ended. Kept one year."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from dmp_core.clock import Clock
from dmp_core.holder.limits import Limits
from dmp_core.holder.sessions import Ending, Session
from dmp_core.holder.store import HolderStore


@dataclass(frozen=True, slots=True)
class SignIn:
    """One connection of the holder."""

    began_at: datetime
    device: str
    """E.g. "Firefox sur Windows"."""
    address: str
    """Shortened: see `Client.shortened_address`."""
    ended_at: datetime | None
    """None while it goes on."""
    ending: Ending | None
    current: bool
    """Whether it is the one that asks."""


class Connections:
    """The connections of the holders."""

    def __init__(self, store: HolderStore, clock: Clock, limits: Limits | None = None) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits or Limits()

    def record(self, connection: Connection, session: Session, device: UUID) -> None:
        """Write down that this session has just been opened, in the transaction that opens it."""
        now = self._clock()
        row = {"id": uuid4(), "session": session.id, "device": device, "now": now}
        connection.execute(_RECORD, row)
        connection.execute(_FORGET, {"dossier": session.dossier_id, "old": now - self._limits.connections_kept})

    def of(self, session: Session) -> list[SignIn]:
        """The connections of this session's holder, the latest first.

        One that nobody ended is told as ended by time as soon as it is, whether or not it has been tidied up.
        """
        now, limits = self._clock(), self._limits
        with self._store.transaction(session.dossier_id) as connection:
            rows = connection.execute(_LIST, {"dossier": session.dossier_id}).all()
        found = []
        for row in rows:
            ended_at, ending = row.ended_at, Ending(row.ending) if row.ending else None
            if ended_at is None:
                seen_at = row.seen_at or row.began_at
                over = min(seen_at + limits.session_idle, row.began_at + limits.session_whole)
                if row.seen_at is None or over <= now:
                    ended_at, ending = min(over, now), Ending.EXPIRED
            found.append(
                SignIn(row.began_at, row.device_label, row.address, ended_at, ending, row.session_id == session.id)
            )  # fmt: skip
        return found


_RECORD = text("""
INSERT INTO enrolment.connection (id, dossier_id, session_id, device_id, device_label, address, began_at)
SELECT :id, s.dossier_id, s.id, :device, s.device_label, s.address, :now FROM enrolment.session s WHERE s.id = :session
""")

_LIST = text("""
SELECT c.session_id, c.device_label, c.address, c.began_at, c.ended_at, c.ending, s.seen_at
FROM enrolment.connection c LEFT JOIN enrolment.session s ON s.id = c.session_id
WHERE c.dossier_id = :dossier ORDER BY c.began_at DESC, c.id
""")

_FORGET = text("DELETE FROM enrolment.connection WHERE dossier_id = :dossier AND began_at <= :old")
