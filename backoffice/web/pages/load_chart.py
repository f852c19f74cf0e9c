"""Geometry of the charts of the load, in the units of their drawing; shapes and marks carry the meaning, not colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10

from backoffice.planning.load import DayLoad

WIDTH, HEIGHT = 960, 280
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 16, 44


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the drawing with its figure."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: what is needed as a bar, who is there as a mark across it."""

    x: float
    width: float
    y: float
    height: float
    mark: float | None
    """Height of the mark of the staff; None when no staff is entered."""
    short: bool
    label: str
    """Under the bar, where there is room for one."""
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing ready for its template."""

    ticks: list[Tick]
    bars: list[Bar]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    floor: int = HEIGHT - BOTTOM


def advisors_chart(loads: Sequence[DayLoad], *, entered: bool) -> Chart:
    """Advisors needed at the busiest half of each open day, against those present in that half."""
    days = [load for load in loads if load.open]
    rows = []
    for load in days:
        half = max((0, 1), key=lambda one: load.needed[one] - load.present[one] if entered else load.needed[one])
        rows.append((load, load.needed[half], load.present[half]))
    top = _round_up(max((max(need, there if entered else 0) for _, need, there in rows), default=0))
    step = (WIDTH - LEFT - RIGHT) / max(len(rows), 1)
    every = max(1, ceil(46 / step))
    bars = []
    for rank, (load, need, there) in enumerate(rows):
        y = _y(need, top)
        bars.append(
            Bar(
                x=round(LEFT + rank * step + step * 0.14, 1), width=round(step * 0.72, 1), y=y,
                height=round(HEIGHT - BOTTOM - y, 1), mark=_y(there, top) if entered else None,
                short=entered and need > there, label=f"{load.day:%d/%m}" if rank % every == 0 else "",
                title=f"{load.day:%d/%m/%Y} : {need} nécessaires" + (f", {there} présents" if entered else ""),
            )
        )  # fmt: skip
    return Chart([Tick(_y(value, top), str(value)) for value in _ticks(top)], bars)


def _y(value: float, top: int) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)


def _round_up(value: int) -> int:
    """A round figure at least as large, so that the ticks are round too."""
    if value <= 5:
        return 5
    unit = int(10 ** int(log10(value)))
    return next(size for size in (unit, 2 * unit, 5 * unit, 10 * unit) if size >= value)


def _ticks(top: int) -> list[int]:
    return [top * part // 5 for part in range(6)]
