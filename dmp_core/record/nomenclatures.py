"""The codes that documents carry, by period (DOMAIN 5.1): a code is good for the day it is used on, never for ever."""

import csv
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

from dmp_core.errors import Invalid
from dmp_core.record.categories import Category, category_of

_FOLDER: Final = Path(__file__).parent / "nomenclature"


@dataclass(frozen=True, slots=True)
class DocumentType:
    """A typeCode, and the class that follows from it: a class is derived, never chosen (table X04)."""

    code: str
    system: str
    """OID of its code system: LOINC, or 1.2.250.1.213.1.1.4.12."""
    label: str
    class_code: str
    since: date
    until: date | None

    def holds(self, on: date) -> bool:
        """Whether it may be used on this day."""
        return self.since <= on and (self.until is None or on <= self.until)

    @property
    def category(self) -> Category | None:
        """The one category of its documents."""
        return category_of(self.code, self.class_code)


@dataclass(frozen=True, slots=True)
class DocumentClass:
    """A classCode of OID 1.2.250.1.213.1.1.4.1 and its label during one period."""

    code: str
    label: str
    since: date
    until: date | None


def type_of(code: str, on: date) -> DocumentType:
    """The type of this code on this day. Raises Invalid when it is not, not yet or no longer in use."""
    for each in _types().get(code, ()):
        if each.holds(on):
            return each
    raise Invalid(f"Le type de document « {code[:20]} » n’est pas en usage au {on:%d/%m/%Y} : choisissez-en un autre.")


def label_of_type(code: str) -> str:
    """What a type is called, whenever it was used: a document keeps its type for life."""
    known = _types().get(code)
    return known[-1].label if known else code


def system_of_type(code: str) -> str | None:
    """OID of the code system of a type, whenever it was used; None for a code that is none."""
    known = _types().get(code)
    return known[-1].system if known else None


def label_of_class(code: str, on: date) -> str:
    """What a class is called on this day; the code itself for one that is unknown then."""
    for each in _classes():
        if each.code == code and each.since <= on and (each.until is None or on <= each.until):
            return each.label
    return code


def every_type() -> list[DocumentType]:
    """Every type there ever was: documents keep theirs."""
    return [each for periods in _types().values() for each in periods]


def types_in_use(on: date) -> list[DocumentType]:
    """Every type that may be used on this day, in the order of the tables."""
    return [each for each in every_type() if each.holds(on)]


def types_of_holder(on: date) -> list[DocumentType]:
    """Those that a holder may deposit on this day: class 90, expression libre du patient (DOMAIN 5.3)."""
    return [each for each in types_in_use(on) if each.class_code == "90"]


@lru_cache(maxsize=1)
def _types() -> dict[str, tuple[DocumentType, ...]]:
    found: dict[str, tuple[DocumentType, ...]] = {}
    for row in _rows("types.tsv"):
        made = DocumentType(
            row["code"], row["systeme"], row["libelle"], row["classe"], date.fromisoformat(row["du"]), _end(row["au"])
        )
        found[made.code] = (*found.get(made.code, ()), made)
    return found


@lru_cache(maxsize=1)
def _classes() -> tuple[DocumentClass, ...]:
    return tuple(
        DocumentClass(row["code"], row["libelle"], date.fromisoformat(row["du"]), _end(row["au"]))
        for row in _rows("classes.tsv")
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source, delimiter="\t", quoting=csv.QUOTE_NONE))


def _end(written: str) -> date | None:
    return date.fromisoformat(written) if written else None
