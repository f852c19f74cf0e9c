"""Extractions of a few invented lines."""

from collections.abc import Iterable
from pathlib import Path

from dmp_core.feed.rows import COLUMNS


def a_line(person: tuple[str, str, str], of: str = "soins", **changes: str) -> str:
    given = {
        "soins": {"code": "C", "libelle": "CONSULTATION", "coefficient": "1", "specialite": "MEDECINE GENERALE"},
        "pharmacie": {"libelle": "DOLIPRANE 1 G CPR EFF 8", "composants": "PARACETAMOL", "quantite": "2"},
        "hospitalisation": {"libelle": "Endoscopie, en ambulatoire", "duree": "1"},
        "biologie": {"code": "0552", "libelle": "SANG : GLUCOSE (GLYCEMIE)", "quantite": "1"},
        "radiologie": {"code": "NFQK004", "libelle": "Rx genou selon incidences", "coefficient": "1"},
    }[of]
    cells = dict(zip(COLUMNS[:3], person, strict=True)) | {"table": of, "date": "2016-09-08"} | given | changes
    return ";".join(cells.get(column, "") for column in COLUMNS)


def an_extraction(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("\n".join([";".join(COLUMNS), *lines]) + "\n", encoding="utf-8")
    return path
