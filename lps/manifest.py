"""What is to be sent: the lines of a manifest (`manifeste.csv`), or one result of a laboratory."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from lps.card import CardFault, Patient
from lps.dmp import Refused
from lps.vihf import Author

NAME: Final = "manifeste.csv"
REQUIRED: Final = ("identifiant", "action", "fichier", "type", "titre", "date")
PATIENT: Final = ("ins_c", "nir", "prenom", "naissance")
OPTIONAL: Final = (*PATIENT, "auteur", "nom_auteur", "profession", "remplace", "annonce")
DEPOSIT: Final = "deposer"
REPLACE: Final = "remplacer"
WITHDRAW: Final = "retirer"
_ACTIONS: Final = (DEPOSIT, REPLACE, WITHDRAW)
_YES: Final = {"": False, "non": False, "oui": True}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to do."""

    number: int
    identifier: str
    """The sender's own, another one for each version; never sent as it is."""
    action: str
    content: Path
    ins_c: str = field(repr=False)
    kind: str
    title: str = field(repr=False)
    act: datetime
    author: Author | None
    """Whose document it is; None: the bearer of the card."""
    replaces: str
    hold: bool
    """Until a professional has announced it to the patient."""

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same line in another run."""
        return self.identifier, self.action

    def digest(self) -> str:
        """SHA-256 of the content as it is sent; empty where there is none."""
        return sha256(self.content.read_bytes()).hexdigest() if self.content.is_file() else ""

    def data(self) -> bytes:
        """The content. Raises Refused."""
        try:
            return self.content.read_bytes()
        except OSError:
            raise Refused(f"Le fichier {self.content.name} ne peut pas être lu.") from None


class Unreadable(Refused):
    """A line that says nothing that can be sent; the others go on."""


def urn(sender: str, identifier: str) -> str:
    """The name under which a sender's document goes into the DMP: always the same, so that it is there once."""
    return uuid5(NAMESPACE_URL, f"lps/{sender}/{identifier}").urn


def rows_of(folder: Path) -> list[dict[str, str]]:
    """The rows of the folder's manifest: UTF-8, `;`, a header. Raises Refused."""
    try:
        with (folder / NAME).open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source, delimiter=";")
            header = tuple(reader.fieldnames or ())
            rows = [{name: (value or "").strip() for name, value in row.items() if name} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise Refused(f"Le manifeste {folder / NAME} ne peut pas être lu : CSV en UTF-8, séparé par « ; ».") from None
    missing = [each for each in REQUIRED if each not in header]
    unknown = [each for each in header if each not in REQUIRED and each not in OPTIONAL]
    if missing or unknown:
        raise Refused(
            f"Le manifeste n’a pas les colonnes attendues ; il manque : {', '.join(missing) or 'rien'} ; "
            f"sont inconnues : {', '.join(unknown) or 'aucune'}."
        )
    return rows


def line_of(row: Mapping[str, str], number: int, folder: Path) -> Line:
    """A row, checked. Raises Unreadable."""
    action = row.get("action", DEPOSIT) or DEPOSIT
    if action not in _ACTIONS:
        raise Unreadable(f"L’action est l’une de : {', '.join(_ACTIONS)}.")
    if not row.get("identifiant"):
        raise Unreadable("L’identifiant du document manque.")
    if (action == REPLACE) != bool(row.get("remplace")):
        raise Unreadable(
            "« remplace » nomme le document remplacé quand l’action est « remplacer », et alors seulement."
        )
    if row.get("annonce", "") not in _YES:
        raise Unreadable("« annonce » vaut oui ou non.")
    content = folder / row.get("fichier", "")
    if action != WITHDRAW and (not row.get("fichier") or not content.resolve().is_relative_to(folder.resolve())):
        raise Unreadable("Le fichier du document doit être dans le dossier.")
    return Line(
        number, row["identifiant"], action, content, _ins_c(row), row.get("type", ""), row.get("titre", ""),
        _moment(row.get("date", "")) if action != WITHDRAW else datetime.now(UTC), _author(row), row.get("remplace", ""),
        _YES[row.get("annonce", "")],
    )  # fmt: skip


def _ins_c(row: Mapping[str, str]) -> str:
    if written := row.get("ins_c", ""):
        if len(written) != 22 or not (written.isascii() and written.isdigit()):
            raise Unreadable("L’INS-C du patient a 22 chiffres.")
        return written
    try:
        return Patient(row.get("nir", ""), row.get("prenom", ""), row.get("naissance", "")).ins_c
    except CardFault as fault:
        raise Unreadable(str(fault)) from None


def _author(row: Mapping[str, str]) -> Author | None:
    told = [row.get(name, "") for name in ("auteur", "nom_auteur", "profession")]
    if not any(told):
        return None
    if not all(told):
        raise Unreadable("L’auteur se dit par « auteur », « nom_auteur » et « profession », tous les trois.")
    return Author(*told)


def _moment(written: str) -> datetime:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise Unreadable("La date de l’acte s’écrit AAAA-MM-JJTHH:MM, avec ou sans son décalage.") from None
    return found.astimezone(UTC)
