"""Whom a holder names beside themselves: the person of trust (personne de confiance, CSP L.1111-6), and up to three
emergency contacts (personnes à prévenir). Part of the record: never the caisse's (docs/decisions/0047).

Each is kept with the dates between which they were named.
"""

import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import phonenumbers
from sqlalchemy import Connection, Row, text

from dmp_core.errors import Invalid

LONGEST_NAME: Final = 100
LONGEST_RELATION: Final = 60
MOST_CONTACTS: Final = 3


@dataclass(frozen=True, slots=True)
class Relative:
    """Somebody whom the holder names."""

    name: str = field(repr=False)
    """First name and name, as the holder writes them; 1 to 100 characters."""
    phone: str = field(repr=False)
    """E.164, e.g. +33142345678."""
    relation: str = field(repr=False)
    """What they are to the holder, in the holder's words; may be empty, 60 characters at most."""


@dataclass(frozen=True, slots=True)
class Relatives:
    """Those named now."""

    trusted: Relative | None = None
    """Whom to ask when the holder cannot speak."""
    contacts: tuple[Relative, ...] = ()
    """Whom to call in an emergency, the first first."""

    @property
    def lines(self) -> list[tuple[str, Relative]]:
        """Each with what they are named for, in French."""
        trusted = [("Personne de confiance", self.trusted)] if self.trusted else []
        return trusted + [("À prévenir", each) for each in self.contacts]

    def __bool__(self) -> bool:
        """Whether there is anybody."""
        return self.trusted is not None or bool(self.contacts)


NOBODY: Final = Relatives()


def person_name(typed: str) -> str:
    """The name with its spaces tidied. Raises Invalid when it is empty, too long or no name."""
    name = _tidy(typed)
    if not name:
        raise Invalid("Indiquez le prénom et le nom de cette personne.")
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


def trusted_person(connection: Connection) -> Relative | None:
    """The person of trust of the dossier that the transaction is bound to; none to a legal representative."""
    row = connection.execute(
        text("SELECT name, phone, relation FROM medical.trusted_person WHERE until IS NULL")
    ).one_or_none()
    return None if row is None else Relative(*row)


def name_trusted_person(connection: Connection, now: datetime, dossier: UUID, person: Relative) -> None:
    """Name `person` in the place of the one before."""
    _one_at_a_time(connection)
    remove_trusted_person(connection, now)
    connection.execute(
        text(
            "INSERT INTO medical.trusted_person (id, dossier_id, name, phone, relation, since) "
            "VALUES (:id, :dossier, :name, :phone, :relation, :now)"
        ),
        _row(dossier, now, person),
    )


def remove_trusted_person(connection: Connection, now: datetime) -> None:
    """Nobody is the person of trust of this dossier any more."""
    connection.execute(text("UPDATE medical.trusted_person SET until = :now WHERE until IS NULL"), {"now": now})


def emergency_contacts(connection: Connection) -> tuple[Relative, ...]:
    """Whom to call in an emergency, in the order that the holder chose."""
    rows = connection.execute(
        text("SELECT name, phone, relation FROM medical.emergency_contact WHERE until IS NULL ORDER BY rank")
    )
    return tuple(Relative(*row) for row in rows)


def name_emergency_contacts(connection: Connection, now: datetime, dossier: UUID, contacts: Sequence[Relative]) -> None:
    """Name these in the place of those before, in this order; nobody when there are none. At most MOST_CONTACTS."""
    _one_at_a_time(connection)
    connection.execute(text("UPDATE medical.emergency_contact SET until = :now WHERE until IS NULL"), {"now": now})
    for rank, person in enumerate(contacts, 1):
        connection.execute(
            text(
                "INSERT INTO medical.emergency_contact (id, dossier_id, rank, name, phone, relation, since) "
                "VALUES (:id, :dossier, :rank, :name, :phone, :relation, :now)"
            ),
            _row(dossier, now, person) | {"rank": rank},
        )


RELATIVES: Final = (
    "ARRAY(SELECT ARRAY[p.name, p.phone, p.relation] FROM medical.trusted_person p "
    "WHERE p.dossier_id = d.id AND p.until IS NULL) AS trusted, "
    "ARRAY(SELECT ARRAY[c.name, c.phone, c.relation] FROM medical.emergency_contact c "
    "WHERE c.dossier_id = d.id AND c.until IS NULL ORDER BY c.rank) AS contacts"
)
"""Columns of a statement about the dossier `d`: those named, nobody for a professional who is not in."""


def relatives_of(row: Row[Any]) -> Relatives:
    """What the columns `RELATIVES` tell."""
    trusted = [Relative(*each) for each in row.trusted]
    return Relatives(trusted[0] if trusted else None, tuple(Relative(*each) for each in row.contacts))


_NO_PHONE = "Indiquez un numéro de téléphone à dix chiffres, par exemple 01 23 45 67 89."


def _one_at_a_time(connection: Connection) -> None:
    """Two windows may say it at once: the second waits here, and replaces what the first said."""
    connection.execute(text("SELECT id FROM enrolment.dossier FOR NO KEY UPDATE"))


def _row(dossier: UUID, now: datetime, person: Relative) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(), "dossier": dossier, "name": person.name, "phone": person.phone, "relation": person.relation,
        "now": now,
    }  # fmt: skip


def _tidy(typed: str) -> str:
    shown = "".join(
        " " if unicodedata.category(character).startswith(("Z", "C")) else character
        for character in unicodedata.normalize("NFC", typed)
    )
    return " ".join(shown.split())
