"""What the enrolment facade answers: frozen, administrative facts only."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


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
