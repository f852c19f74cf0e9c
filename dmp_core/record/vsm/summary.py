"""What a medical summary says: the sections of the VSM 1.4 (DOMAIN 6.2). Pure.

A section is never silent: it lists what is known, or says that there is nothing, or that nobody asked.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Any, Final

import msgspec

from dmp_core.errors import Invalid

LONGEST: Final = 200
"""Characters of one text."""
MOST_LINES: Final = 60
"""Lines of one section: what a doctor reads in eight minutes is far shorter."""


class Absence(StrEnum):
    """What a section without a line says."""

    NONE = "aucun"
    """Asked, and there is nothing."""
    UNKNOWN = "non_renseigne"


class AllergyKind(StrEnum):
    """What sort of allergy or intolerance (HL7 ObservationIntoleranceType)."""

    MEDICINE = "DALG"
    FOOD = "FALG"
    ENVIRONMENT = "EALG"
    MEDICINE_INTOLERANCE = "DINT"
    FOOD_INTOLERANCE = "FINT"
    OTHER = "OINT"

    @property
    def label(self) -> str:
        """In words."""
        return _ALLERGIES[self]


_ALLERGIES: Final = {
    AllergyKind.MEDICINE: "Allergie à un médicament",
    AllergyKind.FOOD: "Allergie alimentaire",
    AllergyKind.ENVIRONMENT: "Allergie à l’environnement",
    AllergyKind.MEDICINE_INTOLERANCE: "Intolérance à un médicament",
    AllergyKind.FOOD_INTOLERANCE: "Intolérance alimentaire",
    AllergyKind.OTHER: "Autre intolérance",
}


class HabitKind(StrEnum):
    """What a habit is about."""

    TOBACCO = "tabac"
    ALCOHOL = "alcool"
    DRUGS = "drogue"
    OTHER = "autre"

    @property
    def label(self) -> str:
        """In words."""
        return _HABITS[self]


_HABITS: Final = {
    HabitKind.TOBACCO: "Tabac",
    HabitKind.ALCOHOL: "Alcool",
    HabitKind.DRUGS: "Drogue",
    HabitKind.OTHER: "Autre",
}


class Kinship(StrEnum):
    """Whose illness it was (HL7 RoleCode)."""

    MOTHER = "MTH"
    FATHER = "FTH"
    SISTER = "SIS"
    BROTHER = "BRO"
    DAUGHTER = "DAU"
    SON = "SON"
    GRANDPARENT = "GRPRN"
    OTHER = "FAMMEMB"

    @property
    def label(self) -> str:
        """In words."""
        return _KINSHIPS[self]


_KINSHIPS: Final = {
    Kinship.MOTHER: "Mère",
    Kinship.FATHER: "Père",
    Kinship.SISTER: "Sœur",
    Kinship.BROTHER: "Frère",
    Kinship.DAUGHTER: "Fille",
    Kinship.SON: "Fils",
    Kinship.GRANDPARENT: "Grand-parent",
    Kinship.OTHER: "Autre parent",
}


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of a section; every text is on one line, and may be empty where it is not required.

    A date is AAAA, AAAA-MM or AAAA-MM-JJ: as much as is known, empty when nothing is.
    """


class Problem(Part, rename={"label": "libelle", "since": "debut", "code": "cim10"}, frozen=True):
    """An illness that lasts."""

    label: str
    since: str = ""
    code: str = ""
    """CIM-10."""


class Past(Part, rename={"label": "libelle", "since": "debut", "until": "fin", "code": "cim10"}, frozen=True):
    """An illness that is over."""

    label: str
    since: str = ""
    until: str = ""
    code: str = ""


class Operation(Part, rename={"label": "libelle", "day": "date", "code": "ccam"}, frozen=True):
    """A surgical act."""

    label: str
    day: str = ""
    code: str = ""
    """CCAM."""


class Allergy(
    Part,
    rename={"kind": "type", "agent": "agent", "reaction": "manifestation", "since": "debut"},
    frozen=True,
):
    """An allergy, an intolerance or an adverse reaction."""

    kind: AllergyKind
    agent: str
    reaction: str = ""
    since: str = ""


