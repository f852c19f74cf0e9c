"""Issuing creation codes: once in clear, one live code a person, safe to take again after a crash."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from enrolment_clock import LETTER, SetClock
from sqlalchemy import Engine, text

from dmp_core.enrolment.api import REPLACED, Enrolment
from dmp_core.enrolment.codes import check
from dmp_core.enrolment.digests import is_digest_of
from dmp_core.enrolment.results import CodeStatus
from dmp_core.errors import Invalid, Unavailable, WrongState
from dmp_core.storage.engine import engine_for
from dmp_core.storage.keyring import Keyring


def live(enrolment: Enrolment, persons: range, caisse: str = "631") -> set[int]:
    states = enrolment.code_states(caisse, persons)
    return {person for person, state in states.items() if state.status is CodeStatus.LIVE}


def test_each_person_receives_one_well_formed_code_of_their_own(
    enrolment: Enrolment, persons: range, request_id: UUID
) -> None:
    issued = enrolment.issue_codes(request_id, "631", persons, LETTER)
    assert list(issued.codes) == list(persons)
    assert len(set(issued.codes.values())) == len(persons)
    assert all(check(code) == code for code in issued.codes.values())
    assert issued.refused == frozenset()
    assert issued.expires_on == date(2017, 3, 15)
    assert enrolment.current_issue(request_id) == issued.issue_id
    assert list(enrolment.reconcile(request_id)) == list(persons)


def test_the_database_holds_a_keyed_hash_and_never_the_code(
    enrolment: Enrolment, owner_engine: Engine, ring: Keyring, persons: range, request_id: UUID
) -> None:
    codes = enrolment.issue_codes(request_id, "631", persons[:20], LETTER).codes
    with owner_engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT person_id, digest, key_id, c::text AS line FROM enrolment.creation_code c WHERE request_id = :r"
            ),
            {"r": request_id},
        ).all()
    assert len(rows) == 20
    for row in rows:
        code = codes[row.person_id]
        assert code not in row.line
        assert is_digest_of(ring, row.key_id, "631", code, row.digest)
        assert not is_digest_of(ring, row.key_id, "671", code, row.digest)


def test_the_clear_codes_are_not_in_the_printed_form_of_the_answer(
    enrolment: Enrolment, persons: range, request_id: UUID
) -> None:
    issued = enrolment.issue_codes(request_id, "631", persons[:3], LETTER)
    assert not any(code in repr(issued) for code in issued.codes.values())


def test_asking_again_with_the_same_request_replaces_the_codes_that_were_lost(
    enrolment: Enrolment, persons: range, request_id: UUID
) -> None:
    first = enrolment.issue_codes(request_id, "631", persons, LETTER)
    second = enrolment.issue_codes(request_id, "631", persons, LETTER)
    assert (
        second.issue_id != first.issue_id == second.issue_id or enrolment.current_issue(request_id) == second.issue_id
    )
    assert second.refused == frozenset()
    assert set(second.codes.values()).isdisjoint(first.codes.values())
    assert live(enrolment, persons) == set(persons)
    assert enrolment.counts(["631"])[request_id] == len(persons)


def test_a_smaller_second_asking_leaves_no_live_code_to_those_left_out(
    enrolment: Enrolment, persons: range, request_id: UUID
) -> None:
    enrolment.issue_codes(request_id, "631", persons, LETTER)
    enrolment.issue_codes(request_id, "631", persons[:10], LETTER)
    assert list(enrolment.reconcile(request_id)) == list(persons[:10])
    state = enrolment.code_states("631", [persons[20]])[persons[20]]
    assert (state.status, state.reason) == (CodeStatus.REVOKED, REPLACED)


def test_who_holds_a_live_code_of_another_request_keeps_it_and_is_refused(enrolment: Enrolment, persons: range) -> None:
    mine, theirs = uuid4(), uuid4()
    enrolment.issue_codes(mine, "631", persons[:5], LETTER)
    issued = enrolment.issue_codes(theirs, "631", persons[:8], LETTER)
    assert issued.refused == frozenset(persons[:5])
    assert list(issued.codes) == list(persons[5:8])
    assert list(enrolment.reconcile(mine)) == list(persons[:5])
    # Again, after a crash: the same are refused, the others get new codes.
    again = enrolment.issue_codes(theirs, "631", persons[:8], LETTER)
    assert (again.refused, list(again.codes)) == (issued.refused, list(issued.codes))


def test_a_code_whose_time_has_passed_does_not_stand_in_the_way(
    enrolment: Enrolment, persons: range, clock: SetClock
) -> None:
    old, new = uuid4(), uuid4()
    enrolment.issue_codes(old, "631", persons[:5], LETTER)
    clock.now = datetime(2017, 3, 15, 22, 59, 59, tzinfo=UTC)  # the last second of the last day in Paris
    assert len(enrolment.issue_codes(uuid4(), "631", persons[:5], date(2017, 3, 15)).refused) == 5
    clock.now += timedelta(seconds=1)
    before = enrolment.code_states("631", persons[:5])[persons[0]]
    assert before.status is CodeStatus.EXPIRED
    assert before.changed_at == clock.now
    assert list(enrolment.reconcile(old)) == []
    issued = enrolment.issue_codes(new, "631", persons[:5], date(2017, 3, 16))
    assert issued.refused == frozenset()
    assert live(enrolment, persons) == set(persons[:5])


def test_the_same_number_in_two_caisses_is_two_persons(enrolment: Enrolment, persons: range) -> None:
    enrolment.issue_codes(uuid4(), "631", persons[:1], LETTER)
    assert enrolment.issue_codes(uuid4(), "671", persons[:1], LETTER).refused == frozenset()
    assert {code[:2] for code in enrolment.live_codes(["671", "631"])} >= {("631", persons[0]), ("671", persons[0])}


def test_nobody_to_write_to_is_an_issue_of_no_code(enrolment: Enrolment, request_id: UUID) -> None:
    issued = enrolment.issue_codes(request_id, "631", [], LETTER)
    assert issued.codes == {}
    assert enrolment.current_issue(request_id) == issued.issue_id


@pytest.mark.parametrize("caisse", ["", "63", "6311", "63a", "٦٣١", "63 "])
def test_what_is_no_caisse_number_is_refused(enrolment: Enrolment, request_id: UUID, caisse: str) -> None:
    with pytest.raises(Invalid, match="trois chiffres"):
        enrolment.issue_codes(request_id, caisse, [1], LETTER)


def test_a_person_given_twice_is_refused(enrolment: Enrolment, persons: range, request_id: UUID) -> None:
    with pytest.raises(Invalid, match="deux fois"):
        enrolment.issue_codes(request_id, "631", [persons[0], persons[1], persons[0]], LETTER)
    assert enrolment.current_issue(request_id) is None


def test_a_letter_so_old_that_its_codes_would_be_dead_is_refused(
    enrolment: Enrolment, persons: range, request_id: UUID, clock: SetClock
) -> None:
    clock.now = datetime(2017, 3, 15, 23, 0, tzinfo=UTC)
    with pytest.raises(Invalid, match="trop ancienne"):
        enrolment.issue_codes(request_id, "631", persons, LETTER)


def test_a_request_of_one_caisse_is_not_taken_by_another(
    enrolment: Enrolment, persons: range, request_id: UUID
) -> None:
    enrolment.issue_codes(request_id, "631", persons[:2], LETTER)
    with pytest.raises(Invalid, match="autre caisse"):
        enrolment.issue_codes(request_id, "671", persons[:2], LETTER)
    assert list(enrolment.reconcile(request_id)) == list(persons[:2])


def test_a_request_whose_letters_have_left_is_not_issued_again(
    enrolment: Enrolment, owner_engine: Engine, persons: range, request_id: UUID
) -> None:
    enrolment.issue_codes(request_id, "631", persons[:3], LETTER)
    use(owner_engine, persons[0])
    with pytest.raises(WrongState, match="déjà servi"):
        enrolment.issue_codes(request_id, "631", persons[:3], LETTER)
    assert live(enrolment, persons) == set(persons[1:3])


def test_a_failure_half_way_leaves_everything_as_it_was(
    enrolment: Enrolment, persons: range, request_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = enrolment.issue_codes(request_id, "631", persons[:10], LETTER)
    with monkeypatch.context() as patched:
        patched.setattr("dmp_core.enrolment.api.draw_codes", _fail)
        with pytest.raises(MemoryError):
            enrolment.issue_codes(request_id, "631", persons[:10], LETTER)
    assert enrolment.current_issue(request_id) == first.issue_id
    assert live(enrolment, persons) == set(persons[:10])


def _fail(count: int) -> list[str]:
    raise MemoryError


def test_a_code_that_exists_already_is_drawn_again(
    enrolment: Enrolment, persons: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = enrolment.issue_codes(uuid4(), "631", persons[:1], LETTER).codes[persons[0]]
    fresh = "X" * 12
    draws = iter([[taken], [fresh]])
    monkeypatch.setattr("dmp_core.enrolment.api.draw_codes", lambda count: next(draws))
    assert enrolment.issue_codes(uuid4(), "631", persons[1:2], LETTER).codes == {persons[1]: fresh}


def test_revoked_codes_are_dead_with_their_reason_and_the_person_may_have_another(
    enrolment: Enrolment, persons: range, request_id: UUID
) -> None:
    enrolment.issue_codes(request_id, "631", persons[:5], LETTER)
    assert enrolment.revoke("631", persons[:2], "courrier perdu") == 2
    assert enrolment.revoke("631", persons[:2], "courrier perdu") == 0
    state = enrolment.code_states("631", persons[:1])[persons[0]]
    assert (state.status, state.reason, state.request_id) == (CodeStatus.REVOKED, "courrier perdu", request_id)
    assert enrolment.issue_codes(uuid4(), "631", persons[:5], LETTER).refused == frozenset(persons[2:5])
    assert enrolment.code_states("631", persons[:1])[persons[0]].status is CodeStatus.LIVE


def test_a_whole_request_is_revoked_at_once_and_an_unknown_one_is_no_fault(
    enrolment: Enrolment, persons: range, request_id: UUID
) -> None:
    assert enrolment.revoke_request(request_id, "campagne annulée") == 0
    enrolment.issue_codes(request_id, "631", persons, LETTER)
    assert enrolment.revoke_request(request_id, "campagne annulée") == len(persons)
    assert list(enrolment.reconcile(request_id)) == []
    assert request_id not in enrolment.counts(["631"])


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_a_revocation_without_a_short_reason_is_refused(enrolment: Enrolment, request_id: UUID, reason: str) -> None:
    with pytest.raises(Invalid, match="motif"):
        enrolment.revoke("631", [1], reason)
    with pytest.raises(Invalid, match="motif"):
        enrolment.revoke_request(request_id, reason)


def test_a_person_who_never_had_a_code_has_no_state(enrolment: Enrolment, persons: range) -> None:
    assert enrolment.code_states("631", persons) == {}


def test_live_codes_come_in_order_and_may_be_left_half_read(enrolment: Enrolment, persons: range) -> None:
    enrolment.issue_codes(uuid4(), "801", persons[::-1], LETTER)
    enrolment.issue_codes(uuid4(), "941", persons, LETTER)
    holders = list(enrolment.live_codes(["941", "801"]))
    assert holders == sorted(holders)
    assert {caisse for caisse, _, _ in holders} == {"801", "941"}
    unfinished = enrolment.live_codes(["801"])
    assert next(iter(unfinished))[0] == "801"
    unfinished.close()  # type: ignore[attr-defined]
    assert list(enrolment.live_codes([])) == []


def test_codes_hashed_under_an_older_key_stay_good_after_a_rotation(
    caisse_engine: Engine, owner_engine: Engine, tmp_path: Path, clock: SetClock, persons: range
) -> None:
    path = tmp_path / "codes.json"
    before = Enrolment(caisse_engine, Keyring.create_if_missing(path), clock)
    old = before.issue_codes(uuid4(), "631", persons[:1], LETTER).codes
    ring = Keyring.rotate(path)
    after = Enrolment(caisse_engine, ring, clock)
    new = after.issue_codes(uuid4(), "631", persons[1:2], LETTER).codes
    with owner_engine.connect() as connection:
        rows = connection.execute(
            text("SELECT person_id, key_id, digest FROM enrolment.creation_code WHERE person_id = ANY(:p)"),
            {"p": list(persons[:2])},
        ).all()
    assert len({row.key_id for row in rows}) == 2
    assert all(is_digest_of(ring, row.key_id, "631", (old | new)[row.person_id], row.digest) for row in rows)


def test_a_lost_key_is_noticed(caisse_engine: Engine, ring: Keyring, clock: SetClock, persons: range) -> None:
    Enrolment(caisse_engine, ring, clock).issue_codes(uuid4(), "631", persons[:1], LETTER)
    assert ring.current not in Enrolment(caisse_engine, ring, clock).missing_keys()
    assert ring.current in Enrolment(caisse_engine, Keyring("", {}), clock).missing_keys()


def test_a_database_that_is_away_is_said_in_one_sentence(ring: Keyring, clock: SetClock, persons: range) -> None:
    nowhere = engine_for("postgresql+psycopg://caisse:secret@127.0.0.1:1/dmp", application="tests")
    with pytest.raises(Unavailable) as refusal:
        Enrolment(nowhere, ring, clock).issue_codes(uuid4(), "631", persons, LETTER)
    assert str(refusal.value) == "La base du DMP ne répond pas\u00a0: réessayez dans quelques minutes."


def test_a_connection_cut_in_the_middle_is_said_in_one_sentence_and_the_next_call_works(
    enrolment: Enrolment, caisse_engine: Engine, persons: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dmp_core.enrolment.codes import draw_codes

    def cut(count: int) -> list[str]:
        with caisse_engine.connect() as other:
            other.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE usename = 'caisse' AND state = 'idle in transaction' AND pid <> pg_backend_pid() "
                    "AND application_name = 'tests' AND datname = current_database()"
                )
            )
        return draw_codes(count)

    request = uuid4()
    with monkeypatch.context() as patched:
        patched.setattr("dmp_core.enrolment.api.draw_codes", cut)
        with pytest.raises(Unavailable):
            enrolment.issue_codes(request, "631", persons[:10], LETTER)
    assert enrolment.current_issue(request) is None
    assert len(enrolment.issue_codes(request, "631", persons[:10], LETTER).codes) == 10


def use(owner_engine: Engine, person: int) -> None:
    """What the portal will do: spend the live code of a person."""
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE enrolment.creation_code SET state = 'used', state_changed_at = now() "
                "WHERE person_id = :person AND state = 'live'"
            ),
            {"person": person},
        )


def test_codes_that_end_soon_are_counted_by_request_and_last_day(
    enrolment: Enrolment, clock: SetClock, persons: range, request_id: UUID
) -> None:
    issued = enrolment.issue_codes(request_id, "631", persons, LETTER)
    last = issued.expires_on
    assert enrolment.ending(["631"], last - timedelta(days=1)) == {}
    assert enrolment.ending(["631"], last)[request_id, last] == len(persons)
    assert (request_id, last) not in enrolment.ending(["941"], last)
    enrolment.revoke("631", persons[:4], "essai")
    assert enrolment.ending(["631"], last + timedelta(days=5))[request_id, last] == len(persons) - 4
