"""Medical secrecy by construction: PostgreSQL itself says what a caisse can reach in the database `dmp` (DESIGN 2)."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from dmp_core.storage.reach import Reach, reach, standing

LOGINS = ("caisse", "titulaire", "ps", "alimentation", "avis")

PROBES = (
    "CREATE TABLE medical.probe (id bigint GENERATED ALWAYS AS IDENTITY, secret text)",
    "INSERT INTO medical.probe (secret) VALUES ('VSM')",
    "CREATE SEQUENCE medical.probe_seq",
    "CREATE VIEW medical.probe_view AS SELECT * FROM medical.probe",
    "CREATE FUNCTION medical.probe_count() RETURNS bigint LANGUAGE sql SECURITY DEFINER "
    "AS 'SELECT count(*) FROM medical.probe'",
    "CREATE TABLE enrolment.probe (secret text)",
    "CREATE FUNCTION enrolment.probe_count() RETURNS bigint LANGUAGE sql SECURITY DEFINER "
    "AS 'SELECT count(*) FROM medical.probe'",
)
"""What a later migration might add without a thought for grants."""

UNDO = (
    "DROP FUNCTION medical.probe_count(), enrolment.probe_count()",
    "DROP VIEW medical.probe_view",
    "DROP SEQUENCE medical.probe_seq",
    "DROP TABLE medical.probe, enrolment.probe",
)

ALLOWED = [
    Reach("caisse", "", "dmp", "database", ("CONNECT",)),
    Reach("caisse", "enrolment", "account", "table", (), {"INSERT": ("dossier_id", "login", "created_at")}),
    Reach(
        "caisse", "enrolment", "code_request", "table", (),
        {
            "SELECT": ("request_id", "caisse", "issue_id", "letter_date", "issued_at", "codes"),
            "INSERT": ("request_id", "caisse", "issue_id", "letter_date", "issued_at", "codes"),
            "UPDATE": ("issue_id", "letter_date", "issued_at", "codes"),
        },
    ),
    Reach(
        "caisse", "enrolment", "consent", "table", (),
        {
            "INSERT": (
                "id", "dossier_id", "at", "way", "terms", "terms_sha256", "wording", "collected_by", "on_behalf_by",
                "on_behalf_as",
            ),
        },
    ),
    Reach(
        "caisse", "enrolment", "contact", "table", (), {"INSERT": ("id", "dossier_id", "kind", "value", "since")}
    ),
    Reach(
        "caisse", "enrolment", "creation_code", "table", (),
        {
            "SELECT": (
                "caisse", "person_id", "key_id", "request_id", "issue_id", "letter_date", "expires_at", "issued_at",
                "state", "state_changed_at", "reason", "posted_on",
            ),
            "INSERT": (
                "caisse", "person_id", "digest", "key_id", "request_id", "issue_id", "letter_date", "expires_at",
                "issued_at",
            ),
            "UPDATE": ("state", "state_changed_at", "reason"),
        },
    ),
    Reach(
        "caisse", "enrolment", "destroy_dossier(request uuid, wanted_caisse character, wanted_p", "definer routine",
        ("EXECUTE",),
    ),
    Reach(
        "caisse", "enrolment", "dossier", "table", (),
        {
            "SELECT": (
                "id", "request_id", "caisse", "person_id", "way", "state", "opened_at", "state_changed_at",
                "closed_by", "reason", "keep_until",
            ),
            "INSERT": (
                "id", "request_id", "caisse", "person_id", "civilite", "nom_naissance", "nom_usage", "prenom",
                "date_naissance", "way", "opened_at",
            ),
            "UPDATE": ("state", "state_changed_at", "closed_by", "reason", "keep_until"),
        },
    ),
    Reach("caisse", "enrolment", "enrolment", "schema", ("USAGE",)),
    Reach(
        "caisse", "enrolment", "extend_codes(request uuid, persons bigint[], posted date)", "definer routine", ("EXECUTE",)
    ),
    Reach(
        "caisse", "enrolment", "forget_codes(wanted character, persons bigint[], before date)", "definer routine",
        ("EXECUTE",),
    ),
    Reach(
        "caisse", "enrolment", "identifier", "table", (), {"INSERT": ("dossier_id", "system", "value", "valid_from")}
    ),
    Reach("caisse", "enrolment", "login_just_given(wanted_request uuid)", "definer routine", ("EXECUTE",)),
    Reach(
        "caisse", "enrolment", "mandate", "table", (),
        {
            "SELECT": (
                "id", "representative_id", "dossier_id", "capacity", "proof", "since", "until", "declared_by",
                "declared_at", "ended_at", "ended_by", "reason",
            ),
            "INSERT": (
                "id", "representative_id", "dossier_id", "capacity", "proof", "since", "until", "declared_by",
                "declared_at",
            ),
            "UPDATE": ("ended_at", "ended_by", "reason"),
        },
    ),
    Reach(
        "caisse", "enrolment", "outbox", "table", (),
        {
            "SELECT": ("id", "event_id", "kind", "caisse", "person_id", "at", "detail", "done_at"),
            "INSERT": ("event_id", "kind", "caisse", "person_id", "at", "detail"),
            "UPDATE": ("done_at",),
        },
    ),
    Reach(
        "caisse", "enrolment", "password", "table", (),
        {
            "SELECT": ("dossier_id", "ended_at"),
            "INSERT": ("id", "dossier_id", "hash", "initial", "created_at", "expires_at"),
            "UPDATE": ("ended_at",),
        },
    ),
    Reach(
        "caisse", "enrolment", "representative", "table", (),
        {
            "SELECT": ("id", "request_id", "caisse", "civilite", "nom", "prenom", "created_at"),
            "INSERT": ("id", "request_id", "caisse", "civilite", "nom", "prenom", "created_at"),
        },
    ),
    Reach("caisse", "enrolment", "representative_just_given(wanted uuid)", "definer routine", ("EXECUTE",)),
    Reach("caisse", "enrolment", "representative_of_login(wanted text)", "definer routine", ("EXECUTE",)),
]  # fmt: skip
"""All that a caisse may ever do in the database `dmp`. A line more here is a decision, not a detail."""


@pytest.fixture(scope="module")
def owner(dmp_owner_url: str) -> Iterator[Engine]:
    """The owner of the database, with the probes in place while this module runs."""
    engine = create_engine(dmp_owner_url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in PROBES:
            connection.execute(text(statement))
    yield engine
    with engine.begin() as connection:
        for statement in UNDO:
            connection.execute(text(statement))


@pytest.fixture
def caisse(owner: Engine, dmp_caisse_url: str) -> Iterator[Connection]:
    """The back office's own login."""
    with create_engine(dmp_caisse_url, poolclass=NullPool).connect() as connection:
        yield connection


