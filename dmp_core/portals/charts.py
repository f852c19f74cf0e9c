"""Drawings of the record, made here as SVG: told apart by place, shape and words, never by colour alone; a table always
stands beside. Pure.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from html import escape
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from dmp_core.clock import PARIS
from dmp_core.record.laboratory.results import Measure, Position, Series
from dmp_core.record.reimbursements.history import History
from dmp_core.record.reimbursements.timeline import Kind, days_of

INK, SOFT, LINE, BLUE, RED, BAND = "#1b2733", "#4d5d6c", "#c8d3dc", "#0b5a8f", "#a3201d", "#e4eff7"
_MONTHS: Final = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")
_WIDTH: Final = 480
_LANE: Final = 34
_LEFT: Final = 134
_TOP: Final = 12
_DATE: Final = 90.0
"""Room of a date."""
_STEPS: Final = (1, 2, 5)
_Placing = Callable[[datetime], float]
_Levelling = Callable[[Decimal], float]


def timeline_chart(history: History) -> Markup:
    """Twelve months, one lane a kind, one mark a day; a day with several lines has a larger mark."""
    span = max(1, (history.until - history.since).days)
    across = (_WIDTH - _LEFT - 16) / span
    height = _TOP + _LANE * len(Kind) + 28

    def place(day: date) -> float:
        return _LEFT + (day - history.since).days * across

    parts = []
    for first in _months(history.since, history.until):
        x = place(first)
        parts.append(_line(x, _TOP, x, height - 26, LINE))
        parts.append(_text(x, height - 8, _month(first), anchor="middle", colour=SOFT))
    for number, (kind, days) in enumerate(days_of(history).items()):
        y = _TOP + _LANE * number + _LANE / 2
        parts.append(_line(_LEFT, y, _WIDTH - 16, y, LINE))
        parts.append(_text(0, y + 5, kind.label, weight="600"))
        parts += [_mark(kind, place(day), y, min(9, 4 + count)) for day, count in sorted(days.items())]
    title = f"Remboursements du {history.since:%d/%m/%Y} au {history.until:%d/%m/%Y}, par nature"
    return _svg("remboursements", title, height, parts)


def series_chart(series: Series, name: str) -> Markup:
    """One analyte over time, its reference range as a band; `name` is the drawing's own on its page.

    Outside of its range a value is a triangle, upwards or downwards, and bears its number.
    """
    left, right, top, bottom, height = 56, 14, 24, 34, 230
    measures = series.measures
    first, last = measures[0].at, measures[-1].at
    low, high, step = _scale(measures)
    span = max(1.0, (last - first).total_seconds())
    down = (height - top - bottom) / float(high - low)

    def place(at: datetime) -> float:
        if first == last:
            return (left + _WIDTH - right) / 2
        return left + 14 + (at - first).total_seconds() / span * (_WIDTH - left - right - 28)

    def level(value: Decimal) -> float:
        return height - bottom - float(value - low) * down

    parts = [_band(measures, place, level, (left, _WIDTH - right), (top, height - bottom))]
    value = low
    while value <= high:
        parts.append(_line(left, level(value), _WIDTH - right, level(value), LINE))
        parts.append(_text(left - 8, level(value) + 5, figure(value.normalize() + 0), anchor="end", colour=SOFT))
        value += step
    points = " ".join(f"{place(each.at):.1f},{level(each.value):.1f}" for each in measures)
    parts.append(f'<polyline points="{points}" fill="none" stroke="{BLUE}" stroke-width="2"/>')
    parts += [_point(each, place(each.at), level(each.value)) for each in measures]
    parts += _dates(measures, place, height - 10)
    unit = f" ({series.analyte.unit})" if series.analyte.unit else ""
    return _svg(name, f"{series.label}{unit}, {len(measures)} résultats", height, parts)


def figure(value: Decimal) -> str:
    """A number as it is read in French, with the digits that the laboratory gave."""
    return f"{value:f}".replace(".", ",")


def day_in_figures(at: datetime) -> str:
    """The day in Paris, "17/08/2015"."""
    return f"{at.astimezone(PARIS):%d/%m/%Y}"


def _scale(measures: Sequence[Measure]) -> tuple[Decimal, Decimal, Decimal]:
    """(lowest, highest, step) of an axis on which every value and every bound has its place."""
    told = [value for each in measures for value in (each.value, each.low, each.high) if value is not None]
    least, most = min(told), max(told)
    wide = float(most - least) or float(abs(most)) or 1.0
    rough = wide / 4
    magnitude = Decimal(10) ** Decimal(f"{rough:e}".partition("e")[2])
    step = next((magnitude * each for each in _STEPS if float(magnitude * each) >= rough), magnitude * 10)
    low = (least / step).to_integral_value(ROUND_FLOOR) * step
    high = (most / step).to_integral_value(ROUND_CEILING) * step
    return low, high if high > low else low + step, step


def _band(
    measures: Sequence[Measure], place: _Placing, level: _Levelling, sides: tuple[int, int], ends: tuple[int, int]
) -> str:
    """The reference ranges, each from half-way to the report before until half-way to the one after."""
    edges = [float(sides[0]), *((place(a.at) + place(b.at)) / 2 for a, b in pairwise(measures)), float(sides[1])]
    drawn = []
    for each, (start, end) in zip(measures, pairwise(edges), strict=True):
        if each.position is Position.UNKNOWN:
            continue
        top = level(each.high) if each.high is not None else float(ends[0])
        bottom = level(each.low) if each.low is not None else float(ends[1])
        drawn.append(
            f'<rect x="{start:.1f}" y="{top:.1f}" width="{end - start:.1f}" height="{bottom - top:.1f}" fill="{BAND}"/>'
        )
        bounds = [bound for bound in (each.low, each.high) if bound is not None]
        drawn += [_line(start, level(bound), end, level(bound), SOFT, dash="4 3") for bound in bounds]
    return "".join(drawn)


def _dates(measures: Sequence[Measure], place: _Placing, y: float) -> list[str]:
    """The first day, the last, and those between that have room: no two run into one another."""
    last = place(measures[-1].at)
    parts = [
        _text(last, y, day_in_figures(measures[-1].at), anchor="end" if len(measures) > 1 else "middle", colour=SOFT)
    ]
    taken = -_DATE
    for each in measures[:-1]:
        x = place(each.at)
        if x - taken >= _DATE and last - x >= 1.5 * _DATE:
            parts.append(_text(x, y, day_in_figures(each.at), anchor="middle", colour=SOFT))
            taken = x
    return parts


def _point(each: Measure, x: float, y: float) -> str:
    match each.position:
        case Position.HIGH:
            shape = f'<path d="M{x:.1f} {y - 7:.1f}l7 12h-14z" fill="{RED}"/>'
            return shape + _text(x, y - 11, figure(each.value), anchor="middle", colour=RED, weight="700")
        case Position.LOW:
            shape = f'<path d="M{x:.1f} {y + 7:.1f}l7 -12h-14z" fill="{RED}"/>'
            return shape + _text(x, y + 22, figure(each.value), anchor="middle", colour=RED, weight="700")
        case Position.UNKNOWN:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#fff" stroke="{BLUE}" stroke-width="2"/>'
        case _:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{BLUE}"/>'


def _mark(kind: Kind, x: float, y: float, size: float) -> str:
    """Each kind its shape."""
    match kind:
        case Kind.CARE:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" fill="{BLUE}"/>'
        case Kind.PHARMACY:
            return _box(x, y, size, BLUE, "none")
        case Kind.ANALYSES:
            return f'<path d="M{x:.1f} {y - size:.1f}l{size:.1f} {2 * size:.1f}h{-2 * size:.1f}z" fill="{BLUE}"/>'
        case Kind.IMAGING:
            return _box(x, y, size, "#fff", BLUE)
        case _:
            s = size + 1
            return f'<path d="M{x:.1f} {y - s:.1f}l{s:.1f} {s:.1f}l{-s:.1f} {s:.1f}l{-s:.1f} {-s:.1f}z" fill="{RED}"/>'


def _box(x: float, y: float, size: float, fill: str, stroke: str) -> str:
    return (
        f'<rect x="{x - size:.1f}" y="{y - size:.1f}" width="{2 * size:.1f}" height="{2 * size:.1f}" fill="{fill}" '
        f'stroke="{stroke}" stroke-width="2"/>'
    )


def _months(since: date, until: date) -> list[date]:
    """The first days of months within, every third one."""
    found, first = [], since.replace(day=1)
    while first <= until:
        if first >= since:
            found.append(first)
        first = (
            first.replace(year=first.year + 1, month=1) if first.month == 12 else first.replace(month=first.month + 1)
        )
    return found[::3]


def _month(first: date) -> str:
    return f"{_MONTHS[first.month - 1]} {first:%Y}" if first.month <= 2 else _MONTHS[first.month - 1]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashed}/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = INK, weight: str = "400") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}" '
        f'font-family="inherit" font-size="15">{escape(words)}</text>'
    )


def _svg(name: str, title: str, height: float, parts: Sequence[str]) -> Markup:
    # Everything that comes from a document went through `escape` above; the rest are numbers and names of ours.
    return Markup(  # noqa: S704
        f'<svg class="drawing" viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-labelledby="{escape(name)}-titre">'
        f'<title id="{escape(name)}-titre">{escape(title)}</title>{"".join(parts)}</svg>'
    )
