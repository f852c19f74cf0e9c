"""Legal representatives, as the people concerned know them: whom one represents, who represents oneself.

Declared at the counter of a caisse (`dmp_core.enrolment.representatives`). Every function works in a transaction bound to
a dossier or to a representative's account: PostgreSQL shows no other.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from dmp_core.enrolment.majority import is_minor
from dmp_core.enrolment.representatives import Capacity
from dmp_core.errors import NotFound, WrongState


@dataclass(frozen=True, slots=True)
class Represented:
    """Somebody for whom a representative acts."""

    dossier: UUID
    civility: str
    """`M` or `MME`."""
    name: str = field(repr=False)
    """First name and name."""
    birth_date: str = field(repr=False)
    capacity: Capacity
    until: date | None
    """The last day; None while no end is set."""


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody who acts for the person."""

    mandate: UUID
    representative: UUID
    name: str = field(repr=False)
    capacity: Capacity
    since: date
    until: date | None


def represented_by(connection: Connection, now: datetime) -> list[Represented]:
    """For whom the bound representative may act now; nobody when a holder is bound."""
    rows = connection.execute(_REPRESENTED, {"now": now})
    return [
        Represented(
            row.dossier_id, row.civilite, f"{row.prenom} {row.nom_usage or row.nom_naissance}", row.date_naissance,
            Capacity(row.capacity), row.until,
        )
        for row in rows
    ]  # fmt: skip


def acting_for(connection: Connection, today: date) -> list[Acting]:
    """Who represents the holder of the bound dossier today, in Paris; for a representative, themselves alone."""
    rows = connection.execute(_ACTING, {"today": today})
    return [
        Acting(
            row.id, row.representative_id, f"{row.prenom} {row.nom}", Capacity(row.capacity), row.since, row.until
        )
        for row in rows
    ]  # fmt: skip


def name_of(connection: Connection, representative: UUID) -> str:
    """First name and name of the bound representative. Raises NotFound for somebody who is none."""
    row = connection.execute(_NAME, {"who": representative}).one_or_none()
    if row is None:
        raise NotFound("Ce compte n’existe pas ou n’existe plus.")
    return f"{row.prenom} {row.nom}"


def birth_date_of(connection: Connection) -> str:
    """Of the person whose dossier is bound, AAAA-MM-JJ."""
    return str(connection.scalar(text("SELECT date_naissance FROM enrolment.dossier")))


def end_of_access(connection: Connection, now: datetime, today: date, mandate: UUID) -> str:
    """The holder ends a representative's access, at once; the representative's name.

    Raises WrongState for a minor, who stays under parental authority, and NotFound for one that has ended already.
    """
    if is_minor(birth_date_of(connection), today):
        raise WrongState(
            "Vous êtes mineur : l’accès de qui exerce l’autorité parentale prend fin le jour de vos 18 ans, ou à l’accueil "
            "de la caisse."
        )
    row = connection.execute(_ONE, {"mandate": mandate}).one_or_none()
    ended = connection.execute(_END, {"mandate": mandate, "now": now}).rowcount
    if row is None or not ended:
        raise NotFound("Cette personne ne vous représente plus : actualisez la page.")
    return f"{row.prenom} {row.nom}"


_REPRESENTED: Final = text("SELECT * FROM enrolment.represented(:now)")
_NAME: Final = text("SELECT nom, prenom FROM enrolment.representative WHERE id = :who")
_ACTING: Final = text(
    "SELECT m.id, m.representative_id, r.nom, r.prenom, m.capacity, m.since, m.until FROM enrolment.mandate m "
    "JOIN enrolment.representative r ON r.id = m.representative_id WHERE m.ended_at IS NULL AND m.since <= :today "
    "AND (m.until IS NULL OR m.until >= :today) ORDER BY m.since, r.nom, r.id"
)
_ONE: Final = text(
    "SELECT r.nom, r.prenom FROM enrolment.mandate m JOIN enrolment.representative r ON r.id = m.representative_id "
    "WHERE m.id = :mandate"
)
_END: Final = text(
    "UPDATE enrolment.mandate SET ended_at = greatest(declared_at, :now), ended_by = 'holder' "
    "WHERE id = :mandate AND ended_at IS NULL"
)
