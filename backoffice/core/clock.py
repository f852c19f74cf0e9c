"""Time: rules receive it, they never ask for it. Storage is UTC, rules speak Europe/Paris (DESIGN 7)."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

Clock = Callable[[], datetime]
"""Returns the present instant, aware, in UTC."""


def system_clock() -> datetime:
    """The real time; the composition roots inject it, tests inject another."""
    return datetime.now(UTC)


def paris_date(instant: datetime) -> date:
    """The calendar day in Paris at an aware `instant`."""
    return instant.astimezone(PARIS).date()


MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


def long_french_date(day: date) -> str:
    """ "3 mai 2016", and "1er mai 2016" for the first of a month."""
    return f"{'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]} {day.year}"
