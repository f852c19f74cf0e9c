"""The letter id: "631-000012345-66", printed on every page and read back when a letter returns.

Three digits of the caisse, nine of the letter's number within it, two check digits (ISO 7064 MOD 97-10 over the
twelve). The DataMatrix holds the fourteen digits alone.
"""

import re

from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_97_10

from backoffice.core.errors import Invalid

MAX_NUMBER = 999_999_999
_SEPARATORS = re.compile(r"[\s\u00a0\-–.]+")
_DIGITS = re.compile(r"[0-9]{14}")


def format_letter_id(caisse: str, number: int) -> str:
    """The id of the letter `number` (1 to 999 999 999) of a caisse (three digits)."""
    if not (len(caisse) == 3 and caisse.isascii() and caisse.isdigit() and 0 < number <= MAX_NUMBER):
        raise ValueError("a letter id needs three digits of caisse and a number of at most nine digits")
    digits = f"{caisse}{number:09d}"
    # ISO 7064 MOD 97-10: the two digits that make the whole congruent to 1 modulo 97.
    return f"{caisse}-{number:09d}-{98 - int(digits) * 100 % 97:02d}"


def letter_id_digits(letter_id: str) -> str:
    """The fourteen digits that the DataMatrix of this id holds."""
    return letter_id.replace("-", "")


def parse_letter_id(text: str) -> str:
    """The id as printed, from a typed or scanned form (spaces, or no hyphens).

    Raises Invalid when it is not fourteen digits or its check digits disagree.
    """
    digits = _SEPARATORS.sub("", text)
    if not _DIGITS.fullmatch(digits):
        raise Invalid("Un numéro de courrier compte 14 chiffres, comme 631-000012345-66 : vérifier la saisie.")
    try:
        mod_97_10.validate(digits)
    except ValidationError:
        raise Invalid(
            "Ce numéro de courrier contient une erreur de frappe : comparez-le avec le numéro imprimé en haut du courrier."
        ) from None
    return f"{digits[:3]}-{digits[3:12]}-{digits[12:]}"
