"""Letters posted later than planned: two calendar months from the posting, never shortened, the same everywhere."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from dateutil.relativedelta import relativedelta
from enrolment_clock import LETTER, SetClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.results import CodeStatus
from dmp_core.errors import Invalid


def ends(enrolment: Enrolment, persons: range) -> set[date]:
    return {state.expires_on for state in enrolment.code_states("631", persons).values()}


def test_everyone_keeps_two_months_from_the_posting(
    enrolment: Enrolment, clock: SetClock, persons: range, request_id: UUID
) -> None:
    enrolment.issue_codes(request_id, "631", persons[:9], LETTER)
    clock.now = datetime(2017, 2, 1, 9, tzinfo=UTC)
    assert enrolment.extend(request_id, date(2017, 1, 31)) == 9
    assert ends(enrolment, persons[:9]) == {date(2017, 3, 31)}
    assert {state.posted_on for state in enrolment.code_states("631", persons).values()} == {date(2017, 1, 31)}
    assert enrolment.extend(request_id, date(2017, 1, 31)) == 0


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(-20, 92), min_size=1, max_size=6))
def test_no_report_of_a_posting_ever_shortens_a_life(
    enrolment: Enrolment, clock: SetClock, persons: range, days: list[int]
) -> None:
    request_id, person = uuid4(), persons[0]
    clock.now = datetime(2017, 1, 10, 9, tzinfo=UTC)
    enrolment.revoke("631", [person], "essai")
    enrolment.issue_codes(request_id, "631", [person], LETTER)
    clock.now = datetime(2017, 4, 18, 9, tzinfo=UTC)
    end = LETTER + relativedelta(months=2)
    for late in days:
        posted = LETTER + timedelta(days=late)
        enrolment.extend(request_id, posted)
        end = max(end, posted + relativedelta(months=2))
        assert ends(enrolment, range(person, person + 1)) == {end}
    enrolment.forget("631", [person], date(2018, 1, 1))  # for the next example: not one of ours is left


def test_a_code_whose_end_had_passed_lives_again_for_who_was_promised_two_months(
    enrolment: Enrolment, clock: SetClock, persons: range, request_id: UUID
) -> None:
    enrolment.issue_codes(request_id, "631", persons[:2], LETTER)
    clock.now = datetime(2017, 3, 20, 9, tzinfo=UTC)
    assert {s.status for s in enrolment.code_states("631", persons).values()} == {CodeStatus.EXPIRED}
    assert enrolment.extend(request_id, date(2017, 2, 10)) == 2
    assert {s.status for s in enrolment.code_states("631", persons).values()} == {CodeStatus.LIVE}


def test_what_was_used_revoked_or_replaced_stays_what_it_is(
    enrolment: Enrolment, clock: SetClock, owner_engine: Engine, persons: range, request_id: UUID
) -> None:
    used, revoked, replaced, other, live = persons[:5]
    enrolment.issue_codes(request_id, "631", persons[:5], LETTER)
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE enrolment.creation_code SET state = 'used', state_changed_at = now() "
                "WHERE caisse = '631' AND person_id = :p"
            ),
            {"p": used},
        )
    enrolment.revoke("631", [revoked], "essai")
    enrolment.issue_codes(uuid4(), "631", [replaced], LETTER, replacing="essai")
    clock.now = datetime(2017, 3, 20, 9, tzinfo=UTC)
    enrolment.issue_codes(uuid4(), "631", [other], date(2017, 3, 20))  # its first code is closed as expired
    assert enrolment.extend(request_id, date(2017, 2, 1)) == 1
    assert enrolment.code_states("631", [live])[live].expires_on == date(2017, 4, 1)
    assert enrolment.code_states("631", [other])[other].expires_on == date(2017, 5, 20)


def test_one_letter_alone_may_be_posted_later(
    enrolment: Enrolment, clock: SetClock, persons: range, request_id: UUID
) -> None:
    enrolment.issue_codes(request_id, "631", persons[:3], LETTER)
    clock.now = datetime(2017, 2, 1, 9, tzinfo=UTC)
    assert enrolment.extend(request_id, date(2017, 1, 30), [persons[1]]) == 1
    assert [s.expires_on for _, s in sorted(enrolment.code_states("631", persons).items())] == [
        date(2017, 3, 15), date(2017, 3, 30), date(2017, 3, 15),
    ]  # fmt: skip


def test_a_day_to_come_or_three_months_late_is_refused(
    enrolment: Enrolment, clock: SetClock, persons: range, request_id: UUID
) -> None:
    enrolment.issue_codes(request_id, "631", persons[:1], LETTER)
    with pytest.raises(Invalid, match="à venir"):
        enrolment.extend(request_id, date(2017, 1, 11))
    clock.now = datetime(2017, 6, 1, tzinfo=UTC)
    with pytest.raises(Invalid, match="92 jours"):
        enrolment.extend(request_id, date(2017, 4, 18))
    assert enrolment.extend(uuid4(), date(2017, 4, 1)) == 0


def test_a_return_revokes_the_code_of_its_own_letter_alone(
    enrolment: Enrolment, persons: range, request_id: UUID
) -> None:
    enrolment.issue_codes(request_id, "631", persons[:2], LETTER)
    later = uuid4()
    enrolment.issue_codes(later, "631", [persons[0]], LETTER, replacing="essai")
    assert enrolment.revoke("631", persons[:2], "courrier revenu", of_request=request_id) == 1
    assert enrolment.code_states("631", [persons[0]])[persons[0]].status is CodeStatus.LIVE


def test_codes_that_opened_nothing_are_forgotten_in_time_and_no_other(
    enrolment: Enrolment, clock: SetClock, owner_engine: Engine, persons: range, request_id: UUID
) -> None:
    enrolment.issue_codes(request_id, "631", persons[:3], LETTER)
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE enrolment.creation_code SET state = 'used', state_changed_at = now() "
                "WHERE caisse = '631' AND person_id = :p"
            ),
            {"p": persons[0]},
        )
    assert enrolment.forget("631", persons[:3], date(2017, 3, 1)) == 0
    assert enrolment.forget("631", persons[:2], date(2017, 9, 1)) == 1
    assert enrolment.forget("631", persons[:2], date(2017, 9, 1)) == 0
    assert set(enrolment.code_states("631", persons[:3])) == {persons[0], persons[2]}
