"""Alembic's entry: one connection, bounded waits, an advisory lock so that two starts do not collide."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

LOCK = 0x444D50  # "DMP"

engine = create_engine(
    context.config.attributes["url"], poolclass=NullPool, connect_args={"application_name": "dmp-migrations"}
)
with engine.connect() as connection:
    connection.execute(text("SET lock_timeout = '60s'"))  # another start may be at the same work
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
    connection.execute(text("SET lock_timeout = '5s'"))  # no query in flight is held up longer for a table
    connection.commit()
    try:
        context.configure(connection=connection, transactional_ddl=True, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
        connection.commit()
engine.dispose()
