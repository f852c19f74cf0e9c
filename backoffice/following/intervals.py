"""Intervals of shares, and of the difference between two: Wilson's score and Newcombe's hybrid score. Pure.

E. B. Wilson, JASA 22 (1927) 209-212; R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872 and 873-890 (method 10).
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Final

Z: Final = NormalDist().inv_cdf(0.975)
"""Of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a whole and its 95 % interval."""

    part: int
    whole: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """From 0 to 1; 0 of nothing."""
        return self.part / self.whole if self.whole else 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """The second share less the first, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def told(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def share(part: int, whole: int) -> Share:
    """A share with Wilson's interval; of nothing, everything is possible. Raises ValueError unless 0 <= part <= whole."""
    if not 0 <= part <= whole:
        raise ValueError(f"{part} of {whole} is no share")
    if whole == 0:
        return Share(0, 0, 0.0, 1.0)
    rate, z2 = part / whole, Z * Z
    centre = (rate + z2 / (2 * whole)) / (1 + z2 / whole)
    half = Z * sqrt(rate * (1 - rate) / whole + z2 / (4 * whole * whole)) / (1 + z2 / whole)
    return Share(
        part, whole, max(0.0, centre - half) if part else 0.0, min(1.0, centre + half) if part < whole else 1.0
    )


def difference(first: Share, second: Share) -> Difference:
    """Newcombe's interval of `second - first`, for two separate groups."""
    value = second.value - first.value
    low = value - sqrt((second.value - second.low) ** 2 + (first.high - first.value) ** 2)
    high = value + sqrt((second.high - second.value) ** 2 + (first.value - first.low) ** 2)
    return Difference(value, max(-1.0, low), min(1.0, high))
