"""Professions and specialities (OID 1.2.250.1.213.1.1.4.5), each code by its period."""

import csv
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

PHYSICIAN: Final = "G15_10"
_TABLE: Final = Path(__file__).parent / "nomenclature" / "professions.tsv"


@dataclass(frozen=True, slots=True)
class Profession:
    """A profession, or a speciality or section within one."""

    code: str
    label: str
    since: date
    until: date | None

    def holds(self, on: date) -> bool:
        """Whether it may be used on this day."""
        return self.since <= on and (self.until is None or on <= self.until)

    @property
    def whole(self) -> str:
        """The code of the profession, without the speciality."""
        return self.code.partition("/")[0]


def profession_of(code: str, on: date) -> Profession | None:
    """The profession or speciality of this code on this day."""
    found = _table().get(code)
    return found if found is not None and found.holds(on) else None


def profession_named(label: str, on: date) -> Profession | None:
    """The profession that a card writes in words, as `title`; upper and lower case are one."""
    wanted = label.casefold().strip().replace("'", "’")
    return next(
        (
            each
            for each in _table().values()
            if "/" not in each.code and each.label.casefold() == wanted and each.holds(on)
        ),
        None,
    )


def label_of(code: str) -> str:
    """What a profession is called, whenever it was in use; the code itself for an unknown one."""
    found = _table().get(code)
    return found.label if found else code


@lru_cache(maxsize=1)
def _table() -> dict[str, Profession]:
    with _TABLE.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {
        row["code"]: Profession(
            row["code"], row["libelle"], date.fromisoformat(row["du"]),
            date.fromisoformat(row["au"]) if row["au"] else None,
        )
        for row in rows
    }  # fmt: skip
