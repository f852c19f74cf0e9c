"""A declared workflow laid out as a drawing: states in ranks, steps as labelled ways between them. Pure.

After Sugiyama, Tagawa and Toda (1981): ranks by longest way, labels as places of their own between the ranks so that
none covers another, crossings lessened by barycentres. The table beside the drawing says the same in words.
"""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from backoffice.cases.workflow import State, Workflow

_LETTER: Final = 7.2
"""Width that a letter takes on average in a label, generously: fonts differ."""
_BOLD: Final = 9.2
"""The same in the name of a state."""
_LINE: Final = 18.0
_STATE_HEIGHT: Final = 44.0
_APART: Final = 28.0
_RANK_GAP: Final = 22.0
_MARGIN: Final = 12.0
_LABEL_WIDTH: Final = 20
_ROUNDS: Final = 12


@dataclass(slots=True, eq=False)
class Place:
    """A state, the label of steps, or a bend of a long way."""

    rank: int
    width: float
    height: float
    state: State | None = None
    lines: tuple[str, ...] = ()
    x: float = 0.0
    """Of its middle."""
    y: float = 0.0
    up: "list[Place]" = field(default_factory=list)
    down: "list[Place]" = field(default_factory=list)

    @property
    def left(self) -> float:
        """Its left edge."""
        return self.x - self.width / 2

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.y - self.height / 2


@dataclass(frozen=True, slots=True)
class Way:
    """One or more steps from a state to another."""

    path: str
    """As `d` of an SVG path; its end is the target."""
    returns: bool
    """Leads back to an earlier state."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything to draw, in pixels."""

    width: float
    height: float
    states: tuple[Place, ...]
    labels: tuple[Place, ...]
    ways: tuple[Way, ...]


def draw(workflow: Workflow) -> Drawing:
    """Lay the workflow out."""
    labels = _labels(workflow)
    backward = _backward(workflow, labels)
    ranks = _ranks(workflow, {(b, a) if (a, b) in backward else (a, b) for a, b in labels})
    places = {
        state.name: Place(2 * ranks[state.name], len(state.label) * _BOLD + 48, _STATE_HEIGHT, state)
        for state in workflow.states
    }
    chains = {pair: _chain(places, pair, labels[pair], pair in backward) for pair in labels}
    rows = _rows([*places.values(), *(place for chain in chains.values() for place in chain[1:-1])])
    _lessen_crossings(rows)
    _set_columns(rows)
    height = _set_rows(rows)
    width = _into_view(rows)
    return Drawing(
        width, height, tuple(places.values()),
        tuple(place for chain in chains.values() for place in chain if place.lines),
        tuple(Way(_path(chain, pair in backward), pair in backward) for pair, chain in chains.items()),
    )  # fmt: skip


def _labels(workflow: Workflow) -> dict[tuple[str, str], list[str]]:
    """The labels of the steps between each two different states, in declared order."""
    found: dict[tuple[str, str], list[str]] = {}
    for state in workflow.states:
        for step in workflow.steps:
            if state.name in step.sources and step.target != state.name:
                found.setdefault((state.name, step.target), []).append(step.label)
    return found


