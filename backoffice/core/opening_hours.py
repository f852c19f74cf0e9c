"""Opening hours: Monday to Friday, 8 h 30 to 17 h 30 in Paris, public holidays left out (DESIGN 7). Pure.

Time is counted in whole minutes on the wall clock of Paris, so that a change to or from summer time, always on a Sunday,
never adds or takes an hour of work.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from backoffice.core.calendar import is_working_day
from backoffice.core.clock import PARIS


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """The hours of one working day."""

    opens: time = time(8, 30)
    closes: time = time(17, 30)

    @property
    def day_minutes(self) -> int:
        """Minutes of work in a working day."""
        return _minutes(self.closes) - _minutes(self.opens)

    def is_open(self, instant: datetime) -> bool:
        """Whether somebody is there at an aware `instant`; the closing minute itself is closed."""
        local = instant.astimezone(PARIS)
        return is_working_day(local.date()) and self.opens <= local.time() < self.closes

    def after(self, instant: datetime, minutes: int) -> datetime:
        """When `minutes` of opening time will have gone by since an aware `instant`.

        With 0 minutes: `instant` itself within opening hours, else the next opening. A count that ends with the day ends
        at closing time, not at the next opening. Raises ValueError for a negative count.
        """
        if minutes < 0:
            raise ValueError("a delay is not negative")
        day, at = self._start(instant)
        if minutes == 0:
            return _instant(day, at)
        left = minutes
        while left > (rest := _minutes(self.closes) - at):
            left -= rest
            day, at = _next_working_day(day), _minutes(self.opens)
        return _instant(day, at + left)

    def between(self, start: datetime, end: datetime) -> int:
        """Whole minutes of opening time from `start` to `end`, both aware; 0 when `end` comes first."""
        if end <= start:
            return 0
        first, last = start.astimezone(PARIS), end.astimezone(PARIS)
        day, total = first.date(), 0
        while day <= last.date():
            if is_working_day(day):
                begins = max(_minutes(self.opens), _of_day(first) if day == first.date() else 0)
                ends = min(_minutes(self.closes), _of_day(last) if day == last.date() else 24 * 60)
                total += max(0, ends - begins)
            day += timedelta(days=1)
        return total

    def _start(self, instant: datetime) -> tuple[date, int]:
        """The first day and minute at which time counts, from `instant` on."""
        local = instant.astimezone(PARIS)
        day, at = local.date(), _of_day(local)
        if not is_working_day(day) or at >= _minutes(self.closes):
            return _next_working_day(day), _minutes(self.opens)
        return day, max(at, _minutes(self.opens))


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _of_day(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _next_working_day(day: date) -> date:
    day += timedelta(days=1)
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def _instant(day: date, minutes: int) -> datetime:
    return datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=PARIS)
