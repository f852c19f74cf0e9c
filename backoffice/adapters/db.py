"""Database `caisse` through SQLAlchemy: engine, unit of work, doorbells, binary COPY.

Actions flush and never commit; the door (web, job, command) opens one `unit_of_work`, which commits once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

import psycopg
from psycopg import sql
from sqlalchemy import BigInteger, DateTime, Text, create_engine, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import NullPool

from backoffice.core.errors import Unavailable


class Base(DeclarativeBase):
    """Tables of database `caisse`; migrations are written by hand and compared with these in a test."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: DateTime(timezone=True), str: Text, int: BigInteger}


_AWAY = "La base de données ne répond pas. Réessayez dans un instant."

Bell = tuple[str, str]
"""(name of a job, key of the row it should look at)."""


class Database:
    """One engine and its sessions.

    `ring` receives the doorbells of a unit of work after its commit, never before and never after a rollback.
    """

    def __init__(
        self,
        url: str,
        *,
        application: str = "backoffice",
        pooled: bool = True,
        ring: Callable[[list[Bell]], None] | None = None,
    ) -> None:
        options: dict[str, Any] = {} if pooled else {"poolclass": NullPool}
        self.engine: Engine = create_engine(
            url,
            pool_pre_ping=pooled,
            connect_args={
                "application_name": application,
                "connect_timeout": 10,
                # That a message is about to leave must be known after a crash, whatever the server's own default.
                "options": "-c timezone=UTC -c jit=off -c synchronous_commit=on",
            },
            hide_parameters=True,  # a NIR must not reach a log through an exception's text
            **options,
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        if ring is not None:
            self._wire(ring)

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises Unavailable when the database does not answer.
        """
        try:
            with self._sessions.begin() as session:
                yield session
        except OperationalError as error:
            if error.connection_invalidated or _never_connected(error):
                raise Unavailable(_AWAY) from error
            raise
        except psycopg.OperationalError as error:
            # A COPY speaks to psycopg itself: nobody has translated what it raises.
            if error.sqlstate is None or error.sqlstate.startswith("57P"):
                raise Unavailable(_AWAY) from error
            raise

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    def _wire(self, ring: Callable[[list[Bell]], None]) -> None:
        @event.listens_for(self._sessions, "after_commit")
        def ring_the_bells(session: Session) -> None:
            if session.in_nested_transaction():
                return  # only a savepoint was released
            bells = session.info.pop("bells", None)
            if bells:
                ring(list(bells))

        @event.listens_for(self._sessions, "after_soft_rollback")
        def hush(session: Session, ended: Any) -> None:
            if not ended.nested:
                session.info.pop("bells", None)


def _never_connected(error: OperationalError) -> bool:
    return getattr(error.orig, "sqlstate", None) is None


def ring_after_commit(session: Session, job: str, key: object) -> None:
    """Ask for job `job` on row `key` once this unit of work is committed; asking twice is asking once."""
    session.info.setdefault("bells", {})[(job, str(key))] = None


def copy_rows(
    session: Session, table: str, columns: Sequence[str], types: Sequence[str], rows: Iterable[Sequence[object]]
) -> int:
    """Binary COPY of `rows` into `table` on the session's own connection; returns their number.

    `types` are PostgreSQL type names, one a column: binary COPY converts nothing.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    count = 0
    with _raw(session).cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        write = copy.write_row
        for row in rows:
            write(row)
            count += 1
    return count


def refresh_statistics(session: Session, caisses: Sequence[str]) -> None:
    """Tell the planner about rows just loaded for these caisses, within the same transaction."""
    session.execute(text("SELECT refresh_statistics(:caisses)"), {"caisses": list(caisses)})


def _raw(session: Session) -> Any:
    return session.connection().connection.driver_connection
