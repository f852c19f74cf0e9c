"""The nine caisses of the pre-series (seed; DOMAIN 7). Adding a caisse is adding one line here."""

from dataclasses import dataclass

from backoffice.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class Caisse:
    """A caisse primaire: its three-digit number, its names, and the address its letters are sent from."""

    code: str
    """Three digits, e.g. "631"."""
    label: str
    """Name printed at the head of a letter."""
    area: str
    """Spelling of the seed's list of the nine areas, shown to insured persons."""
    departement: str
    sender: tuple[str, ...]
    """Return address of the letters (demonstration values: the real one is a setting of each caisse)."""
    region: str = ""
    """Where local law adds public holidays (ISO 3166-2:FR): Good Friday and 26 December in Alsace."""


CAISSES: tuple[Caisse, ...] = (
    Caisse("671", "CPAM du Bas-Rhin", "Bas-Rhin", "67", ("CPAM DU BAS-RHIN", "67088 STRASBOURG CEDEX"), "6AE"),
    Caisse("641", "CPAM de Bayonne", "Bayonne", "64", ("CPAM DE BAYONNE", "64111 BAYONNE CEDEX")),
    Caisse("221", "CPAM des Côtes-d’Armor", "Côte-d'Armor", "22", ("CPAM DES COTES D ARMOR", "22024 SAINT BRIEUC CEDEX 1")),
    Caisse("251", "CPAM du Doubs", "Doubs", "25", ("CPAM DU DOUBS", "25036 BESANCON CEDEX")),
    Caisse("311", "CPAM de la Haute-Garonne", "Haute-Garonne", "31", ("CPAM DE LA HAUTE GARONNE", "31093 TOULOUSE CEDEX 9")),
    Caisse("371", "CPAM d’Indre-et-Loire", "Indre-et-Loire", "37", ("CPAM D INDRE ET LOIRE", "37035 TOURS CEDEX 9")),
    Caisse("631", "CPAM du Puy-de-Dôme", "Puy de Dôme", "63", ("CPAM DU PUY DE DOME", "63031 CLERMONT FERRAND CEDEX 9")),
    Caisse("801", "CPAM de la Somme", "Somme", "80", ("CPAM DE LA SOMME", "80021 AMIENS CEDEX 1")),
    Caisse("941", "CPAM du Val-de-Marne", "Val-de-Marne", "94", ("CPAM DU VAL DE MARNE", "94031 CRETEIL CEDEX")),
)  # fmt: skip

CAISSE_CODES: tuple[str, ...] = tuple(caisse.code for caisse in CAISSES)
_BY_CODE = {caisse.code: caisse for caisse in CAISSES}


def caisse_of(code: str) -> Caisse:
    """The caisse with this three-digit number.

    Raises Invalid when it is not one of the nine.
    """
    try:
        return _BY_CODE[code]
    except KeyError:
        known = ", ".join(sorted(CAISSE_CODES))
        raise Invalid(f"La caisse « {code} » n’est pas l’une des neuf de la pré-série ({known}).") from None