def medical(found: list[Reach]) -> list[Reach]:
    return [line for line in found if line.schema == "medical"]


def test_a_caisse_reaches_exactly_what_is_listed_and_nothing_medical(caisse: Connection) -> None:
    found = reach(caisse, ["caisse"])
    assert found == ALLOWED
    assert medical(found) == []


OF_PROFESSIONALS = [
    Reach("ps", "", "dmp", "database", ("CONNECT",)),
    Reach(
        "ps", "enrolment", "account", "table", (),
        {"SELECT": ("dossier_id", "login"), "INSERT": ("dossier_id", "login", "created_at")},
    ),
    Reach(
        "ps", "enrolment", "consent", "table", (),
        {
            "SELECT": ("id", "dossier_id", "collected_by"),
            "INSERT": (
                "id", "dossier_id", "at", "way", "terms", "terms_sha256", "wording", "collected_by", "on_behalf_by",
                "on_behalf_as",
            ),
        },
    ),
    Reach(
        "ps", "enrolment", "contact", "table", (),
        {"SELECT": ("dossier_id", "kind", "until"), "INSERT": ("id", "dossier_id", "kind", "value", "since")},
    ),
    Reach(
        "ps", "enrolment", "dossier", "table", (),
        {
            "SELECT": (
                "id", "request_id", "caisse", "person_id", "civilite", "nom_naissance", "nom_usage", "prenom",
                "date_naissance", "way", "state", "opened_at", "state_changed_at", "closed_by", "keep_until",
            ),
            "INSERT": (
                "id", "request_id", "caisse", "person_id", "civilite", "nom_naissance", "nom_usage", "prenom",
                "date_naissance", "way", "opened_at",
            ),
            "UPDATE": ("state", "state_changed_at", "closed_by", "reason", "keep_until"),
        },
    ),
    Reach(
        "ps", "enrolment", "dossier_of_identifier(wanted_system text, wanted_value text)", "definer routine", ("EXECUTE",)
    ),
    Reach("ps", "enrolment", "enrolment", "schema", ("USAGE",)),
    Reach(
        "ps", "enrolment", "forget_professional_attempts(before timestamp with time zone)", "definer routine", ("EXECUTE",)
    ),
    Reach(
        "ps", "enrolment", "identifier", "table", (),
        {
            "SELECT": ("dossier_id", "system", "value", "valid_to"),
            "INSERT": ("dossier_id", "system", "value", "valid_from"),
        },
    ),
    Reach(
        "ps", "enrolment", "mandate", "table", (),
        {"SELECT": ("representative_id", "dossier_id", "capacity", "since", "until", "ended_at")},
    ),
    Reach("ps", "enrolment", "may_reopen(wanted uuid)", "definer routine", ("EXECUTE",)),
    Reach(
        "ps", "enrolment", "outbox", "table", (),
        {"INSERT": ("event_id", "kind", "caisse", "person_id", "at", "detail")},
    ),
    Reach(
        "ps", "enrolment", "password", "table", (),
        {
            "SELECT": ("dossier_id", "initial", "used_at", "ended_at"),
            "INSERT": ("id", "dossier_id", "hash", "initial", "created_at", "expires_at"),
            "UPDATE": ("ended_at",),
        },
    ),
    Reach(
        "ps", "enrolment", "professional_attempt", "table", (),
        {
            "SELECT": ("id", "at", "counted_as", "identified"),
            "INSERT": ("id", "at", "professional_id", "counted_as", "act", "subject"),
            "UPDATE": ("identified",),
        },
    ),
    Reach("ps", "enrolment", "representative", "table", (), {"SELECT": ("id", "civilite", "nom", "prenom")}),
    Reach("ps", "medical", "add_to_trace(dossier uuid, at timestamp with time zone, actor_k", "routine", ("EXECUTE",)),
    Reach("ps", "medical", "announce(document uuid, seen uuid, entry uuid)", "definer routine", ("EXECUTE",)),
    Reach("ps", "medical", "assertion", "table", ("INSERT",)),
    Reach("ps", "medical", "block", "table", ("SELECT",)),
    Reach("ps", "medical", "contest", "table", ("SELECT",), {"UPDATE": ("answer", "answered_at")}),
    Reach("ps", "medical", "contests_to_answer(most integer)", "definer routine", ("EXECUTE",)),
    Reach(
        "ps", "medical", "document", "table", ("INSERT", "SELECT"), {"UPDATE": ("entry_uuid", "status", "changed_at")}
    ),
    Reach("ps", "medical", "dossier_key", "table", ("INSERT", "SELECT")),
    Reach("ps", "medical", "emergency", "table", ("INSERT", "SELECT")),
    Reach(
        "ps", "medical", "emergency_contact", "table", (),
        {"SELECT": ("dossier_id", "rank", "name", "phone", "relation", "until")},
    ),
    Reach("ps", "medical", "emergency_proof", "table", ("INSERT",)),
    Reach("ps", "medical", "emergency_refusal", "table", ("SELECT",)),
    Reach(
        "ps", "medical", "keep_secret(document uuid, seen uuid, entry uuid, secret boolea", "definer routine", ("EXECUTE",)
    ),
    Reach("ps", "medical", "medical", "schema", ("USAGE",)),
    Reach("ps", "medical", "my_deposits(most integer, skipped integer)", "definer routine", ("EXECUTE",)),
    Reach("ps", "medical", "my_patients_born(born character)", "definer routine", ("EXECUTE",)),
    Reach("ps", "medical", "my_relations(most integer, skipped integer)", "definer routine", ("EXECUTE",)),
    Reach("ps", "medical", "own_last_visit(before timestamp with time zone)", "definer routine", ("EXECUTE",)),
    Reach("ps", "medical", "own_patients(most integer)", "definer routine", ("EXECUTE",)),
    Reach("ps", "medical", "relation", "table", ("INSERT", "SELECT"), {"UPDATE": ("ended_at",)}),
    Reach("ps", "medical", "sight()", "definer routine", ("EXECUTE",)),
    Reach(
        "ps", "medical", "trace", "table", ("INSERT",), {"SELECT": ("dossier_id", "number", "digest")}
    ),
    Reach(
        "ps", "medical", "trusted_person", "table", (), {"SELECT": ("dossier_id", "name", "phone", "relation", "until")}
    ),
]  # fmt: skip
"""All that the access of professionals may ever do: it puts into accounts, contacts and passwords what a new dossier needs, and
reads no address, no hash and no code; of the trace no line is read."""


