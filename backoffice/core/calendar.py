"""The French working calendar: Monday to Friday, public holidays left out (DESIGN 7)."""

from collections.abc import Iterator
from datetime import date, timedelta

import holidays


def is_working_day(day: date) -> bool:
    """Monday to Friday and not a public holiday of metropolitan France."""
    return day.weekday() < 5 and day not in holidays.country_holidays("FR", years=day.year)


def working_days(start: date) -> Iterator[date]:
    """Working days from `start` on, `start` included when it is one."""
    day = start
    while True:
        if is_working_day(day):
            yield day
        day += timedelta(days=1)
