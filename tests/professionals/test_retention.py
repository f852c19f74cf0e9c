"""Closed, a dossier is out of everybody's reach at once, table by table; reopened, everything is back as it was."""

from typing import Any

import pytest
from portal_account.world import Someone
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from dmp_core.access import circle
from dmp_core.access.contesting import HolderContests
from dmp_core.access.rules import Basis
from dmp_core.access.trace import Mode, first_fault
from dmp_core.holder.notice_choice import want_first_accesses
from dmp_core.holder.relatives import Relative, name_emergency_contacts, name_trusted_person
from dmp_core.professionals.certificates import Professional

from .samples import NUMBERS
from .world import Record, RecordWorld, a_professional, member

_numbers = NUMBERS

OF_THEIRS = {"relation", "block", "emergency", "emergency_refusal", "trace"}
"""What the role `ps` sees of a closed dossier: how this very professional stands, and the digest that the line of their
refusal must follow. The gate tells them nothing of it."""


@pytest.fixture
def filled(world: RecordWorld) -> tuple[Someone, Record, Professional]:
    """A dossier with a row in every table that a holder or a professional reads."""
    someone = world.someone()
    record, now = Record(world, someone.dossier), world.clock()
    attending, blocked, urgent = (a_professional(next(_numbers)) for _ in range(3))
    record.put("bilan", by=attending)
    record.put("secret", masked=True)
    record.relate(attending, Basis.ATTENDING)
    world.gate().break_glass(urgent, record.dossier, Mode.EMERGENCY, "Malaise")
    record.as_owner(circle.block, member(blocked), now)
    record.as_owner(circle.refuse_emergencies, now, refused=True)
    contests = HolderContests(world.store, world.clock)
    contests.contest(record.dossier, contests.emergencies(record.dossier)[0].id, "Pourquoi ?")
    world.rows(
        "INSERT INTO medical.emergency_proof (emergency_id, dossier_id, professional_id, once, signed, signer, at) "
        "SELECT id, dossier_id, professional_id, sha256(convert_to(id::text, 'UTF8')), 'x', name, began_at "
        "FROM medical.emergency WHERE dossier_id = :d RETURNING emergency_id",
        d=record.dossier,
    )  # fmt: skip
    with world.store.transaction(record.dossier) as connection:
        want_first_accesses(connection, now, record.dossier, wanted=False)
        name_trusted_person(connection, now, record.dossier, Relative("Claire", "+33142345678", ""))
        name_emergency_contacts(connection, now, record.dossier, [Relative("Paul", "+33142345679", "frère")])
    return someone, record, attending


def tables(world: RecordWorld, role: str) -> list[str]:
    """The tables of the record that a role may ask, by PostgreSQL's catalogue."""
    found = world.rows(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'dossier_id' "
        "WHERE c.relnamespace = 'medical'::regnamespace AND c.relkind = 'r' "
        "AND has_column_privilege(:role, c.oid, a.attnum, 'SELECT') ORDER BY 1",
        role=role,
    )  # fmt: skip
    return [row.relname for row in found]


def reached(world: RecordWorld, record: Record, who: Professional, feed: Any) -> dict[tuple[str, str], int]:
    """How many rows of the dossier each role finds, table by table."""
    counts: dict[tuple[str, str], int] = {}
    for role in ("titulaire", "ps", "alimentation"):
        for table in tables(world, role):
            count = text(f"SELECT count(dossier_id) FROM medical.{table} WHERE dossier_id = :d")
            if role == "titulaire":
                scope = world.store.transaction(record.dossier)
            elif role == "ps":
                scope = world.professionals.transaction(who.id, world.clock(), record.dossier)
            else:
                scope = feed.begin()
            with scope as connection:
                if role == "alimentation":
                    connection.execute(text("SELECT set_config('dmp.dossier', :d, true)"), {"d": str(record.dossier)})
                counts[role, table] = connection.scalar(count, {"d": record.dossier})
    return counts


def contents(world: RecordWorld, record: Record) -> dict[str, list[str]]:
    """Every row of the dossier in the record, as the owner of the database sees it."""
    every = world.rows(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'dossier_id' "
        "WHERE c.relnamespace = 'medical'::regnamespace AND c.relkind = 'r' AND c.relname <> 'notice'"
    )  # fmt: skip
    return {
        row.relname: sorted(
            each.row
            for each in world.rows(
                f"SELECT t::text AS row FROM medical.{row.relname} t WHERE dossier_id = :d", d=record.dossier
            )
        )
        for row in every
    }


def test_closed_it_is_out_of_reach_of_every_role_and_reopened_everything_is_back(
    world: RecordWorld, filled: tuple[Someone, Record, Professional], cluster: Any
) -> None:
    someone, record, who = filled
    feed = create_engine(cluster.url("alimentation", "dmp"), poolclass=NullPool)
    before, rows = reached(world, record, who, feed), contents(world, record)
    for table in (
        "document",
        "dossier_key",
        "trace",
        "contest",
        "notice_refusal",
        "emergency_refusal",
        "emergency_proof",
        "trusted_person",
        "emergency_contact",
    ):
        assert before["titulaire", table] > 0, table
    for table in ("document", "dossier_key", "relation", "trusted_person", "emergency_contact"):
        assert before["ps", table] > 0, table
    record.state("closed")
    after = reached(world, record, who, feed)
    assert {key for key, count in after.items() if count} <= {("ps", table) for table in OF_THEIRS}
    assert contents(world, record) == rows  # kept whole, and nothing of it reached
    world.enrolment.dossiers.reopen(someone.person.caisse, someone.person.person_id, "à sa demande")
    assert reached(world, record, who, feed) == before
    assert contents(world, record) == rows
    document = record.documents["bilan"]
    assert world.gate().read(who, record.dossier, document.id)[1].startswith(b"bilan")
    assert first_fault(record.dossier, record.chain()) is None


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_caisse_reaches_no_table_of_it_in_any_state(
    world: RecordWorld, filled: tuple[Someone, Record, Professional], cluster: Any, state: str
) -> None:
    _, record, _ = filled
    if state == "closed":
        record.state("closed")
    assert tables(world, "caisse") == tables(world, "avis") == []
    engine = create_engine(cluster.url("caisse", "dmp"), poolclass=NullPool)
    for table in contents(world, record):
        with engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(f"SELECT count(*) FROM medical.{table}"))
