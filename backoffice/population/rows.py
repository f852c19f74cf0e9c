"""One row of a population file: its columns, what is asked of each, and the person it makes (population format).

Pure: no file, no database, no clock. Every fault of a row is told, each in one French sentence; a faultless row becomes
a `PersonRow` in normal form with a digest, by which a second import recognises what has not changed.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec

from backoffice.core.caisse import CAISSE_CODES
from backoffice.population.civil_dates import DateFault, birth_latest, birth_span, calendar_day
from backoffice.population.contacts import email_address, mobile_number
from dmp_core.identity.nir import NirFault, mask, validate

__all__ = ["COLUMNS", "Fault", "PersonRow", "birth_latest", "check_row", "shown"]

COLUMNS: Final = (
    "nir", "civilite", "nom_naissance", "nom_usage", "prenom", "date_naissance", "qualite", "nir_od", "regime",
    "caisse", "adresse_2", "adresse_3", "adresse_4", "adresse_5", "code_postal", "ville", "pays", "email", "mobile",
    "canal", "vitale_serie", "vitale_type", "dmp", "opposition", "pnd", "date_deces",
)  # fmt: skip
"""The canonical order; a file may have them in any order."""

MAX_NAME: Final = 80
MAX_LINE: Final = 60
"""Longest address line that is taken. NF Z10-011 prints 38: the letter engine abbreviates what lies between."""
_MAX_FOREIGN_POSTAL_CODE: Final = 10
_SHOWN: Final = 40


class PersonRow(msgspec.Struct, frozen=True, gc=False):
    """An insured person as the file gives them, in normal form: no outer or double space, "" for what is absent."""

    nir: str
    civilite: str
    nom_naissance: str
    nom_usage: str
    prenom: str
    date_naissance: str
    """`AAAA-MM-JJ` as recorded: day or month may be 00."""
    qualite: str
    nir_od: str
    regime: str
    caisse: str
    adresse_2: str
    adresse_3: str
    adresse_4: str
    adresse_5: str
    code_postal: str
    ville: str
    pays: str
    """"" for France."""
    email: str
    """Never empty when `canal` is `mail`."""
    mobile: str
    """E.164, "+33612345678"."""
    canal: str
    vitale_serie: str
    vitale_type: str
    dmp: bool
    opposition: bool
    pnd: bool
    date_deces: date | None
    born_by: date
    """Latest day the person may be born on, for the rules that ask an age."""
    digest: bytes
    """16 bytes over the normal form of all columns: equal digests, equal rows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one row, fit for the reject report."""

    line: int
    """Line of the file on which the row begins; the header is line 1."""
    column: str
    """"" when the row as a whole is at fault."""
    value: str
    """What stood there, masked where it is a number or an address, cut when long."""
    reason: str
    """One French sentence."""


_LETTER = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
_NAME = re.compile(rf"(?!.{{{MAX_NAME + 1}}})['’ʼ]?[{_LETTER}][{_LETTER} '’ʼ.-]*")
_ANY_LETTER = re.compile(rf"[{_LETTER}]")
_SERIAL = re.compile(r"[0-9]{8,12}")
_FLAGS: Final = {"": False, "N": False, "O": True}
_FRANCE: Final = frozenset({"FRANCE", "FR", "FRA"})
_CAISSES: Final = frozenset(CAISSE_CODES)

_MISSING = "Cette valeur est obligatoire et manque."
_HIDDEN_CHARACTER = "La valeur contient un caractère de contrôle ou invisible : ressaisissez-la."
_BAD_NAME = f"Un nom s’écrit en lettres latines, espaces, traits d’union, apostrophes, {MAX_NAME} caractères au plus."
_LONG_LINE = f"La ligne d’adresse dépasse {MAX_LINE} caractères : abrégez-la."

_Faults = list[tuple[int, str]]
"""Position of the column and reason."""


def check_row(fields: Sequence[str], line: int, today: date) -> PersonRow | list[Fault]:
    """The person of a row, or all its faults.

    `fields` are in the order of COLUMNS; `line` is where the row begins in its file; `today` is the day in Paris, after
    which nobody is born or dead.
    """
    if len(fields) != len(COLUMNS):
        count = f"La ligne a {len(fields)} colonne{'s' if len(fields) > 1 else ''} au lieu de {len(COLUMNS)}"
        return [Fault(line, "", "", f"{count} : vérifiez ses points-virgules et ses guillemets.")]
    faults: _Faults = []
    raw = fields
    fields = _tidy(fields, faults)
    nir, birth, nir_od, born_by = _identity(fields, today, faults)
    pays = _address(fields, faults)
    email, mobile, serial = _contact(fields, faults)
    dead = _situation(fields, today, faults)
    if faults:
        return [_told(line, raw, position, reason) for position, reason in sorted(faults)]
    (_, civilite, nom_naissance, nom_usage, prenom, _, qualite, _, regime, caisse,
     adresse_2, adresse_3, adresse_4, adresse_5, code_postal, ville, _, _, _, canal,
     _, vitale_type, dmp, opposition, pnd, date_deces) = fields  # fmt: skip
    content = "\x1f".join(
        (nir, civilite, nom_naissance, nom_usage, prenom, birth, qualite, nir_od, regime, caisse,
         adresse_2, adresse_3, adresse_4, adresse_5, code_postal, ville, pays, email, mobile, canal,
         serial, vitale_type, dmp or "N", opposition or "N", pnd or "N", date_deces)
    )  # fmt: skip
    digest = blake2b(content.encode(), digest_size=16, person=b"population-1").digest()
    return PersonRow(
        nir, civilite, nom_naissance, nom_usage, prenom, birth, qualite, nir_od, regime, caisse,
        adresse_2, adresse_3, adresse_4, adresse_5, code_postal, ville, pays, email, mobile, canal,
        serial, vitale_type, _FLAGS[dmp], _FLAGS[opposition], _FLAGS[pnd], dead, born_by, digest,
    )  # fmt: skip


def _tidy(fields: Sequence[str], faults: _Faults) -> Sequence[str]:
    """The fields in NFC without outer, double or exotic spaces; control and invisible characters are faults."""
    joined = ";".join(fields)
    if (
        joined.isprintable()  # of all spaces, the plain one alone is printable
        and "  " not in joined
        and "; " not in joined
        and " ;" not in joined
        and joined[0] != " "
        and joined[-1] != " "
        and unicodedata.is_normalized("NFC", joined)
    ):
        return fields
    tidied = []
    for position, field in enumerate(fields):
        text = re.sub(r"[^\S\t\n\v\f\r\x1c-\x1f\x85]+", " ", unicodedata.normalize("NFC", field)).strip(" ")
        if not text.isprintable():
            faults.append((position, _HIDDEN_CHARACTER))
            text = "".join(c for c in text if c.isprintable())
        tidied.append(text)
    return tidied


def _identity(fields: Sequence[str], today: date, faults: _Faults) -> tuple[str, str, str, date]:
    nir, civilite, nom_naissance, nom_usage, prenom, birth, qualite, nir_od, regime, caisse = fields[:10]
    nir = _nir(nir, 0, faults)
    if civilite not in ("M", "MME"):
        faults.append((1, "La civilité est M ou MME." if civilite else _MISSING))
    if not _NAME.fullmatch(nom_naissance):
        faults.append((2, _BAD_NAME if nom_naissance else _MISSING))
    if nom_usage and not _NAME.fullmatch(nom_usage):
        faults.append((3, _BAD_NAME))
    if not _NAME.fullmatch(prenom):
        faults.append((4, _BAD_NAME if prenom else _MISSING))
    born_by = today
    try:
        first, born_by = birth_span(birth)
        if first > today:
            faults.append((5, "La date de naissance est dans le futur."))
    except DateFault as fault:
        faults.append((5, str(fault) if birth else _MISSING))
    if qualite not in ("OD", "AD"):
        faults.append((6, "La qualité est OD (ouvrant droit) ou AD (ayant droit)." if qualite else _MISSING))
    if nir_od:
        nir_od = _nir(nir_od, 7, faults)
        if qualite == "AD" and nir_od == nir:
            # The NIR is the key within a caisse: such a row would overwrite the ouvrant droit.
            faults.append((7, "Un ayant droit porte son propre NIR : celui de son ouvrant droit est répété."))
    elif qualite == "AD":
        faults.append((7, "Le NIR de l’ouvrant droit est obligatoire pour un ayant droit."))
    if not (len(regime) == 2 and regime.isascii() and regime.isdigit()):
        faults.append(
            (8, "Le régime est un nombre de deux chiffres, 01 pour le régime général." if regime else _MISSING)
        )
    if caisse not in _CAISSES:
        faults.append(
            (9, f"La caisse n’est pas l’une des neuf : {', '.join(sorted(_CAISSES))}." if caisse else _MISSING)
        )
    return nir, birth, nir_od, born_by


def _nir(text: str, position: int, faults: _Faults) -> str:
    try:
        return validate(text)
    except NirFault as fault:
        faults.append((position, str(fault) if text else _MISSING))
        return text


def _address(fields: Sequence[str], faults: _Faults) -> str:
    """Checks lines 2 to 6 and the country; gives the country."""
    for position in range(10, 14):
        if len(fields[position]) > MAX_LINE:
            faults.append((position, _LONG_LINE))
    if not fields[12] and not fields[13]:
        faults.append((12, "L’adresse n’a ni rue (adresse_4) ni lieu-dit ou boîte postale (adresse_5)."))
    pays = fields[16]
    if pays and pays.upper() in _FRANCE:
        pays = ""
    faults.extend(_place(fields[14], fields[15], pays))
    return pays


@lru_cache(maxsize=16384)
def _place(code_postal: str, ville: str, pays: str) -> tuple[tuple[int, str], ...]:
    """Faults of line 6 and of the country; cached, since a caisse has a few hundred towns."""
    faults: _Faults = []
    if not code_postal:
        faults.append((14, _MISSING))
    elif pays:
        if len(code_postal) > _MAX_FOREIGN_POSTAL_CODE:
            faults.append((14, f"Le code postal étranger dépasse {_MAX_FOREIGN_POSTAL_CODE} caractères."))
    elif re.fullmatch(r"2[ABab][0-9]{3}", code_postal):
        faults.append((14, "Ceci est un code de commune : en Corse, le code postal commence par 20."))
    elif not re.fullmatch(r"[0-9]{5}", code_postal):
        faults.append((14, "Le code postal français a cinq chiffres."))
    for position, text, what in ((15, ville, "La ville"), (16, pays, "Le pays")):
        if not text:
            if position == 15:
                faults.append((15, _MISSING))
        elif len(text) > MAX_LINE or not _ANY_LETTER.search(text):
            faults.append((position, f"{what} s’écrit en lettres latines, {MAX_LINE} caractères au plus."))
    return tuple(faults)


def _contact(fields: Sequence[str], faults: _Faults) -> tuple[str, str, str]:
    """E-mail, mobile and Vitale serial in normal form."""
    email, mobile, canal, serial, vitale_type = fields[17:22]
    if email:
        address = email_address(email)
        if address is None:
            faults.append((17, "L’adresse électronique n’est pas valable : la forme nom@domaine est attendue."))
        else:
            email = address
    if mobile:
        number = mobile_number(mobile)
        if number is None:
            faults.append(
                (18, "Le numéro n’est pas celui d’un mobile : 06 ou 07 et huit chiffres, ou + et l’indicatif.")
            )
        else:
            mobile = number
    if canal not in ("mail", "courrier"):
        faults.append((19, "Le canal est mail ou courrier." if canal else _MISSING))
    elif canal == "mail" and not email:
        # The registered channel could not be used; sending paper instead would silently override the person's choice.
        faults.append((19, "Le canal est mail mais l’adresse électronique manque."))
    if serial:
        serial = serial.replace(" ", "")
        if not _SERIAL.fullmatch(serial):
            faults.append((20, "Le numéro de série de la carte Vitale a de 8 à 12 chiffres."))
    if vitale_type not in ("", "photo", "sans_photo"):
        faults.append((21, "Le type de carte Vitale est photo ou sans_photo."))
    return email, mobile, serial


def _situation(fields: Sequence[str], today: date, faults: _Faults) -> date | None:
    """Checks the flags and the death; gives the day of death."""
    for position in (22, 23, 24):
        if fields[position] not in _FLAGS:
            faults.append((position, "La valeur est O pour oui, vide pour non."))
    if not fields[25]:
        return None
    try:
        dead = calendar_day(fields[25])
    except DateFault as fault:
        faults.append((25, str(fault)))
        return None
    if dead > today:
        faults.append((25, "La date de décès est dans le futur."))
    try:
        if dead < birth_span(fields[5])[0]:
            faults.append((25, "La date de décès précède la date de naissance."))
    except DateFault:
        pass  # already told of the birth date
    return dead


def _told(line: int, fields: Sequence[str], position: int, reason: str) -> Fault:
    column = COLUMNS[position]
    return Fault(line, column, shown(column, fields[position]), reason)


def shown(column: str, value: str) -> str:
    """`value` as a report may show it: NIR but for 7 characters, contacts and card serials masked, the rest cut at 40.

    A shifted row puts a NIR under any heading, so whatever holds ten digits is masked like one.
    """
    text = "".join(c if c.isprintable() else "·" for c in value)
    if column in ("nir", "nir_od"):
        return mask(text)
    if column in ("email", "mobile", "vitale_serie"):
        kept = 4 if column == "mobile" else 1
        local, at, domain = text.rpartition("@")
        if at and column == "email":
            return f"{local[:kept]}***@{domain}"[:_SHOWN]
        return text[:kept] + "*" * min(len(text) - kept, 12) if len(text) > kept else "*" * len(text)
    if sum(c.isdigit() for c in text) >= 10:
        text = text[:7] + "*" * len(text[7:])
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
