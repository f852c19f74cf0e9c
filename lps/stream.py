"""Results of a laboratory as they come: a folder that is watched, one result by its fiche (`*.json`) and its content.

A correction, and the final result after a preliminary one, take the place of what was sent before. What the DMP refuses is
set aside with its sentence; the rest goes to `envoyes`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from lps.batch import Report
from lps.couriers import REFUSED, THERE, Courier, Outcome
from lps.dmp import Refused
from lps.manifest import DEPOSIT, PATIENT, REPLACE, Line, Unreadable, line_of

JOURNAL, SENT, ASIDE = "journal.csv", "envoyes", "refuses"
COLUMNS: Final = ("identifiant", "version", "etat", "resultat", "sha256", "recu_le", "phrase", "recu")
PRELIMINARY, FINAL, CORRECTED = "provisoire", "definitif", "corrige"
_RANK: Final = {PRELIMINARY: 0, FINAL: 1, CORRECTED: 2}
_FIELDS: Final = (
    *PATIENT,
    "identifiant",
    "fichier",
    "type",
    "titre",
    "date",
    "annonce",
    "auteur",
    "nom_auteur",
    "profession",
)
BIOLOGY: Final = "11502-2"
"""The type of a fiche that names none: laboratory report."""


class Stream:
    """One folder, watched."""

    def __init__(self, folder: Path, courier: Courier) -> None:
        self._folder, self._courier = folder, courier
        for name in (SENT, ASIDE):
            (folder / name).mkdir(exist_ok=True)
        self._journal = Report(folder / JOURNAL, COLUMNS)
        self._last: dict[str, tuple[int, str, str]] = {}
        """By identifier, the version that is in the DMP, its state, and the digest of what was sent."""
        for row in self._journal.rows:
            if row["resultat"] != REFUSED:
                self._last[row["identifiant"]] = (int(row["version"]), row["etat"], row["sha256"])

    def close(self) -> None:
        """Nothing more is written."""
        self._journal.close()

    def round(self, say: Callable[[str], None]) -> int:
        """Send every fiche that is there, the oldest first; how many there were. Raises Away."""
        fiches = sorted(self._folder.glob("*.json"), key=lambda each: (each.stat().st_mtime_ns, each.name))
        for fiche in fiches:
            self._settle(fiche, say)
        return len(fiches)

    def _settle(self, fiche: Path, say: Callable[[str], None]) -> None:
        told: dict[str, str] = {}
        version, state, digest = 0, "", ""
        try:
            told = _read(fiche)
            version, state, line = self._line(told)
            digest = line.digest()
            if self._last.get(told["identifiant"], ())[1:] == (
                state,
                digest,
            ):  # sent, and a kill came before it was moved
                version, outcome = version - 1, Outcome(THERE)
            else:
                outcome = self._courier.send(line)
        except Refused as refusal:
            outcome = Outcome(REFUSED, sentence=str(refusal))
        name = told.get("identifiant", "")
        self._journal.add(
            identifiant=name, version=version, etat=state, resultat=outcome.result, sha256=digest,
            recu_le=outcome.received_at, phrase=outcome.sentence, recu=outcome.receipt,
        )  # fmt: skip
        if outcome.result == REFUSED:
            (self._folder / ASIDE / f"{fiche.stem}.motif.txt").write_text(f"{outcome.sentence}\n", encoding="utf-8")
        else:
            self._last[name] = (version, state, digest)
        where = self._folder / (ASIDE if outcome.result == REFUSED else SENT)
        content = self._folder / told.get("fichier", "")
        if told.get("fichier") and content.parent == self._folder and content.is_file():
            content.rename(where / content.name)
        fiche.rename(where / fiche.name)  # last: as long as the fiche is there, the result is to be sent
        say(f"{name or fiche.name} : {outcome.result}{' : ' if outcome.sentence else ''}{outcome.sentence}")

    def _line(self, told: dict[str, str]) -> tuple[int, str, Line]:
        """The version that this result is, its state, and what is to be sent. Raises Unreadable."""
        state = told.get("etat", FINAL)
        if state not in _RANK:
            raise Unreadable(f"« etat » est l’un de : {', '.join(_RANK)}.")
        before, held, _ = self._last.get(told.get("identifiant", ""), (0, "", ""))
        if before and _RANK[state] < _RANK[held]:
            raise Unreadable("Un résultat définitif est déjà dans le DMP : ce provisoire ne le remplace pas.")
        version = before + 1
        row = {name: told.get(name, "") for name in _FIELDS}
        row["identifiant"] = f"{row['identifiant']}#{version}" if row["identifiant"] else ""
        row["type"] = row["type"] or BIOLOGY
        row["action"] = REPLACE if before else DEPOSIT
        row["remplace"] = f"{told['identifiant']}#{before}" if before else ""
        if state == PRELIMINARY:
            row["titre"] = f"Résultat provisoire : {row['titre']}"
        return version, state, line_of(row, version, self._folder)


def _read(fiche: Path) -> dict[str, str]:
    try:
        told: Any = json.loads(fiche.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Unreadable(f"La fiche {fiche.name} n’est pas du JSON en UTF-8.") from None
    known = {*_FIELDS, "etat"}
    if not isinstance(told, dict) or not all(name in known and isinstance(value, str) for name, value in told.items()):
        raise Unreadable(f"La fiche {fiche.name} a des champs inconnus, ou qui ne sont pas du texte.")
    return told
