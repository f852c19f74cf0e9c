"""The address block of a letter, after NF Z10-011 (DOMAIN 9.1): at most six lines of 38 characters, seven abroad."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from backoffice.core.errors import Invalid
from backoffice.core.typography import no_break_spaces

LINE_WIDTH = 38
MAX_LINES = 6

_FRANCE = {"", "FR", "FRA", "FRANCE"}
_POSTAL_CODE = re.compile(r"[0-9]{5}")
_NOT_PLAIN = re.compile(r"[^A-Z0-9]+")
_FIRST_NAME = re.compile(r"[^\s\u00a0-]+")
_UNDECOMPOSED = str.maketrans(
    {"Œ": "OE", "Æ": "AE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "ẞ": "SS", "ı": "I", "Ħ": "H"}
)

_STREETS = {
    "ALLEE": "ALL", "ALLEES": "ALL", "AVENUE": "AV", "BOULEVARD": "BD", "CARREFOUR": "CAR", "CHEMIN": "CHE",
    "CHAUSSEE": "CHS", "CITE": "CITE", "CORNICHE": "COR", "DOMAINE": "DOM", "DESCENTE": "DSC", "ESPLANADE": "ESP",
    "FAUBOURG": "FG", "GRANDE RUE": "GR", "HAMEAU": "HAM", "IMPASSE": "IMP", "LIEU DIT": "LD", "LOTISSEMENT": "LOT",
    "MONTEE": "MTE", "PASSAGE": "PAS", "PLACE": "PL", "PLAINE": "PLN", "PLATEAU": "PLT", "PROMENADE": "PRO",
    "PARVIS": "PRV", "QUARTIER": "QUA", "QUAI": "QUAI", "RESIDENCE": "RES", "ROCADE": "ROC", "ROND POINT": "RPT",
    "ROUTE": "RTE", "SENTE": "SEN", "SENTIER": "SEN", "SQUARE": "SQ", "TRAVERSE": "TRA", "VILLAGE": "VLGE",
    "ZONE D ACTIVITE": "ZA", "ZONE D ACTIVITES": "ZA", "ZONE INDUSTRIELLE": "ZI", "ZONE D AMENAGEMENT CONCERTE": "ZAC",
}  # fmt: skip
_NAMES = {
    "SAINT": "ST", "SAINTE": "STE", "SAINTS": "STS", "SAINTES": "STES", "GENERAL": "GAL", "MARECHAL": "MAL",
    "COMMANDANT": "CDT", "CAPITAINE": "CNE", "COLONEL": "CEL", "LIEUTENANT": "LTT", "SERGENT": "SGT", "AMIRAL": "AM",
    "DOCTEUR": "DR", "PROFESSEUR": "PR", "PRESIDENT": "PDT", "MINISTRE": "MIN", "PREFET": "PREF", "MAITRE": "ME",
    "MONSEIGNEUR": "MGR", "MADAME": "MME", "MADEMOISELLE": "MLLE", "MONSIEUR": "M", "NOTRE DAME": "ND",
    "GRAND": "GD", "GRANDE": "GDE", "GRANDS": "GDS", "GRANDES": "GDES", "PETIT": "PT", "PETITE": "PTE",
    "HAUT": "HT", "HAUTE": "HTE", "VIEUX": "VX", "VIEILLE": "VLLE", "INFERIEUR": "INF", "SUPERIEUR": "SUP",
    "REGIMENT": "RGT", "BATAILLON": "BTN", "DIVISION": "DIV", "FRANCAIS": "FR", "FRANCAISE": "FSE",
}  # fmt: skip
_COMPLEMENTS = {
    "APPARTEMENT": "APP", "BATIMENT": "BAT", "ESCALIER": "ESC", "ETAGE": "ETG", "ENTREE": "ENT", "IMMEUBLE": "IMM",
    "RESIDENCE": "RES", "RESIDENCES": "RES", "LOTISSEMENT": "LOT", "ENSEMBLE": "ENS", "PAVILLON": "PAV",
    "FOYER": "FOY", "CENTRE": "CTRE", "COULOIR": "COUL", "LOGEMENT": "LOGT", "BOITE POSTALE": "BP", "PORTE": "PTE",
    "REZ DE CHAUSSEE": "RDC", "CHEZ MADAME": "CHEZ MME", "CHEZ MONSIEUR": "CHEZ M",
}  # fmt: skip

_ROUTING_LABELS = {"SAINT QUENTIN LA MOTTE CROIX AU BAILLY": "ST QUENTIN LA MOTTE CROIX BAILLY"}
"""The one commune of the nine areas whose name does not fit even abbreviated, and the form the post gives it."""


class AddressFault(Invalid):
    """An address cannot be printed within the norm: the letter goes to the exceptions list with this reason."""

    def __init__(self, sentence: str) -> None:
        super().__init__(no_break_spaces(sentence))


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom and where a letter goes; the columns of the population file, empty where there is nothing."""

    civilite: str
    """"M" or "MME"."""
    nom_naissance: str
    nom_usage: str
    prenom: str
    adresse_2: str
    """Flat, floor."""
    adresse_3: str
    """Building, residence."""
    adresse_4: str
    """Number and street."""
    adresse_5: str
    """Hamlet, post box."""
    code_postal: str
    ville: str
    pays: str
    """Empty for France."""

    @property
    def nom(self) -> str:
        """The name letters use: nom d'usage where there is one."""
        return self.nom_usage or self.nom_naissance

    @property
    def abroad(self) -> bool:
        """The address is outside France."""
        return plain_capitals(self.pays) not in _FRANCE


