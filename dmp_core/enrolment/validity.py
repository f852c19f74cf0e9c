"""How long a creation code lives: two calendar months from the date of its letter (seed; DOMAIN 8.1)."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from dateutil.relativedelta import relativedelta

from dmp_core.clock import PARIS

MONTHS = 2
"""Seed: « valable 2 mois »."""

LATEST_POSTING = 92
"""Days after its date within which a letter may be said to have been posted, as the database says too."""


@lru_cache(maxsize=64)  # asked for each letter of a lot, of one date
def expires_on(letter_date: date) -> date:
    """The last day on which the code may be used: same day two calendar months later, or the last day of that month.

    31 December gives 28 (or 29) February.
    """
    return letter_date + relativedelta(months=MONTHS)


def expires_at(letter_date: date) -> datetime:
    """The first instant, in UTC, at which the code is no longer taken: midnight in Paris after `expires_on`."""
    return end_of(expires_on(letter_date))


def end_of(day: date) -> datetime:
    """The first instant, in UTC, after this day in Paris.

    France changes its clocks at 01:00 UTC, so that midnight always exists and exists once.
    """
    return datetime.combine(day + timedelta(days=1), time(), PARIS).astimezone(UTC)


def last_day(instant: datetime) -> date:
    """The inverse of `expires_at`: the last day, in Paris, before an aware `instant` of expiry."""
    return (instant - timedelta(microseconds=1)).astimezone(PARIS).date()
