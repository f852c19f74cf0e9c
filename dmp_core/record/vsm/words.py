"""The sections in words: titles, columns and cells, once for the CDA's narrative, the page, the PDF and the form."""

from typing import Final

from dmp_core.record.tables import Table
from dmp_core.record.vsm.summary import (
    SECTIONS,
    TITLES,
    Absence,
    Allergy,
    Exposure,
    Finding,
    Habit,
    Kin,
    Line,
    Operation,
    Past,
    Problem,
    Summary,
    Treatment,
)

COLUMNS: Final = {
    "problems": ("Depuis", "Pathologie", "CIM-10"),
    "past": ("Depuis", "Jusqu’à", "Antécédent", "CIM-10"),
    "operations": ("Date", "Intervention", "CCAM"),
    "allergies": ("Depuis", "Type", "Agent", "Manifestation"),
    "habits": ("Type", "Observation"),
    "exposures": ("Exposition",),
    "family": ("Lien de parenté", "Antécédent", "CIM-10"),
    "findings": ("Date", "Point de vigilance ou résultat"),
    "treatments": ("Depuis", "Jusqu’à", "Médicament", "Posologie", "Motif", "CIS"),
}
NOTHING: Final = {
    "problems": "Aucune pathologie en cours.",
    "past": "Aucun antécédent médical notable.",
    "operations": "Aucun antécédent chirurgical.",
    "allergies": "Aucune allergie ni intolérance connue.",
    "habits": "Aucun facteur de risque lié au mode de vie.",
    "exposures": "Aucun facteur de risque professionnel connu.",
    "family": "Aucun antécédent familial notable.",
    "findings": "Aucun point de vigilance.",
    "treatments": "Aucun traitement au long cours.",
}
UNKNOWN: Final = "Non renseigné."
READING: Final = (
    "allergies", "findings", "problems", "treatments", "past", "operations", "habits", "exposures", "family",
)  # fmt: skip
"""The order in which a doctor reads: what must not be missed comes first."""


def table_of(summary: Summary, name: str) -> Table:
    """The lines of one section; without any, `said` tells why."""
    lines = getattr(summary, name)
    rows = () if isinstance(lines, Absence) else tuple(map(cells, lines))
    return Table(TITLES[name], COLUMNS[name], rows)


def said(summary: Summary, name: str) -> str:
    """What a section without a line says; empty for one that has some."""
    lines = getattr(summary, name)
    if not isinstance(lines, Absence):
        return ""
    return NOTHING[name] if lines is Absence.NONE else UNKNOWN


def sections_of(summary: Summary) -> list[tuple[str, Table, str]]:
    """(name, table, what an empty one says), in the order of reading."""
    return [(name, table_of(summary, name), said(summary, name)) for name in READING]


def cells(line: Line) -> tuple[str, ...]:
    """A line as it is read."""
    match line:
        case Problem():
            return shown(line.since), line.label, line.code
        case Past():
            return shown(line.since), shown(line.until), line.label, line.code
        case Operation():
            return shown(line.day), line.label, line.code
        case Allergy():
            return shown(line.since), line.kind.label, line.agent, line.reaction
        case Habit():
            return line.kind.label, line.label
        case Exposure():
            return (line.label,)
        case Kin():
            return line.who.label, line.label, line.code
        case Finding():
            return shown(line.day), line.label
        case Treatment():
            return (
                shown(line.since), shown(line.until), line.medicine, line.dosage, line.reason, line.code,
            )  # fmt: skip


def shown(written: str) -> str:
    """A date of a summary as it is read: "2014", "06/2014", "21/06/2014"."""
    return "/".join(reversed(written.split("-")))


assert set(COLUMNS) == set(NOTHING) == set(READING) == set(SECTIONS)
