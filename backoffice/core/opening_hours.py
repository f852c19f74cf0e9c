"""Opening hours of a caisse: by weekday, public holidays and the days it is closed left out (DESIGN 7). Pure.

Time is counted in whole minutes on the wall clock of Paris, so that a change to or from summer time, always on a Sunday,
never adds or takes an hour of work.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from backoffice.core.calendar import public_holidays
from backoffice.core.clock import PARIS

Span = tuple[time, time]
"""From when to when; the closing minute itself is closed."""
Week = tuple[tuple[Span, ...], ...]
"""Seven days from Monday on, each with its spans in order: none on a closed day, two with a break at noon."""

WEEKDAYS: Final = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
STANDARD_WEEK: Final[Week] = (((time(8, 30), time(17, 30)),),) * 5 + ((),) * 2
_FARTHEST: Final = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When a caisse is open; without arguments, as every caisse is unless it says otherwise."""

    week: Week = STANDARD_WEEK
    closed: frozenset[date] = frozenset()
    """Days without opening, beside the public holidays."""
    region: str = ""
    """Where more days are public holidays than elsewhere (`Caisse.region`)."""

    def __post_init__(self) -> None:
        if len(self.week) != 7 or not any(self.week):
            raise ValueError("a week has seven days, and one of them opens")

    @property
    def day_minutes(self) -> int:
        """Minutes of work in the longest day of the week."""
        return max(sum(_minutes(ends) - _minutes(begins) for begins, ends in day) for day in self.week)

    def spans_of(self, day: date) -> tuple[Span, ...]:
        """The opening hours of one day, in order; none when it is closed."""
        if day in self.closed or day in public_holidays(day.year, self.region):
            return ()
        return self.week[day.weekday()]

    def is_open(self, instant: datetime) -> bool:
        """Whether somebody is there at an aware `instant`; the closing minute itself is closed."""
        local = instant.astimezone(PARIS)
        return any(begins <= local.time() < ends for begins, ends in self.spans_of(local.date()))

    def after(self, instant: datetime, minutes: int) -> datetime:
        """When `minutes` of opening time will have gone by since an aware `instant`.

        With 0 minutes: `instant` itself within opening hours, else the next opening. A count that ends with the day ends
        at closing time, not at the next opening. Raises ValueError for a negative count, and for one that nothing ends:
        ten years of closed days.
        """
        if minutes < 0:
            raise ValueError("a delay is not negative")
        local = instant.astimezone(PARIS)
        left = minutes
        for day, begins, ends in self._spans_from(local.date(), _of_day(local)):
            if left <= ends - begins:
                return _instant(day, begins + left)
            left -= ends - begins
        raise ValueError("no opening within ten years")

    def between(self, start: datetime, end: datetime) -> int:
        """Whole minutes of opening time from `start` to `end`, both aware; 0 when `end` comes first."""
        if end <= start:
            return 0
        first, last = start.astimezone(PARIS), end.astimezone(PARIS)
        day, total = first.date(), 0
        while day <= last.date():
            for opens, closes in self.spans_of(day):
                begins = max(_minutes(opens), _of_day(first) if day == first.date() else 0)
                ends = min(_minutes(closes), _of_day(last) if day == last.date() else 24 * 60)
                total += max(0, ends - begins)
            day += timedelta(days=1)
        return total

    def _spans_from(self, day: date, at: int) -> Iterator[tuple[date, int, int]]:
        """The spans in which time counts, from minute `at` of `day` on, each with its day."""
        limit = day + _FARTHEST
        while day < limit:
            for opens, closes in self.spans_of(day):
                if at < _minutes(closes):
                    yield day, max(at, _minutes(opens)), _minutes(closes)
            day, at = day + timedelta(days=1), 0


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _of_day(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _instant(day: date, minutes: int) -> datetime:
    return datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=PARIS)