def test_the_access_of_professionals_reaches_exactly_what_is_listed(caisse: Connection) -> None:
    found = [replace(line, privileges=tuple(sorted(line.privileges))) for line in reach(caisse, ["ps"])]
    assert found == OF_PROFESSIONALS


def test_row_security_binds_every_table_that_professionals_reach(caisse: Connection) -> None:
    tables = {(line.schema, line.object) for line in OF_PROFESSIONALS if line.kind == "table"}
    policies = caisse.execute(
        text("SELECT schemaname, tablename FROM pg_policies WHERE 'ps' = ANY(CAST(roles AS text[]))")
    )
    assert {tuple(row) for row in policies} == tables


OF_NOTICES = [
    Reach("avis", "", "dmp", "database", ("CONNECT",)),
    Reach("avis", "medical", "claim_notice(moment timestamp with time zone)", "definer routine", ("EXECUTE",)),
    Reach(
        "avis", "medical", "doubtful_notices(moment timestamp with time zone, before timest", "definer routine",
        ("EXECUTE",),
    ),
    Reach("avis", "medical", "medical", "schema", ("USAGE",)),
    Reach(
        "avis", "medical", "settle_notice(notice uuid, outcome text, moment timestamp with ", "definer routine",
        ("EXECUTE",),
    ),
]  # fmt: skip
"""Who sends notices reaches no table: a notice that is due, with the address it goes to, and what became of it."""


