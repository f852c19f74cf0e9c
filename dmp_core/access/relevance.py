"""Which documents a profession wants first: declared data, by period (`habilitations/pertinence.tsv`); pure.

It puts in order what the gate let through and takes nothing away: the right to read is the matrix's alone.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

from dmp_core.record.metadata import Document

_TABLE: Final = Path(__file__).parent / "habilitations" / "pertinence.tsv"
_TYPE: Final = "type:"
LAST: Final = 99
"""Rank of what no line names."""


@dataclass(frozen=True, slots=True)
class Preference:
    """One line of the table."""

    profession: str
    rank: int
    """1 comes first."""
    subject: str
    """A category, or `type:` and a type."""
    since: date
    until: date | None

    def holds(self, on: date) -> bool:
        """Whether it is in force on this day."""
        return self.since <= on and (self.until is None or on <= self.until)


def rank_of(profession: str, document: Document, on: date) -> int:
    """How early this profession wants the document, 1 first; the most precise line decides."""
    ranks = {each.subject: each.rank for each in preferences(profession) if each.holds(on)}
    category = document.category.value if document.category else ""
    return ranks.get(f"{_TYPE}{document.type_code}") or ranks.get(category) or LAST


def by_relevance(profession: str, documents: Iterable[Document], on: date) -> list[Document]:
    """The documents in the order of the profession, the latest act first within a rank."""
    latest = sorted(documents, key=lambda each: (each.service_start, each.id), reverse=True)
    return sorted(latest, key=lambda each: rank_of(profession, each, on))


def preferences(profession: str) -> tuple[Preference, ...]:
    """The lines of a profession, whatever its speciality."""
    return _table().get(profession.partition("/")[0], ())


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[Preference, ...]]:
    with _TABLE.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source, delimiter="\t", quoting=csv.QUOTE_NONE))
    found: dict[str, tuple[Preference, ...]] = {}
    for row in rows:
        line = Preference(
            row["profession"], int(row["rang"]), row["sujet"], date.fromisoformat(row["du"]),
            date.fromisoformat(row["au"]) if row["au"] else None,
        )  # fmt: skip
        found[line.profession] = (*found.get(line.profession, ()), line)
    return found
