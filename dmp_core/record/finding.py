"""Documents found by what their metadata say, as ITI-66 and ITI-67 ask (IHE MHD 4.2.3; DOMAIN 10).

What is deleted or of management is not there, in no count either; nor, for the holder, what is not announced yet, and for
a professional what their `Sight` does not show.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from dmp_core.record.documents import COLUMNS, read
from dmp_core.record.metadata import Document, Sight, Status
from dmp_core.record.sealing import Box
from dmp_core.storage.engine import rows_at_once


@dataclass(frozen=True, slots=True)
class Span:
    """From `since`, included, to `before`, excluded; None for no bound."""

    since: datetime | None = None
    before: datetime | None = None

    def within(self, other: "Span") -> "Span":
        """What both hold."""
        starts = [each for each in (self.since, other.since) if each is not None]
        ends = [each for each in (self.before, other.before) if each is not None]
        return Span(max(starts, default=None), min(ends, default=None))


class Order(Enum):
    """Which come first."""

    LATEST_ACT = "service_start DESC, id"
    LATEST = "created_at DESC, id"
    EARLIEST = "created_at, id"
    LATEST_CHANGE = "changed_at DESC, id"
    EARLIEST_CHANGE = "changed_at, id"


STANDING: Final = frozenset({Status.APPROVED, Status.ARCHIVED})
"""In force: FHIR's `current`."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What the documents wanted have; None of a criterion: whatever. Several values of one: any of them."""

    statuses: frozenset[Status] = STANDING | {Status.DEPRECATED}
    ids: tuple[UUID, ...] | None = None
    names: tuple[str, ...] | None = None
    """Of uniqueId, or `urn:uuid:` and an entryUUID."""
    types: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None
    formats: tuple[str, ...] | None = None
    """Codes of XDS formatCode."""
    authors: tuple[str, ...] | None = None
    """Their identifiers."""
    masked: bool | None = None
    submissions: tuple[UUID, ...] | None = None
    created: Span = field(default_factory=Span)
    started: Span = field(default_factory=Span)
    """The act."""
    submitted: Span = field(default_factory=Span)
    changed: Span = field(default_factory=Span)
    order: Order = Order.LATEST_ACT


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what was found."""

    documents: list[Document] = field(repr=False)
    total: int


@dataclass(frozen=True, slots=True)
class Submission:
    """Documents deposited together: a SubmissionSet."""

    id: UUID
    at: datetime
    documents: list[Document] = field(repr=False)


def find(
    connection: Connection, box: Box, criteria: Criteria, now: datetime, limit: int, offset: int = 0,
    sight: Sight | None = None,
) -> Found:  # fmt: skip
    """One page of the documents that answer all the criteria, and how many there are: the holder's view without `sight`,
    a professional's with theirs."""
    asked = _asked(criteria, now, sight)
    put = frozenset(asked)
    where = asked | {"limit": limit, "offset": offset}
    rows = rows_at_once(connection, _page(put, criteria.order), where) if limit else []
    # Beyond the last page, and where none is wanted, no row tells how many there are.
    total = rows[0].total if rows else _number(connection, _count(put), asked)
    return Found([read(box, row[:-1]) for row in rows], total)


def submissions(
    connection: Connection, box: Box, criteria: Criteria, now: datetime, limit: int, offset: int = 0,
    sight: Sight | None = None,
) -> tuple[list[Submission], int]:  # fmt: skip
    """Sets that hold at least one document that answers, the latest first, each with those of it that do: the holder's
    view without `sight`, a professional's with theirs."""
    asked = _asked(criteria, now, sight)
    put = frozenset(asked)
    total = _number(connection, _count_sets(put), asked)
    ids = [row.submission for row in rows_at_once(connection, _sets(put), asked | {"limit": limit, "offset": offset})]
    if not ids:
        return [], total
    asked |= {"submissions": ids}
    within: dict[UUID, list[Document]] = {each: [] for each in ids}
    for row in rows_at_once(connection, _page(frozenset(asked), Order.EARLIEST), asked | {"limit": None, "offset": 0}):
        within[row.submission].append(read(box, row[:-1]))
    return [Submission(each, held[0].submitted_at, held) for each, held in within.items()], total


