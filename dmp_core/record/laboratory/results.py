"""Measures of a laboratory, and the same analyte over time: same code, same unit. Pure.

Nothing is converted: mmol/L and g/L are two series, as two laboratories wrote them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID


class Position(StrEnum):
    """Where a value stands towards its reference range."""

    LOW = "low"
    WITHIN = "within"
    HIGH = "high"
    UNKNOWN = "unknown"
    """No range was given with it."""

    @property
    def words(self) -> str:
        """As it is read."""
        return _WORDS[self]


_WORDS = {
    Position.LOW: "en dessous", Position.WITHIN: "dans la norme", Position.HIGH: "au-dessus",
    Position.UNKNOWN: "sans référence",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Analyte:
    """What is measured, and in what unit."""

    system: str
    """OID of the code's system: LOINC, NABM, or a laboratory's own."""
    code: str
    unit: str
    """UCUM; empty for a number without one."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One value, as its laboratory gave it."""

    analyte: Analyte
    label: str = field(repr=False)
    value: Decimal = field(repr=False)
    at: datetime
    low: Decimal | None = None
    """Bounds of the reference range of that laboratory, that day; None where it gave none."""
    high: Decimal | None = None
    source: UUID | None = field(default=None, compare=False)
    """The document that tells it, where one does."""

    @property
    def position(self) -> Position:
        """Towards its own range, not towards another report's."""
        if self.low is None and self.high is None:
            return Position.UNKNOWN
        if self.low is not None and self.value < self.low:
            return Position.LOW
        return Position.HIGH if self.high is not None and self.value > self.high else Position.WITHIN


@dataclass(frozen=True, slots=True)
class Report:
    """One report: who signed it, and its numeric results."""

    laboratory: str = field(repr=False)
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One analyte over time, the earliest first."""

    analyte: Analyte
    label: str = field(repr=False)
    """As the latest report calls it."""
    measures: tuple[Measure, ...]

    @property
    def last(self) -> Measure:
        """The latest value."""
        return self.measures[-1]


def gathered(measures: Iterable[Measure]) -> list[Series]:
    """The series that these make, by label. A value told twice, as a report tells the one before again, is there once."""
    found: dict[Analyte, dict[tuple[datetime, Decimal], Measure]] = {}
    for each in measures:
        kept = found.setdefault(each.analyte, {})
        before = kept.get((each.at, each.value))
        if before is None or before.position is Position.UNKNOWN:
            kept[each.at, each.value] = each
    made = []
    for analyte, kept in found.items():
        ordered = tuple(sorted(kept.values(), key=lambda each: (each.at, each.value)))
        made.append(Series(analyte, ordered[-1].label, ordered))
    return sorted(made, key=lambda each: (each.label.casefold(), each.analyte.unit, each.analyte.code))
