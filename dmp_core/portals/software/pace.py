"""How fast one card or certificate may call: a bucket that refills, in each process. A software that runs wild slows itself down,
and nobody else.
"""

import math
import threading
from datetime import datetime
from typing import Final

_MOST: Final = 10_000
"""Buckets kept: full ones go first, for they say nothing."""


class Pace:
    """`per_minute` calls at once, then as many as a minute gives back; 0: no bound."""

    def __init__(self, per_minute: int) -> None:
        self._size, self._lock = per_minute, threading.Lock()
        self._held: dict[str, tuple[float, datetime]] = {}
        """By bearer, the calls left and the instant of the last one."""

    def wait(self, bearer: str, now: datetime) -> int:
        """Seconds until the next call may come, at least 1; 0 when this one may."""
        if not self._size:
            return 0
        with self._lock:
            left = self._left(bearer, now)
            if left < 1:
                return max(1, math.ceil((1 - left) * 60 / self._size))
            self._held[bearer] = (left - 1, now)
            if len(self._held) > _MOST:
                self._held = {each: one for each, one in self._held.items() if self._left(each, now) < self._size}
        return 0

    def _left(self, bearer: str, now: datetime) -> float:
        left, since = self._held.get(bearer, (float(self._size), now))
        return min(float(self._size), left + max(0.0, (now - since).total_seconds()) * self._size / 60)