def address_block(recipient: Recipient) -> tuple[str, ...]:
    """The lines of the address, none blank, the town last (the country after it abroad).

    Lines 1 to 3 keep their accents; lines 4 to 6 are unaccented capitals without punctuation. A line that is over 38
    characters is abbreviated with the norm's abbreviations, first names become initials; nothing is ever cut.

    Raises AddressFault, with its French reason, when a line stays too long or the address lacks a part.
    """
    town = _town(recipient)
    street = _plain_line(recipient.adresse_4, 4, _STREETS, _NAMES)
    hamlet = _plain_line(recipient.adresse_5, 5, _STREETS, _COMPLEMENTS, _NAMES)
    if not street and not hamlet:
        raise AddressFault("L’adresse n’a ni voie ni lieu-dit : compléter la fiche de la personne.")
    second = _free_line(recipient.adresse_2, 2)
    third = _free_line(recipient.adresse_3, 3)
    names = _names(recipient)
    if len(names) > 1 and second:
        # Line 2 completes the identity or the delivery point: what stood there joins line 3, of the same nature.
        second, third = "", _joined(second, third)
    lines = [line for line in (*names, second, third, street, hamlet, town) if line]
    if recipient.abroad:
        lines.append(_plain_line(recipient.pays, 7))
    return tuple(lines)


def plain_capitals(text: str) -> str:
    """`text` in capitals A-Z and digits alone: accents dropped, ligatures opened, all else made one space."""
    upper = text.upper()
    if upper.isascii():
        return _NOT_PLAIN.sub(" ", upper).strip()
    upper = upper.translate(_UNDECOMPOSED)
    bare = "".join(char for char in unicodedata.normalize("NFKD", upper) if not unicodedata.combining(char))
    return _NOT_PLAIN.sub(" ", bare).strip()


def _town(recipient: Recipient) -> str:
    town = plain_capitals(recipient.ville)
    code = plain_capitals(recipient.code_postal)
    if not town:
        raise AddressFault("L’adresse n’a pas de ville : compléter la fiche de la personne.")
    if not recipient.abroad and not _POSTAL_CODE.fullmatch(code):
        raise AddressFault("Le code postal n’a pas cinq chiffres : corriger la fiche de la personne.")
    return _plain_line(f"{code} {_ROUTING_LABELS.get(town, town)}", 6, _NAMES)


