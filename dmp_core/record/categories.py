"""The nine categories in which a holder finds documents (seed, screen of the patient application; DOMAIN 5.3)."""

from enum import StrEnum
from typing import Final


class Category(StrEnum):
    """One of the nine; the value is its place in an address."""

    REIMBURSEMENTS = "donnees-de-remboursement"
    SUMMARIES = "syntheses"
    REPORTS = "comptes-rendus"
    TREATMENTS = "traitements-et-soins"
    IMAGING = "imagerie-medicale"
    BIOLOGY = "biologie"
    PREVENTION = "prevention"
    CERTIFICATES = "certificats-declarations"
    EXPRESSION = "expression-libre"

    @property
    def label(self) -> str:
        """As the seed's screen writes it."""
        return _LABELS[self]


_LABELS: Final = {
    Category.REIMBURSEMENTS: "Données de remboursement",
    Category.SUMMARIES: "Synthèses",
    Category.REPORTS: "Comptes rendus",
    Category.TREATMENTS: "Traitements et soins",
    Category.IMAGING: "Imagerie médicale",
    Category.BIOLOGY: "Biologie",
    Category.PREVENTION: "Prévention",
    Category.CERTIFICATES: "Certificats, déclarations",
    Category.EXPRESSION: "Expression libre",
}

_BY_TYPE: Final = {
    "11502-2": Category.BIOLOGY,
    "11526-1": Category.BIOLOGY,
    "11528-7": Category.IMAGING,
    "18748-4": Category.IMAGING,
    "29554-3": Category.PREVENTION,
    "39256-3": Category.PREVENTION,
    "75482-0": Category.PREVENTION,
    "75492-9": Category.PREVENTION,
    "11369-6": Category.PREVENTION,
    "87273-9": Category.PREVENTION,
}
_BY_CLASS: Final = {
    "60": Category.REIMBURSEMENTS,
    "11": Category.SUMMARIES,
    "10": Category.REPORTS,
    "42": Category.TREATMENTS,
    "43": Category.TREATMENTS,
    "44": Category.TREATMENTS,
    "45": Category.TREATMENTS,
    "31": Category.IMAGING,
    "52": Category.CERTIFICATES,
    "90": Category.EXPRESSION,
}


def category_of(type_code: str, class_code: str) -> Category | None:
    """The one category of a document, the most specific rule first; None for what is not shown (class 95)."""
    return _BY_TYPE.get(type_code) or _BY_CLASS.get(class_code)


def categorised() -> dict[Category, tuple[frozenset[str], frozenset[str]]]:
    """By category, the (types, classes) that lead to it: for a query over both columns."""
    return {
        each: (
            frozenset(code for code, found in _BY_TYPE.items() if found is each),
            frozenset(code for code, found in _BY_CLASS.items() if found is each),
        )
        for each in Category
    }


TYPES_APART: Final = frozenset(_BY_TYPE)
"""Types whose category is not that of their class."""
