"""A plan drawn on a calendar: months of weeks of days, each with what leaves and why nothing may."""

from calendar import Calendar
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from backoffice.campaigns.scheduling import in_months
from backoffice.core.clock import MONTHS

WEEKDAYS: Final = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of a month."""

    day: date
    today: bool
    closed: str | None
    """Why nothing leaves, in a few words; None when something may."""
    entries: list[Any] = field(default_factory=list)
    """Whatever the page shows on that day."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month of whole weeks, Monday first; days of its neighbours are None."""

    title: str
    key: str
    """e.g. "2016-11"."""
    weeks: list[list[Cell | None]]


def months_of(
    days: Iterable[date],
    entries: Iterable[tuple[date, Any]],
    closed: Callable[[date], str | None],
    today: date,
    *,
    since: date | None = None,
) -> list[Month]:
    """The months from the first of `days` to the last, with each entry on its day; `since` leaves out earlier weeks."""
    by_day: dict[date, list[Any]] = defaultdict(list)
    for day, entry in entries:
        by_day[day].append(entry)
    return [
        Month(
            f"{MONTHS[month - 1].capitalize()} {year}",
            f"{year:04d}-{month:02d}",
            [
                [
                    Cell(day, day == today, closed(day), by_day.get(day, [])) if day.month == month else None
                    for day in week
                ]
                for week in Calendar(0).monthdatescalendar(year, month)
                if since is None or week[-1] >= since
            ],
        )
        for year, month in in_months(days)
    ]
