"""Rows for the tests of this area: synthetic people only."""

from backoffice.population.rows import COLUMNS
from dmp_core.identity.nir import key_of


def nir_of(nir13: str) -> str:
    return nir13 + key_of(nir13)


NIR = nir_of("2500863113042")
NIR_OD = nir_of("1480763113007")


def fields(**changes: str) -> list[str]:
    """A faultless row in canonical order, with these columns changed."""
    row = dict.fromkeys(COLUMNS, "") | {
        "nir": NIR,
        "civilite": "MME",
        "nom_naissance": "LEFÈVRE",
        "nom_usage": "D’ARVOR-LE GOFF",
        "prenom": "MARIE-HÉLÈNE",
        "date_naissance": "1950-08-00",
        "qualite": "OD",
        "regime": "01",
        "caisse": "631",
        "adresse_4": "12 RUE DES LILAS",
        "code_postal": "63000",
        "ville": "CLERMONT-FERRAND",
        "canal": "courrier",
    }
    unknown = changes.keys() - row.keys()
    assert not unknown
    return [*(row | changes).values()]


def line(**changes: str) -> str:
    return ";".join(fields(**changes))


HEADER = ";".join(COLUMNS)