class Habit(Part, rename={"kind": "type", "label": "observation"}, frozen=True):
    """A way of living that is a risk."""

    kind: HabitKind
    label: str


class Exposure(Part, rename={"label": "libelle"}, frozen=True):
    """A risk of the patient's work."""

    label: str


class Kin(Part, rename={"who": "lien", "label": "libelle", "code": "cim10"}, frozen=True):
    """An illness in the family."""

    who: Kinship
    label: str
    code: str = ""


class Finding(Part, rename={"label": "libelle", "day": "date"}, frozen=True):
    """A result, or a point to watch."""

    label: str
    day: str = ""


class Treatment(
    Part,
    rename={
        "medicine": "medicament", "dosage": "posologie", "since": "debut", "until": "fin", "reason": "motif",
        "code": "cis",
    },
    frozen=True,
):  # fmt: skip
    """A medicine taken for long."""

    medicine: str
    dosage: str = ""
    since: str = ""
    until: str = ""
    reason: str = ""
    code: str = ""
    """CIS, eight digits."""


Line = Problem | Past | Operation | Allergy | Habit | Exposure | Kin | Finding | Treatment


class Summary(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={
        "problems": "pathologies_en_cours", "past": "antecedents_medicaux", "operations": "antecedents_chirurgicaux",
        "allergies": "allergies", "habits": "mode_de_vie", "exposures": "risques_professionnels",
        "family": "antecedents_familiaux", "findings": "points_de_vigilance", "treatments": "traitements",
    },
):  # fmt: skip
    """All the sections; each a list of lines, or why there is none."""

    problems: tuple[Problem, ...] | Absence
    past: tuple[Past, ...] | Absence
    operations: tuple[Operation, ...] | Absence
    allergies: tuple[Allergy, ...] | Absence
    habits: tuple[Habit, ...] | Absence
    exposures: tuple[Exposure, ...] | Absence
    family: tuple[Kin, ...] | Absence
    findings: tuple[Finding, ...] | Absence
    treatments: tuple[Treatment, ...] | Absence

    def __repr__(self) -> str:
        """Nothing medical in a log."""
        return "Summary(…)"


SECTIONS: Final[dict[str, type[Line]]] = {
    "problems": Problem, "past": Past, "operations": Operation, "allergies": Allergy, "habits": Habit,
    "exposures": Exposure, "family": Kin, "findings": Finding, "treatments": Treatment,
}  # fmt: skip
TITLES: Final = {
    "problems": "Pathologies en cours", "past": "Antécédents médicaux", "operations": "Antécédents chirurgicaux",
    "allergies": "Allergies et intolérances", "habits": "Mode de vie", "exposures": "Facteurs de risque professionnels",
    "family": "Antécédents familiaux", "findings": "Points de vigilance et résultats", "treatments": "Traitements",
}  # fmt: skip
NAMES: Final = {
    "label": "Libellé", "since": "Depuis", "until": "Jusqu’à", "day": "Date", "kind": "Type", "agent": "Agent",
    "reaction": "Manifestation", "who": "Lien de parenté", "medicine": "Médicament", "dosage": "Posologie",
    "reason": "Motif", "code": "Code",
}  # fmt: skip
REQUIRED: Final = frozenset({"label", "agent", "medicine"})
DATES: Final = frozenset({"since", "until", "day"})
_CIM10: Final = ("CIM-10", re.compile(r"[A-Z][0-9]{2}(\.[0-9+]{1,4})?"))
CODES: Final[dict[type[Line], tuple[str, re.Pattern[str]]]] = {
    Problem: _CIM10, Past: _CIM10, Kin: _CIM10,
    Operation: ("CCAM", re.compile(r"[A-Z]{4}[0-9]{3}")),
    Treatment: ("CIS", re.compile(r"[0-9]{8}")),
}  # fmt: skip
_DATE: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


