"""The NIR (numéro d'inscription au répertoire): reading, checking and masking it (DOMAIN 2.1).

The key comes from python-stdnum; the parts that stdnum leaves unchecked (sex, month, département, order) are
checked here. The century cannot be read from a NIR, and its year and month may differ from the civil record: never
derive a birth date from it.
"""

import re
from typing import Final

from stdnum.fr import nir as stdnum_nir
from stdnum.util import clean

LENGTH: Final = 15
"""Characters of a whole NIR: sex 1, year 2, month 2, département 2, commune or country 3, order 3, key 2."""

_VISIBLE: Final = 7
"""Sex, year, month and département: all that may be shown of a NIR outside the record itself."""

_GROUPS: Final = (1, 2, 2, 2, 3, 3, 2)

_CHARACTERS = re.compile(r"[0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{8}")

_LAYOUT = re.compile(
    r"[12][0-9]{2}"
    r"(?:0[1-9]|1[0-2]|[23][0-9]|4[0-2]|[5-9][0-9])"  # month: 01-12, or 20-42 and 50-99 for an incomplete civil record
    r"(?:0[1-9]|[1-9][0-9]|2[AB])[0-9]{3}"  # 20: Corsica before 1976; 91-96: also North Africa before independence
    r"(?!000)[0-9]{3}[0-9]{2}"
)


class NirFault(ValueError):
    """This text is not the NIR of an insured person; `str(fault)` is one French sentence, without the number itself."""


def normalise(text: str) -> str:
    """`text` without spaces, dots and hyphens, in upper case; nothing is checked."""
    if text.isalnum() and text.isascii():
        return text.upper()
    return "".join(clean(text, " -.").split()).upper()


def key_of(nir13: str) -> str:
    """The two-digit key, "01" to "97", of the first 13 characters of a NIR (2A counts as 19 and 2B as 18).

    Raises NirFault when they are not the beginning of a NIR.
    """
    if len(nir13) != LENGTH - 2 or not _CHARACTERS.fullmatch(nir13 + "00"):
        raise NirFault("La clé se calcule sur les 13 premiers caractères du NIR.")
    return str(stdnum_nir.calc_check_digits(nir13))


def validate(text: str) -> str:
    """The normalised NIR.

    Raises NirFault for a wrong length or character, sex digit, month, département, order number or key. Temporary
    numbers (beginning with 3, 4, 7 or 8) are refused too: they give no right to a dossier until the final NIR is
    known (DOMAIN 2.1).
    """
    nir = text if len(text) == LENGTH else normalise(text)
    if _LAYOUT.fullmatch(nir) and stdnum_nir.calc_check_digits(nir) == nir[13:]:
        return nir
    nir = normalise(text)
    reason = _reason(nir)
    if reason is None:
        return nir
    raise NirFault(reason)


def mask(text: str) -> str:
    """The first 7 characters in clear, a star for each other one: `1 50 08 63 *** *** **`.

    Works on any text, valid or not, since faulty numbers are shown in reports; what is longer than a NIR is cut.
    """
    nir = normalise(text)[:LENGTH]
    hidden = "".join(c if c.isascii() and c.isalnum() else "?" for c in nir[:_VISIBLE]) + "*" * len(nir[_VISIBLE:])
    return grouped(hidden)


def grouped(nir: str) -> str:
    """A normalised NIR as it is printed and read: `1 50 08 63 113 042 18`."""
    groups, start = [], 0
    for size in _GROUPS:
        groups.append(nir[start : start + size])
        start += size
    return " ".join(filter(None, groups))


def _reason(nir: str) -> str | None:
    if len(nir) != LENGTH:
        return f"Le NIR compte {len(nir)} caractère{'s' if len(nir) > 1 else ''} au lieu de 15."
    if not _CHARACTERS.fullmatch(nir):
        return "Le NIR contient un caractère interdit : il n’a que des chiffres, sauf 2A ou 2B pour la Corse."
    if nir[0] in "3478":
        return "Le NIR est provisoire (il commence par 3, 4, 7 ou 8) : le NIR définitif est nécessaire."
    if nir[0] not in "12":
        return "Le NIR commence par un chiffre de sexe inconnu : 1 ou 2 est attendu."
    month = int(nir[3:5])
    if not (1 <= month <= 12 or 20 <= month <= 42 or month >= 50):
        return "Le mois de naissance du NIR n’existe pas : 01 à 12 est attendu (20 à 42 ou 50 à 99 si incomplet)."
    if nir[5:7] == "00":
        return "Le département de naissance du NIR n’existe pas : 01 à 99, 2A ou 2B est attendu."
    if nir[10:13] == "000":
        return "Le numéro d’ordre du NIR ne peut pas être 000."
    if stdnum_nir.calc_check_digits(nir) != nir[13:]:
        return "La clé du NIR (les deux derniers chiffres) ne correspond pas au numéro : vérifiez chaque chiffre."
    return None
