"""The database `dmp` as the role `titulaire` reaches it: before a holder is known, or bound to one holder's dossier."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, text

from dmp_core.clock import Clock
from dmp_core.storage.engine import answering, engine_for, rows_at_once

_AWAY: Final = "Le service est momentanément indisponible : réessayez dans quelques minutes."


class HolderStore:
    """Transactions of the portal. PostgreSQL itself shows each one the rows of its dossier alone (migration 0003)."""

    def __init__(self, url: str, *, application: str = "mon-dmp", pool_size: int = 8) -> None:
        self._engine = engine_for(url, application=application, pool_size=pool_size, one_plan=True)
        self._at_once = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(self, dossier: UUID | None = None) -> Iterator[Connection]:
        """One transaction, bound to `dossier`; without one, no row of any dossier can be seen.

        Raises Unavailable, in one sentence, when the database does not answer.
        """
        with answering(_AWAY), self._engine.begin() as connection:
            if dossier is not None:
                bind(connection, dossier)
            yield connection

    def ask(self, question: bytes, values: Mapping[str, Any]) -> Any:
        """The one row that answers, or None: a transaction of this statement alone, in one round trip. Raises Unavailable."""
        with answering(_AWAY), self._at_once.connect() as connection:
            return next(iter(rows_at_once(connection, question, values)), None)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def acting(self, representative: UUID, clock: Clock) -> "ActingStore":
        """The same connections, bound to a dossier in the name of who represents its holder."""
        return ActingStore(self, representative, clock)


class ActingStore(HolderStore):
    """Transactions of a representative: of a dossier that is not in their mandate, nothing can be seen (migration 0023)."""

    def __init__(self, store: HolderStore, representative: UUID, clock: Clock) -> None:
        self._store = store
        self._representative = representative
        self._clock = clock

    @contextmanager
    def transaction(self, dossier: UUID | None = None) -> Iterator[Connection]:
        """One transaction, bound to `dossier` as its representative; the rules of now decide what is there."""
        with self._store.transaction(dossier) as connection:
            bound = {"who": str(self._representative), "moment": self._clock().isoformat()}
            connection.execute(_ACT, bound)
            yield connection

    def close(self) -> None:
        """Nothing of its own to give back."""


_ACT = text("SELECT set_config('dmp.representative', :who, true), set_config('dmp.moment', :moment, true)")


def bind(connection: Connection, dossier: UUID) -> None:
    """From here to the end of the transaction, `connection` reaches the rows of this dossier, and of no other."""
    connection.execute(_BIND, {"dossier": str(dossier)})


_BIND: Final = text("SELECT set_config('dmp.dossier', :dossier, true)")
