"""A creation code lives two calendar months, to the end of the last day in Paris."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dmp_core.clock import PARIS
from dmp_core.enrolment.validity import expires_at, expires_on, last_day

letter_dates = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("letter", "last"),
    [
        ("2017-01-15", "2017-03-15"),
        ("2016-12-31", "2017-02-28"),
        ("2015-12-31", "2016-02-29"),
        ("2015-12-30", "2016-02-29"),
        ("2016-12-28", "2017-02-28"),
        ("2016-07-31", "2016-09-30"),
        ("2016-11-30", "2017-01-30"),
    ],
)
def test_the_last_day_is_the_same_day_two_months_later_or_the_end_of_that_month(letter: str, last: str) -> None:
    assert expires_on(date.fromisoformat(letter)) == date.fromisoformat(last)


@pytest.mark.parametrize(
    ("letter", "end"),
    [
        ("2017-01-15", "2017-03-15T23:00"),  # winter time: UTC+1
        ("2017-01-26", "2017-03-26T22:00"),  # the last day is that of the change to summer time
        ("2017-01-25", "2017-03-25T23:00"),  # the day before it
        ("2016-08-30", "2016-10-30T23:00"),  # the last day is that of the change to winter time: 25 hours
        ("2016-08-29", "2016-10-29T22:00"),
    ],
)
def test_it_ends_at_midnight_in_paris_whatever_the_clocks_do(letter: str, end: str) -> None:
    assert expires_at(date.fromisoformat(letter)) == datetime.fromisoformat(end).replace(tzinfo=UTC)


@given(letter_dates)
@example(date(2016, 12, 31))
def test_the_last_day_lies_in_the_second_month_after_and_never_beyond_its_end(letter: date) -> None:
    last = expires_on(letter)
    assert (last.year * 12 + last.month) - (letter.year * 12 + letter.month) == 2
    assert last.day == min(letter.day, monthrange(last.year, last.month)[1])
    assert timedelta(59) <= last - letter <= timedelta(62)


@given(letter_dates)
def test_the_whole_of_the_last_day_in_paris_counts_and_nothing_after_it(letter: date) -> None:
    end = expires_at(letter)
    assert end.utcoffset() == timedelta(0)
    assert (end - timedelta(microseconds=1)).astimezone(PARIS).date() == expires_on(letter)
    assert end.astimezone(PARIS).date() == expires_on(letter) + timedelta(days=1)
    assert end.astimezone(PARIS).hour == end.astimezone(PARIS).minute == 0
    assert last_day(end) == expires_on(letter)


@given(letter_dates, letter_dates)
def test_a_later_letter_never_ends_earlier(one: date, other: date) -> None:
    assert expires_at(min(one, other)) <= expires_at(max(one, other))
