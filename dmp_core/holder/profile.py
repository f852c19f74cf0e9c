"""What a holder reads about themselves.

The function works in a transaction bound to the dossier (`HolderStore.transaction`): PostgreSQL shows no other.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from dmp_core.enrolment.dossiers import Contacts, DossierState
from dmp_core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Profile:
    """The holder as the dossier knows them; read only, the civil identity is the insurance's."""

    dossier_id: UUID
    caisse: str
    person_id: int
    civilite: str
    """`M` or `MME`."""
    birth_name: str = field(repr=False)
    usual_name: str = field(repr=False)
    """Empty when it is the birth name."""
    given_name: str = field(repr=False)
    birth_date: str = field(repr=False)
    """AAAA-MM-JJ; day or month `00` is legal."""
    state: DossierState
    opened_at: datetime
    login: str = field(repr=False)
    ins_c: str | None = field(repr=False)
    """22 digits; None when the rules give none (DOMAIN 1.3)."""
    contacts: Contacts

    @property
    def name(self) -> str:
        """The name the person goes by."""
        return self.usual_name or self.birth_name


def profile_of(connection: Connection) -> Profile:
    """The holder of the dossier that the transaction is bound to. Raises NotFound when it is bound to none."""
    row = connection.execute(_HOLDER).one_or_none()
    if row is None:
        raise NotFound("Ce compte n’existe pas ou n’existe plus.")
    return profile_in(row)


def profile_in(row: Row[Any]) -> Profile:
    """A row of `enrolment.holder`."""
    return Profile(
        dossier_id=row.id, caisse=row.caisse, person_id=row.person_id, civilite=row.civilite,
        birth_name=row.nom_naissance, usual_name=row.nom_usage, given_name=row.prenom, birth_date=row.date_naissance,
        state=DossierState(row.state), opened_at=row.opened_at, login=row.login, ins_c=row.ins_c,
        contacts=Contacts(row.mail, row.mobile),
    )  # fmt: skip


_HOLDER: Final = text("SELECT * FROM enrolment.holder")
