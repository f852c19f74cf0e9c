"""DMP past their ten years: never before, by two persons, once, all of it, with a proof."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from campaigns.world import World
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from backoffice.closure.destruction import destroy, destroyed, propose, proposed, to_propose, withdraw
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotAllowed, NotFound, WrongState
from backoffice.embedded.postgres import SUPERUSER

from .test_closures import SUPERVISOR, a_holder

OTHER = Actor("anne.bonnet", "A. B.", frozenset({Role.SUPERVISOR}), frozenset({"631"}))
STRANGER = Actor("x", "X", frozenset({Role.SUPERVISOR}), frozenset({"941"}))
LONG_AGO, AFTER = datetime(2010, 3, 1, 9, tzinfo=UTC), datetime(2020, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def person(world: World) -> int:
    """Somebody whose DMP was closed ten years and a day ago."""
    world.clock.now = LONG_AGO
    found = a_holder(world)
    world.office.dmp.close_dossier("631", found, "essai")
    (dossier,) = world.sql("SELECT id FROM enrolment.dossier", "dmp")[0]
    world.sql(
        "INSERT INTO medical.dossier_key VALUES (:id, 'anneau', decode(repeat('00', 60), 'hex'), now())",
        "dmp",
        id=dossier,
    )
    world.sql(
        "INSERT INTO medical.trace VALUES (:id, 1, now(), 'holder', 'x', 'x', '', 'normal', 'lire', NULL, true, '', "
        "decode(repeat('00', 32), 'hex'), decode(repeat('01', 32), 'hex'))", "dmp", id=dossier,
    )  # fmt: skip
    world.clock.now = AFTER
    return found


def ask(world: World, actor: Actor = SUPERVISOR) -> str:
    with world.session() as session:
        chosen = [f"{one.caisse}-{one.person_id}" for one in to_propose(session, world.office, actor)]
        propose(session, world.office, actor, chosen)
        return str(proposed(session, actor)[0].id)


def referring(world: World) -> list[str]:
    """Every table of the record that refers to a dossier."""
    return [
        f"{schema}.{table}"
        for schema, table in world.sql(
            "SELECT n.nspname, c.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.confrelid = 'enrolment.dossier'::regclass", "dmp",
        )
    ]  # fmt: skip


def named(world: World) -> list[str]:
    """Every table of the database `dmp` that has a dossier in a column, whether or not it refers to it."""
    return [
        f"{schema}.{table}"
        for schema, table in world.sql(
            "SELECT n.nspname, c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attname = 'dossier_id' AND NOT a.attisdropped "
            "AND c.relkind IN ('r', 'p')", "dmp",
        )
    ]  # fmt: skip


def fill(connection: Connection, table: str, dossier: UUID) -> None:
    """A row of this dossier in a table, made up by its columns' types; the table's constraints are not asked."""
    made_up = {
        "uuid": "gen_random_uuid()", "text": "'x'", "bytea": "'x'", "boolean": "true", "date": "current_date",
        "timestamp with time zone": "now()", "jsonb": "'{}'",
    }  # fmt: skip
    for (check,) in connection.execute(
        text("SELECT conname FROM pg_constraint WHERE conrelid = CAST(:t AS regclass) AND contype = 'c'"), {"t": table}
    ).all():
        connection.exec_driver_sql(f'ALTER TABLE {table} DROP CONSTRAINT "{check}"')
    columns = connection.execute(
        text(
            "SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a WHERE a.attrelid = CAST(:t AS regclass) "
            "AND a.attnum > 0 AND NOT a.attisdropped AND (a.attnotnull OR a.attname = 'dossier_id') "
            "AND a.attidentity = '' AND a.attgenerated = ''"
        ),
        {"t": table},
    ).all()
    values = {name: f"'{dossier}'" if name == "dossier_id" else made_up.get(kind, "1") for name, kind in columns}
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())}) ON CONFLICT DO NOTHING"
    )


def test_no_table_that_names_a_dossier_outlives_it(world: World, person: int) -> None:
    """Asks the catalogue: a table added later and forgotten in `medical.erase` or `destroy_dossier` is named here."""
    tables = named(world)
    assert {"medical.notice", "medical.relation", "medical.emergency", "enrolment.app_token"} <= set(tables)
    (dossier,) = world.sql("SELECT id FROM enrolment.dossier", "dmp")[0]
    engine = create_engine(world.databases.url(SUPERUSER, "dmp"), poolclass=NullPool)
    with engine.connect() as connection:  # rolled back at its end
        connection.exec_driver_sql("SET session_replication_role = replica")
        for table in tables:
            fill(connection, table, dossier)
        connection.exec_driver_sql("SET session_replication_role = origin")
        count = " UNION ALL ".join(
            f"SELECT '{table}', count(*) FROM {table} WHERE dossier_id = '{dossier}'" for table in tables
        )
        assert [table for table, rows in connection.exec_driver_sql(count) if not rows] == []
        connection.execute(
            text("SELECT * FROM enrolment.destroy_dossier(gen_random_uuid(), '631', :p, 'a', 'b', :now)"),
            {"p": person, "now": AFTER},
        )
        assert [table for table, rows in connection.exec_driver_sql(count) if rows] == []


def test_two_persons_destroy_all_of_it_and_a_proof_is_left(world: World, person: int) -> None:
    asked = ask(world)
    with pytest.raises(NotAllowed, match="un autre superviseur"):
        destroy(world.office, SUPERVISOR, [asked])
    assert destroy(world.office, OTHER, [asked]) == 1
    assert destroy(world.office, OTHER, [asked]) == 0
    tables = referring(world)
    assert {"medical.document", "medical.feed", "medical.trace", "medical.dossier_key", "enrolment.consent"} <= set(
        tables
    )
    for table in ("enrolment.dossier", *tables):
        assert world.sql(f"SELECT count(*) FROM {table}", "dmp") == [(0,)], table
    with world.session() as session:
        (kept,) = destroyed(session, OTHER)
        assert to_propose(session, world.office, OTHER) == []
    assert (kept.proposed_by, kept.confirmed_by, len(kept.proof or "")) == ("patrick.ollier", "anne.bonnet", 64)
    (row,) = world.sql("SELECT encode(proof, 'hex'), proposed_by, confirmed_by FROM enrolment.destruction", "dmp")
    assert tuple(row) == (kept.proof, "patrick.ollier", "anne.bonnet")
    entries = world.sql("SELECT detail->>'preuve' FROM audit_entry WHERE action = 'dmp.detruire'")
    assert entries == [(kept.proof,)]


def test_an_answer_lost_on_the_way_is_given_again(world: World, person: int) -> None:
    request = uuid4()
    first = world.office.dmp.destroy_dossier(request, "631", person, "a", "b")
    assert world.office.dmp.destroy_dossier(request, "631", person, "a", "b") == first
    with pytest.raises(NotFound):
        world.office.dmp.destroy_dossier(uuid4(), "631", person, "a", "b")


def test_the_record_refuses_before_the_end_whatever_the_callers_clock_says(world: World) -> None:
    world.clock.now = datetime(2025, 1, 1, tzinfo=UTC)
    person = a_holder(world)
    request = uuid4()
    with pytest.raises(WrongState, match="encore conservé"):
        world.office.dmp.destroy_dossier(request, "631", person, "a", "b")  # open
    world.office.dmp.close_dossier("631", person, "essai")
    with pytest.raises(WrongState, match="encore conservé"):
        world.office.dmp.destroy_dossier(request, "631", person, "a", "b")
    world.clock.now = datetime(2099, 1, 1, tzinfo=UTC)
    with pytest.raises(WrongState, match="encore conservé"):
        world.office.dmp.destroy_dossier(request, "631", person, "a", "b")
    assert world.sql("SELECT count(*) FROM enrolment.dossier", "dmp") == [(1,)]
    with pytest.raises(Invalid, match="deux personnes"):
        world.office.dmp.destroy_dossier(request, "631", person, "a", "a")


def test_on_the_last_day_it_is_kept_still(world: World, person: int) -> None:
    world.clock.now = datetime(2020, 3, 1, 22, tzinfo=UTC)  # 23:00 in Paris, on the last day
    with world.session() as session:
        assert to_propose(session, world.office, SUPERVISOR) == []
    with pytest.raises(WrongState):
        world.office.dmp.destroy_dossier(uuid4(), "631", person, "a", "b")


def test_a_table_that_nobody_thought_of_keeps_everything(world: World, person: int) -> None:
    world.sql("CREATE TABLE medical.forgotten (dossier_id uuid REFERENCES enrolment.dossier)", "dmp")
    try:
        world.sql("INSERT INTO medical.forgotten SELECT id FROM enrolment.dossier", "dmp")
        with pytest.raises(WrongState):
            world.office.dmp.destroy_dossier(uuid4(), "631", person, "a", "b")
        assert world.sql("SELECT count(*) FROM medical.trace", "dmp") == [(1,)]
    finally:
        world.sql("DROP TABLE medical.forgotten", "dmp")


def test_the_caisse_deletes_nothing_itself_and_reads_no_proof(world: World, person: int) -> None:
    engine = create_engine(world.databases.url("caisse", "dmp"), poolclass=NullPool)
    for statement in (
        "DELETE FROM enrolment.dossier", "SELECT contents FROM enrolment.destruction",
        "SELECT medical.erase(gen_random_uuid())",
    ):  # fmt: skip
        with engine.begin() as connection, pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(statement))


def test_a_proposal_is_withdrawn_and_another_caisse_sees_none(world: World, person: int) -> None:
    asked = ask(world)
    with world.session() as session:
        assert (to_propose(session, world.office, STRANGER), list(proposed(session, STRANGER))) == ([], [])
        with pytest.raises(NotFound):
            withdraw(session, world.office, STRANGER, asked)
    with pytest.raises(NotFound):
        destroy(world.office, STRANGER, [asked])
    with world.session() as session:
        withdraw(session, world.office, OTHER, asked)
    assert destroy(world.office, OTHER, [asked]) == 0
    with world.session() as session:
        assert len(to_propose(session, world.office, OTHER)) == 1
        with pytest.raises(Invalid, match="Cochez"):
            propose(session, world.office, OTHER, ["631-999"])
