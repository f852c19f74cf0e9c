"""Engines over the database `dmp`, one per login role, and bulk copies over SQLAlchemy's own connection."""

import select
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import sqlalchemy.exc
from psycopg import sql
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError

from dmp_core.errors import Unavailable

STATEMENT_TIMEOUT_S = 120
"""A bulk issue of 100,000 codes takes a few seconds; nothing of ours is longer but the streams, which say so."""

LOCK_TIMEOUT_S = 60
"""How long to wait for another issue of the same caisse."""

_KEPT_ALIVE: Final = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""Seconds, and tries: a server that is gone without a word is noticed by the kernel."""


def engine_for(url: str, *, application: str, pool_size: int = 5, one_plan: bool = False) -> Engine:
    """An engine for the login role named in `url` (SQLAlchemy's form, driver psycopg).

    `application` is what administrators see in pg_stat_activity. `one_plan` keeps the plan of a statement that comes again,
    whatever its values: for logins bound to one dossier, where planning takes longer than finding. Nothing connects until
    the engine is used.
    """
    options = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_S * 1000} -c lock_timeout={LOCK_TIMEOUT_S * 1000} "
        "-c idle_in_transaction_session_timeout=600000 -c timezone=UTC"
        + (" -c plan_cache_mode=force_generic_plan" if one_plan else "")
    )
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        isolation_level="READ COMMITTED",  # the issue of codes relies on reading afresh once it holds its lock
        pool_size=pool_size,
        hide_parameters=True,  # no value of a row in an error message
        connect_args={"application_name": application, "options": options, "connect_timeout": 10, **_KEPT_ALIVE},
    )
    event.listen(engine, "checkout", _refuse_the_dead)
    return engine


def _refuse_the_dead(taken: "psycopg.Connection[Any]", record: object, proxy: object) -> None:  # noqa: ARG001
    """A connection whose server went away while it lay in the pool is replaced (the server may have been restarted).

    Whoever hangs up leaves something to read on a connection that asked for nothing: looking costs microseconds, where
    SQLAlchemy's own ping costs a round trip to the server at every transaction.
    """
    waiting = select.poll()
    try:
        waiting.register(taken.pgconn.socket, select.POLLIN)
        if waiting.poll(0):
            taken.execute("")  # a word of the server, or its end: this tells which
            taken.rollback()
    except (psycopg.Error, OSError) as error:
        raise DisconnectionError("the server hung up") from error


@contextmanager
def answering(otherwise: str) -> Iterator[None]:
    """Raise Unavailable with this French sentence when the database does not answer; its own message, which may hold an
    address, stays in the chain.
    """
    try:
        yield
    except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.TimeoutError, psycopg.OperationalError) as error:
        raise Unavailable(otherwise) from error


def driver_connection(connection: Connection) -> "psycopg.Connection[Any]":
    """The psycopg connection under SQLAlchemy's, in the same transaction."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError("the engine must use psycopg")
    return raw


def rows_at_once(connection: Connection, question: bytes, values: Mapping[str, Any]) -> list[Any]:
    """What a statement gives, as named tuples, in the same transaction and past SQLAlchemy, which takes longer to describe
    a page of documents than PostgreSQL to find it; for what every call asks. Values are psycopg's `%(name)s`."""
    with driver_connection(connection).cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(question, values).fetchall()


def copy_in(
    connection: Connection,
    table: tuple[str, str],
    columns: Sequence[tuple[str, str]],
    rows: Iterable[Sequence[object]],
) -> None:
    """Binary COPY of `rows` into `table` (schema, name); `columns` are (name, PostgreSQL type) in the rows' order.

    Raises psycopg.Error; the transaction is then lost.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT BINARY)").format(
        sql.Identifier(*table), sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    )
    with driver_connection(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([kind for _, kind in columns])
        for row in rows:
            copy.write_row(row)


def copy_out(connection: Connection, query: sql.Composable, types: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of `query` by binary COPY, a few at a time in memory; `types` are PostgreSQL's, one a column.

    Values are quoted into `query` with psycopg.sql.Literal, as COPY takes no parameters.
    """
    statement = sql.SQL("COPY ({}) TO STDOUT WITH (FORMAT BINARY)").format(query)
    with driver_connection(connection).cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # the reader sets the pace
        with cursor.copy(statement) as copy:
            copy.set_types(list(types))
            yield from copy.rows()