def _number(connection: Connection, question: bytes, asked: dict[str, Any]) -> int:
    (row,) = rows_at_once(connection, question, asked)
    return int(row[0])


def _asked(criteria: Criteria, now: datetime, sight: Sight | None = None) -> dict[str, Any]:
    """The values of the criteria that are put, by name; of a view, its own."""
    view: dict[str, Any]
    if sight is None:
        view = {"now": now}
    else:
        view = {"read": sorted(sight.types)} | ({} if sight.masked else {"mine": sight.professional})
    asked = view | {
        "statuses": sorted(criteria.statuses), "ids": criteria.ids, "names": criteria.names, "types": criteria.types,
        "classes": criteria.classes, "formats": criteria.formats, "authors": criteria.authors, "masked": criteria.masked,
        "submissions": criteria.submissions,
    }  # fmt: skip
    if criteria.names is not None:
        asked["entries"] = [UUID(name[9:]) for name in criteria.names if _is_entry(name)]
    for name in ("created", "started", "submitted", "changed"):
        span: Span = getattr(criteria, name)
        asked |= {f"{name}_since": span.since, f"{name}_before": span.before}
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in asked.items() if value is not None
    }


def _is_entry(name: str) -> bool:
    try:
        return name.startswith("urn:uuid:") and bool(UUID(name[9:]))
    except ValueError:
        return False


_CONDITIONS: Final = {
    "now": "(hidden_until IS NULL OR hidden_until <= %(now)s)",
    "read": "type_code = ANY(CAST(%(read)s AS text[]))",
    "mine": "(NOT masked OR author_id = %(mine)s)",
    "statuses": "status = ANY(CAST(%(statuses)s AS text[]))",
    "ids": "id = ANY(CAST(%(ids)s AS uuid[]))",
    "names": "(unique_id = ANY(CAST(%(names)s AS text[])) OR entry_uuid = ANY(CAST(%(entries)s AS uuid[])))",
    "types": "type_code = ANY(CAST(%(types)s AS text[]))",
    "classes": "class_code = ANY(CAST(%(classes)s AS text[]))",
    "formats": "format_code = ANY(CAST(%(formats)s AS text[]))",
    "authors": "author_id = ANY(CAST(%(authors)s AS text[]))",
    "masked": "masked = %(masked)s",
    "submissions": "submission = ANY(CAST(%(submissions)s AS uuid[]))",
} | {
    f"{name}_{end}": f"{column} {sign} %({name}_{end})s"
    for name, column in (
        ("created", "created_at"), ("started", "service_start"), ("submitted", "submitted_at"), ("changed", "changed_at")
    )
    for end, sign in (("since", ">="), ("before", "<"))
}  # fmt: skip
"""By name of a criterion, what it asks of a row. One that is not put costs PostgreSQL nothing."""


# S608: constants of ours; values are bound.
def _where(put: frozenset[str]) -> str:
    asked = (condition for name, condition in _CONDITIONS.items() if name in put)
    return " AND ".join(("class_code <> '95' AND status <> 'deleted'", *asked))


@lru_cache(maxsize=256)
def _page(put: frozenset[str], order: Order) -> bytes:
    return (
        f"SELECT {COLUMNS}, count(*) OVER () AS total FROM medical.document WHERE {_where(put)} "  # noqa: S608
        f"ORDER BY {order.value} LIMIT CAST(%(limit)s AS bigint) OFFSET %(offset)s"
    ).encode()


@lru_cache(maxsize=256)
def _count(put: frozenset[str]) -> bytes:
    return f"SELECT count(*) FROM medical.document WHERE {_where(put)}".encode()  # noqa: S608


@lru_cache(maxsize=256)
def _count_sets(put: frozenset[str]) -> bytes:
    return f"SELECT count(DISTINCT submission) FROM medical.document WHERE {_where(put)}".encode()  # noqa: S608


@lru_cache(maxsize=256)
def _sets(put: frozenset[str]) -> bytes:
    return (
        f"SELECT submission FROM medical.document WHERE {_where(put)} "  # noqa: S608
        "GROUP BY submission ORDER BY min(submitted_at) DESC, submission LIMIT %(limit)s OFFSET %(offset)s"
    ).encode()
