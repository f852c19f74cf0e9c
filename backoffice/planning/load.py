"""What waves bring, day by day, and wave sizes that the staff can take. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from backoffice.campaigns.scheduling import MOST_WAVES, Days, Slot
from backoffice.core.errors import Invalid
from backoffice.planning.curves import DAYS, Response
from backoffice.planning.staff import Staff

Rates = Mapping[Response, Sequence[float]]
_TRIES = 28
"""Sizes tried between the largest that fits once and the smallest worth a wave."""
_LEAST = 50
"""Letters below which a wave is not worth its day."""


@dataclass(frozen=True, slots=True)
class DayLoad:
    """One day of the forecast."""

    day: date
    open: bool
    """Whether the 0 810 and the counters are."""
    letters: int
    """Planned to leave, or left, on that day."""
    calls: float
    visits: float
    creations: float
    needed: tuple[int, int]
    """Advisors, morning and afternoon."""
    present: tuple[int, int]

    @property
    def short(self) -> bool:
        """Whether there are fewer advisors than needed in a half-day."""
        return any(needed > present for needed, present in zip(self.needed, self.present, strict=True))


def forecast(
    waves: Iterable[tuple[date, int]],
    rates: Rates,
    staff: Staff,
    opens: Callable[[date], bool],
    first: date,
    count: int,
) -> list[DayLoad]:
    """The load of `count` days from `first` on. Calls and visits of closed days come on the next open one."""
    sizes: dict[date, int] = defaultdict(int)
    for day, letters in waves:
        sizes[day] += letters
    found = {response: _by_day(sizes, rates[response]) for response in Response}
    calls = _moved(found[Response.CALLS], opens)
    visits = _moved(found[Response.VISITS], opens)
    days = (first + timedelta(days=step) for step in range(count))
    return [
        DayLoad(
            day=day, open=opens(day), letters=sizes.get(day, 0), calls=calls.get(day, 0.0), visits=visits.get(day, 0.0),
            creations=found[Response.CREATIONS].get(day, 0.0), needed=staff.needed(calls.get(day, 0.0)),
            present=staff.present(day) if opens(day) else (0, 0),
        )
        for day in days
    ]  # fmt: skip


def _by_day(sizes: Mapping[date, int], rates: Sequence[float]) -> dict[date, float]:
    found: dict[date, float] = defaultdict(float)
    for start, letters in sizes.items():
        for step, rate in enumerate(rates):
            if rate:
                found[start + timedelta(days=step)] += letters * rate
    return found


def _moved(by_day: Mapping[date, float], opens: Callable[[date], bool]) -> dict[date, float]:
    found: dict[date, float] = defaultdict(float)
    for day, number in by_day.items():
        found[_next_open(day, opens)] += number
    return found


def _next_open(day: date, opens: Callable[[date], bool]) -> date:
    for step in range(15):
        if opens(day + timedelta(days=step)):
            return day + timedelta(days=step)
    return day


def propose(
    total: int, start: date, end: date | None, days: Days, rates: Rates, staff: Staff, opens: Callable[[date], bool],
    other: Mapping[date, float],
) -> list[Slot]:  # fmt: skip
    """Waves of `total` letters that end soonest while every half-day has the advisors it needs.

    `other`: calls already expected on each day, of waves that left and of other campaigns. Raises Invalid when the staff
    cannot take them.
    """
    if not staff.entered:
        raise Invalid(
            "Entrez d’abord l’effectif du 0 810, demi-journée par demi-journée : sans lui, rien ne peut être proposé."
        )
    candidates = list(islice(days.open_from(start), MOST_WAVES))
    candidates = [day for day in candidates if end is None or day <= end]
    room = _room(candidates, staff, opens, other)
    effects = {day: _effect(day, rates[Response.CALLS], opens) for day in candidates}
    alone = max((min(_fitting(effects[day], room), total) for day in candidates), default=0)
    best: list[tuple[date, int]] | None = None
    cap = float(alone)
    for _ in range(_TRIES):
        found = _filled(total, int(cap), candidates, effects, room)
        # The soonest end; then the smaller waves, which spread the load.
        if found and (best is None or found[-1][0] <= best[-1][0]):
            best = found
        cap *= 0.85
        if cap < _LEAST:
            break
    if best is None:
        raise Invalid(
            "L’effectif du 0 810 ne suffit pas pour envoyer tout cela dans ces dates : repoussez la fin, ajoutez des "
            "conseillers, ou fixez vous-même le nombre d’envois par jour."
        )
    return [Slot(number, day, letters) for number, (day, letters) in enumerate(best, 1)]


def _room(
    candidates: Sequence[date], staff: Staff, opens: Callable[[date], bool], other: Mapping[date, float]
) -> dict[date, float]:
    if not candidates:
        return {}
    first, count = candidates[0], (candidates[-1] - candidates[0]).days + DAYS + 15
    days = (first + timedelta(days=step) for step in range(count))
    return {day: staff.capacity(day) - other.get(day, 0.0) for day in days if opens(day)}


def _effect(start: date, rates: Sequence[float], opens: Callable[[date], bool]) -> dict[date, float]:
    """Calls that one letter of this day brings on each open day."""
    return _moved({start + timedelta(days=step): rate for step, rate in enumerate(rates) if rate}, opens)


def _fitting(effect: Mapping[date, float], room: Mapping[date, float]) -> int:
    return max(0, int(min((room.get(day, 0.0) / rate for day, rate in effect.items()), default=0.0)))


def _filled(
    total: int, cap: int, candidates: Sequence[date], effects: Mapping[date, Mapping[date, float]],
    room: Mapping[date, float],
) -> list[tuple[date, int]] | None:  # fmt: skip
    """Waves of at most `cap`, each as large as what is left of the staff allows; None when they do not hold the total."""
    left, free = total, dict(room)
    waves: list[tuple[date, int]] = []
    for day in candidates:
        size = min(cap, left, _fitting(effects[day], free))
        if size < min(_LEAST, left):
            continue
        for one, rate in effects[day].items():
            free[one] = free.get(one, 0.0) - size * rate
        waves.append((day, size))
        left -= size
        if not left:
            return waves
    return None
