"""Curves, what waves bring, and proposals that fit the staff, without a database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.campaigns.scheduling import Days, Embargo
from backoffice.core.calendar import is_working_day
from backoffice.core.errors import Invalid
from backoffice.planning.curves import (
    ASSUMED,
    DAYS,
    PRIOR_LETTERS,
    Curve,
    Observed,
    Response,
    learnt,
    per_thousand,
    percent_seen,
)
from backoffice.planning.load import forecast, propose
from backoffice.planning.staff import Staff

MONDAY = date(2016, 11, 14)
RATES = {response: curve.rates for response, curve in ASSUMED.items()}
NOTHING = Observed((0,) * DAYS, (0,) * DAYS)
TEN = Staff(((10, 10),) * 5)

curves = st.builds(
    lambda share, first, more, half: Curve(share, first, first + more, half),
    st.floats(0, 1000), st.integers(0, 20), st.integers(0, 20), st.integers(1, 40),
)  # fmt: skip


@given(curves)
def test_a_curve_brings_its_share_in_all_and_nothing_before_its_first_day(curve: Curve) -> None:
    curve.check()
    assert len(curve.rates) == DAYS
    assert per_thousand(curve.rates) == pytest.approx(curve.per_thousand)
    assert not any(curve.rates[: curve.first])
    assert max(curve.rates) == curve.rates[curve.peak]
    assert Curve.from_json(curve.as_json()) == curve


@pytest.mark.parametrize(
    "curve", [Curve(1001, 2, 4, 5), Curve(1, 21, 22, 5), Curve(1, 5, 4, 5), Curve(1, 2, 41, 5), Curve(1, 2, 4, 0)]
)
def test_a_curve_that_cannot_be_is_refused(curve: Curve) -> None:
    with pytest.raises(Invalid):
        curve.check()


@given(curves)
def test_without_letters_seen_the_assumption_stands(curve: Curve) -> None:
    assert learnt(curve, NOTHING) == pytest.approx(curve.rates)
    assert percent_seen(NOTHING) == 0


def test_what_is_seen_corrects_the_assumption_the_more_letters_the_more() -> None:
    curve = ASSUMED[Response.CALLS]
    for letters in (200, 2000, 200_000):
        level = (2 * letters + PRIOR_LETTERS) / (letters + PRIOR_LETTERS)
        share = (2 * letters + PRIOR_LETTERS * level) / (letters + PRIOR_LETTERS)
        seen = Observed(tuple(round(2 * rate * letters) for rate in curve.rates), (letters,) * DAYS)
        found = learnt(curve, seen)
        assert per_thousand(found) == pytest.approx(curve.per_thousand * share, rel=0.12)
        assert percent_seen(seen) == pytest.approx(100 * letters / (letters + PRIOR_LETTERS), abs=1)


def test_days_not_reached_yet_follow_what_the_first_days_say() -> None:
    curve, letters = ASSUMED[Response.CALLS], 100_000
    seen = Observed(
        tuple(round(3 * rate * letters) if day < 10 else 0 for day, rate in enumerate(curve.rates)),
        tuple(letters if day < 10 else 0 for day in range(DAYS)),
    )
    found = learnt(curve, seen)
    assert found[20] == pytest.approx(3 * curve.rates[20], rel=0.1)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.dates(date(2016, 10, 1), date(2017, 1, 15)), st.integers(1, 50_000)), max_size=6))
def test_nothing_expected_is_lost_and_nothing_comes_to_closed_doors(waves: list[tuple[date, int]]) -> None:
    first = min([day for day, _ in waves], default=MONDAY)
    loads = forecast(waves, RATES, TEN, is_working_day, first, 250)
    letters = sum(size for _, size in waves)
    for response, total in (
        (Response.CALLS, sum(load.calls for load in loads)),
        (Response.VISITS, sum(load.visits for load in loads)),
        (Response.CREATIONS, sum(load.creations for load in loads)),
    ):
        assert total == pytest.approx(letters * ASSUMED[response].per_thousand / 1000)
    for load in loads:
        assert load.open == is_working_day(load.day)
        assert load.open or (load.calls, load.visits, load.needed, load.present) == (0, 0, (0, 0), (0, 0))
    assert sum(load.letters for load in loads) == letters


def test_a_wave_brings_its_calls_to_the_busiest_half_hour() -> None:
    (load,) = forecast([(MONDAY - timedelta(days=4), 20_000)], RATES, TEN, is_working_day, MONDAY, 1)
    assert load.calls > 100  # the week-end's are there too
    assert load.needed[0] >= load.needed[1] > 0
    busier = replace(TEN, peak=200)
    assert busier.needed(load.calls)[0] > load.needed[0]
    assert load.short == (load.needed[0] > 10 or load.needed[1] > 10)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(60, 900), st.integers(10, 90), st.integers(100, 250))
def test_the_calls_of_a_full_day_need_the_staff_and_no_more(
    morning: int, afternoon: int, seconds: int, share: int, peak: int
) -> None:
    staff = Staff(((morning, afternoon),) * 5, seconds, share, peak)
    most = staff.capacity(MONDAY)
    assert all(need <= there for need, there in zip(staff.needed(most * 0.999), (morning, afternoon), strict=True))
    over = staff.needed(most * 1.02 + 1)
    assert over[0] > morning or over[1] > afternoon


def proposed(total: int, **changes: Any) -> Sequence[Any]:
    options: dict[str, Any] = {
        "start": MONDAY, "end": None, "days": Days(("631",)), "rates": RATES, "staff": TEN, "opens": is_working_day, "other": {},
    } | changes  # fmt: skip
    return propose(total, *(options[name] for name in ("start", "end", "days", "rates", "staff", "opens", "other")))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60_000), st.integers(3, 40), st.integers(3, 40), st.booleans())
def test_any_proposal_holds_the_total_and_the_staff_every_half_day(
    total: int, morning: int, afternoon: int, closed: bool
) -> None:
    staff = Staff(((morning, afternoon), (afternoon, morning), (morning, morning), (morning, afternoon), (9, 9)))
    where = Days(("631",), (Embargo(date(2016, 12, 19), date(2017, 1, 1), "fêtes"),) if closed else ())
    other = {MONDAY + timedelta(days=step): 20.0 for step in range(10)}
    slots = proposed(total, staff=staff, days=where, other=other)
    assert sum(slot.letters for slot in slots) == total
    assert all(where.closed(slot.day) is None for slot in slots)
    loads = forecast([(slot.day, slot.letters) for slot in slots], RATES, staff, is_working_day, MONDAY, 500)
    for load in loads:
        if load.open:
            needed = staff.needed(load.calls + other.get(load.day, 0) - 0.01)
            assert all(need <= there for need, there in zip(needed, load.present, strict=True)), load


def test_more_staff_ends_sooner_and_no_staff_is_said() -> None:
    few = proposed(60_000, staff=Staff(((5, 5),) * 5))
    many = proposed(60_000, staff=Staff(((25, 25),) * 5))
    assert many[-1].day < few[-1].day
    with pytest.raises(Invalid, match="Entrez d’abord l’effectif"):
        proposed(10, staff=Staff())
    with pytest.raises(Invalid, match="ne suffit pas"):
        proposed(900_000, end=date(2016, 11, 18))
    with pytest.raises(Invalid, match="ne suffit pas"):
        proposed(10, staff=Staff(((5, 5), (5, 5), (0, 0), (5, 5), (5, 5))))


@pytest.mark.parametrize(
    "staff",
    [Staff(((1000, 1),) * 5), Staff(((1, 1),) * 4), Staff(seconds=5), Staff(morning=99), Staff(peak=90)],
)
def test_staff_that_cannot_be_is_refused(staff: Staff) -> None:
    with pytest.raises(Invalid):
        staff.check()
    assert Staff.from_json(TEN.as_json()) == TEN
