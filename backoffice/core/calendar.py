"""The French working calendar: Monday to Friday, public holidays left out (DESIGN 7)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache

import holidays

from backoffice.core.caisse import caisse_of


def is_working_day(day: date, caisses: Iterable[str] = ()) -> bool:
    """Monday to Friday and not a public holiday of metropolitan France, nor of any of these caisses."""
    return day.weekday() < 5 and holiday_name(day, caisses) is None


def holiday_name(day: date, caisses: Iterable[str] = ()) -> str | None:
    """The French name of a public holiday of metropolitan France, or of any of these caisses; None on another day."""
    regions = dict.fromkeys(["", *(caisse_of(code).region for code in caisses)])
    return next((name for region in regions if (name := _names(day.year, region).get(day))), None)


@cache
def public_holidays(year: int, region: str = "") -> frozenset[date]:
    """The public holidays of metropolitan France, and those that a region has besides (see `Caisse.region`)."""
    return frozenset(_names(year, region))


@cache
def _names(year: int, region: str) -> Mapping[date, str]:
    found = holidays.country_holidays("FR", subdiv=region or None, years=year, language="fr")
    return {day: name.replace("'", "’") for day, name in found.items()}


def working_days(start: date, caisses: Iterable[str] = ()) -> Iterator[date]:
    """Working days from `start` on, `start` included when it is one."""
    day, places = start, tuple(caisses)
    while True:
        if is_working_day(day, places):
            yield day
        day += timedelta(days=1)
