"""The database `dmp` as the role `ps` reaches it: bound to one professional, one dossier and one moment at a time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, text

from dmp_core.professionals.identifiers import NationalId
from dmp_core.storage.engine import answering, engine_for, rows_at_once

_AWAY: Final = "Le service est momentanément indisponible : réessayez dans quelques minutes."


class ProfessionalStore:
    """Transactions of the access of professionals; PostgreSQL itself shows each what the gate would (migration 0010)."""

    def __init__(self, url: str, *, application: str = "ps", pool_size: int = 8) -> None:
        self._engine = engine_for(url, application=application, pool_size=pool_size, one_plan=True)
        self._at_once = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(
        self,
        professional: NationalId,
        now: datetime,
        dossier: UUID | None = None,
        *,
        feeding: bool = False,
        opening: bool = False,
    ) -> Iterator[Connection]:
        """One transaction in the name of `professional`; without a dossier, no row of any can be seen. `feeding` adds
        documents in that name, and sees those alone (migration 0013); `opening` makes a dossier, or reopens one (migration 0026).

        Raises Unavailable, in one sentence, when the database does not answer.
        """
        bound = {
            "professional": str(professional),
            "now": now.isoformat(),
            "dossier": str(dossier or ""),
            "feeding": "yes" if feeding else "",
            "opening": "yes" if opening else "",
        }
        with answering(_AWAY), self._engine.begin() as connection:
            connection.execute(_BIND, bound)
            yield connection

    def ask(self, question: bytes, values: Mapping[str, Any]) -> list[Any]:
        """The rows that answer: a transaction of this statement alone, in one round trip; whatever it needs to be bound to,
        it binds itself. Raises Unavailable."""
        with answering(_AWAY), self._at_once.connect() as connection:
            return rows_at_once(connection, question, values)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


_BIND: Final = text(
    "SELECT set_config('dmp.professional', :professional, true), set_config('dmp.moment', :now, true), "
    "set_config('dmp.feeding', :feeding, true), set_config('dmp.opening', :opening, true), "
    "set_config('dmp.dossier', :dossier, true)"
)
