"""Writing and checking the journal.

Each entry holds the digest of the one before, so that an entry changed, removed or slipped in later shows. The role
`caisse` may INSERT and SELECT and nothing else: even our own code cannot rewrite the past.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Text, func, literal, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from backoffice.adapters.db import Base
from backoffice.core.actor import Actor

FIRST = bytes(32)
_LOCK = 0x4A4F5552  # "JOUR": one writer at a time, until its commit


class AuditEntry(Base):
    """Who did what to which object, when, with which result and why. Never a NIR, a code or a secret."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]
    roles: Mapped[str]
    caisse: Mapped[str | None]
    action: Mapped[str]
    object: Mapped[str]
    result: Mapped[str]
    reason: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
    previous: Mapped[bytes]
    digest: Mapped[bytes]


def record(
    session: Session,
    actor: Actor,
    action: str,
    about: str,
    *,
    at: datetime,
    caisse: str | None = None,
    result: str = "fait",
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Add an entry in the caller's transaction: the action and its line are kept together or not at all.

    Call it last: the journal has one writer at a time until the commit.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    last = session.execute(select(AuditEntry.id, AuditEntry.digest).order_by(AuditEntry.id.desc()).limit(1)).first()
    entry = AuditEntry(
        id=(last.id if last else 0) + 1,
        at=at.astimezone(UTC),
        actor=actor.login,
        roles=",".join(sorted(actor.roles)),
        caisse=caisse,
        action=action,
        object=about,
        result=result,
        reason=reason,
        detail=dict(detail or {}),
        previous=last.digest if last else FIRST,
    )
    entry.digest = _digest(entry)
    session.add(entry)
    session.flush()
    return entry


def entries_about(session: Session, objects: Collection[str], limit: int) -> list[AuditEntry]:
    """The latest entries about any of these objects, newest first."""
    # Each object's latest by the index of objects: for a long list the planner would rather walk the journal backwards.
    wanted = (
        func.unnest(literal(sorted(set(objects)), ARRAY(Text)), type_=Text)
        .table_valued("object", name="wanted")
        .render_derived()
    )
    latest = (
        select(AuditEntry)
        .where(AuditEntry.object == wanted.c.object)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
        .lateral("latest")
    )
    entry = aliased(AuditEntry, latest)
    query = select(entry).select_from(wanted).join(entry, true()).order_by(entry.id.desc()).limit(limit)
    return list(session.scalars(query))


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What the check of the chain found."""

    entries: int
    first_fault: int | None
    """Number of the first entry that does not fit, or None."""
    fault: str | None
    """French sentence about it."""
    head: str
    """Hexadecimal digest of the last entry: noted elsewhere, it proves later that nothing was cut off the end."""


def check_chain(session: Session) -> ChainReport:
    """Recompute every digest in order."""
    previous, expected, count = FIRST, 1, 0
    query = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=2000)
    with session.scalars(query) as entries:
        for entry in entries:
            fault = None
            if entry.id != expected:
                fault = f"La ligne {expected} du journal manque."
            elif entry.previous != previous:
                fault = f"La ligne {entry.id} du journal ne suit pas la précédente."
            elif entry.digest != _digest(entry):
                fault = f"La ligne {entry.id} du journal a été modifiée."
            if fault:
                return ChainReport(count, expected, fault, previous.hex())
            previous, expected, count = entry.digest, entry.id + 1, count + 1
    return ChainReport(count, None, None, previous.hex())


def _digest(entry: AuditEntry) -> bytes:
    content = [
        entry.id, entry.at.astimezone(UTC).isoformat(timespec="microseconds"), entry.actor, entry.roles, entry.caisse,
        entry.action, entry.object, entry.result, entry.reason, entry.detail, entry.previous.hex(),
    ]  # fmt: skip
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    ).digest()