def _backward(workflow: Workflow, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """The ways that lead back to a state already passed on the way there."""
    following: dict[str, list[str]] = {}
    for source, target in pairs:
        following.setdefault(source, []).append(target)
    found: set[tuple[str, str]] = set()
    done: set[str] = set()

    def walk(name: str, passed: tuple[str, ...]) -> None:
        for target in following.get(name, []):
            if target in passed or target == name:
                found.add((name, target))
            elif target not in done:
                walk(target, (*passed, name))
        done.add(name)

    for state in workflow.states:
        if state.name not in done:
            walk(state.name, ())
    return found


def _ranks(workflow: Workflow, pairs: set[tuple[str, str]]) -> dict[str, int]:
    """The length of the longest way to each state; without a way back, there is one."""
    ranks = {state.name: 0 for state in workflow.states}
    for _ in workflow.states:
        for source, target in pairs:
            ranks[target] = max(ranks[target], ranks[source] + 1)
    return ranks


def _chain(places: dict[str, Place], pair: tuple[str, str], labels: Sequence[str], back: bool) -> list[Place]:
    """From the upper state to the lower one, by the label and whatever bends it takes."""
    upper, lower = (places[pair[1]], places[pair[0]]) if back else (places[pair[0]], places[pair[1]])
    middle = (upper.rank + lower.rank) // 2
    middle += 1 - middle % 2  # labels are between the ranks of states
    lines = tuple(line for label in labels for line in textwrap.wrap(label, _LABEL_WIDTH))
    chain = [upper]
    for rank in range(upper.rank + 1, lower.rank):
        if rank == middle:
            width = max(map(len, lines)) * _LETTER + 10
            chain.append(Place(rank, width, len(lines) * _LINE + 4, lines=lines))
        else:
            chain.append(Place(rank, 4, 4))
    chain.append(lower)
    for above, below in pairwise(chain):
        above.down.append(below)
        below.up.append(above)
    return chain


def _rows(places: Iterable[Place]) -> list[list[Place]]:
    found: dict[int, list[Place]] = {}
    for place in places:
        found.setdefault(place.rank, []).append(place)
    return [found[rank] for rank in sorted(found)]


def _lessen_crossings(rows: list[list[Place]]) -> None:
    best, least = [list(row) for row in rows], _crossings(rows)
    for turn in range(_ROUNDS):
        downward = turn % 2 == 0
        for row in rows[1:] if downward else rows[-2::-1]:
            order = _positions(rows)
            row.sort(
                key=lambda place: _mean(
                    [order[id(one)] for one in (place.up if downward else place.down)], order[id(place)]
                )
            )
        if (now := _crossings(rows)) < least:
            best, least = [list(row) for row in rows], now
    rows[:] = best


def _positions(rows: list[list[Place]]) -> dict[int, int]:
    return {id(place): index for row in rows for index, place in enumerate(row)}


def _crossings(rows: list[list[Place]]) -> int:
    order = _positions(rows)
    total = 0
    for row in rows:
        ends = [(order[id(place)], order[id(below)]) for place in row for below in place.down]
        total += sum(1 for a in ends for b in ends if a[0] < b[0] and a[1] > b[1])
    return total


def _set_columns(rows: list[list[Place]]) -> None:
    for row in rows:
        _spread(row)
    for turn in range(_ROUNDS):
        for row in rows if turn % 2 == 0 else reversed(rows):
            for place in row:
                near = [one.x for one in (*place.up, *place.down)]
                place.x = _mean(near, place.x)
            _spread(row)


def _spread(row: list[Place]) -> None:
    """Move the places of a row apart, as little as they must, around where they want to be."""
    wanted = sum(place.x for place in row)
    for before, after in pairwise(row):
        after.x = max(after.x, before.x + (before.width + after.width) / 2 + _APART)
    shift = (wanted - sum(place.x for place in row)) / len(row)
    for place in row:
        place.x += shift


def _set_rows(rows: list[list[Place]]) -> float:
    y = _MARGIN
    for row in rows:
        height = max(place.height for place in row)
        for place in row:
            place.y = y + height / 2
        y += height + _RANK_GAP
    return y - _RANK_GAP + _MARGIN


def _into_view(rows: list[list[Place]]) -> float:
    left = min(place.left for row in rows for place in row)
    for row in rows:
        for place in row:
            place.x += _MARGIN - left
    return max(place.left + place.width for row in rows for place in row) + _MARGIN


def _path(chain: list[Place], back: bool) -> str:
    """A smooth way from state to state, straight down through its label."""
    first, last = chain[0], chain[-1]
    points = [(first.x + _aim(first, chain[1]), first.y + first.height / 2)]
    for place in chain[1:-1]:
        points += [(place.x, place.top), (place.x, place.top + place.height)]
    points.append((last.x + _aim(last, chain[-2]), last.top))
    if back:
        points.reverse()
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        half = (y + to_y) / 2
        path.append(f"C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}")
    return "".join(path)


def _aim(state: Place, near: Place) -> float:
    """Where on its edge a way leaves a state: towards where it goes."""
    room = state.width / 2 - 18
    return max(-room, min(room, (near.x - state.x) / 3))


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
