"""The rule of code requests, whoever asks: how often, for whom, and for what. One home for mon-dmp, counter and telephone.

A request is an event of the outbox; issuing the code that answers it revokes the one before.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, text

from dmp_core.enrolment.dossiers import DossierState
from dmp_core.enrolment.insured import Insured

A_DAY: Final = 1
"""Requests that a person may have answered within 24 hours."""
IN_THIRTY_DAYS: Final = 4
DAY: Final = timedelta(days=1)
THIRTY_DAYS: Final = timedelta(days=30)


class Purpose(StrEnum):
    """What a code is for."""

    CREATION = "creation"
    ACCESS = "access"
    """Lets the holder back into their DMP; always by post."""


class Refusal(StrEnum):
    """Why no code is sent."""

    NOT_ELIGIBLE = "not_eligible"
    NO_ACCESS = "no_access"
    """The DMP is suspended or closed."""
    A_DAY = "a_day"
    IN_THIRTY_DAYS = "in_thirty_days"


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rule says of one more request."""

    purpose: Purpose | None
    refusal: Refusal | None
    retry_at: datetime | None
    """When it becomes possible again; None when it is, and when time changes nothing."""

    @property
    def granted(self) -> bool:
        """Whether a code is sent."""
        return self.refusal is None


def purpose_of(state: DossierState | None, may_open: bool) -> Purpose | None:
    """What a code would be for, by the state of the person's dossier (None without one); None when they may have none."""
    if state is None:
        return Purpose.CREATION if may_open else None
    return Purpose.ACCESS if state is DossierState.OPEN else None


def within(day: int, month: int, *, a_day: int = A_DAY, in_thirty_days: int = IN_THIRTY_DAYS) -> bool:
    """Whether one more request may be answered after `day` in 24 hours and `month` in thirty days."""
    return (day < a_day) & (month < in_thirty_days)


def judge(
    state: DossierState | None, may_open: bool, asked: Sequence[datetime], now: datetime, *, a_day: int = A_DAY,
    in_thirty_days: int = IN_THIRTY_DAYS,
) -> Judged:  # fmt: skip
    """One more request at `now`, after those answered at `asked`; staff are told why not, and from when again."""
    purpose = purpose_of(state, may_open)
    if purpose is None:
        return Judged(None, Refusal.NOT_ELIGIBLE if state is None else Refusal.NO_ACCESS, None)
    day = sorted(at for at in asked if at > now - DAY)
    month = sorted(at for at in asked if at > now - THIRTY_DAYS)
    if within(len(day), len(month), a_day=a_day, in_thirty_days=in_thirty_days):
        return Judged(purpose, None, None)
    # As many must fall out of a window as leave one place free in it.
    frees = []
    if len(day) >= a_day > 0:
        frees.append(day[len(day) - a_day] + DAY)
    if len(month) >= in_thirty_days:
        frees.append(month[len(month) - in_thirty_days] + THIRTY_DAYS)
    refusal = Refusal.IN_THIRTY_DAYS if len(month) >= in_thirty_days else Refusal.A_DAY
    return Judged(purpose, refusal, max(frees) if frees and a_day else None)


def be_alone(connection: Connection, nir: str) -> None:
    """Until the transaction ends, nobody else asks for a code for this NIR, by whatever way: the second counts the first.

    By NIR, known or not: requests about nobody do not wait for one another.
    """
    key = int.from_bytes(hashlib.sha256(f"code-request/{nir}".encode()).digest()[:8], signed=True)
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def detail_of(purpose: Purpose) -> dict[str, str]:
    """The detail of the event that tells of a request."""
    return {"purpose": purpose.value}


def known_state(connection: Connection, person: Insured) -> DossierState | None:
    """The state of the person's dossier as the role `caisse` reads it; None without one."""
    found = connection.scalar(_STATE, {"caisse": person.caisse, "person": person.person_id})
    return DossierState(found) if found else None


def asked_since(connection: Connection, person: Insured, since: datetime) -> list[datetime]:
    """When codes were asked for, by whatever way, as the role `caisse` reads it."""
    rows = connection.scalars(_ASKED, {"caisse": person.caisse, "person": person.person_id, "since": since})
    return list(rows)


_STATE = text("SELECT state FROM enrolment.dossier WHERE caisse = :caisse AND person_id = :person")
_ASKED = text(
    "SELECT at FROM enrolment.outbox WHERE caisse = :caisse AND person_id = :person AND kind = 'code.requested' "
    "AND at > :since ORDER BY at"
)
