"""The person of trust (personne de confiance, CSP L.1111-6) that a holder names. Part of the record: never the caisse's."""

import unicodedata
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import phonenumbers
from sqlalchemy import Connection, text

from dmp_core.errors import Invalid

LONGEST_NAME: Final = 100
LONGEST_RELATION: Final = 60


@dataclass(frozen=True, slots=True)
class TrustedPerson:
    """Whom to call and to ask when the holder cannot speak."""

    name: str = field(repr=False)
    """First name and name, as the holder writes them; 1 to 100 characters."""
    phone: str = field(repr=False)
    """E.164, e.g. +33142345678."""
    relation: str = field(repr=False)
    """What they are to the holder, in the holder's words; may be empty, 60 characters at most."""


def person_name(typed: str) -> str:
    """The name with its spaces tidied. Raises Invalid when it is empty, too long or no name."""
    name = _tidy(typed)
    if not name:
        raise Invalid("Indiquez le prénom et le nom de votre personne de confiance.")
    if len(name) > LONGEST_NAME or not any(character.isalpha() for character in name):
        raise Invalid(f"Indiquez un prénom et un nom, en {LONGEST_NAME} caractères au plus.")
    return name


def phone_number(typed: str) -> str:
    """The telephone number, fixed or mobile, French unless it begins with + or 00, in E.164. Raises Invalid."""
    try:
        number = phonenumbers.parse(typed, "FR")
    except phonenumbers.NumberParseException:
        raise Invalid(_NO_PHONE) from None
    if not phonenumbers.is_possible_number(number):
        raise Invalid(_NO_PHONE)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def relation_words(typed: str) -> str:
    """What the person is to the holder, tidied; may be empty. Raises Invalid when it is too long."""
    relation = _tidy(typed)
    if len(relation) > LONGEST_RELATION:
        raise Invalid(f"Indiquez le lien en {LONGEST_RELATION} caractères au plus.")
    return relation


def trusted_person(connection: Connection) -> TrustedPerson | None:
    """The person of trust of the dossier that the transaction is bound to."""
    row = connection.execute(
        text("SELECT name, phone, relation FROM medical.trusted_person WHERE until IS NULL")
    ).one_or_none()
    return None if row is None else TrustedPerson(*row)


def name_trusted_person(connection: Connection, now: datetime, dossier: UUID, person: TrustedPerson) -> None:
    """Name `person` in the place of the one before, who is kept with the dates between which they were named."""
    # Two windows may say it at once: the second waits here, and replaces what the first said.
    connection.execute(text("SELECT id FROM enrolment.dossier FOR NO KEY UPDATE"))
    remove_trusted_person(connection, now)
    connection.execute(
        text(
            "INSERT INTO medical.trusted_person (id, dossier_id, name, phone, relation, since) "
            "VALUES (:id, :dossier, :name, :phone, :relation, :now)"
        ),
        {
            "id": uuid.uuid4(), "dossier": dossier, "name": person.name, "phone": person.phone,
            "relation": person.relation, "now": now,
        },
    )  # fmt: skip


def remove_trusted_person(connection: Connection, now: datetime) -> None:
    """Nobody is the person of trust of this dossier any more."""
    connection.execute(text("UPDATE medical.trusted_person SET until = :now WHERE until IS NULL"), {"now": now})


_NO_PHONE = "Indiquez un numéro de téléphone à dix chiffres, par exemple 01 23 45 67 89."


def _tidy(typed: str) -> str:
    shown = "".join(
        " " if unicodedata.category(character).startswith(("Z", "C")) else character
        for character in unicodedata.normalize("NFC", typed)
    )
    return " ".join(shown.split())
