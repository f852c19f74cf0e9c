"""Drawings of the counts, made here as SVG: told apart by shape, pattern and words, never by colour alone. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

from backoffice.core.typography import NBSP, thousands
from backoffice.following.funnel import Day, Funnel
from backoffice.following.intervals import Share
from backoffice.following.models import Fact
from backoffice.following.survival import Point

INK, SOFT, LINE, DEEP, TEAL, AMBER = "#10263d", "#475a6b", "#c9d3dc", "#123f6d", "#0b6e66", "#8a5a00"
_FONT: Final = 'font-family="inherit" font-size="14"'
WIDTH: Final = 720


@dataclass(frozen=True, slots=True)
class Look:
    """How a series is drawn, with and without colour."""

    colour: str
    dash: str
    marker: Callable[[float, float, str], str]


def _circle(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def _square(x: float, y: float, colour: str) -> str:
    return f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7" fill="#fff" stroke="{colour}" stroke-width="2"/>'


def _triangle(x: float, y: float, colour: str) -> str:
    return f'<path d="M{x:.1f} {y - 5:.1f}l5 9h-10z" fill="{colour}"/>'


def _diamond(x: float, y: float, colour: str) -> str:
    return f'<path d="M{x:.1f} {y - 5:.1f}l5 5-5 5-5-5z" fill="#fff" stroke="{colour}" stroke-width="2"/>'


LOOKS: Final = (
    Look(DEEP, "", _circle), Look(AMBER, "7 4", _square), Look(TEAL, "2 3", _triangle), Look(INK, "10 3 2 3", _diamond)
)  # fmt: skip


def percent(value: float, digits: int = 1) -> str:
    """ "3,4 %"."""
    return f"{100 * value:.{digits}f}{NBSP}%".replace(".", ",")


def _svg(name: str, title: str, height: float, body: str, width: int = WIDTH) -> str:
    return (
        f'<svg class="drawing" viewBox="0 0 {width} {height:.0f}" role="img" aria-labelledby="{name}-t">'
        f'<title id="{name}-t">{escape(title)}</title>{body}</svg>'
    )


def _text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = INK, weight: str = "400") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}" {_FONT}>'
        f"{escape(words)}</text>"
    )


def funnel_chart(funnel: Funnel) -> str:
    """One bar a step, as long as its number; what came back is hatched."""
    rows, left, room = funnel.steps(), 130, WIDTH - 130 - 150
    most = max(funnel.sent, 1)
    parts = [
        f'<defs><pattern id="hachures" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="8" height="8" fill="#fff"/><rect width="3" height="8" fill="{AMBER}"/></pattern></defs>'
    ]
    for rank, (label, number) in enumerate(rows):
        y, long = 8 + rank * 38, max(room * number / most, 1.0 if number else 0.0)
        fill, edge = ("url(#hachures)", AMBER) if label == "Revenus" else (DEEP, DEEP)
        parts.append(_text(left - 12, y + 19, label, anchor="end"))
        parts.append(
            f'<rect x="{left}" y="{y}" width="{long:.1f}" height="26" fill="{fill}" stroke="{edge}"/>' if number else ""
        )
        told = thousands(number) + (f" ({percent(number / most)})" if rank else "")
        parts.append(_text(left + long + 10, y + 19, told, weight="600"))
    return _svg("entonnoir", "Ce que sont devenus les envois", 8 + len(rows) * 38, "".join(parts))


def curve_chart(curves: Sequence[tuple[str, Sequence[Point]]]) -> str:
    """Share of creations by age of the letter; one curve has its interval as a band, each its marker and its name."""
    left, top, right, bottom, height = 64, 16, 132, 44, 320
    last = max((points[-1].age for _, points in curves if points), default=0) or 1
    most = _nice(max((point.high for _, points in curves for point in _readable(points)), default=0.01))
    across, down = (WIDTH - left - right) / last, (height - top - bottom) / most

    def place(age: float, share: float) -> tuple[float, float]:
        return left + age * across, height - bottom - share * down

    parts = [_grid(left, right, top, bottom, height, most)]
    step = next(one for one in (1, 2, 5, 7, 14, 28) if last / one <= 14)
    parts += [
        _text(place(age, 0)[0], height - bottom + 20, str(age), anchor="middle", colour=SOFT)
        for age in range(0, last + 1, step)
    ]
    parts.append(_text(WIDTH - right, height - 6, "jours depuis l’envoi", anchor="end", colour=SOFT))
    labels: list[float] = []
    for look, (name, points) in zip(LOOKS, curves, strict=False):
        shown = _readable(points)
        if not shown:
            continue
        if len(curves) == 1:
            parts.append(_band(shown, place))
        path = "".join(_step(index, *place(point.age, point.share)) for index, point in enumerate(shown))
        parts.append(
            f'<path d="{path}" fill="none" stroke="{look.colour}" stroke-width="2.5" stroke-dasharray="{look.dash}"/>'
        )
        every = max(1, len(shown) // 8)
        parts += [look.marker(*place(point.age, point.share), look.colour) for point in shown[::every]]
        x, y = place(shown[-1].age, shown[-1].share)
        while any(abs(y - other) < 17 for other in labels):
            y += 17
        labels.append(y)
        parts.append(look.marker(x, place(0, shown[-1].share)[1], look.colour))
        parts.append(
            _text(x + 10, y + 5, f"{name} {percent(shown[-1].share)}".strip(), colour=look.colour, weight="600")
        )
    return _svg("courbe", "Part des envois suivis d’une création, selon l’âge de l’envoi", height, "".join(parts))


def _readable(points: Sequence[Point]) -> list[Point]:
    """Without the ages at which fewer than a tenth of the letters, or ten, are still followed: there noise is drawn."""
    if not points:
        return []
    least = min(max(points[0].at_risk / 10, 10), points[0].at_risk)
    return [point for point in points if point.at_risk >= least]


def _step(index: int, x: float, y: float) -> str:
    return f"M{x:.1f} {y:.1f}" if index == 0 else f"H{x:.1f}V{y:.1f}"


def _band(points: Sequence[Point], place: Callable[[float, float], tuple[float, float]]) -> str:
    upper = "".join(_step(index, *place(point.age, point.high)) for index, point in enumerate(points))
    back = [place(point.age, point.low) for point in reversed(points)]
    lower = "L{:.1f} {:.1f}".format(*back[0]) + "".join(f"V{y:.1f}H{x:.1f}" for x, y in back[1:])
    return f'<path d="{upper}{lower}Z" fill="{DEEP}" fill-opacity="0.14" stroke="none"/>'


def days_chart(days: Sequence[Day], facts: Sequence[Fact] = (Fact.CALL, Fact.CODE_USED, Fact.OPENED)) -> str:
    """What happened each day: one line a fact, with its marker and its name at its end."""
    left, top, right, bottom, height = 64, 16, 132, 44, 280
    if not days:
        return ""
    first, last = days[0].day, days[-1].day
    known = {one.day: one.counts for one in days}
    span = max((last - first).days, 1)
    most = max((one.counts[fact] for one in days for fact in facts), default=0)
    ceiling = _nice_number(max(most, 4))
    across, down = (WIDTH - left - right) / span, (height - top - bottom) / ceiling
    parts = [_grid(left, right, top, bottom, height, ceiling, whole=True)]
    for at in sorted({0, span // 3, 2 * span // 3, span}):
        day = date.fromordinal(first.toordinal() + at)
        parts.append(
            _text(left + at * across, height - bottom + 20, f"{day:%d/%m}", anchor="middle", colour=SOFT)
        )  # fmt: skip
    labels: list[float] = []
    for look, fact in zip(LOOKS, facts, strict=False):
        spots = []
        for at in range(span + 1):
            number = known.get(date.fromordinal(first.toordinal() + at), {}).get(fact, 0)
            spots.append((left + at * across, height - bottom - number * down))
        path = "".join(f"{'L' if index else 'M'}{x:.1f} {y:.1f}" for index, (x, y) in enumerate(spots))
        parts.append(
            f'<path d="{path}" fill="none" stroke="{look.colour}" stroke-width="2" stroke-dasharray="{look.dash}"/>'
        )
        every = max(1, len(spots) // 12)
        parts += [look.marker(x, y, look.colour) for x, y in spots[::every]]
        y = spots[-1][1]
        while any(abs(y - other) < 17 for other in labels):
            y -= 17
        labels.append(y)
        parts.append(_text(spots[-1][0] + 10, y + 5, fact.label, colour=look.colour, weight="600"))
    return _svg("jours", "Appels, codes utilisés et DMP créés, jour par jour", height, "".join(parts))


def shares_chart(rows: Sequence[tuple[str, Share]]) -> str:
    """A dot and its interval a group, on one scale."""
    left, room, high = 190, WIDTH - 190 - 150, 30
    most = _nice(max((one.high for _, one in rows if one.whole), default=0.01))
    parts = []
    for rank, (label, one) in enumerate(rows):
        y = 18 + rank * high
        parts.append(_text(left - 12, y + 5, label, anchor="end"))
        parts.append(f'<line x1="{left}" x2="{left + room}" y1="{y}" y2="{y}" stroke="{LINE}"/>')
        if not one.whole:
            parts.append(_text(left + room + 10, y + 5, "—", colour=SOFT))
            continue
        low, middle, top = (left + room * min(value, most) / most for value in (one.low, one.value, one.high))
        parts.append(
            f'<path d="M{low:.1f} {y - 5}v10M{top:.1f} {y - 5}v10M{low:.1f} {y}H{top:.1f}" stroke="{DEEP}" '
            'stroke-width="2" fill="none"/>'
        )
        parts.append(_circle(middle, y, DEEP))
        parts.append(_text(left + room + 10, y + 5, percent(one.value), weight="600"))
    y = 18 + len(rows) * high
    parts.append(_text(left, y + 4, "0", anchor="middle", colour=SOFT))
    parts.append(_text(left + room, y + 4, percent(most), anchor="middle", colour=SOFT))
    return _svg("parts", "Part des envois suivis d’une création, avec son intervalle", y + 12, "".join(parts))


def _grid(left: int, right: int, top: int, bottom: int, height: int, most: float, *, whole: bool = False) -> str:
    parts = []
    for quarter in range(5):
        y = height - bottom - (height - top - bottom) * quarter / 4
        parts.append(f'<line x1="{left}" x2="{WIDTH - right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{LINE}"/>')
        value = most * quarter / 4
        parts.append(
            _text(left - 8, y + 5, thousands(round(value)) if whole else percent(value), anchor="end", colour=SOFT)
        )  # fmt: skip
    return "".join(parts)


def _nice(share: float) -> float:
    return next((one for one in (0.004, 0.01, 0.02, 0.04, 0.08, 0.12, 0.2, 0.4, 0.6, 0.8) if share <= one), 1.0)


def _nice_number(number: int) -> int:
    scale = 1
    while True:
        for one in (4, 8, 12, 20, 28):
            if number <= one * scale:
                return one * scale
        scale *= 10
