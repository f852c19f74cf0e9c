"""The share of letters that led to a creation, by age of the letter: Kaplan and Meier's estimate. Pure.

E. L. Kaplan, P. Meier, JASA 53 (1958) 457-481; Greenwood's variance; interval on the log-log scale, which stays in 0-1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, sqrt

from backoffice.following.intervals import Z


@dataclass(frozen=True, slots=True)
class Point:
    """One age of letters, in days."""

    age: int
    at_risk: int
    """Letters still followed at the beginning of that day, not created yet."""
    created: int
    share: float
    """Of letters that have led to a creation by the end of that day, had all been followed so long."""
    low: float
    high: float


def curve(created: Mapping[int, int], left: Mapping[int, int]) -> list[Point]:
    """The estimate at each age from 0 to the last one at which a letter is still followed.

    `created`: letters by age at creation; `left`: letters by the age up to which they were followed without one (today,
    or the day they came back). A letter that leaves at an age counts as followed through it.
    """
    at_risk = sum(created.values()) + sum(left.values())
    last = max((age for age, number in (*created.items(), *left.items()) if number), default=-1)
    points, surviving, variance = [], 1.0, 0.0
    for age in range(last + 1):
        made = created.get(age, 0)
        if made:
            surviving *= 1 - made / at_risk
            variance = variance + made / (at_risk * (at_risk - made)) if at_risk > made else float("inf")
        low, high = _interval(surviving, variance)
        points.append(Point(age, at_risk, made, 1 - surviving, 1 - high, 1 - low))
        at_risk -= made + left.get(age, 0)
    return points


def _interval(surviving: float, variance: float) -> tuple[float, float]:
    """Of the share that has not created; before any creation, and once none is left, there is nothing to tell from."""
    if not 0 < surviving < 1:
        return surviving, surviving
    spread = Z * sqrt(variance) / abs(log(surviving))
    return surviving ** exp(spread), surviving ** exp(-spread)
