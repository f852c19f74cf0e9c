"""A process of the sweep that can be stopped while a wave starts, to be killed there."""

import time
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

from backoffice.campaigns import wave_clock
from backoffice.office import open_office
from backoffice.settings import Settings
from backoffice.worker import look_round

PLACES = ("before", "within", "after")
"""Of the change of the wave and its lots, and of its commit."""


def sweep_until(place: str, settings: Settings, now: datetime, door: Connection) -> None:
    """One round of every duty of the sweep, which says through `door` that it is at `place` and goes no further."""

    def here(*_: Any) -> None:
        door.send(place)
        time.sleep(600)

    real_begin, real_look = wave_clock.begin, wave_clock._look_at

    def begin(*arguments: Any) -> None:
        if place == "before":
            here()
        real_begin(*arguments)
        arguments[0].flush()
        if place == "within":
            here()

    wave_clock.begin = begin
    office = open_office(settings, clock=lambda: now, application="sweep")
    if place == "after":
        # The first campaign's wave is committed when the second one is looked at.
        looks = iter(range(2))

        def look(*arguments: Any) -> int:
            if next(looks) == 1:
                here()
            return real_look(*arguments)

        wave_clock._look_at = look
    look_round(office)
