"""Response curves, pure: how many of those written to call, come or create, and how long after the date of their letter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from backoffice.core.errors import Invalid

DAYS = 61
"""Days after the date of a letter that a curve covers: a code lives two months."""
PRIOR_LETTERS = 2000
"""Letters that the assumed curve weighs as much as, when real answers are mixed in: with 200,000 letters it counts 1 %."""


class Response(StrEnum):
    """What a letter brings."""

    CALLS = "appels"
    VISITS = "accueil"
    CREATIONS = "creations"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS = {
    Response.CALLS: "Appels au 0 810",
    Response.VISITS: "Visites à l’accueil",
    Response.CREATIONS: "Créations en ligne",
}


@dataclass(frozen=True)
class Curve:
    """An assumed curve: a share of the letters, a rise to a peak, then halved again and again."""

    per_thousand: float
    """Answers per 1,000 letters, in all."""
    first: int
    """Days after the date of the letter before which nothing comes: the post."""
    peak: int
    half_life: int
    """Days after the peak in which what comes a day is halved."""

    def check(self) -> None:
        """Raise Invalid, in one sentence, for what cannot be."""
        if not 0 <= self.per_thousand <= 1000:
            raise Invalid("Les réponses pour 1 000 envois vont de 0 à 1 000.")
        if not 0 <= self.first <= 20:
            raise Invalid("Le premier jour va de 0 à 20 jours après la date du courrier.")
        if not self.first <= self.peak <= 40:
            raise Invalid(
                "Le jour le plus fort vient après le premier jour, au plus 40 jours après la date du courrier."
            )
        if not 1 <= self.half_life <= 40:
            raise Invalid("Le nombre de jours pour que les réponses diminuent de moitié va de 1 à 40.")

    @cached_property
    def rates(self) -> tuple[float, ...]:
        """Answers a letter brings on each day after its date."""
        shape = [self._shape(day) for day in range(DAYS)]
        total = sum(shape)
        return tuple(self.per_thousand / 1000 * one / total for one in shape)

    def _shape(self, day: int) -> float:
        if day < self.first:
            return 0.0
        if day < self.peak:
            return (day - self.first + 1) / (self.peak - self.first + 1)
        return float(0.5 ** ((day - self.peak) / self.half_life))

    def as_json(self) -> dict[str, Any]:
        """For the version kept."""
        return {
            "per_thousand": self.per_thousand, "first": self.first, "peak": self.peak, "half_life": self.half_life,
        }  # fmt: skip

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Curve":
        """Back from it."""
        return cls(
            float(content["per_thousand"]), int(content["first"]), int(content["peak"]), int(content["half_life"])
        )


ASSUMED: dict[Response, Curve] = {
    Response.CALLS: Curve(25, 2, 4, 5),
    Response.VISITS: Curve(8, 2, 6, 7),
    Response.CREATIONS: Curve(60, 2, 5, 12),
}
ASSUMPTION = (
    "Hypothèse de départ, sans mesure : lettre reçue deux jours après sa date, fort des appels la première semaine, longue "
    "traîne des créations jusqu’à l’expiration du code. À corriger dès que vous avez mieux ; les vagues parties la corrigent "
    "d’elles-mêmes."
)


@dataclass(frozen=True, slots=True)
class Observed:
    """What came after letters that left."""

    events: tuple[int, ...]
    """By day after the date of the letter."""
    letters: tuple[int, ...]
    """Letters old enough to have been seen on that day."""


def learnt(curve: Curve, observed: Observed) -> tuple[float, ...]:
    """The assumed rates corrected by what was seen.

    The whole curve is first brought to the level of what was seen, the assumption weighing PRIOR_LETTERS letters; each
    day is then a mean of that and of what was seen on it, weighted likewise. A day that no letter has reached follows the
    level alone.
    """
    expected = sum(rate * letters for rate, letters in zip(curve.rates, observed.letters, strict=True))
    weight = sum(curve.rates) * PRIOR_LETTERS
    ratio = (sum(observed.events) + weight) / (expected + weight) if expected + weight else 1.0
    return tuple(
        (events + PRIOR_LETTERS * rate * ratio) / (letters + PRIOR_LETTERS)
        for rate, events, letters in zip(curve.rates, observed.events, observed.letters, strict=True)
    )


def percent_seen(observed: Observed) -> int:
    """How much the learnt curve owes to real answers, by its first days: 0 to 100."""
    most = max(observed.letters, default=0)
    return round(100 * most / (most + PRIOR_LETTERS))


def per_thousand(rates: Sequence[float]) -> float:
    """Answers per 1,000 letters over the whole curve."""
    return 1000 * sum(rates)
