"""What a holder reads about themselves.

The function works in a transaction bound to the dossier (`HolderStore.transaction`): PostgreSQL shows no other.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from dmp_core.enrolment.dossiers import Contacts, DossierState
from dmp_core.errors import NotFound
from dmp_core.identity.identifiers import System


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
    row = (
        connection.execute(
            text(
                "SELECT d.id, d.caisse, d.person_id, d.civilite, d.nom_naissance, d.nom_usage, d.prenom, "
                "d.date_naissance, d.state, d.opened_at, a.login, i.value AS ins_c, "
                "max(c.value) FILTER (WHERE c.kind = 'mail') AS mail, "
                "max(c.value) FILTER (WHERE c.kind = 'mobile') AS mobile "
                "FROM enrolment.dossier d JOIN enrolment.account a ON a.dossier_id = d.id "
                "LEFT JOIN enrolment.identifier i ON i.dossier_id = d.id AND i.system = :system AND i.valid_to IS NULL "
                "LEFT JOIN enrolment.contact c ON c.dossier_id = d.id AND c.until IS NULL "
                "GROUP BY d.id, a.login, i.value"
            ),
            {"system": System.INS_C.value},
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound("Ce compte n’existe pas ou n’existe plus.")
    return Profile(
        dossier_id=row["id"], caisse=row["caisse"], person_id=row["person_id"], civilite=row["civilite"],
        birth_name=row["nom_naissance"], usual_name=row["nom_usage"], given_name=row["prenom"],
        birth_date=row["date_naissance"], state=DossierState(row["state"]), opened_at=row["opened_at"],
        login=row["login"], ins_c=row["ins_c"], contacts=Contacts(row["mail"], row["mobile"]),
    )  # fmt: skip
