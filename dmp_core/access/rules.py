"""How a professional may come to a dossier, and why a document is there for them or not: pure rules (DOMAIN 4.1, 5.2).

Order: the dossier is open; nobody blocked comes in, whatever else speaks for them; then a relation in force (médecin
traitant, explicit consent, care team); without one, an emergency that the holder did not refuse beforehand.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from dmp_core.access.habilitations import reads
from dmp_core.access.trace import Mode
from dmp_core.record.metadata import Document, Status

AUTHORISED_FOR: Final = timedelta(days=365)
"""How long a consent or a place in the care team holds before it is asked again (first DMP, 2010)."""
EMERGENCY_FOR: Final = timedelta(hours=1)
LONGEST_REASON: Final = 300


class Basis(StrEnum):
    """By what right a professional is in relation with a dossier."""

    ATTENDING = "attending"
    """Médecin traitant, named by the holder."""
    CONSENT = "consent"
    """Explicit consent, collected by a professional or given by the holder."""
    TEAM = "team"
    """Of the care team (CSP L.1110-12), brought in by one who is."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What stands between a professional and a dossier."""

    basis: Basis
    sees_all: bool
    """Masked documents too: the médecin traitant, and who was given the same rights."""
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Emergency:
    """An access without asking first: read-only, for an hour at most."""

    mode: Mode
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """All that decides about one professional and one dossier."""

    open: bool
    """Neither closed nor suspended, and there."""
    blocked: bool = False
    relation: Relation | None = None
    emergency: Emergency | None = None
    refuses_emergency: bool = False
    """The holder refused emergency accesses beforehand."""


class Barrier(StrEnum):
    """Why a professional is not in."""

    ABSENT = "absent"
    """No dossier, or one that is not open."""
    BLOCKED = "blocked"
    EXPIRED = "expired"
    """Was authorised; the consent is to be asked again."""
    NONE = "none"
    """Never authorised."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a professional is in."""

    basis: Basis | None
    """None in an emergency."""
    mode: Mode
    sees_all: bool
    until: datetime | None


def way_in(standing: Standing, now: datetime) -> Way | Barrier:
    """How this professional is in now, or why not."""
    if not standing.open:
        return Barrier.ABSENT
    if standing.blocked:
        return Barrier.BLOCKED
    relation, emergency = standing.relation, standing.emergency
    if relation is not None and (relation.until is None or now < relation.until):
        return Way(relation.basis, Mode.NORMAL, relation.sees_all, relation.until)
    if emergency is not None and now < emergency.ends_at and not standing.refuses_emergency:
        # What the holder masked stays masked: the sources do not settle it, and the médecin traitant is told.
        return Way(None, emergency.mode, False, emergency.ends_at)
    return Barrier.NONE if relation is None else Barrier.EXPIRED


class Why(StrEnum):
    """Why a document is there for a professional, or not; the holder reads the label."""

    ATTENDING = "attending"
    SAME_RIGHTS = "same_rights"
    AUTHOR = "author"
    CONSENT = "consent"
    TEAM = "team"
    EMERGENCY = "emergency"
    MASKED = "masked"
    PROFESSION = "profession"
    DELETED = "deleted"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    NOT_IN = "not_in"

    @property
    def seen(self) -> bool:
        """Whether the document is there."""
        return self in _SEEN

    @property
    def label(self) -> str:
        """What the holder reads."""
        return _LABELS[self]


_SEEN: Final = frozenset({Why.ATTENDING, Why.SAME_RIGHTS, Why.AUTHOR, Why.CONSENT, Why.TEAM, Why.EMERGENCY})
_LABELS: Final = {
    Why.ATTENDING: "c’est votre médecin traitant : il voit tout",
    Why.SAME_RIGHTS: "vous lui avez donné les mêmes droits qu’à votre médecin traitant",
    Why.AUTHOR: "c’est l’auteur du document",
    Why.CONSENT: "vous l’avez autorisé",
    Why.TEAM: "fait partie de votre équipe de soins",
    Why.EMERGENCY: "accès en urgence en cours",
    Why.MASKED: "vous avez masqué ce document",
    Why.PROFESSION: "sa profession ne lit pas ce type de document",
    Why.DELETED: "le document est supprimé",
    Why.BLOCKED: "vous l’avez bloqué",
    Why.EXPIRED: "son autorisation est terminée",
    Why.NOT_IN: "n’est pas autorisé",
}


def why(way: Way | Barrier, professional: str, profession: str, document: Document, on: date) -> Why:
    """Why a document is there, or not, for a professional who is in by `way`: profession first, then what is masked."""
    if isinstance(way, Barrier):
        return {Barrier.BLOCKED: Why.BLOCKED, Barrier.EXPIRED: Why.EXPIRED}.get(way, Why.NOT_IN)
    if document.status is Status.DELETED:
        return Why.DELETED
    if not reads(profession, document.type_code, document.category, on):
        return Why.PROFESSION
    if document.author.id == professional:
        return Why.AUTHOR
    if way.sees_all:
        return Why.ATTENDING if way.basis is Basis.ATTENDING else Why.SAME_RIGHTS
    if document.masked:
        return Why.MASKED
    return (
        {Basis.CONSENT: Why.CONSENT, Basis.TEAM: Why.TEAM}.get(way.basis, Why.EMERGENCY) if way.basis else Why.EMERGENCY
    )
