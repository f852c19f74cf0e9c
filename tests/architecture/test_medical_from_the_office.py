"""From the whole back office, as every role, nothing medical is reached: neither shown, nor so much as looked at."""

import hashlib
import re
from collections.abc import Mapping
from uuid import UUID, uuid4

import pytest
from campaigns.world import World, world, world_settings
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from dmp_core.access import circle, trace
from dmp_core.access.circle import Member
from dmp_core.access.rules import Basis, Relation
from dmp_core.access.trace import Action, ActorKind, Who
from dmp_core.enrolment.dossiers import Consent, Contacts, Way, open_dossier
from dmp_core.enrolment.insured import Insured

from .places import Place, address_of, places_of
from .test_access import PUBLIC, MakeApp, app, cells, token_of, whole

__all__ = ["app", "whole", "world", "world_settings"]

DOCTOR = "CARABOSSE-MEDICALE"
"""A name that stands in medical tables alone."""


@pytest.fixture
def places(world: World) -> Mapping[str, Place]:
    return places_of(world)


@pytest.fixture
def planted(world: World, places: Mapping[str, Place]) -> tuple[UUID, UUID]:
    """The DMP of a person whom the staff may see, with a document, a professional, and a line of the trace: its
    identifier and the document's."""
    number = int(places["person_id"].here)
    person = Insured(
        caisse="631", person_id=number, nir="152054800100174", civilite="M", birth_name="Dupond", usual_name="",
        given_name="Nicolas", birth_date="1952-05-11", serial="1000000000", card_type="photo", may_open=True,
    )  # fmt: skip
    now, document = world.clock(), uuid4()
    with world.dmp_owner.begin() as connection:
        consent = Consent("2016-11-02", bytes(32), "J’accepte")
        opened = open_dossier(
            connection, now, uuid4(), person, Contacts(mail="n@exemple.fr"), consent, Way.ONLINE
        ).dossier_id
        relation = Relation(Basis.ATTENDING, sees_all=True, since=now, until=None)
        circle.relate(connection, opened, Member("810000000017", DOCTOR, "G15_10"), relation, circle.BY_HOLDER)
        who = Who(ActorKind.PROFESSIONAL, "810000000017", DOCTOR, "Médecin")
        trace.write(connection, opened, now, who, Action.ADD, document)
        connection.execute(
            text(
                "INSERT INTO medical.document (id, dossier_id, entry_uuid, logical_id, version, unique_id, class_code, "
                "type_code, type_system, mime, format_code, size, sha1, sha256, author_kind, author_id, created_at, "
                "service_start, submitted_at, status, masked, about, content, changed_at, submission) VALUES (:id, :dossier, "
                ":id, :id, 1, :name, '11', '11488-4', '2.16.840.1.113883.6.1', 'text/plain', 'text', 3, :sha1, :sha256, "
                "'professional', '810000000017', :now, :now, :now, 'approved', false, '\\x00', :id, :now, :id)"
            ),
            {
                "id": document, "dossier": opened, "name": f"urn:uuid:{document}", "now": now,
                "sha1": hashlib.sha1(DOCTOR.encode(), usedforsecurity=False).digest(),
                "sha256": hashlib.sha256(DOCTOR.encode()).digest(),
            },
        )  # fmt: skip
    return opened, document


def test_no_route_of_the_office_shows_or_looks_at_anything_medical(
    whole: MakeApp, places: Mapping[str, Place], planted: tuple[UUID, UUID], world: World
) -> None:
    dossier, document = planted
    app = whole("631")
    secrets = [str(document), document.hex, DOCTOR, "11488-4", "Médecin traitant"]
    before = looks(world)
    for role, route, client in cells(app):
        addresses = [address_of(route, places, login=role.value)]
        # Whoever knows an identifier of the record gets no further with it.
        addresses += [_naming(route.rule, each) for each in (dossier, document) if "<" in route.rule]
        for address in addresses:
            for method in sorted(route.methods & {"GET", "POST"}):
                form = {"csrf_token": token_of(client.get("/").text)} if method == "POST" else None
                if form and (route.endpoint in PUBLIC or address == addresses[0]):
                    form = None  # to the right object, a form with its token would do something
                with client.open(address, method=method, data=form) as answer:
                    told = [each for each in secrets if each.encode() in answer.data and each not in address]
                    assert told == [], (role, method, address, answer.status_code)
                    assert answer.status_code < 500, (role, method, address)
    app.extensions["office"].close()  # its connections tell what they did before they end
    after = looks(world)
    assert after == before, "a medical table was read or written"
    with world.dmp_owner.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM medical.document")) == 1
    assert looks(world) != before, "these counts would see nothing"


def test_each_table_of_the_record_is_refused_to_a_caisse_in_every_way(world: World, planted: object) -> None:
    with world.dmp_owner.connect() as connection:
        tables = list(
            connection.scalars(
                text(
                    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'medical'::regnamespace "
                    "AND c.relkind IN ('r', 'p', 'v', 'm')"
                )
            )
        )
    assert {"document", "trace", "relation", "dossier_key"} <= set(tables)
    caisse = create_engine(world.databases.url("caisse", "dmp"), poolclass=NullPool)
    with caisse.connect() as connection:
        for table in tables:
            for statement in (
                f"SELECT count(*) FROM medical.{table}", f"DELETE FROM medical.{table}", f"COPY medical.{table} TO STDOUT",
                f"INSERT INTO medical.{table} DEFAULT VALUES", f"TRUNCATE medical.{table}", f"LOCK TABLE medical.{table}",
            ):  # fmt: skip
                with pytest.raises(ProgrammingError) as refusal:
                    connection.exec_driver_sql(statement)
                assert getattr(refusal.value.orig, "sqlstate", None) == "42501", statement
                connection.rollback()


def looks(world: World) -> dict[str, tuple[int, ...]]:
    """How often each medical table was read or written, as PostgreSQL counts it."""
    with world.dmp_owner.connect() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
        rows = connection.execute(
            text(
                "SELECT relname, seq_scan, coalesce(idx_scan, 0), n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables "
                "WHERE schemaname = 'medical'"
            )
        )
        return {row[0]: tuple(row[1:]) for row in rows}


def _naming(rule: str, each: UUID) -> str:
    """An address of this rule whose every argument is this identifier."""
    return re.sub(r"<[^>]+>", str(each), rule)
