"""Migrations of the database of the caisses: what they make is what the models say, and they may meet."""

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool

from backoffice.adapters.db import Base
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import Unavailable
from backoffice.embedded.postgres import SUPERUSER
from backoffice.migrations import migrate

_numbers = itertools.count()
NewDatabase = Callable[[], str]


@pytest.fixture
def new_database(cluster: Any) -> Iterator[NewDatabase]:
    """Makes an empty database of its own, for its owner."""
    where = f"host=127.0.0.1 port={cluster.port} user={SUPERUSER} dbname=postgres"
    made: list[str] = []

    def administer(*statements: str) -> None:
        with psycopg.connect(where, password=cluster.roles[SUPERUSER], autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def make() -> str:
        name = f"migration_{next(_numbers)}"
        administer(f"CREATE DATABASE {name} OWNER caisse_owner TEMPLATE template0")
        made.append(name)
        return str(cluster.url("caisse_owner", name))

    yield make
    administer(*(f"DROP DATABASE {name}" for name in made))


def test_the_models_are_the_migrated_schema(new_database: NewDatabase) -> None:
    import backoffice.app
    import backoffice.worker  # noqa: F401 - between them they know every table

    url = new_database()
    migrate(url)
    engine = create_engine(url, poolclass=NullPool)
    ours = set(Base.metadata.tables)

    def included(found: Any, name: str | None, kind: str, reflected: bool, _: Any) -> bool:
        # Indexes, checks and partitions are the migrations' alone; the table of the fence has no model on purpose.
        return kind == "column" or (kind == "table" and not (reflected and (name or "") not in ours))

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": included, "target_metadata": Base.metadata}
        )
        assert compare_metadata(context, Base.metadata) == []
        for name, table in Base.metadata.tables.items():
            inspector = inspect(connection)
            columns = {column["name"]: column for column in inspector.get_columns(name)}
            assert set(columns) == set(table.columns.keys()), name
            for column in table.columns:
                assert columns[column.name]["nullable"] == column.nullable, (name, column.name)
            key = inspector.get_pk_constraint(name)["constrained_columns"]
            assert set(key) == {column.name for column in table.primary_key}, name


def test_every_caisse_has_its_partitions(new_database: NewDatabase) -> None:
    url = new_database()
    migrate(url)
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        names = set(connection.scalars(text("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")))
    assert names == {f"{table}_{caisse}" for table in ("person", "letter") for caisse in CAISSE_CODES}


def test_two_starts_at_once_on_an_empty_database_both_succeed(new_database: NewDatabase) -> None:
    url = new_database()
    command = [sys.executable, "-c", "import sys; from backoffice.migrations import migrate; migrate(sys.argv[1])", url]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [one.communicate()[1] for one in started] == ["", ""]
    assert [one.returncode for one in started] == [0, 0]


def test_migrating_again_changes_nothing_and_a_later_database_is_refused(new_database: NewDatabase) -> None:
    url = new_database()
    migrate(url)
    migrate(url)
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unavailable, match="plus récente"):
        migrate(url)


def test_what_the_back_office_may_do_to_its_own_tables(new_database: NewDatabase) -> None:
    url = new_database()
    migrate(url)
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT c.relname, string_agg(p, ',' ORDER BY p) AS rights FROM pg_class c JOIN pg_namespace n "
                "ON n.oid = c.relnamespace, unnest(ARRAY['SELECT','INSERT','UPDATE','DELETE','TRUNCATE']) p "
                "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
                "AND has_table_privilege('caisse', c.oid, p) GROUP BY 1"
            )
        )
        found = {name: rights for name, rights in rows}  # noqa: C416 - rows are no pairs for dict()
    full = "INSERT,SELECT,UPDATE"
    assert found == {
        "name_word": "SELECT", "ticket": full, "visit": full, "visit_entry": "INSERT,SELECT",
        "audit_entry": "INSERT,SELECT", "campaign_step": "INSERT,SELECT", "environment": "SELECT",
        "planning_version": "INSERT,SELECT",
        "campaign_plan": full, "embargo": full, "wave": "DELETE,INSERT,SELECT,UPDATE",
        "control_address": "INSERT,SELECT", "control_letter": "INSERT,SELECT", "control_mail": "INSERT,SELECT",
        "campaign_proof": "INSERT,SELECT", "letter_template": "INSERT,SELECT",
        "segment": full, "segment_change": "INSERT,SELECT", "person_list": "INSERT,SELECT",
        "person_list_member": "DELETE,INSERT,SELECT",
        "campaign": full, "letter": full, "lot": full, "person": full, "population_import": full,
        "case_counter": full, "case_file": full, "case_entry": "INSERT,SELECT", "dmp_event": "INSERT,SELECT",
        "case_link": "DELETE,INSERT,SELECT", "case_view": "DELETE,INSERT,SELECT", "case_bulk": "INSERT,SELECT",
        "quality_draw": "INSERT,SELECT", "quality_sample": "INSERT,SELECT",
        "letter_request": "INSERT,SELECT", "colleague": "INSERT,SELECT", "absence": "INSERT,SELECT",
        "case_mention": "INSERT,SELECT", "case_attachment": "INSERT,SELECT",
        "person_notice": "INSERT,SELECT",
        "printer": full, "handover": full, "printer_return": "INSERT,SELECT", "printer_difference": "INSERT,SELECT",
        "letter_return": "INSERT,SELECT", "lot_retention": full,
        "lot_destination": "INSERT,SELECT", "letter_reprint": "INSERT,SELECT",
        "parameter_version": "INSERT,SELECT",
        "emergency_access": "SELECT",
        "phone_call": full, "identity_check": full, "call_back": full, "destruction": "INSERT,SELECT",
        "campaign_day": "DELETE,INSERT,SELECT", "campaign_response": "DELETE,INSERT,SELECT", "following_mark": full,
            "mail_incident": full, "mail_return": full, "mail_pace": full,
    }  # fmt: skip
