"""The values of a letter's merge fields, from what the caisse knows. Pure."""

from datetime import date

from backoffice.core.address import Recipient
from backoffice.core.caisse import Caisse
from backoffice.core.clock import long_french_date
from backoffice.core.typography import NBSP

_SALUTATIONS = {"M": "Cher monsieur", "MME": "Chère madame"}


def letter_values(
    recipient: Recipient,
    caisse: Caisse,
    letter_date: date,
    *,
    code_end: date | None = None,
    number: str | None = None,
    dmp_date: date | None = None,
) -> dict[str, str]:
    """Every field known before stamping.

    `code_end` is the last day on which the letter's code can be used, `number` the person's NIR as it is to be read,
    `dmp_date` the day of what the letter confirms.
    """
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
    if number is not None:
        values["personne.numero"] = number.replace(" ", NBSP)
    if dmp_date is not None:
        values["dmp.date"] = long_french_date(dmp_date)
    return values
