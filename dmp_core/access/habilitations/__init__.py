"""Which profession reads which documents (DOMAIN 4.4): declared data, by period; what no line names is not read."""

import csv
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

from dmp_core.record.categories import Category
from dmp_core.record.nomenclatures import DocumentType, every_type, types_in_use

_TABLE: Final = Path(__file__).with_name("matrice.tsv")
_ALL: Final = "*"
_TYPE: Final = "type:"


@dataclass(frozen=True, slots=True)
class Habilitation:
    """One line of the matrix."""

    profession: str
    subject: str
    """A category, `*` for all of them, or `type:` and a type."""
    reads: bool
    expected: bool
    """Whether the profession is expected to put such documents into a DMP."""
    since: date
    until: date | None

    def holds(self, on: date) -> bool:
        """Whether it is in force on this day."""
        return self.since <= on and (self.until is None or on <= self.until)


def reads(profession: str, type_code: str, category: Category | None, on: date) -> bool:
    """Whether a profession may read a document of this type and category on this day; the most precise line decides."""
    if category is None:  # management of the dossier, which is shown to nobody
        return False
    lines = {each.subject: each for each in _of(profession) if each.holds(on)}
    found = lines.get(f"{_TYPE}{type_code}") or lines.get(category.value) or lines.get(_ALL)
    return found is not None and found.reads


@lru_cache(maxsize=256)
def types_read(profession: str, on: date) -> frozenset[str]:
    """Every type of document, in use or not any more, that a profession may read on this day."""
    return frozenset(each.code for each in every_type() if reads(profession, each.code, each.category, on))


def expected_of(profession: str, on: date) -> list[DocumentType]:
    """The documents that this profession is expected to put into a DMP, and may on this day."""
    named = {each.subject.removeprefix(_TYPE) for each in _of(profession) if each.expected and each.holds(on)}
    return [each for each in types_in_use(on) if each.code in named]


def professions_with_access(on: date) -> list[str]:
    """The professions that read anything at all on this day."""
    return [name for name, lines in _table().items() if any(each.reads and each.holds(on) for each in lines)]


def _of(profession: str) -> tuple[Habilitation, ...]:
    return _table().get(profession.partition("/")[0], ())


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[Habilitation, ...]]:
    with _TABLE.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source, delimiter="\t", quoting=csv.QUOTE_NONE))
    found: dict[str, tuple[Habilitation, ...]] = {}
    for row in rows:
        line = Habilitation(
            row["profession"], row["sujet"], row["lit"] == "oui", row["attendu"] == "oui", date.fromisoformat(row["du"]),
            date.fromisoformat(row["au"]) if row["au"] else None,
        )  # fmt: skip
        found[line.profession] = (*found.get(line.profession, ()), line)
    return found
