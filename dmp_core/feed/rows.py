"""The insurance's extraction, line by line (docs/extraction-remboursements.md): five tables in one file. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from dmp_core.errors import Invalid
from dmp_core.identity.insc import InsCFault, birth_date_of, compute
from dmp_core.record.reimbursements.history import Analysis, Care, Delivery, Imaging, Row, Stay, Supply

COLUMNS: Final = (
    "nir", "prenom", "date_naissance", "table", "date", "code", "libelle", "composants", "quantite", "coefficient",
    "specialite", "hopital", "fourniture", "duree",
)  # fmt: skip
SEPARATOR: Final = ";"
BETWEEN_SUBSTANCES: Final = "|"
PERSON: Final = 3
"""The first columns say whose line it is."""
_LONGEST: Final = 300
_CCAM: Final = re.compile(r"[A-Z]{4}[0-9]{3}")
_ACT: Final = re.compile(r"[A-Z]{1,4}|[A-Z]{4}[0-9]{3}")
_NABM: Final = re.compile(r"[0-9]{4}")

Line = Mapping[str, str]


def ins_c_of(nir: str, prenom: str, date_naissance: str) -> str:
    """Whose line it is: the INS-C of its three first columns. Raises Invalid when the rules give none."""
    try:
        return compute(prenom, birth_date_of(date_naissance), nir)
    except InsCFault:
        raise Invalid("l’identité ne donne pas d’INS-C") from None


def row_of(line: Line) -> Row:
    """The row that a line says. Raises Invalid, a few words without anything of the person, for one that cannot be."""
    read = _TABLES.get(line["table"])
    if read is None:
        raise Invalid("table inconnue")
    return read(line)


def _delivery(line: Line) -> Delivery:
    try:
        kind = Supply(line["fourniture"] or Supply.MEDICINE)
    except ValueError:
        raise Invalid("fourniture inconnue") from None
    substances = tuple(_words(each, "composant") for each in line["composants"].split(BETWEEN_SUBSTANCES) if each)
    return Delivery(
        _day(line), _words(line["libelle"], "libellé"), substances, _count(line, "quantite"), kind, _flag(line)
    )


def _stay(line: Line) -> Stay:
    return Stay(_day(line), _count(line, "duree"), _words(line["libelle"], "libellé"))


def _analysis(line: Line) -> Analysis:
    if not _NABM.fullmatch(line["code"]):
        raise Invalid("code NABM de quatre chiffres attendu")
    return Analysis(_day(line), line["code"], _words(line["libelle"], "libellé"), _count(line, "quantite"))


def _care(line: Line) -> Care:
    if not _ACT.fullmatch(line["code"]):
        raise Invalid("acte de la NGAP ou de la CCAM attendu")
    return Care(
        _day(line), line["code"], _coefficient(line), _words(line["libelle"], "libellé"),
        _words(line["specialite"], "spécialité"), _flag(line),
    )  # fmt: skip


def _image(line: Line) -> Imaging:
    if not _CCAM.fullmatch(line["code"]):
        raise Invalid("code de la CCAM attendu")
    return Imaging(_day(line), line["code"], _coefficient(line), _words(line["libelle"], "libellé"), _flag(line))


_TABLES: Final[Mapping[str, Callable[[Line], Row]]] = {
    "pharmacie": _delivery, "hospitalisation": _stay, "biologie": _analysis, "soins": _care, "radiologie": _image,
}  # fmt: skip


def _day(line: Line) -> date:
    try:
        return date.fromisoformat(line["date"])
    except ValueError:
        raise Invalid("date AAAA-MM-JJ attendue") from None


def _words(text: str, what: str) -> str:
    words = " ".join(text.split())
    if not words or len(words) > _LONGEST or not words.isprintable():
        raise Invalid(f"{what} absent, trop long ou illisible")
    return words


def _count(line: Line, column: str) -> int:
    text = line[column]
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 9999):
        raise Invalid(f"{column} : nombre entier attendu")
    return int(text)


def _coefficient(line: Line) -> Decimal:
    try:
        value = Decimal(line["coefficient"].replace(",", "."))
    except InvalidOperation:
        raise Invalid("coefficient attendu") from None
    if not (value.is_finite() and 0 < value < 1000):
        raise Invalid("coefficient attendu")
    return value


def _flag(line: Line) -> bool:
    if line["hopital"] not in ("", "H"):
        raise Invalid("hopital : H ou rien")
    return line["hopital"] == "H"
