"""Attempts are counted before they are made, by subject first, and nobody can lock somebody else out."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from dmp_core.errors import WrongState
from dmp_core.holder.guard import Guard, Lane, TooMany, code_lanes, network
from dmp_core.holder.limits import Limits
from dmp_core.holder.store import HolderStore
from dmp_core.storage.keyring import Keyring

from .world import SetClock

WRONG = WrongState("faux")


@pytest.fixture
def guard(store: HolderStore, keyring: Keyring, clock: SetClock, no_attempts: None) -> Guard:
    return Guard(store, keyring, clock)


def fail(guard: Guard, times: int, *lanes: Lane) -> None:
    for _ in range(times):
        guard.attempt(lanes)


def test_five_failures_close_a_subject_for_half_an_hour_wherever_they_come_from(guard: Guard, clock: SetClock) -> None:
    subject = Lane("nir", str(uuid4()))
    for number in range(5):
        guard.attempt([subject, Lane("address", f"192.0.2.{number}")])
    with pytest.raises(TooMany) as refusal:
        guard.attempt([subject, Lane("address", "192.0.2.99")])
    assert refusal.value.retry_at == clock.now + timedelta(minutes=30)
    assert "dans 30 minutes" in str(refusal.value)
    clock.forward(minutes=30)
    guard.attempt([subject])


def test_each_further_block_is_twice_as_long_up_to_a_day(guard: Guard, clock: SetClock) -> None:
    subject, blocks = Lane("login", str(uuid4())), []
    for _ in range(9):
        fail(guard, 5, subject)
        with pytest.raises(TooMany) as refusal:
            guard.attempt([subject])
        blocks.append((refusal.value.retry_at - clock.now) / timedelta(minutes=30))
        clock.now = refusal.value.retry_at
    assert blocks == [1, 2, 4, 8, 16, 32, 48, 48, 48]


def test_a_success_clears_the_subject_and_gives_back_one_to_the_address(guard: Guard, store: HolderStore) -> None:
    subject, address = Lane("login", str(uuid4())), Lane("address", "198.51.100.1")
    fail(guard, 4, subject, address)
    guard.attempt([subject, address]).succeeded()
    fail(guard, 5, subject, address)
    with store.transaction() as connection:
        counted = connection.scalar(text("SELECT failures FROM enrolment.attempt WHERE scope = 'address'"))
    assert counted == 9


def test_a_refused_attempt_counts_nowhere_so_that_knocking_prolongs_nothing(guard: Guard, clock: SetClock) -> None:
    subject, other = Lane("nir", str(uuid4())), Lane("code", str(uuid4()))
    fail(guard, 5, subject)
    for _ in range(20):
        with pytest.raises(TooMany):
            guard.attempt([subject, other])
    clock.forward(minutes=30)
    guard.attempt([subject, other])


def test_an_address_has_a_budget_that_comes_back_with_the_hour(guard: Guard, clock: SetClock) -> None:
    address = Lane("address", "203.0.113.7")
    fail(guard, 60, address)
    with pytest.raises(TooMany) as refusal:
        guard.attempt([address])
    assert refusal.value.retry_at == clock.now + timedelta(hours=1)
    clock.forward(hours=1)
    fail(guard, 60, address)


def test_what_an_address_counts_as() -> None:
    assert network("192.0.2.7") == "192.0.2.7"
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2::") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::1") != network("2001:db8:1:2::1")
    assert network("::ffff:192.0.2.7") == "192.0.2.7"
    assert network("n’importe quoi") == "inconnue"


def test_a_hundred_attempts_at_once_are_five_tries(guard: Guard) -> None:
    subject, passed, refused = Lane("nir", str(uuid4())), [], []
    ready = threading.Barrier(8)

    def knock() -> None:
        ready.wait()
        for _ in range(12):
            try:
                guard.attempt([subject, Lane("total", "essai")])
                passed.append(1)
            except TooMany:
                refused.append(1)

    threads = [threading.Thread(target=knock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(passed), len(refused)) == (5, 91)


def test_successes_and_failures_at_once_never_wait_for_each_other_in_a_circle(guard: Guard) -> None:
    problems: list[BaseException] = []
    subjects = [str(uuid4()) for _ in range(3)]

    def work(number: int) -> None:
        try:
            for turn in range(15):
                nir, address = subjects[(number + turn) % 3], f"192.0.2.{turn % 2}"
                try:
                    attempt = guard.attempt(code_lanes(nir, f"CODE{turn % 2}", address, "none", None))
                except TooMany:
                    continue
                attempt.succeeded()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_code_issued_after_the_attack_began_gets_through_it(guard: Guard, clock: SetClock) -> None:
    nir = str(uuid4())
    sent_before = clock.now - timedelta(days=3)
    for number in range(5):
        guard.attempt(code_lanes(nir, f"FAUX{number}", f"192.0.2.{number}", "old", sent_before))
    clock.forward(minutes=1)
    early = guard.attempt(code_lanes(nir, "BON", "198.51.100.9", "old", sent_before))
    assert not early.admits
    with pytest.raises(TooMany):
        early.refuse(WRONG)
    clock.forward(minutes=2)
    issued = clock.now
    clock.forward(minutes=3)
    attempt = guard.attempt(code_lanes(nir, "BON", "198.51.100.9", "new", issued))
    assert attempt.admits
    attempt.succeeded()


def test_while_a_nir_is_blocked_a_wrong_code_is_answered_alike_for_all(guard: Guard, clock: SetClock) -> None:
    victim, nobody = str(uuid4()), str(uuid4())
    for nir in (victim, nobody):
        for number in range(5):
            guard.attempt(code_lanes(nir, f"FAUX{number}{nir}", "192.0.2.1", "none", None))
    clock.forward(minutes=1)
    issued = clock.now
    clock.forward(minutes=1)
    said = []
    for nir, issue, at in ((victim, "new", issued), (nobody, "none", None)):
        for number in range(8):  # beyond the five tries of the fresh lane too
            attempt = guard.attempt(code_lanes(nir, f"X{number}{nir}", "192.0.2.1", issue, at))
            with pytest.raises(TooMany) as refusal:
                attempt.refuse(WRONG)
            said.append(str(refusal.value))
    assert len(set(said)) == 1


def test_a_fresh_code_is_tried_five_times_from_one_place_and_a_hundred_times_in_all(
    guard: Guard, clock: SetClock
) -> None:
    nir = str(uuid4())
    fail(guard, 5, Lane("nir", nir))
    clock.forward(minutes=1)
    issued = clock.now
    clock.forward(minutes=1)
    admitted = 0
    for place in range(40):
        for _ in range(6):
            lanes = code_lanes(nir, str(uuid4()), f"192.0.2.{place}", "new", issued)
            admitted += guard.attempt(lanes).admits
    assert admitted == 100


def test_an_attack_on_a_login_leaves_the_lane_of_a_known_device_open(guard: Guard) -> None:
    login = str(uuid4())
    fail(guard, 5, Lane("login", login))
    guard.attempt([Lane("device", f"{login}/{uuid4()}")]).succeeded()
    with pytest.raises(TooMany):
        guard.attempt([Lane("login", login)])


def test_what_no_longer_counts_is_deleted_and_what_counts_is_kept(
    guard: Guard, clock: SetClock, store: HolderStore
) -> None:
    fail(guard, 5, Lane("login", "gone"))
    fail(guard, 1, Lane("address", "192.0.2.3"))
    clock.forward(days=3)
    fail(guard, 1, Lane("login", "kept"))
    assert guard.tidy() == 1  # the address
    clock.forward(days=4, minutes=31)
    assert guard.tidy() == 1
    with store.transaction() as connection:
        assert connection.scalar(text("SELECT count(*) FROM enrolment.attempt")) == 1


def test_no_subject_is_written_down(guard: Guard, store: HolderStore) -> None:
    fail(guard, 1, *code_lanes("295109912611193", "2345678X", "192.0.2.200", "none", None))
    with store.transaction() as connection:
        everything = str(connection.execute(text("SELECT * FROM enrolment.attempt")).all())
    assert not [secret for secret in ("295109912611193", "2345678X", "192.0.2.200") if secret in everything]
    assert "295109912611193" not in repr(Lane("nir", "295109912611193"))


def test_every_scope_that_is_counted_has_a_rule() -> None:
    lanes = code_lanes("1", "2", "192.0.2.1", "none", None)
    assert {lane.scope for lane in lanes} <= set(Limits().rules)