class Wrong(Invalid):
    """What is wrong in a summary, and where."""

    def __init__(self, section: str, line: int | None, name: str, sentence: str) -> None:
        where = TITLES[section] + (f", ligne {line + 1}" if line is not None else "")
        super().__init__(f"{where} : {sentence}")
        self.section = section
        self.sentence = sentence
        self.line = line
        self.name = name
        """Of the field; empty for the whole line."""


def settled(summary: Summary, today: date) -> Summary:
    """The summary as it can stand. Raises Wrong with the first fault."""
    found = tidied(summary)
    wrong = next(faults_of(found, today), None)
    if wrong is not None:
        raise wrong
    return found


def tidied(summary: Summary) -> Summary:
    """The summary with texts on one line without stray blanks, codes in capitals, and dates from the largest part on."""
    found: dict[str, Any] = {}
    for name in SECTIONS:
        lines = getattr(summary, name)
        found[name] = lines if isinstance(lines, Absence) else tuple(map(_tidy, lines))
    return Summary(**found)


def faults_of(summary: Summary, today: date) -> Iterator[Wrong]:
    """Everything that is wrong in a tidied summary."""
    for name in SECTIONS:
        lines = getattr(summary, name)
        if isinstance(lines, Absence):
            continue
        if not lines:
            yield Wrong(
                name, None, "", "remplissez une ligne, ou dites qu’il n’y a rien ou que ce n’est pas renseigné."
            )
        if len(lines) > MOST_LINES:
            yield Wrong(name, None, "", f"{MOST_LINES} lignes au plus ; gardez l’essentiel.")
        for place, line in enumerate(lines[:MOST_LINES]):
            yield from _faults(name, place, line, today)


def _faults(name: str, place: int, line: Line, today: date) -> Iterator[Wrong]:
    """Everything that is wrong in one line."""
    for field, value in _texts(line):
        if field in REQUIRED and not value:
            yield Wrong(name, place, field, f"le champ « {NAMES[field].lower()} » est vide.")
        elif len(value) > LONGEST:
            yield Wrong(name, place, field, f"« {NAMES[field].lower()} » dépasse {LONGEST} caractères.")
        elif not value.isprintable():
            yield Wrong(name, place, field, f"« {NAMES[field].lower()} » contient un caractère qui ne s’affiche pas.")
        elif field in DATES and value and not _stands(value, today, to_come=_may_come(line, field)):
            yield Wrong(
                name, place, field,
                f"« {NAMES[field].lower()} » n’est pas une date passée ; écrivez par exemple 2014, 06/2014 ou 21/06/2014.",
            )  # fmt: skip
        elif field == "code" and value and not CODES[type(line)][1].fullmatch(value):
            yield Wrong(name, place, field, f"ce n’est pas un code {CODES[type(line)][0]}.")
    since, until = getattr(line, "since", ""), getattr(line, "until", "")
    shared = min(len(since), len(until))
    if shared and until[:shared] < since[:shared]:
        yield Wrong(name, place, "until", "la fin précède le début.")


def _tidy(line: Line) -> Line:
    return msgspec.structs.replace(line, **{field: _written(field, value) for field, value in _texts(line)})


def _texts(line: Line) -> Iterator[tuple[str, str]]:
    for field in line.__struct_fields__:
        value: Any = getattr(line, field)
        if not isinstance(value, StrEnum):
            yield field, value


def _written(field: str, typed: str) -> str:
    """Composed letters, one blank between two words; 1/6/2014 is 2014-06-01."""
    text = unicodedata.normalize("NFC", " ".join(typed.split()))
    if field == "code":
        return text.upper()
    if field in DATES and "/" in text:
        return "-".join(each.strip().rjust(2, "0") for each in reversed(text.split("/")))
    return text


def _may_come(line: Line, field: str) -> bool:
    """The end of a treatment alone may be planned."""
    return isinstance(line, Treatment) and field == "until"


def _stands(written: str, today: date, *, to_come: bool) -> bool:
    found = _DATE.fullmatch(written)
    if found is None:
        return False
    year, month, day = (int(each) if each else 1 for each in found.groups())
    try:
        return date(1850, 1, 1) <= date(year, month, day) and (to_come or written <= today.isoformat()[: len(written)])
    except ValueError:
        return False
