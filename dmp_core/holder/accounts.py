"""What the access of a holder needs to know of an account. Transactions are bound to the dossier: PostgreSQL shows no other."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from dmp_core.enrolment.dossiers import Contacts, DossierState
from dmp_core.identity.identifiers import System

NOBODY: Final = UUID(int=0)
"""The dossier of nobody: looked up in the place of one that is not there, so that both take as long."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The facts of one account."""

    state: DossierState
    login: str = field(repr=False)
    caisse: str
    person_id: int
    names: tuple[str, ...] = field(repr=False)
    birth_date: str = field(repr=False)
    """AAAA-MM-JJ."""
    identifiers: tuple[str, ...] = field(repr=False)
    representative: bool = False
    """Whether the account is that of a legal representative: no dossier, person nor birth date of their own here."""


def dossier_of_login(connection: Connection, login: str) -> UUID | None:
    """The dossier of this login, None when nobody has it."""
    found = connection.execute(text("SELECT id FROM enrolment.dossier_of_login(:login)"), {"login": login}).first()
    return found.id if found else None


def dossier_of_person(connection: Connection, caisse: str, person_id: int) -> UUID | None:
    """The dossier of this person, None without one."""
    found = connection.execute(
        text("SELECT id FROM enrolment.dossier_of_person(:caisse, :person)"), {"caisse": caisse, "person": person_id}
    ).first()
    return found.id if found else None


def nir_of(connection: Connection) -> str | None:
    """The NIR under which the dossier was opened, or its successor."""
    found: str | None = connection.scalar(
        text("SELECT value FROM enrolment.identifier WHERE system = :system AND valid_to IS NULL"),
        {"system": System.NIR.value},
    )
    return found


def contacts_of(connection: Connection) -> Contacts:
    """The channels of the account as they stand."""
    rows = connection.execute(text("SELECT kind, value FROM enrolment.contact WHERE until IS NULL"))
    found = {row.kind: row.value for row in rows}
    return Contacts(found.get("mail"), found.get("mobile"))


def holder_of(connection: Connection) -> Holder | None:
    """The account's facts; None when the transaction is bound to nobody's dossier."""
    row = connection.execute(_HOLDER).one_or_none()
    if row is None:
        return _representative(connection)
    return Holder(
        DossierState(row.state), row.login, row.caisse, row.person_id,
        (row.nom_naissance, row.nom_usage, row.prenom), row.date_naissance, tuple(row.identifiers),
    )  # fmt: skip


def _representative(connection: Connection) -> Holder | None:
    row = connection.execute(_REPRESENTATIVE).one_or_none()
    if row is None:
        return None
    return Holder(DossierState.OPEN, row.login, row.caisse, 0, (row.nom, row.prenom), "", (), representative=True)


_REPRESENTATIVE = text("""
SELECT r.caisse, r.nom, r.prenom, a.login FROM enrolment.representative r
JOIN enrolment.account a ON a.dossier_id = r.id
""")
_HOLDER = text("""
SELECT d.state, d.caisse, d.person_id, d.nom_naissance, d.nom_usage, d.prenom, d.date_naissance, a.login,
    ARRAY(SELECT i.value FROM enrolment.identifier i WHERE i.dossier_id = d.id) AS identifiers
FROM enrolment.dossier d JOIN enrolment.account a ON a.dossier_id = d.id
""")