def _names(recipient: Recipient) -> tuple[str, ...]:
    """Line 1, and line 2 too where the name cannot do with one."""
    for candidate in _name_forms(recipient):
        if len(candidate) <= LINE_WIDTH:
            return (candidate,)
    initials = _initials(recipient.prenom)
    for start in (f"{_short_civility(recipient)} {initials}", initials, initials.split(" ")[0]):
        wrapped = _in_two(start.strip(), _squeezed(recipient.nom))
        if wrapped is not None:
            return wrapped
    raise AddressFault(
        f"Le nom ne tient pas sur deux lignes de {LINE_WIDTH} caractères, même avec le prénom en initiales : "
        "éditer ce courrier à la main."
    )


def _joined(second: str, third: str) -> str:
    line = f"{second} {third}".strip()
    if len(line) > LINE_WIDTH:
        line = _abbreviated(plain_capitals(line), (_COMPLEMENTS, _STREETS, _NAMES))
    if len(line) > LINE_WIDTH:
        raise AddressFault(
            "Le nom prend deux lignes et les compléments d’adresse ne tiennent plus sur une seule : "
            "les raccourcir dans la fiche de la personne."
        )
    return line


def _name_forms(recipient: Recipient) -> Iterator[str]:
    first, last = _squeezed(recipient.prenom), _squeezed(recipient.nom)
    short = _short_civility(recipient)
    long = {"M": "Monsieur", "MME": "Madame"}.get(recipient.civilite, "")
    for parts in (
        (long, first, last),
        (short, first, last),
        (short, _main_first_name(first), last),
        (short, _initials(first), last),
        (_initials(first), last),
    ):
        yield " ".join(filter(None, parts))


def _short_civility(recipient: Recipient) -> str:
    return {"M": "M.", "MME": "Mme"}.get(recipient.civilite, "")


def _main_first_name(first: str) -> str:
    """The first of several first names whole, the others as initials: "Jean Pierre Paul" gives "Jean P. P."."""
    head, *others = first.split(" ")
    return " ".join((head, *(_initials(other) for other in others)))


def _initials(first: str) -> str:
    """ "Marie-Hélène Rose" gives "M.-H. R."."""
    return _FIRST_NAME.sub(lambda name: f"{name.group()[0]}.", _squeezed(first))


def _in_two(start: str, name: str) -> tuple[str, str] | None:
    """The name over two lines, broken at a space or after a hyphen, as late as the first line allows."""
    whole = f"{start} {name}".strip()
    for cut in range(min(LINE_WIDTH, len(whole) - 1), len(start), -1):
        if whole[cut - 1] == "-" or whole[cut] == " ":
            one, two = whole[:cut].strip(), whole[cut:].strip()
            if len(two) <= LINE_WIDTH:
                return one, two
    return None


def _free_line(text: str, number: int) -> str:
    line = _squeezed(text)
    if len(line) > LINE_WIDTH:
        line = _abbreviated(plain_capitals(line), (_COMPLEMENTS, _STREETS, _NAMES))
    return _checked(line, number)


def _plain_line(text: str, number: int, *tables: Mapping[str, str]) -> str:
    line = plain_capitals(text)
    if not line and text.strip():
        raise AddressFault(
            f"La ligne {number} de l’adresse n’a ni lettre latine ni chiffre : corriger la fiche de la personne."
        )
    return _checked(_abbreviated(line, tables), number)


def _checked(line: str, number: int) -> str:
    if len(line) > LINE_WIDTH:
        raise AddressFault(
            f"La ligne {number} de l’adresse dépasse {LINE_WIDTH} caractères, même abrégée : "
            "la raccourcir dans la fiche de la personne."
        )
    return line


def _abbreviated(line: str, tables: tuple[Mapping[str, str], ...]) -> str:
    """`line` with as few abbreviations as make it fit, the kind of street first."""
    if len(line) <= LINE_WIDTH:
        return line
    for table in tables:
        for word, short in sorted(table.items(), key=lambda entry: -len(entry[0])):
            if len(line) <= LINE_WIDTH:
                return line
            line = re.sub(rf"\b{word}\b", short, line)
    return line


def _squeezed(text: str) -> str:
    return " ".join(text.split())
