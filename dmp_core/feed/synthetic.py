"""Invented reimbursements for invented persons: an extraction to try with. Same population, seed and day: same bytes.

Labels, codes and coefficients are those of the seed's own tables; the persons are of a synthetic population file.
"""

import csv
import gzip
import hashlib
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final

from dmp_core.feed.rows import COLUMNS, SEPARATOR

_MEDICINES: Final = (
    ("TRANXENE 10MG GELULE 30", "CLORAZEPATE DIPOTASSIQUE"), ("BETADINE DERMIQUE 10% SOL FP 125ML", "POVIDONE IODEE"),
    ("ASPEGIC 1G AD PDR ORALE SACHET", "ACETYLSALICYLATE DL LYSINE"),
    ("NORMACOL LAVEMENT AD SOL RECTALE", "PHOSPHATE MONOSODIQUE DIHYDRATE|PHOSPHATE DISODIQUE ANHYDRE"),
    ("DOLIPRANE 1 G CPR EFF 8", "PARACETAMOL"),
)  # fmt: skip
_DEVICE: Final = "AUTOCONTROLE DU SUCRE DANS LE SANG, 100 BANDELETTES, CAPTEURS OU ELECTRODES"
_STAYS: Final = (
    "Autres interventions sur les tissus mous, en ambulatoire",
    "Endoscopie digestive diagnostique et anesthésie, en ambulatoire",
)
_ANALYSES: Final = (
    ("0514", "PHOSPHATASES ALCALINES (PH. ALC.) (SANG)"), ("0519", "GAMMA GLUTAMYL TRANSFERASE (GAMMAT GT , GGT) (SANG)"),
    ("0521", "LACTATE DESHYDROGENASE (LDH) (SANG)"), ("0522", "TRANSAMINASES (TGO + TGP , ALAT + ASAT ...) (SANG)"),
    ("0524", "LIPASE (SANG)"), ("0552", "SANG : GLUCOSE (GLYCEMIE)"),
)  # fmt: skip
_CARES: Final = (
    ("C", "1", "CONSULTATION", "MEDECINE GENERALE"), ("CS", "1", "CONSULTATION SPE.", "PNEUMOLOGIE"),
    ("AMI", "1.5", "SOINS INFIRMIERS", "INFIRMIER"),
)  # fmt: skip
_SURGERY: Final = (
    "BFGA004",
    "1",
    "ext. extracaps. cristallin phakoémuls. + implant ds chambre post.oeil",
    "OPHTALMOLOGIE",
)
_IMAGES: Final = (("NFQK004", "1", "Rx genou selon incidences", ""),)
_BEFORE_SURGERY: Final = ("BFQM001", "1", "biométrie oculaire écho+paramètres pr puissance implant", "H")
_EMPTY_HANDED: Final = 0.08
"""Share of persons without any reimbursement: their document says so."""


def write_reimbursements(population: Path, extraction: Path, until: date, seed: int = 1) -> int:
    """Write an extraction for the persons of a population file (formats of both: docs); return its lines.

    The file appears whole or not at all.
    """
    extraction.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = extraction.with_name(f".{extraction.name}")
    lines = 0
    with (
        gzip.open(population, "rt", encoding="utf-8", newline="") as source,
        os.fdopen(
            os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline=""
        ) as out,
    ):
        writer = csv.writer(out, delimiter=SEPARATOR, lineterminator="\n")
        writer.writerow(COLUMNS)
        for person in csv.DictReader(source, delimiter=";"):
            nir = person["nir"].replace(" ", "")
            chance = Random(hashlib.sha256(f"{seed}/{nir}".encode()).digest())  # noqa: S311 - invented persons
            owner = (nir, person["prenom"], person["date_naissance"])
            for line in _year_of(chance, until):
                writer.writerow((*owner, *line))
                lines += 1
    aside.rename(extraction)
    return lines


def _year_of(chance: Random, until: date) -> Iterator[tuple[str, ...]]:
    """A year as it might have been: visits with what follows them, sometimes an operation."""
    if chance.random() < _EMPTY_HANDED:
        return
    for _ in range(chance.randint(1, 7)):
        day = until - timedelta(days=chance.randint(0, 365))
        act, coefficient, label, specialty = chance.choice(_CARES)
        yield _line("soins", day, act, label, coefficient=coefficient, specialite=specialty)
        for medicine, substances in chance.sample(_MEDICINES, chance.randint(0, 3)):
            yield _line(
                "pharmacie", day, "", medicine, composants=substances, quantite=str(chance.randint(1, 6)),
                fourniture="medicament",
            )  # fmt: skip
        if chance.random() < 0.3:
            for code, analysis in chance.sample(_ANALYSES, chance.randint(1, 5)):
                yield _line("biologie", day + timedelta(days=chance.randint(1, 5)), code, analysis, quantite="1")
        if chance.random() < 0.15:
            code, coefficient, image, _flag = chance.choice(_IMAGES)
            yield _line("radiologie", day + timedelta(days=2), code, image, coefficient=coefficient)
    if chance.random() < 0.12:
        day = until - timedelta(days=chance.randint(0, 365))
        yield _line("pharmacie", day, "", _DEVICE, quantite="1", fourniture="dispositif")
    if chance.random() < 0.06:
        day = until - timedelta(days=chance.randint(0, 365))
        yield _line("hospitalisation", day, "", chance.choice(_STAYS), duree="1")
        code, coefficient, label, specialty = _SURGERY
        yield _line("soins", day, code, label, coefficient=coefficient, specialite=specialty, hopital="H")
        code, coefficient, label, _flag = _BEFORE_SURGERY
        yield _line("radiologie", day, code, label, coefficient=coefficient, hopital="H")


def _line(table: str, day: date, code: str, label: str, **more: str) -> tuple[str, ...]:
    """The columns after those of the person."""
    given = {"table": table, "date": day.isoformat(), "code": code, "libelle": label, **more}
    return tuple(given.get(column, "") for column in COLUMNS[3:])
