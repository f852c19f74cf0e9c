"""Erlang C against published figures, exact fractions and what must hold of any traffic."""

from fractions import Fraction
from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.planning.erlang import advisors_for, answered_in_time, blocked, calls_for, waits


def exact_waits(advisors: int, erlangs: Fraction) -> Fraction:
    """The formula of the textbooks, in whole numbers."""
    top = erlangs**advisors / factorial(advisors) * advisors / (advisors - erlangs)
    return top / (sum(erlangs**k / factorial(k) for k in range(advisors)) + top)


@pytest.mark.parametrize(
    ("advisors", "erlangs", "probability"),
    [
        # Published tables of Erlang B: traffic offered for a blocking of 1 % and 5 %.
        (5, 1.361, 0.01), (10, 4.461, 0.01), (20, 12.031, 0.01), (50, 37.901, 0.01), (100, 84.064, 0.01),
        (5, 2.219, 0.05), (10, 6.216, 0.05), (20, 15.249, 0.05),
    ],
)  # fmt: skip
def test_erlang_b_is_the_published_table(advisors: int, erlangs: float, probability: float) -> None:
    assert blocked(advisors, erlangs) == pytest.approx(probability, rel=2e-3)


def test_a_worked_example_that_is_widely_published() -> None:
    """100 calls in 30 minutes of 3 minutes, 80 % within 20 s: 10 erlangs, 14 advisors, 17.4 % wait, 88.8 % in time."""
    assert advisors_for(200, 180) == 14
    assert waits(14, 10) == pytest.approx(0.1741319335950498)
    assert answered_in_time(14, 200, 180) == pytest.approx(0.88835, abs=1e-5)
    assert answered_in_time(13, 200, 180) < 0.8


@given(st.integers(1, 60), st.integers(1, 999))
def test_the_recursion_is_the_formula_of_the_textbooks(advisors: int, thousandths: int) -> None:
    erlangs = Fraction(advisors * thousandths, 1000)
    assert waits(advisors, float(erlangs)) == pytest.approx(float(exact_waits(advisors, erlangs)), rel=1e-9)


@given(st.floats(0.1, 3000), st.floats(30, 1800))
def test_the_number_of_advisors_is_the_smallest_that_holds_the_target(calls: float, seconds: float) -> None:
    found = advisors_for(calls, seconds)
    assert answered_in_time(found, calls, seconds) >= 0.8
    assert found == 1 or answered_in_time(found - 1, calls, seconds) < 0.8


@given(st.integers(1, 300), st.floats(30, 1800))
def test_the_calls_that_advisors_take_are_the_most_they_can(advisors: int, seconds: float) -> None:
    most = calls_for(advisors, seconds)
    assert most == 0 or advisors_for(most, seconds) <= advisors
    assert advisors_for(most * 1.01 + 0.1, seconds) > advisors


def test_no_calls_need_nobody_and_absurd_traffic_is_refused() -> None:
    assert advisors_for(0, 300) == 0
    assert answered_in_time(0, 0, 300) == 1
    assert waits(3, 3) == 1
    assert waits(2, 900) == 1
    with pytest.raises(ValueError, match="traffic"):
        advisors_for(1e9, 300)
