"""Intervals and curves against published figures, and what holds of any."""

from itertools import pairwise
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.following.intervals import difference, share
from backoffice.following.survival import curve


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [  # Newcombe 1998a, table I, method 3: Wilson's score without continuity correction
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)  # fmt: skip
def test_wilson_as_published(part: int, whole: int, low: float, high: float) -> None:
    found = share(part, whole)
    assert isclose(found.low, low, abs_tol=5e-5)
    assert isclose(found.high, high, abs_tol=5e-5)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [  # Newcombe 1998b, table II, method 10
        ((48, 80), (56, 70), 0.0524, 0.3339), ((3, 10), (9, 10), 0.1705, 0.8090), ((2, 7), (6, 7), 0.0582, 0.8062),
        ((0, 29), (5, 56), -0.0381, 0.1926), ((0, 20), (0, 10), -0.1611, 0.2775), ((0, 10), (10, 10), 0.6075, 1.0),
    ],
)  # fmt: skip
def test_newcombe_as_published(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    found = difference(share(*first), share(*second))
    assert isclose(found.low, low, abs_tol=5e-5)
    assert isclose(found.high, high, abs_tol=5e-5)


SHARES = st.integers(0, 10_000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))


@given(SHARES, SHARES)
def test_an_interval_holds_its_value_and_turns_over_with_the_groups(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    one, two = share(*first), share(*second)
    assert 0 <= one.low <= one.value <= one.high <= 1
    there, back = difference(one, two), difference(two, one)
    assert -1 <= there.low <= there.value <= there.high <= 1
    assert isclose(there.low, -back.high, abs_tol=1e-12)


def test_a_share_of_more_than_there_is_is_no_share() -> None:
    with pytest.raises(ValueError, match="no share"):
        share(3, 2)


def test_kaplan_meier_as_published() -> None:
    """Freireich et al. 1963, 6-MP group, weeks of remission, as in every textbook (e.g. Collett, example 2.1)."""
    points = {
        point.age: point
        for point in curve(
            {6: 3, 7: 1, 10: 1, 13: 1, 16: 1, 22: 1, 23: 1},
            {6: 1, 9: 1, 10: 1, 11: 1, 17: 1, 19: 1, 20: 1, 25: 1, 32: 2, 34: 1, 35: 1},
        )
    }
    for age, at_risk, surviving in (
        (6, 21, 0.8571), (7, 17, 0.8067), (10, 15, 0.7529), (13, 12, 0.6902), (16, 11, 0.6275), (22, 7, 0.5378),
        (23, 6, 0.4482), (35, 1, 0.4482),
    ):  # fmt: skip
        assert points[age].at_risk == at_risk
        assert isclose(1 - points[age].share, surviving, abs_tol=5e-5)
    # R survival 3.5, survfit(conf.type = "log-log")
    assert isclose(1 - points[6].high, 0.620, abs_tol=1e-3)
    assert isclose(1 - points[6].low, 0.952, abs_tol=1e-3)
    assert isclose(1 - points[23].high, 0.188, abs_tol=1e-3)
    assert isclose(1 - points[23].low, 0.680, abs_tol=1e-3)


AGES = st.dictionaries(st.integers(0, 60), st.integers(0, 50), max_size=12)


@given(AGES, AGES)
def test_a_curve_never_goes_down_and_without_censoring_is_the_plain_share(
    created: dict[int, int], left: dict[int, int]
) -> None:
    points = curve(created, left)
    assert all(a.share <= b.share + 1e-12 for a, b in pairwise(points))
    assert all(0 <= point.low <= point.share + 1e-12 and point.share - 1e-12 <= point.high <= 1 for point in points)
    assert sum(point.created for point in points) == sum(created.values())
    total = sum(created.values()) + 7
    whole = curve(created, {70: 7})
    assert isclose(whole[-1].share, sum(created.values()) / total, abs_tol=1e-9)
