"""The reimbursements of twelve months as a line of time, by kind. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from dmp_core.record.reimbursements.history import History, Row


class Kind(StrEnum):
    """One of the five tables."""

    CARE = "cares"
    PHARMACY = "deliveries"
    ANALYSES = "analyses"
    IMAGING = "images"
    STAYS = "stays"

    @property
    def label(self) -> str:
        """As a doctor reads it."""
        return _LABELS[self]


_LABELS: Final = {
    Kind.CARE: "Soins", Kind.PHARMACY: "Pharmacie", Kind.ANALYSES: "Biologie", Kind.IMAGING: "Radiologie",
    Kind.STAYS: "Hospitalisation",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Month:
    """One month, and how many lines of each kind."""

    first: date
    counts: dict[Kind, int]


def days_of(history: History) -> dict[Kind, Counter[date]]:
    """By kind, how many lines on each day that has any."""
    return {kind: Counter(row.day for row in rows_of(history, kind)) for kind in Kind}


def months_of(history: History) -> list[Month]:
    """Every month of the window, the latest first, empty ones too."""
    days = days_of(history)
    found, first = [], history.until.replace(day=1)
    while first >= history.since.replace(day=1):
        counts = {
            kind: sum(count for day, count in days[kind].items() if (day.year, day.month) == (first.year, first.month))
            for kind in Kind
        }
        found.append(Month(first, counts))
        first = (
            first.replace(year=first.year - 1, month=12) if first.month == 1 else first.replace(month=first.month - 1)
        )
    return found


def rows_of(history: History, kind: Kind) -> Iterable[Row]:
    """The lines of one kind, the newest first."""
    found: tuple[Row, ...] = getattr(history, kind.value)
    return found
