"""Engines over the database `dmp`, one per login role, and bulk copies over SQLAlchemy's own connection."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url

STATEMENT_TIMEOUT_S = 120
"""A bulk issue of 100,000 codes takes a few seconds; nothing of ours is longer but the streams, which say so."""

LOCK_TIMEOUT_S = 60
"""How long to wait for another issue of the same caisse."""


def engine_for(url: str, *, application: str, pool_size: int = 5) -> Engine:
    """An engine for the login role named in `url` (SQLAlchemy's form, driver psycopg).

    `application` is what administrators see in pg_stat_activity. Nothing connects until the engine is used.
    """
    options = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_S * 1000} -c lock_timeout={LOCK_TIMEOUT_S * 1000} "
        "-c idle_in_transaction_session_timeout=600000 -c timezone=UTC"
    )
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        isolation_level="READ COMMITTED",  # the issue of codes relies on reading afresh once it holds its lock
        pool_size=pool_size,
        pool_pre_ping=True,  # the server may have been restarted since
        hide_parameters=True,  # no value of a row in an error message
        connect_args={"application_name": application, "options": options, "connect_timeout": 10},
    )


def driver_connection(connection: Connection) -> "psycopg.Connection[Any]":
    """The psycopg connection under SQLAlchemy's, in the same transaction."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError("the engine must use psycopg")
    return raw


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
