"""The French working calendar: Monday to Friday, public holidays left out (DESIGN 7)."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

import holidays


def is_working_day(day: date) -> bool:
    """Monday to Friday and not a public holiday of metropolitan France."""
    return day.weekday() < 5 and day not in public_holidays(day.year)


@cache
def public_holidays(year: int, region: str = "") -> frozenset[date]:
    """The public holidays of metropolitan France, and those that a region has besides (see `Caisse.region`)."""
    return frozenset(holidays.country_holidays("FR", subdiv=region or None, years=year))


def working_days(start: date) -> Iterator[date]:
    """Working days from `start` on, `start` included when it is one."""
    day = start
    while True:
        if is_working_day(day):
            yield day
        day += timedelta(days=1)
