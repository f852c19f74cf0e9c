"""What every call of a caisse goes through: one transaction, refusals in French, arguments that can be right."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from psycopg import sql
from sqlalchemy import Connection, Engine, text

from dmp_core.clock import Clock
from dmp_core.errors import Invalid
from dmp_core.storage.engine import answering, copy_out

REASON_LENGTH = 200
"""Characters at most, as the database says too."""


class Facade:
    """Transactions of the role `caisse`, at times told by a clock."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One transaction. Raises Unavailable in French when the database is away."""
        with (
            answering("La base du DMP ne répond pas : réessayez dans quelques minutes."),
            self._engine.begin() as connection,
        ):
            yield connection

    def _stream(self, query: sql.Composable, types: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Rows of a query, a few at a time: memory stays flat whatever their number."""
        with self._transaction() as connection:
            yield from copy_out(connection, query, types)


def lock_request(connection: Connection, request_id: UUID) -> None:
    """Be alone with this request of the caller's until the transaction ends."""
    half = int.from_bytes(request_id.bytes[:8], "big", signed=True)
    connection.execute(text("SELECT pg_advisory_xact_lock(:half)"), {"half": half})


def require_caisse(caisse: str) -> None:
    """Raise Invalid unless this is the number of a caisse."""
    if not (len(caisse) == 3 and caisse.isascii() and caisse.isdigit()):
        raise Invalid("Le numéro d’une caisse compte trois chiffres : corrigez-le.")


def find_dossier(connection: Connection, caisse: str, person_id: int) -> UUID | None:
    """The dossier of a person of this caisse; None without one. Raises Invalid for what is no caisse."""
    require_caisse(caisse)
    found: UUID | None = connection.scalar(_OF_PERSON, {"caisse": caisse, "person": person_id})
    return found


def require_reason(reason: str, of: str) -> None:
    """Raise Invalid unless `reason` says something, within what is kept; `of` ends the sentence "le motif ..."."""
    if not 0 < len(reason.strip()) <= REASON_LENGTH:
        raise Invalid(f"Indiquez le motif {of}, en {REASON_LENGTH} caractères au plus.")


_OF_PERSON = text("SELECT id FROM enrolment.dossier WHERE caisse = :caisse AND person_id = :person")
