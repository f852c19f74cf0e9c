"""Templates and codes of the VSM 1.4 (DOMAIN 6.2), and how IHE PCC says that there is nothing."""

from dataclasses import dataclass
from typing import Final

from dmp_core.record.vsm.summary import HabitKind

MODEL: Final = "1.2.250.1.213.1.1.1.13"
EXTENSION: Final = "201310"
CIM10: Final = "2.16.840.1.113883.6.3"
CCAM: Final = "1.2.250.1.213.2.5"
CIS: Final = "1.2.250.1.213.2.3.1"
SNOMED: Final = "1.2.250.1.213.2.12"
SNOMED_CT: Final = "2.16.840.1.113883.6.96"
INTOLERANCE: Final = "2.16.840.1.113883.5.4"
ROLE: Final = "2.16.840.1.113883.5.111"
FUNCTION: Final = "2.16.840.1.113883.5.88"
PROFESSIONS: Final = "1.2.250.1.213.1.1.4.5"
TRUSTED: Final = "NOK"
TO_CALL: Final = "ECON"
"""Classes of the entities related to the patient: person of trust, emergency contact."""
_PCC: Final = "1.3.6.1.4.1.19376.1.5.3.1"
_CCD: Final = "2.16.840.1.113883.10.20.1"
_ANS: Final = "1.2.250.1.213.1.1"


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the body."""

    code: str
    """LOINC."""
    label: str
    templates: tuple[str, ...]


HISTORY: Final = Section("46612-8", "Conclusions de synthèse", (f"{_ANS}.2.29",))
ILLNESSES: Final = Section("34117-2", "Historique et physique", (f"{_ANS}.2.30",))
RISKS: Final = Section("57207-3", "Facteurs de risque", (f"{_ANS}.2.31",))
PLAN: Final = Section("18776-5", "Plan de traitement", (f"{_ANS}.2.32",))
SECTIONS: Final = {
    "problems": Section(
        "11450-4", "Liste des problèmes actifs", (f"{_CCD}.11", f"{_PCC}.3.6", f"{_ANS}.2.132")
    ),
    "past": Section("11348-0", "Antécédents médicaux", (f"{_PCC}.3.8", f"{_ANS}.2.134")),
    "operations": Section(
        "47519-4", "Antécédents chirurgicaux", (f"{_CCD}.12", f"{_PCC}.3.11", f"{_PCC}.3.12", f"{_ANS}.2.136")
    ),
    "allergies": Section(
        "48765-2", "Allergies, réactions adverses, alertes", (f"{_CCD}.2", f"{_PCC}.3.13", f"{_ANS}.2.137")
    ),
    "habits": Section(
        "29762-2", "Habitus, Mode de vie", (f"{_CCD}.15", f"{_PCC}.3.16", f"{_PCC}.3.16.1", f"{_ANS}.2.141")
    ),
    "exposures": Section("10161-8", "Facteurs de risques professionnels", (f"{_PCC}.1.5.3.1", f"{_ANS}.2.74")),
    "family": Section(
        "10157-6", "Historique des pathologies familiales",
        (f"{_CCD}.4", f"{_PCC}.3.14", f"{_PCC}.3.15", f"{_ANS}.2.139"),
    ),
    "findings": Section("30954-2", "Résultats d’examens", (f"{_PCC}.3.27", f"{_ANS}.2.150")),
    "treatments": Section(
        "10160-0", "Historique de la prise médicamenteuse", (f"{_CCD}.8", f"{_PCC}.3.19", f"{_ANS}.2.143")
    ),
}  # fmt: skip
"""The sections that hold lines, by their name in a summary."""
NARRATIVE_ALONE: Final = frozenset({"exposures", "findings"})
"""Sections whose model has no entries: their text is all there is."""

PROBLEM_ACT: Final = (f"{_CCD}.27", f"{_PCC}.4.5.1", f"{_PCC}.4.5.2", f"{_ANS}.3.39")
PROBLEM: Final = (f"{_CCD}.28", f"{_PCC}.4.5", f"{_ANS}.3.37")
ALLERGY_ACT: Final = (f"{_CCD}.27", f"{_PCC}.4.5.1", f"{_PCC}.4.5.3", f"{_ANS}.3.40")
ALLERGY: Final = (f"{_CCD}.28", f"{_CCD}.18", f"{_PCC}.4.5", f"{_PCC}.4.6", f"{_ANS}.3.41")
PROCEDURE: Final = (f"{_CCD}.29", f"{_PCC}.4.19", f"{_ANS}.3.62")
HABIT: Final = (f"{_CCD}.33", f"{_PCC}.4.13", f"{_PCC}.4.13.4", f"{_ANS}.3.52")
FAMILY: Final = (f"{_CCD}.23", f"{_PCC}.4.15", f"{_ANS}.3.59")
RELATIVE: Final = (f"{_PCC}.4.15.2", f"{_ANS}.3.60")
KIN: Final = (f"{_CCD}.22", f"{_PCC}.4.13", f"{_PCC}.4.13.3", f"{_ANS}.3.51")
TREATMENT: Final = (f"{_CCD}.24", f"{_PCC}.4.7", f"{_PCC}.4.7.1", f"{_ANS}.3.42")
PRODUCT: Final = (f"{_CCD}.53", f"{_PCC}.4.7.2", f"{_ANS}.3.43")
REASON: Final = (f"{_PCC}.4.4.1", f"{_ANS}.3.36")
INSTRUCTIONS: Final = (f"{_CCD}.49", f"{_PCC}.4.3")

NO_PROBLEM: Final = ("160245001", "Aucun problème actuel")
NO_PAST: Final = ("160243008", "Aucun antécédent notable")
NO_ALLERGY: Final = ("160244002", "Aucune allergie connue")
NO_TREATMENT: Final = ("182849000", "Aucun traitement prescrit")
"""IHE PCC TF-2: 6.3.4.14.11, and its like for allergies and medicines."""

HABITS: Final = {
    HabitKind.TOBACCO: "74011-8", HabitKind.ALCOHOL: "11331-6", HabitKind.DRUGS: "42831-8",
}  # fmt: skip
"""LOINC; what is neither has no code."""
