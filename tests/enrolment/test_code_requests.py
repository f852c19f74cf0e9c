"""One rule for code requests: mon-dmp counts, staff are told why not and from when."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from enrolment_people import an_insured, rows
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.code_requests import (
    A_DAY,
    DAY,
    IN_THIRTY_DAYS,
    THIRTY_DAYS,
    Purpose,
    Refusal,
    judge,
    purpose_of,
    within,
)
from dmp_core.enrolment.dossiers import DossierState
from dmp_core.errors import Invalid

NOW = datetime(2016, 11, 2, 9, tzinfo=UTC)
ago = st.integers(0, 40 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))


@given(st.lists(ago, max_size=8), st.integers(0, A_DAY), st.integers(1, IN_THIRTY_DAYS))
def test_staff_and_portal_say_the_same_and_the_moment_told_is_the_first_possible(
    asked: list[datetime], a_day: int, month: int
) -> None:
    judged = judge(None, True, asked, NOW, a_day=a_day, in_thirty_days=month)
    day, thirty = sum(at > NOW - DAY for at in asked), sum(at > NOW - THIRTY_DAYS for at in asked)
    assert judged.granted == within(day, thirty, a_day=a_day, in_thirty_days=month)
    if judged.granted or a_day == 0:
        assert judged.retry_at is None
        return
    assert judged.retry_at is not None
    later = judge(None, True, asked, judged.retry_at, a_day=a_day, in_thirty_days=month)
    earlier = judge(None, True, asked, judged.retry_at - timedelta(seconds=1), a_day=a_day, in_thirty_days=month)
    assert later.granted
    assert not earlier.granted


@pytest.mark.parametrize(
    ("state", "may_open", "purpose", "refusal"),
    [
        (None, True, Purpose.CREATION, None),
        (None, False, None, Refusal.NOT_ELIGIBLE),
        (DossierState.OPEN, False, Purpose.ACCESS, None),
        (DossierState.SUSPENDED, True, None, Refusal.NO_ACCESS),
        (DossierState.CLOSED, True, None, Refusal.NO_ACCESS),
    ],
)
def test_what_a_code_is_for(
    state: DossierState | None, may_open: bool, purpose: Purpose | None, refusal: Refusal | None
) -> None:
    assert purpose_of(state, may_open) is purpose
    judged = judge(state, may_open, [], NOW)
    assert (judged.purpose, judged.refusal) == (purpose, refusal)


def test_asked_again_under_the_same_request_it_is_asked_once(enrolment: Enrolment, owner_engine: Engine) -> None:
    person, request = an_insured(), uuid4()
    first, again = (enrolment.dossiers.request_code(request, person) for _ in range(2))
    assert first.granted
    assert again.granted
    assert rows(owner_engine, person)["event"] == 1
    other = enrolment.dossiers.request_code(uuid4(), person)
    assert other.refusal is Refusal.A_DAY
    assert rows(owner_engine, person)["event"] == 1


def test_asked_at_two_desks_at_once_it_is_asked_once(enrolment: Enrolment, owner_engine: Engine) -> None:
    person = an_insured()
    with ThreadPoolExecutor(6) as desks:
        told = list(desks.map(lambda _: enrolment.dossiers.request_code(uuid4(), person), range(6)))
    assert sum(judged.granted for judged in told) == 1
    assert rows(owner_engine, person)["event"] == 1


def test_limits_may_be_stricter_than_online_and_never_wider(enrolment: Enrolment) -> None:
    with pytest.raises(Invalid, match="jamais plus fréquent"):
        enrolment.dossiers.request_code(uuid4(), an_insured(), a_day=A_DAY + 1)
    stopped = enrolment.dossiers.code_request(an_insured(), a_day=0)
    assert (stopped.granted, stopped.retry_at) == (False, None)
