"""A session is on the server, its token changes at each step, and it is over by idleness, by length, and at once when ended."""

import threading

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from dmp_core.errors import WrongState
from dmp_core.holder.client import Client
from dmp_core.holder.sessions import Sessions, Stage

from .world import HERE, World


@pytest.fixture
def sessions(world: World) -> Sessions:
    return world.access.sessions


def test_a_token_has_256_bits_and_only_its_hash_is_kept(sessions: Sessions, owner: Engine) -> None:
    token = sessions.begin(Stage.IDENTIFIED, person=("941", 7), data={"code": "XCODEX"}, client=HERE)
    found = sessions.find(token)
    assert found is not None
    assert len(token) == 43
    assert (found.stage, found.caisse, found.person_id, found.dossier_id) == (Stage.IDENTIFIED, "941", 7, None)
    assert found.data == {"code": "XCODEX"}
    with owner.connect() as connection:
        row = connection.execute(text("SELECT * FROM enrolment.session WHERE id = :id"), {"id": found.id}).one()
    kept = str(row) + repr(found)
    assert not [secret for secret in (token, "XCODEX", HERE.address) if secret in kept]
    assert b"XCODEX" not in bytes(row.data)


def test_no_other_text_is_a_token(sessions: Sessions) -> None:
    sessions.begin(Stage.IDENTIFIED, client=HERE)
    assert [sessions.find(text) for text in ("", "x", "é", "A" * 43, "\x00" * 9000)] == [None] * 5


def test_idle_for_a_quarter_of_an_hour_it_is_over(world: World, sessions: Sessions) -> None:
    token = sessions.begin(Stage.IDENTIFIED, client=HERE)
    world.clock.forward(minutes=14, seconds=59)
    assert sessions.find(token) is not None
    world.clock.forward(minutes=14, seconds=59)
    assert sessions.find(token) is not None
    world.clock.forward(minutes=15)
    assert sessions.find(token) is None


def test_after_an_hour_it_is_over_however_busy(world: World, sessions: Sessions) -> None:
    token = sessions.begin(Stage.IDENTIFIED, client=HERE)
    for _ in range(5):
        world.clock.forward(minutes=11)
        assert sessions.find(token) is not None
    world.clock.forward(minutes=5)
    assert sessions.find(token) is None


def test_each_step_kills_the_token_before_and_keeps_what_is_remembered(sessions: Sessions) -> None:
    first = sessions.begin(Stage.IDENTIFIED, client=HERE, data={"n": 1})
    session = sessions.find(first)
    assert session is not None
    second = sessions.advance(session, Stage.IDENTIFIED)
    assert sessions.find(first) is None
    moved = sessions.find(second)
    assert moved is not None
    assert (moved.id, moved.data) == (session.id, {"n": 1})
    with pytest.raises(WrongState):
        sessions.advance(session, Stage.OPEN)


def test_two_clicks_at_once_move_a_session_once(sessions: Sessions) -> None:
    session = sessions.find(sessions.begin(Stage.IDENTIFIED, client=HERE))
    assert session is not None
    moved, refused = [], []
    ready = threading.Barrier(4)

    def click() -> None:
        ready.wait()
        try:
            moved.append(sessions.advance(session, Stage.CREATED))
        except WrongState as refusal:
            refused.append(refusal)

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(moved), len(refused)) == (1, 3)


def test_a_step_rolled_back_with_its_transaction_was_not_made(world: World, sessions: Sessions) -> None:
    session = sessions.find(sessions.begin(Stage.IDENTIFIED, client=HERE))
    assert session is not None
    with world.store.transaction() as connection:
        sessions.advance(session, Stage.CREATED, connection=connection)
        connection.rollback()
    assert sessions.find(session.token) is not None


def test_an_ended_session_is_gone_at_once_and_ending_it_again_is_no_error(sessions: Sessions) -> None:
    session = sessions.find(sessions.begin(Stage.IDENTIFIED, client=HERE))
    assert session is not None
    sessions.end(session)
    sessions.end(session)
    assert sessions.find(session.token) is None


def test_what_is_over_is_deleted_now_and_then(world: World, sessions: Sessions, owner: Engine) -> None:
    world.clock.forward(days=3000)  # later than any other test
    sessions.begin(Stage.IDENTIFIED, client=HERE)
    world.clock.forward(minutes=16)
    live = sessions.begin(Stage.IDENTIFIED, client=HERE)
    while sessions.tidy():
        pass
    assert sessions.find(live) is not None
    with owner.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM enrolment.session")) == 1


@pytest.mark.parametrize(
    "table", ["session", "device", "one_time_code", "authenticator", "connection", "contact_change", "password"]
)
def test_a_holder_s_transaction_sees_no_row_of_another(world: World, table: str) -> None:
    mine, theirs = world.someone(), world.someone()
    world.signed_in(theirs)
    with world.store.transaction(mine.dossier) as connection:
        seen = connection.scalars(text(f"SELECT DISTINCT dossier_id FROM enrolment.{table}")).all()
    assert set(seen) <= {mine.dossier}
    with world.store.transaction() as connection:
        assert connection.scalar(text(f"SELECT count(dossier_id) FROM enrolment.{table}")) == 0


@pytest.mark.parametrize(
    "statement",
    [
        *(
            f"SELECT 1 FROM enrolment.{table}"
            for table in ("session", "device", "attempt", "one_time_code", "connection")
        ),
        "SELECT enrolment.end_session('\\x00', now(), 'expired')",
        "SELECT * FROM enrolment.session_of_token('\\x00', now(), '1 hour', '1 hour')",
        "DELETE FROM enrolment.attempt",
    ],
)
def test_the_caisse_reaches_nothing_of_it(caisse: Engine, statement: str) -> None:
    with caisse.connect() as connection, pytest.raises(ProgrammingError) as refusal:
        connection.exec_driver_sql(statement)
    assert getattr(refusal.value.orig, "sqlstate", None) == "42501"


@pytest.mark.parametrize(
    "statement", ["SELECT token_sha256 FROM enrolment.session", "SELECT data FROM enrolment.session"]
)
def test_the_portal_itself_cannot_list_tokens(world: World, statement: str) -> None:
    with pytest.raises(ProgrammingError), world.store.transaction() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; rv:49.0) Gecko/20100101 Firefox/49.0", "Firefox sur Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 10_0 like Mac OS X) AppleWebKit/602.1.50 (KHTML, like Gecko) "
            "Version/10.0 Mobile/14A346 Safari/602.1",
            "Mobile Safari sur iOS",
        ),
        ("", "Appareil inconnu"),
        ("<script>" * 500, "Appareil inconnu"),
    ],
)
def test_a_device_is_named_in_a_few_words(agent: str, label: str) -> None:
    assert Client("192.0.2.1", agent).label == label
