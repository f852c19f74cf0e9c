"""Advisors of the 0 810 by weekday and half-day, pure: who is there, who is needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from backoffice.core.errors import Invalid
from backoffice.planning.erlang import advisors_for, calls_for

HALVES = ("matin", "après-midi")
WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi")
HALF_HOURS = 4.5
"""Of each half: 8 h 30 to 13 h, 13 h to 17 h 30."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Who answers, and how calls come."""

    advisors: tuple[tuple[int, int], ...] = ((0, 0),) * 5
    """By weekday: morning, afternoon."""
    seconds: int = 330
    """Of a call, writing up included."""
    morning: int = 55
    """Percent of a day's calls that come in the morning."""
    peak: int = 130
    """The busiest half-hour of a half-day, in percent of its mean."""

    def check(self) -> None:
        """Raise Invalid, in one sentence, for what cannot be."""
        if len(self.advisors) != 5 or any(not 0 <= number <= 999 for day in self.advisors for number in day):
            raise Invalid("L’effectif d’une demi-journée va de 0 à 999 conseillers.")
        if not 30 <= self.seconds <= 3600:
            raise Invalid("La durée d’un appel va de 30 secondes à une heure.")
        if not 5 <= self.morning <= 95:
            raise Invalid("La part des appels du matin va de 5 à 95 %.")
        if not 100 <= self.peak <= 300:
            raise Invalid("La demi-heure la plus chargée va de 100 à 300 % de la moyenne.")

    @property
    def entered(self) -> bool:
        """Whether anybody is there at all."""
        return any(number for day in self.advisors for number in day)

    def present(self, day: date) -> tuple[int, int]:
        """Advisors in the morning and in the afternoon of a working day."""
        return self.advisors[day.weekday()] if day.weekday() < 5 else (0, 0)

    def needed(self, calls: float) -> tuple[int, int]:
        """Advisors needed in each half for so many calls in the day: 80 % answered in 20 s at the busiest half-hour."""
        return tuple(  # type: ignore[return-value]
            _needed(round(calls * share * self.peak / 100 / HALF_HOURS, 3), self.seconds) for share in self._shares
        )

    def capacity(self, day: date) -> float:
        """The most calls of a day that its staff answers as it should, in both halves."""
        return min(
            _most(number, self.seconds) * HALF_HOURS * 100 / self.peak / share
            for number, share in zip(self.present(day), self._shares, strict=True)
        )

    @property
    def _shares(self) -> tuple[float, float]:
        return self.morning / 100, 1 - self.morning / 100

    def as_json(self) -> dict[str, Any]:
        """For the version kept."""
        return {
            "advisors": [list(day) for day in self.advisors], "seconds": self.seconds, "morning": self.morning,
            "peak": self.peak,
        }  # fmt: skip

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Staff":
        """Back from it."""
        return cls(
            tuple((int(day[0]), int(day[1])) for day in content["advisors"]), int(content["seconds"]),
            int(content["morning"]), int(content["peak"]),
        )  # fmt: skip


@lru_cache(maxsize=4096)
def _needed(calls_an_hour: float, seconds: int) -> int:
    return advisors_for(calls_an_hour, seconds)


@lru_cache(maxsize=1024)
def _most(advisors: int, seconds: int) -> float:
    return calls_for(advisors, seconds) if advisors else 0.0