def test_who_sends_notices_reaches_no_table(caisse: Connection) -> None:
    assert reach(caisse, ["avis"]) == OF_NOTICES


WITHOUT_DOSSIER = {"attempt"}
"""The table that the portal writes before it knows a dossier: counters of attempts stand under digests."""

LENT_TO_THE_PORTAL = {
    "dossier_of_login", "dossier_of_person", "dossier_of_identifier", "codes_of_person", "use_code",
    "events_of_person", "session_of_token", "advance_session", "end_session", "end_old_sessions", "dossier_of_application",
    "represents", "represented", "chain_end", "acted_in_secret",
}  # fmt: skip
"""Routines with their owner's rights: each takes a key that only its subject can give, and lists nothing."""


def test_row_security_binds_every_table_that_the_portal_reaches(caisse: Connection) -> None:
    found = reach(caisse, ["titulaire"])
    tables = {(line.schema, line.object) for line in found if line.kind in ("table", "view")}
    bound = {
        tuple(row)
        for row in caisse.execute(
            text(
                "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE (c.relrowsecurity AND c.relkind IN ('r', 'p')) "
                # A view that reads with the rights of who asks shows what the tables under it would.
                "OR (c.relkind = 'v' AND 'security_invoker=true' = ANY(c.reloptions))"
            )
        )
    }
    assert ("enrolment", "password") in tables
    assert tables - bound == {("enrolment", name) for name in WITHOUT_DOSSIER}
    assert {line.object.split("(")[0] for line in found if line.kind == "definer routine"} == LENT_TO_THE_PORTAL


def test_the_portal_reaches_codes_and_the_outbox_by_its_routines_alone_and_erases_no_proof(caisse: Connection) -> None:
    found = {line.object: line for line in reach(caisse, ["titulaire"])}
    assert not {"creation_code", "code_request", "creation_code_631"} & found.keys()
    assert found["outbox"].privileges == ()
    assert set(found["outbox"].columns) == {"INSERT"}
    for name in ("dossier", "identifier", "consent", "account", "password", "contact"):
        assert not {"DELETE", "TRUNCATE", "UPDATE"} & set(found[name].privileges), name
    assert "UPDATE" not in found["consent"].columns
    assert "UPDATE" not in found["account"].columns


@pytest.mark.parametrize(
    "grant",
    [
        "GRANT SELECT ON medical.probe TO caisse",
        "GRANT SELECT (secret) ON medical.probe TO caisse",
        "GRANT USAGE ON SEQUENCE medical.probe_seq TO caisse",
        "GRANT EXECUTE ON FUNCTION medical.probe_count() TO caisse",
        "GRANT SELECT ON medical.probe_view TO PUBLIC",
        "GRANT USAGE ON SCHEMA medical TO caisse",
        "GRANT EXECUTE ON FUNCTION enrolment.probe_count() TO PUBLIC",
        "GRANT SELECT ON enrolment.creation_code TO caisse",
        "GRANT DELETE ON enrolment.creation_code_631 TO caisse",
        "ALTER FUNCTION medical.probe_count() OWNER TO dmp_owner; GRANT ALL ON ALL TABLES IN SCHEMA medical TO caisse",
    ],
)
def test_one_grant_too_many_is_seen(owner: Engine, grant: str) -> None:
    with owner.connect() as connection:
        for statement in grant.split(";"):
            connection.execute(text(statement))
        assert reach(connection, ["caisse"]) != ALLOWED
        connection.rollback()
        assert reach(connection, ["caisse"]) == ALLOWED


