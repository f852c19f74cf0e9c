"""What TD0.2 tells of a dossier before anybody comes in (DOMAIN 4.4): its state, and the professional's authorisation."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from dmp_core.access.rules import Basis, Standing


class Authorisation(StrEnum):
    """Whether a professional may consult, as the handbook names it."""

    VALID = "VALIDE"
    EXPIRED = "EXPIRE"
    """The consent is to be asked again."""
    NONE = "NON_EXISTE"
    """The consent is to be asked."""
    FORBIDDEN = "INTERDIT"
    """The holder blocked them."""

    @property
    def word(self) -> str:
        """On the button."""
        return _WORDS[self]

    @property
    def sentence(self) -> str:
        """What it means."""
        return _SENTENCES[self]


_WORDS: Final = {
    Authorisation.VALID: "Autorisé",
    Authorisation.EXPIRED: "Expiré",
    Authorisation.NONE: "Ouvert",
    Authorisation.FORBIDDEN: "Interdit",
}
_SENTENCES: Final = {
    Authorisation.VALID: "Vous êtes autorisé à consulter ce DMP.",
    Authorisation.EXPIRED: "Votre autorisation est terminée : demandez de nouveau au patient son consentement.",
    Authorisation.NONE: "Le patient a un DMP : demandez-lui son consentement pour le consulter.",
    Authorisation.FORBIDDEN: "Le patient a bloqué votre accès à son DMP.",
}


class Closer(StrEnum):
    """Who had a DMP closed."""

    HOLDER = "holder"
    CAISSE = "caisse"


@dataclass(frozen=True, slots=True)
class State:
    """A dossier as one professional may know of it before they come in: nothing that says who the patient is."""

    dossier: UUID
    open: bool
    closed_at: datetime | None
    """None for one that is only suspended, too."""
    closed_by: Closer | None
    authorisation: Authorisation | None
    """None where no DMP is open, for there is nothing to consult."""
    until: datetime | None
    """The end of a valid authorisation; None also for one that holds until another is named."""
    attending: bool
    """Whether they are the médecin traitant of this DMP."""


@dataclass(frozen=True, slots=True)
class Authorised:
    """A patient who authorised a professional, now or before."""

    dossier: UUID
    ins_c: str | None = field(repr=False)
    authorisation: Authorisation
    attending: bool
    since: datetime
    until: datetime | None


def state_in(connection: Connection, dossier: UUID, standing: Standing, now: datetime) -> State | None:
    """The state of the bound dossier for who stands so towards it; None when there is no such dossier."""
    row = connection.execute(_DOSSIER, {"dossier": dossier}).one_or_none()
    if row is None:
        return None
    found = authorisation_of(standing, now)
    closed = row.state == "closed" and found is not Authorisation.FORBIDDEN
    relation = standing.relation if found is Authorisation.VALID else None
    return State(
        dossier, standing.open, row.state_changed_at if closed else None, Closer(row.closed_by) if closed else None,
        found, relation.until if relation else None, bool(relation and relation.basis is Basis.ATTENDING),
    )  # fmt: skip


def authorisation_of(standing: Standing, now: datetime) -> Authorisation | None:
    """Whether this professional may consult. An emergency is no authorisation: nobody gave it."""
    if standing.blocked:
        return Authorisation.FORBIDDEN
    if not standing.open:
        return None
    return _of_relation(standing.relation.until, now) if standing.relation else Authorisation.NONE


def authorised(row: Row[Any], now: datetime) -> Authorised:
    """A line of `my_relations`."""
    return Authorised(
        row.dossier_id,
        row.ins_c,
        _of_relation(row.until, now),
        row.basis == Basis.ATTENDING.value,
        row.since,
        row.until,
    )


def _of_relation(until: datetime | None, now: datetime) -> Authorisation:
    return Authorisation.VALID if until is None or now < until else Authorisation.EXPIRED


_DOSSIER: Final = text("SELECT state, state_changed_at, closed_by FROM enrolment.dossier WHERE id = :dossier")
