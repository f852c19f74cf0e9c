"""Synthetic insured persons of these tests, and what the opening of a dossier takes."""

import itertools
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Engine, text

from dmp_core.enrolment.dossiers import Consent, Contacts
from dmp_core.enrolment.insured import Insured
from dmp_core.identity.nir import key_of

CONTACTS = Contacts(mail="jeanne.essai@courriel.example", mobile="06 39 98 12 34")
CONSENT = Consent("2016-07", sha256(b"conditions").digest(), "J'accepte les conditions.", collected_by="agent.essai")

# Committed for real in a database that other tests share: a range of one's own, and NIR that nobody else makes.
_ids = itertools.count(secrets.randbits(40) + 2**41)
_orders = itertools.count(1)


def an_insured(**other: str | bool) -> Insured:
    """Somebody whom no other test knows."""
    nir13 = f"2310899{next(_orders):06d}"
    person = Insured(
        caisse="631", person_id=next(_ids), nir=nir13 + key_of(nir13), civilite="MME", birth_name="ESSAI",
        usual_name="", given_name="JEANNE", birth_date="1931-08-00", serial="12345678", card_type="photo",
        may_open=True,
    )  # fmt: skip
    return replace(person, **other)  # type: ignore[arg-type]


def the(hour: int = 9) -> datetime:
    return datetime(2017, 1, 16, hour, tzinfo=UTC)


def rows(owner: Engine, person: Insured) -> dict[str, int]:
    """How many rows of each kind there are of this person, counted by the owner of the database."""
    own = "SELECT id FROM enrolment.dossier WHERE caisse = :caisse AND person_id = :person"
    counts = {"dossier": f"SELECT count(*) FROM ({own}) d"}
    for table in ("identifier", "consent", "account", "password", "contact"):
        counts[table] = f"SELECT count(*) FROM enrolment.{table} WHERE dossier_id IN ({own})"
    counts["event"] = "SELECT count(*) FROM enrolment.outbox WHERE caisse = :caisse AND person_id = :person"
    of = {"caisse": person.caisse, "person": person.person_id}
    with owner.connect() as connection:
        return {name: connection.scalar(text(query), of) or 0 for name, query in counts.items()}


NOTHING = {"dossier": 0, "identifier": 0, "consent": 0, "account": 0, "password": 0, "contact": 0, "event": 0}
WHOLE = {"dossier": 1, "identifier": 2, "consent": 1, "account": 1, "password": 1, "contact": 2, "event": 1}


def code_state(owner: Engine, person: Insured) -> list[str]:
    """The states of the person's codes, the oldest first."""
    with owner.connect() as connection:
        found = connection.scalars(
            text(
                "SELECT state FROM enrolment.creation_code WHERE caisse = :caisse AND person_id = :person "
                "ORDER BY issued_at"
            ),
            {"caisse": person.caisse, "person": person.person_id},
        )
        return list(found)


def enter(owner: Engine, dossier_id: UUID) -> None:
    """What the portal notes when an initial password is used."""
    with owner.begin() as connection:
        connection.execute(
            text("UPDATE enrolment.password SET used_at = :now WHERE dossier_id = :id AND ended_at IS NULL"),
            {"now": the(), "id": dossier_id},
        )
