"""What the DMP tells the back office: rows of an outbox, written in the transaction of what they tell (DESIGN 1).

An event is given until somebody marks it done, so that neither a crash nor several consumers lose one; whoever acts on
it does so once for each `event_id`. It names a person by the caisse's own number and holds administrative facts alone.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, text


class Kind(StrEnum):
    """What happened."""

    DOSSIER_OPENED = "dossier.opened"
    """A dossier was opened; detail `way`: online, counter or ps. The receipt follows (DOMAIN 8.5)."""
    CODE_REQUESTED = "code.requested"
    """An insured person asked for a code; detail `purpose`: creation or access."""
    DOSSIER_CLOSED = "dossier.closed"
    """Detail `by`: holder or caisse; of a caisse also `motive`: request, contested or death."""
    DOSSIER_REOPENED = "dossier.reopened"
    """Out of closure, in the ten years during which it is kept."""
    DOSSIER_SUSPENDED = "dossier.suspended"
    """Nobody gets in until the caisse has decided."""
    DOSSIER_RESUMED = "dossier.resumed"
    """Out of suspension."""
    CLOSURE_REQUESTED = "closure.requested"
    """The holder asked a professional for the closure: the caisse has it confirmed, and closes."""
    CREATION_CONTESTED = "creation.contested"
    """Whoever received the receipt says that they did not ask for a DMP."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one person's dossier or codes."""

    id: int
    """Grows with time; the order in which to act."""
    event_id: UUID
    """To act once, however often it is given."""
    kind: Kind
    caisse: str
    person_id: int
    at: datetime
    """UTC."""
    detail: dict[str, Any]


_RECORD = text(
    "INSERT INTO enrolment.outbox (event_id, kind, caisse, person_id, at, detail) "
    "VALUES (:event, :kind, :caisse, :person, :at, CAST(:detail AS jsonb))"
)
_WAITING = text(
    "SELECT id, event_id, kind, caisse, person_id, at, detail FROM enrolment.outbox "
    "WHERE done_at IS NULL ORDER BY id LIMIT :limit"
)
_DONE = text(
    "UPDATE enrolment.outbox SET done_at = :now "
    "WHERE event_id = ANY(CAST(:events AS uuid[])) AND done_at IS NULL"
)  # fmt: skip
_SINCE = text(
    "SELECT number, last_at FROM enrolment.events_of_person(:caisse, :person, :kind, CAST(:since AS timestamptz))"
)


def record_event(
    connection: Connection, kind: Kind, caisse: str, person_id: int, at: datetime,
    detail: Mapping[str, str] | None = None, *, event_id: UUID | None = None,
) -> UUID:  # fmt: skip
    """Tell the back office, if and when the caller's transaction commits; return the event's id.

    `detail` is short and administrative: no secret, no identity, nothing medical. `event_id`: the caller's own, so that
    asking again is told once.
    """
    event_id = event_id or uuid4()
    connection.execute(
        _RECORD,
        {
            "event": event_id, "kind": kind.value, "caisse": caisse, "person": person_id, "at": at,
            "detail": json.dumps(dict(detail or {})),
        },
    )  # fmt: skip
    return event_id


def waiting_events(connection: Connection, limit: int) -> list[Event]:
    """The oldest events that nobody has marked done, at most `limit`."""
    return [
        Event(row.id, row.event_id, Kind(row.kind), row.caisse, row.person_id, row.at, row.detail)
        for row in connection.execute(_WAITING, {"limit": limit})
    ]


def mark_done(connection: Connection, event_ids: Iterable[UUID], now: datetime) -> int:
    """Never give these events again; return how many were still waiting."""
    return connection.execute(_DONE, {"events": list(event_ids), "now": now}).rowcount


def events_since(
    connection: Connection, kind: Kind, caisse: str, person_id: int, since: datetime
) -> tuple[int, datetime | None]:
    """How many events of this kind the person has after `since`, and when the last was: the limits of code requests."""
    row = connection.execute(_SINCE, {"caisse": caisse, "person": person_id, "kind": kind.value, "since": since}).one()
    return row.number, row.last_at