def test_a_routine_that_lends_its_owner_s_rights_is_shown_as_such(owner: Engine) -> None:
    with owner.connect() as connection:
        connection.execute(text("GRANT EXECUTE ON FUNCTION enrolment.probe_count() TO caisse"))
        assert Reach("caisse", "enrolment", "probe_count()", "definer routine", ("EXECUTE",)) in reach(
            connection, ["caisse"]
        )
        connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM medical.probe",
        "SELECT count(*) FROM medical.probe",
        "SELECT 1 FROM medical.probe LIMIT 0",
        "INSERT INTO medical.probe (secret) VALUES ('x')",
        "UPDATE medical.probe SET secret = 'x'",
        "DELETE FROM medical.probe",
        "TRUNCATE medical.probe",
        "SELECT * FROM medical.probe_view",
        "SELECT nextval('medical.probe_seq')",
        "SELECT medical.probe_count()",
        "SELECT enrolment.probe_count()",
        "SELECT * FROM enrolment.probe",
        "COPY medical.probe TO STDOUT",
        "LOCK TABLE medical.probe",
        "CREATE TABLE medical.mine (x int)",
        "CREATE TABLE enrolment.mine (x int)",
        "CREATE TABLE public.mine (x int)",
        "CREATE TEMPORARY TABLE mine (x int)",
        "CREATE SCHEMA mine",
        "CREATE VIEW enrolment.mine AS SELECT 1",
        "CREATE FUNCTION enrolment.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE dmp_owner",
        "SET ROLE titulaire",
        "SET SESSION AUTHORIZATION dmp_owner",
        "GRANT SELECT ON enrolment.creation_code TO caisse",
        "ALTER ROLE caisse SUPERUSER",
        "ALTER TABLE enrolment.creation_code DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "SELECT digest FROM enrolment.creation_code",
        "SELECT * FROM enrolment.creation_code",
        "SELECT c FROM enrolment.creation_code c",
        "SELECT count(*) FROM enrolment.creation_code WHERE digest = '\\x00'",
        "SELECT digest FROM enrolment.creation_code_631",
        "UPDATE enrolment.creation_code SET person_id = 1",
        "UPDATE enrolment.creation_code SET expires_at = expires_at + interval '1 day'",
        "UPDATE enrolment.creation_code SET state = 'revoked' RETURNING digest",
        "DELETE FROM enrolment.creation_code",
        "TRUNCATE enrolment.creation_code",
        "INSERT INTO enrolment.creation_code (state) VALUES ('used')",
        "DELETE FROM enrolment.code_request",
        "SELECT hash FROM enrolment.password",
        "SELECT id, initial, used_at FROM enrolment.password",
        "UPDATE enrolment.password SET hash = 'x'",
        "UPDATE enrolment.password SET ended_at = now() RETURNING hash",
        "INSERT INTO enrolment.password (id) VALUES (gen_random_uuid()) RETURNING hash",
        "SELECT login FROM enrolment.account",
        "SELECT dossier_id FROM enrolment.account",
        "UPDATE enrolment.account SET login = 'bcdf1234'",
        "SELECT value FROM enrolment.contact",
        "UPDATE enrolment.contact SET value = 'x'",
        "SELECT count(*) FROM enrolment.contact",
        "SELECT value FROM enrolment.identifier",
        "SELECT dossier_id FROM enrolment.identifier WHERE value = 'x'",
        "SELECT wording FROM enrolment.consent",
        "SELECT * FROM enrolment.dossier",
        "SELECT nom_naissance FROM enrolment.dossier",
        "UPDATE enrolment.dossier SET person_id = 1",
        "UPDATE enrolment.dossier SET way = 'online'",
        "DELETE FROM enrolment.dossier",
        "DELETE FROM enrolment.outbox",
        "UPDATE enrolment.outbox SET kind = 'x'",
        "SELECT enrolment.dossier_of_login('bcdf1234')",
        "SELECT enrolment.codes_of_person('631', 1)",
        "SELECT enrolment.use_code('631', 1, '\\x00', now())",
        "SELECT * FROM public.alembic_version",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT stavalues1 FROM pg_statistic",
    ],
)
def test_the_database_refuses_a_caisse(caisse: Connection, statement: str) -> None:
    # 42501: insufficient privilege. Not "does not exist", nor any other reason that a later change might lift.
    with pytest.raises(ProgrammingError) as refusal:
        caisse.exec_driver_sql(statement)
    assert getattr(refusal.value.orig, "sqlstate", None) == "42501"


