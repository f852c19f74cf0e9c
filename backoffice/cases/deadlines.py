"""The deadline of a case, in opening minutes: it runs, waits while the person is awaited, starts again. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from backoffice.core.opening_hours import OpeningHours

HOURS = OpeningHours()


@dataclass(frozen=True, slots=True)
class Deadline:
    """How much opening time a case has, and how much of it is gone."""

    allowed: int
    """Minutes of opening time in all."""
    spent: int = 0
    """Minutes gone before the last stop."""
    running_since: datetime | None = None
    """Since when it runs; None while it waits."""

    def due_at(self, hours: OpeningHours = HOURS) -> datetime | None:
        """The instant at which the time is over; None while it waits."""
        if self.running_since is None:
            return None
        return hours.after(self.running_since, max(0, self.allowed - self.spent))

    def escalates_at(self, hours: OpeningHours = HOURS) -> datetime | None:
        """When three quarters of the time are gone: the supervisor is told while something can still be done."""
        if self.running_since is None:
            return None
        return hours.after(self.running_since, max(0, self.allowed * 3 // 4 - self.spent))

    def is_over(self, at: datetime, hours: OpeningHours = HOURS) -> bool:
        """Whether the time is over at `at`: the last minute still counts as in time."""
        due = self.due_at(hours)
        return due is not None and at > due

    def pause(self, at: datetime, hours: OpeningHours = HOURS) -> "Deadline":
        """Stop the clock at `at`; a clock that waits already goes on waiting."""
        if self.running_since is None:
            return self
        return replace(self, spent=self.spent + hours.between(self.running_since, at), running_since=None)

    def resume(self, at: datetime) -> "Deadline":
        """Let the clock run from `at`; one that runs already goes on."""
        return self if self.running_since is not None else replace(self, running_since=at)

    def restart(self, at: datetime, allowed: int) -> "Deadline":
        """A new count from `at`: the case was reopened, or another rule gives it another delay. Time spent is forgotten."""
        return Deadline(allowed, 0, at)
