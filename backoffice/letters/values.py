"""The values of a letter's merge fields, from what the caisse knows. Pure."""

from datetime import date

from backoffice.core.address import Recipient
from backoffice.core.caisse import Caisse
from backoffice.core.clock import long_french_date
from backoffice.core.typography import NBSP

_SALUTATIONS = {"M": "Cher monsieur", "MME": "Chère madame"}


def letter_values(
    recipient: Recipient, caisse: Caisse, letter_date: date, code_end: date | None = None
) -> dict[str, str]:
    """Every field known before stamping; `code_end` is the last day on which the letter's code can be used."""
    values = {
        "caisse.libelle": caisse.label,
        "caisse.retour": ", ".join(line.replace(" ", NBSP) for line in caisse.sender),
        "personne.prenom": recipient.prenom,
        "personne.nom": recipient.nom,
        "personne.appel": _SALUTATIONS[recipient.civilite],
        "courrier.date": long_french_date(letter_date),
    }
    if code_end is not None:
        values["code.fin"] = long_french_date(code_end)
    return values