def test_statistics_betray_no_medical_value(owner: Engine, caisse: Connection) -> None:
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE medical.probe"))
        connection.execute(text("ANALYZE enrolment.contact, enrolment.dossier"))
    seen = text(
        "SELECT count(*) FROM pg_stats WHERE schemaname = 'medical' OR attname = 'digest' "
        "OR tablename IN ('dossier', 'account', 'identifier', 'contact', 'consent', 'password')"
    )
    assert caisse.scalar(seen) == 0


def test_no_login_has_a_power_over_the_server_or_belongs_to_another_role(caisse: Connection) -> None:
    powerless = {
        "superuser": False, "bypasses_row_security": False, "creates_roles": False, "creates_databases": False,
        "replicates": False, "member_of": (),
    }  # fmt: skip
    assert [asdict(login) for login in standing(caisse, LOGINS)] == [{"role": r, **powerless} for r in sorted(LOGINS)]


@pytest.mark.parametrize("login", ["alimentation", "avis", "dmp_owner"])
def test_who_serves_the_dmp_cannot_enter_the_database_of_the_caisses(cluster: Any, login: str) -> None:
    url = cluster.url(login, "caisse")
    with pytest.raises(OperationalError, match="permission denied for database"):
        create_engine(url, poolclass=NullPool).connect()


def test_the_owner_of_the_caisses_cannot_enter_the_dmp(cluster: Any, dmp_owner_url: str) -> None:
    url = cluster.url("caisse_owner", "dmp")
    with pytest.raises(OperationalError, match="permission denied for database"):
        create_engine(url, poolclass=NullPool).connect()


CODE = (
    "INSERT INTO enrolment.creation_code "
    "(caisse, person_id, digest, key_id, request_id, issue_id, letter_date, expires_at, issued_at) "
    "VALUES ('631', :person, sha256(CAST(:seed AS bytea)), 'k0', gen_random_uuid(), gen_random_uuid(), "
    "'2017-01-15', '2017-03-15 23:00+00', '2017-01-10 09:00+00')"
)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("state = 'used', state_changed_at = now()", None),
        ("state = 'revoked', state_changed_at = now()", "state = 'live', state_changed_at = NULL"),
        ("state = 'expired', state_changed_at = now()", "state = 'live', state_changed_at = NULL"),
        ("state = 'revoked', state_changed_at = now()", "reason = 'autre'"),
        ("reason = 'encore valable'", None),
    ],
)
def test_a_caisse_can_end_a_code_but_neither_use_nor_revive_it(
    caisse: Connection, first: str, then: str | None
) -> None:
    change = "UPDATE enrolment.creation_code SET {} WHERE caisse = '631' AND person_id = -1"
    caisse.execute(text(CODE), {"person": -1, "seed": b"1"})
    if then is not None:
        caisse.exec_driver_sql(change.format(first))
    with pytest.raises(Exception, match="creation code: no change") as refusal:
        caisse.exec_driver_sql(change.format(then or first))
    assert getattr(getattr(refusal.value, "orig", None), "sqlstate", None) == "23001"


def test_a_second_live_code_of_a_person_is_refused_without_telling_a_hash(caisse: Connection) -> None:
    caisse.execute(text(CODE), {"person": -1, "seed": b"1"})
    with pytest.raises(Exception, match="caisse_person_id_idx"), caisse.begin_nested():
        caisse.execute(text(CODE), {"person": -1, "seed": b"2"})
    with pytest.raises(Exception, match="pkey") as refusal:
        caisse.execute(text(CODE), {"person": -2, "seed": b"1"})
    assert "digest" not in str(getattr(refusal.value, "orig", ""))


def test_no_code_outlives_two_months(caisse: Connection) -> None:
    late = CODE.replace("2017-03-15 23:00+00", "2017-03-15 23:00:01+00")
    with pytest.raises(Exception, match="check"):
        caisse.execute(text(late), {"person": -1, "seed": b"1"})
