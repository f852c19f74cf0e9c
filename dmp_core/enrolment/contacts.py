"""Where one-time codes may go: e-mail addresses and French mobile numbers, as well-kept libraries accept them.

Only the form is checked: a one-time code sent there is the proof that somebody reads it.
"""

import re
import unicodedata
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from dmp_core.errors import Invalid

_NATIONAL: Final = ("FR", "GP", "GF", "MQ", "RE", "YT")
"""Where a number written 06 or 07 may belong: each overseas département has a country code of its own."""

_FRENCH: Final = frozenset({*_NATIONAL, "BL", "MF", "PM", "NC", "PF", "WF"})
"""With a country code, the overseas collectivities as well."""

_MOBILE: Final = frozenset({phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE})

_FICTION: Final = re.compile(r"\+3363998[0-9]{4}")
"""06 39 98 xx xx is kept for works of fiction and rings nowhere: demonstration persons have such numbers alone."""

# The library would read letters as the digits of a keypad, and an extension as part of the number.
_WRITTEN: Final = re.compile(r"\+?\(?[0-9][0-9 .()/-]*")

_WRONG_MAIL: Final = (
    "L’adresse électronique saisie n’est pas valide : vérifiez-la, elle s’écrit par exemple prenom.nom@exemple.fr."
)
_WRONG_MOBILE: Final = (
    "Le numéro de téléphone mobile saisi n’est pas valide : saisissez un numéro français à 10 chiffres "
    "qui commence par 06 ou 07."
)


def mail_address(text: str) -> str:
    """The address without surrounding spaces, its domain in lower-case ASCII.

    Accents before the @ are refused, since hardly any mail server takes them. Raises Invalid, in one French sentence
    that does not repeat what was typed.
    """
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False, strict=True).ascii_email
    except EmailNotValidError:
        found = None
    if found is None:
        raise Invalid(_WRONG_MAIL)
    return found


def mobile_number(text: str) -> str:
    """The number in E.164 form, e.g. +33612345678. Spaces, dots, hyphens, slashes and parentheses may separate digits.

    Raises Invalid for anything but a mobile number of France, overseas included, in one French sentence that does not
    repeat what was typed.
    """
    written = "".join(
        " " if unicodedata.category(c) in ("Zs", "Cf") else "-" if unicodedata.category(c) == "Pd" else c
        for c in unicodedata.normalize("NFKC", text)
    ).strip()
    if _WRITTEN.fullmatch(written):
        for region in _NATIONAL:
            try:
                number = phonenumbers.parse(written, region)
            except phonenumbers.NumberParseException:
                break
            found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            if _FICTION.fullmatch(found):
                return found
            if phonenumbers.number_type(number) in _MOBILE and phonenumbers.region_code_for_number(number) in _FRENCH:
                return found
    raise Invalid(_WRONG_MOBILE)
