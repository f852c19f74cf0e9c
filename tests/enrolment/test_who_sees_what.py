"""Row security of dossiers: the portal sees one dossier or none, whatever it asks; PostgreSQL says so, not our code."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from enrolment_people import CONSENT, CONTACTS, an_insured, enter, the
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.dossiers import Contacts, Opened, Way, open_dossier
from dmp_core.enrolment.insured import Insured

OWN = {"dossier": "id"} | dict.fromkeys(("identifier", "consent", "account", "password", "contact"), "dossier_id")
Bind = Callable[[UUID | None], Connection]


@dataclass(frozen=True)
class Two:
    """Two holders."""

    person: Insured
    mine: Opened
    other: Opened


@pytest.fixture(scope="module")
def two(holder_engine: Engine) -> Two:
    person = an_insured()
    made = []
    for who in (person, an_insured()):
        with holder_engine.begin() as connection:
            made.append(open_dossier(connection, the(), uuid4(), who, CONTACTS, CONSENT, Way.ONLINE))
    return Two(person, *made)


@pytest.fixture
def bind(holder_engine: Engine) -> Iterator[Bind]:
    with holder_engine.connect() as connection:

        def to(dossier: UUID | None) -> Connection:
            if dossier is not None:
                connection.execute(text("SELECT set_config('dmp.dossier', :d, true)"), {"d": str(dossier)})
            return connection

        yield to


@pytest.mark.parametrize("table", OWN)
def test_bound_to_a_dossier_its_rows_are_seen_and_no_other(two: Two, bind: Bind, table: str) -> None:
    connection = bind(two.mine.dossier_id)
    assert set(connection.scalars(text(f"SELECT {OWN[table]} FROM enrolment.{table}"))) == {two.mine.dossier_id}


@pytest.mark.parametrize("table", OWN)
def test_unbound_no_row_is_seen(two: Two, bind: Bind, table: str) -> None:
    assert bind(None).scalar(text(f"SELECT count(*) FROM enrolment.{table}")) == 0


def test_a_binding_ends_with_its_transaction(two: Two, bind: Bind) -> None:
    connection = bind(two.mine.dossier_id)
    connection.commit()
    assert connection.scalar(text("SELECT count(*) FROM enrolment.dossier")) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE enrolment.password SET ended_at = now()",
        "UPDATE enrolment.contact SET until = since + interval '9 years'",
        "UPDATE enrolment.identifier SET valid_to = valid_from",
        "UPDATE enrolment.dossier SET state = 'closed', closed_by = 'holder', keep_until = '2030-01-01'",
    ],
)
def test_what_the_holder_changes_is_theirs_alone(two: Two, bind: Bind, owner_engine: Engine, statement: str) -> None:
    connection = bind(two.mine.dossier_id)
    touched = connection.exec_driver_sql(statement + (" WHERE true" if "WHERE" not in statement else "")).rowcount
    assert 1 <= touched <= 2
    connection.rollback()
    assert bind(None).exec_driver_sql(statement).rowcount == 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO enrolment.contact (id, dossier_id, kind, value, since) "
        "VALUES (gen_random_uuid(), '{other}', 'mail', 'x@y.fr', now())",
        "INSERT INTO enrolment.password (id, dossier_id, hash, initial, created_at) "
        "VALUES (gen_random_uuid(), '{other}', '$argon2id$', false, now())",
        "INSERT INTO enrolment.account (dossier_id, login, created_at) VALUES ('{other}', 'bcdf1234', now())",
    ],
)
def test_nothing_can_be_put_into_another_dossier(two: Two, bind: Bind, statement: str) -> None:
    for binding in (two.mine.dossier_id, None):
        connection = bind(binding)
        with pytest.raises(DBAPIError, match="row-level security"):
            connection.exec_driver_sql(statement.format(other=two.other.dossier_id))
        connection.rollback()


@pytest.mark.parametrize("end", ["state = 'suspended'", "reason = 'essai'"])
def test_a_holder_changes_their_dossier_by_closing_it_and_not_otherwise(two: Two, bind: Bind, end: str) -> None:
    with pytest.raises(DBAPIError, match="no change from open"):
        bind(two.mine.dossier_id).exec_driver_sql(f"UPDATE enrolment.dossier SET {end}")


def test_a_holder_cannot_reopen(two: Two, bind: Bind) -> None:
    connection = bind(two.mine.dossier_id)
    connection.exec_driver_sql(
        "UPDATE enrolment.dossier SET state = 'closed', closed_by = 'holder', keep_until = '2030-01-01'"
    )
    with pytest.raises(DBAPIError, match="no change from closed to open by titulaire"):
        connection.exec_driver_sql("UPDATE enrolment.dossier SET state = 'open', closed_by = NULL, keep_until = NULL")


def test_the_routines_lent_to_the_portal_find_by_a_whole_key_and_by_nothing_less(two: Two, bind: Bind) -> None:
    connection = bind(None)
    mine = two.mine.dossier_id

    def found(call: str) -> set[UUID]:
        return set(connection.scalars(text(f"SELECT id FROM enrolment.{call}")))

    assert found(f"dossier_of_login('{two.mine.login}')") == {mine}
    assert found(f"dossier_of_person('631', {two.person.person_id})") == {mine}
    assert found(f"dossier_of_identifier('1.2.250.1.213.1.4.8', '{two.person.nir}')") == {mine}
    assert found(f"dossier_of_identifier('1.2.250.1.213.1.4.2', '{two.mine.ins_c}')") == {mine}
    for nobody in (
        "dossier_of_login('%')",
        "dossier_of_login(NULL)",
        f"dossier_of_person('311', {two.person.person_id})",
        "dossier_of_person('631', NULL)",
        f"dossier_of_identifier('1.2.250.1.213.1.4.8', '{two.person.nir[:13]}')",
    ):
        assert found(nobody) == set()


def test_the_outbox_is_written_by_the_portal_and_read_back_by_counts_alone(two: Two, bind: Bind) -> None:
    connection = bind(None)
    count = text("SELECT number FROM enrolment.events_of_person('631', :p, 'dossier.opened', :since)")
    assert connection.scalar(count, {"p": two.person.person_id, "since": the(8)}) == 1
    assert connection.scalar(count, {"p": two.person.person_id, "since": the()}) == 0
    with pytest.raises(DBAPIError, match="permission denied"):
        connection.exec_driver_sql("SELECT count(*) FROM enrolment.outbox")


CONTACT = text(
    "INSERT INTO enrolment.contact (id, dossier_id, kind, value, since) "
    "VALUES (gen_random_uuid(), :d, 'mobile', '+33639980000', now())"
)


def test_a_caisse_adds_no_contact_to_a_dossier_opened_online_nor_once_its_holder_got_in(
    enrolment: Enrolment, caisse_engine: Engine, holder_engine: Engine, owner_engine: Engine
) -> None:
    by_mail = Contacts(mail=CONTACTS.mail)
    with holder_engine.begin() as connection:
        online = open_dossier(connection, the(), uuid4(), an_insured(), by_mail, CONSENT, Way.ONLINE)
    counter = enrolment.dossiers.open(uuid4(), an_insured(), by_mail, CONSENT, Way.COUNTER)
    enter(owner_engine, counter.dossier_id)
    for made in (online, counter):
        with caisse_engine.connect() as connection, pytest.raises(DBAPIError, match="its holder alone"):
            connection.execute(CONTACT, {"d": made.dossier_id})
    with holder_engine.connect() as connection:
        connection.execute(text("SELECT set_config('dmp.dossier', :d, true)"), {"d": str(online.dossier_id)})
        connection.execute(CONTACT, {"d": online.dossier_id})


@pytest.mark.parametrize("way", [Way.ONLINE, Way.PS])
def test_the_database_too_refuses_a_caisse_that_opens_in_the_holder_s_place(caisse_engine: Engine, way: Way) -> None:
    with caisse_engine.connect() as connection, pytest.raises(DBAPIError, match="at its counter"):
        open_dossier(connection, the(), uuid4(), an_insured(), CONTACTS, CONSENT, way)
