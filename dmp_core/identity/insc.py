"""The INS-C, identifiant national de santé calculé (DOMAIN 1): pure computation, the same for every approved software.

SHA-256 of given name, birth date and NIR, shortened to 64 bits and followed by a key. What the published sample does
not prove (accents, hyphens, a missing birth date) follows the implementation known in the field (DOMAIN 1.3). It is
neither public nor secret but private personal data, and changes with any of the three: keep it with its validity.
"""

import hashlib
import re
import unicodedata
from typing import Final

from dmp_core.identity.nir import NirFault, key_of

LENGTH: Final = 22
"""20 digits and a key of two."""

NO_BIRTH_DATE: Final = "000000"

_NAME: Final = 10
_MODULUS: Final = 97

_CIVIL_DATE = re.compile(r"[0-9]{2}([0-9]{2})-([0-9]{2})-([0-9]{2})")
_AAMMJJ = re.compile(r"[0-9]{6}")
_BEYOND_A_TO_Z = re.compile(r"[^A-Z]")

# Letters that lose no accent. ß and Ð are read as the one known implementation reads them: no register of births of
# France writes them, and an INS-C must be the one that others compute.
_LETTERS = str.maketrans({"Œ": "OE", "œ": "OE", "Æ": "AE", "æ": "AE", "ß": "B", "ẞ": "B", "Ð": "D", "ð": "D"})


class InsCFault(ValueError):
    """The rules give no INS-C here; `str(fault)` is one French sentence, without any of what was given."""


def compute(given_name: str, aammjj: str, nir: str) -> str:
    """The INS-C, 22 digits.

    `given_name` is the first-name field of the carte Vitale as it stands; empty is legal. `aammjj` is the birth date
    exactly as recorded, never repaired (day 00 or 31 February included), `000000` when there is none. `nir` has 15
    normalised characters, 2A and 2B kept.

    Raises InsCFault for a temporary NIR (it begins with neither 1 nor 2), a NIR whose key is wrong, and a date that is
    not six digits.
    """
    number = int.from_bytes(hashlib.sha256(seed(given_name, aammjj, nir).encode("ascii")).digest()[:8], "big")
    return f"{number:020d}{_MODULUS - number % _MODULUS:02d}"


def seed(given_name: str, aammjj: str, nir: str) -> str:
    """The 29 characters that are hashed: given name on 10, birth date on 6, NIR without its key on 13.

    Raises InsCFault as `compute` does.
    """
    if not _AAMMJJ.fullmatch(aammjj) or not aammjj.isascii():
        raise InsCFault("La date de naissance ne permet pas de calculer l’INS-C : six chiffres AAMMJJ sont attendus.")
    return f"{_name(given_name):<{_NAME}}{aammjj}{_nir13(nir)}"


def birth_date_of(civil_date: str) -> str:
    """AAMMJJ out of the AAAA-MM-JJ of the insurance's base, digits as recorded; `000000` when it is empty.

    Raises InsCFault for any other form.
    """
    if not civil_date:
        return NO_BIRTH_DATE
    digits = _CIVIL_DATE.fullmatch(civil_date)
    if digits is None or not civil_date.isascii():
        raise InsCFault("La date de naissance ne permet pas de calculer l’INS-C : la forme AAAA-MM-JJ est attendue.")
    return "".join(digits.groups())


def _name(given_name: str) -> str:
    # Letters first lose what is not A to Z, spaces too, and only then are counted: JEAN PIERRE is JEANPIERRE.
    upper = unicodedata.normalize("NFC", given_name).translate(_LETTERS).upper()
    return _BEYOND_A_TO_Z.sub("", unicodedata.normalize("NFD", upper))[:_NAME]


def _nir13(nir: str) -> str:
    if nir[:1] not in ("1", "2"):
        raise InsCFault("Aucun INS-C ne peut être calculé : le NIR est provisoire ou absent.")
    try:
        key = key_of(nir[:13])
    except NirFault:
        key = None
    if key is None or nir[13:] != key:
        raise InsCFault("Aucun INS-C ne peut être calculé : la clé du NIR ne correspond pas au numéro.")
    return nir[:13]
