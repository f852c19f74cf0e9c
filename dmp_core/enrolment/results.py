"""What the enrolment facade answers: frozen, administrative facts only."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from dmp_core.enrolment.dossiers import ClosedBy, DossierState, Way
from dmp_core.enrolment.representatives import Capacity, Proof


class CodeStatus(StrEnum):
    """Where a creation code stands; expiry is by time, whatever the stored state says."""

    LIVE = "live"
    """May open a DMP."""
    EXPIRED = "expired"
    """Its two months are over."""
    USED = "used"
    """A DMP was opened with it."""
    REVOKED = "revoked"
    """Replaced, or withdrawn."""


@dataclass(frozen=True, slots=True)
class CodeState:
    """The state of a person's latest creation code; never the code."""

    status: CodeStatus
    letter_date: date
    posted_on: date | None
    """When its letter was posted, where that was later than dated and its end was put off."""
    expires_on: date
    """Last day of validity, in Paris."""
    issued_at: datetime
    changed_at: datetime | None
    """When it was used, revoked or expired (UTC); None while it is live."""
    reason: str | None
    """Why it was revoked, in French."""
    request_id: UUID
    """The request it was issued for."""


@dataclass(frozen=True, slots=True)
class IssuedCodes:
    """One issue: the only moment at which codes exist in clear. Put them on the page and forget them."""

    issue_id: UUID
    codes: dict[int, str] = field(repr=False)
    """Code in clear by person, in the order the persons were given; ungrouped."""
    refused: frozenset[int]
    """Persons who already hold a live code of another request: they keep it and get none."""
    expires_on: date
    """Last day of validity, in Paris, to be printed."""


@dataclass(frozen=True, slots=True)
class DossierFacts:
    """What a caisse may know of a dossier: that it is there, and where it stands."""

    state: DossierState
    way: Way
    opened_at: datetime
    request_id: UUID
    """The request it was opened for."""
    changed_at: datetime | None
    """When it was last suspended, resumed, closed or reopened; None while it stands as it was opened."""
    closed_by: ClosedBy | None
    reason: str | None
    """Of the last change, in French."""
    keep_until: date | None
    """Last day on which a closed dossier is kept."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """A new initial password: the only moment at which it exists in clear."""

    password: str = field(repr=False)
    expires_at: datetime
    """It opens nothing any more from this instant on (UTC)."""


@dataclass(frozen=True, slots=True)
class Mandated:
    """A legal representative of a person, as declared at a counter."""

    mandate: UUID
    civility: str
    """`M` or `MME`."""
    given_name: str = field(repr=False)
    name: str = field(repr=False)
    capacity: Capacity
    proof: Proof
    since: date
    until: date | None
    """Its last day; None while no end is set."""
    declared_by: str
    declared_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    """`holder`, `caisse`, or `term` for one that another took the place of after its last day."""
    reason: str | None

    def in_force(self, today: date) -> bool:
        """Whether they act for the person on that day, in Paris."""
        return self.ended_at is None and self.since <= today and (self.until is None or today <= self.until)


@dataclass(frozen=True, slots=True)
class DeclaredRepresentative:
    """A representative just declared; of a new account, the only moment at which the initial password exists in clear."""

    mandate: UUID
    name: str = field(repr=False)
    """First name and name."""
    until: date | None
    declared_at: datetime
    login: str | None = field(repr=False)
    """None when they had an account already, and know what opens it."""
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """A closed dossier whose ten years are over."""

    caisse: str
    person_id: int
    closed_at: datetime
    keep_until: date


@dataclass(frozen=True, slots=True)
class Destroyed:
    """The proof that a dossier was destroyed: it says who, when and a digest of what, and nothing of it."""

    proof: str
    """Hexadecimal digest."""
    at: datetime
