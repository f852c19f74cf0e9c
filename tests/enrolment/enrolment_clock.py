"""The time of these tests."""

from datetime import UTC, date, datetime

LETTER = date(2017, 1, 15)


class SetClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2017, 1, 10, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now
