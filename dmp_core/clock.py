"""Time: rules receive it, they never ask for it. Storage is UTC, rules speak Europe/Paris (DESIGN 7)."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

Clock = Callable[[], datetime]
"""Returns the present instant, aware, in UTC."""


def system_clock() -> datetime:
    """The real time; composition roots inject it, tests inject another."""
    return datetime.now(UTC)
