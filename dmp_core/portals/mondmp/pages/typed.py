"""What was typed into the forms of creation, as the rules take it, or the sentence to show beside the field."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dmp_core.enrolment.codes import Slip, check
from dmp_core.enrolment.contacts import mail_address, mobile_number
from dmp_core.enrolment.dossiers import Contacts
from dmp_core.errors import Invalid
from dmp_core.identity import nir as nir_rules

Typed = Mapping[str, str]
"""The fields of the request, by name."""
Errors = dict[str, str]
"""By field, in the order of the page."""

_SERIAL = re.compile(r"[0-9]{8,12}")
_CARDS = frozenset({"photo", "sans_photo"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Step 1."""

    nir: str = field(repr=False)
    code: str = field(repr=False)
    serial: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a code."""

    nir: str = field(repr=False)
    birth_date: str = field(repr=False)
    """AAAA-MM-JJ, 00 where the civil record does not know."""
    serial: str = field(repr=False)


def identity(typed: Typed, *, card_type: bool = True) -> Identity | Errors:
    """Step 1, or what to correct; what looks right is not known to be. `card_type`: whether the page asks for it."""
    errors: Errors = {}
    nir = _nir(typed, errors)
    code = check(typed.get("code", ""))
    if isinstance(code, Slip):
        errors["code"] = code.sentence
    if card_type and typed.get("carte") not in _CARDS:
        errors["carte"] = "Choisissez votre type de carte Vitale : avec ou sans photo."
    serial = serial_of(typed, errors)
    if errors or isinstance(code, Slip):
        return errors
    return Identity(nir, code, serial)


def request_for_code(typed: Typed) -> Request | Errors:
    """A request for a code, or what to correct."""
    errors: Errors = {}
    nir = _nir(typed, errors)
    day, month, year = (_digits(typed.get(name, "")) for name in ("jour", "mois", "annee"))
    if not (day and month and year):
        errors["jour"] = "Indiquez le jour, le mois et l’année de votre naissance, en chiffres."
    elif not (
        len(day) <= 2 and len(month) <= 2 and len(year) == 4 and int(day) <= 31 and year[:2] in ("18", "19", "20")
    ):
        errors["jour"] = "Cette date de naissance n’existe pas : écrivez par exemple 05, 11 et 1952."
    serial = serial_of(typed, errors)
    if errors:
        return errors
    return Request(nir, f"{year}-{month.zfill(2)}-{day.zfill(2)}", serial)


def contacts(typed: Typed) -> Contacts | Errors:
    """Step 2: at least one of the two channels, each typed twice the same."""
    errors: Errors = {}
    mail = _twice(typed, "mail", mail_address, "Les deux adresses mail saisies ne sont pas identiques.", errors)
    mobile = _twice(
        typed, "mobile", mobile_number, "Les deux numéros de téléphone mobile saisis ne sont pas identiques.", errors
    )
    if not errors and mail is None and mobile is None:
        errors["mail"] = "Saisissez au moins une adresse mail ou un numéro de téléphone mobile."
    return errors or Contacts(mail, mobile)


def _twice(typed: Typed, name: str, read: Callable[[str], str], differs: str, errors: Errors) -> str | None:
    first, second = typed.get(name, "").strip(), typed.get(f"{name}_bis", "").strip()
    if not first and not second:
        return None
    try:
        value = read(first)
    except Invalid as refusal:
        errors[name] = str(refusal)
        return None
    try:
        same = read(second) == value
    except Invalid:
        same = False
    if not same:
        errors[f"{name}_bis"] = f"{differs} Vérifiez les deux."
    return value


def _nir(typed: Typed, errors: Errors) -> str:
    given = typed.get("nir", "")
    if not given.strip():
        errors["nir"] = (
            "Saisissez votre numéro de sécurité sociale : les 15 caractères inscrits sur votre carte Vitale."
        )
        return ""
    try:
        return nir_rules.validate(given)
    except nir_rules.NirFault as fault:
        errors["nir"] = (
            str(fault).replace("Le NIR", "Le numéro").replace("du NIR", "du numéro").replace("le NIR", "le numéro")
        )
        return ""


def serial_of(typed: Typed, errors: Errors) -> str:
    """The serial number of the carte Vitale as typed; what to correct goes into `errors`."""
    serial = _digits(typed.get("serie", ""))
    if not _SERIAL.fullmatch(serial):
        errors["serie"] = (
            "Saisissez le numéro de série de votre carte Vitale : 8 à 12 chiffres, à l’endroit montré sur le dessin."
        )
    return serial


def _digits(text: str) -> str:
    """`text` without spaces, dots and dashes; empty when anything but digits is left."""
    folded = unicodedata.normalize("NFKC", text)
    kept = "".join(c for c in folded if unicodedata.category(c)[0] not in "ZC" and c not in ".-")
    return kept if kept.isascii() and kept.isdigit() else ""
