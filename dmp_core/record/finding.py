"""Documents found by what their metadata say, as ITI-66 and ITI-67 ask (IHE MHD 4.2.3; DOMAIN 10).

What is deleted or of management is not there, in no count either; nor, for the holder, what is not announced yet, and for
a professional what their `Sight` does not show.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, text

from dmp_core.record.documents import COLUMNS, Document, Sight, Status, read
from dmp_core.record.sealing import Box


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
    total = int(connection.scalar(_COUNT, asked) or 0)
    rows = connection.execute(_PAGES[criteria.order], asked | {"limit": limit, "offset": offset}) if limit else ()
    return Found([read(box, row) for row in rows], total)


def submissions(
    connection: Connection, box: Box, criteria: Criteria, now: datetime, limit: int, offset: int = 0,
    sight: Sight | None = None,
) -> tuple[list[Submission], int]:  # fmt: skip
    """Sets that hold at least one document that answers, the latest first, each with those of it that do: the holder's
    view without `sight`, a professional's with theirs."""
    asked = _asked(criteria, now, sight)
    total = int(connection.scalar(_COUNT_SETS, asked) or 0)
    ids = [row.submission for row in connection.execute(_SETS, asked | {"limit": limit, "offset": offset})]
    if not ids:
        return [], total
    rows = connection.execute(_PAGES[Order.EARLIEST], asked | {"sets": ids, "limit": None, "offset": 0})
    within: dict[UUID, list[Document]] = {each: [] for each in ids}
    for row in rows:
        within[row.submission].append(read(box, row))
    return [Submission(each, held[0].submitted_at, held) for each, held in within.items()], total


def _asked(criteria: Criteria, now: datetime, sight: Sight | None = None) -> dict[str, Any]:
    entries = [UUID(name[9:]) for name in criteria.names or () if _is_entry(name)]
    return {
        "now": now, "statuses": sorted(criteria.statuses), "holder": sight is None,
        "read": sorted(sight.types) if sight else [], "all": bool(sight and sight.masked),
        "mine": sight.professional if sight else "",
        "ids": _list(criteria.ids), "named": criteria.names is not None, "names": list(criteria.names or ()),
        "entries": entries, "types": _list(criteria.types), "classes": _list(criteria.classes),
        "formats": _list(criteria.formats), "authors": _list(criteria.authors), "masked": criteria.masked,
        "sets": _list(criteria.submissions),
        "created_since": criteria.created.since, "created_before": criteria.created.before,
        "started_since": criteria.started.since, "started_before": criteria.started.before,
        "submitted_since": criteria.submitted.since, "submitted_before": criteria.submitted.before,
        "changed_since": criteria.changed.since, "changed_before": criteria.changed.before,
    }  # fmt: skip


def _list(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else list(values)


def _is_entry(name: str) -> bool:
    try:
        return name.startswith("urn:uuid:") and bool(UUID(name[9:]))
    except ValueError:
        return False


def _any(column: str, name: str, kind: str) -> str:
    return f"(CAST(:{name} AS {kind}[]) IS NULL OR {column} = ANY(CAST(:{name} AS {kind}[])))"


def _span(column: str, name: str) -> str:
    return (
        f"(CAST(:{name}_since AS timestamptz) IS NULL OR {column} >= :{name}_since) "
        f"AND (CAST(:{name}_before AS timestamptz) IS NULL OR {column} < :{name}_before)"
    )


# S608: constants of ours; values are bound.
_WHERE: Final = " AND ".join(
    (
        "class_code <> '95' AND status <> 'deleted'",
        "CASE WHEN :holder THEN hidden_until IS NULL OR hidden_until <= :now "
        "ELSE type_code = ANY(CAST(:read AS text[])) AND (:all OR NOT masked OR author_id = :mine) END",
        "status = ANY(CAST(:statuses AS text[]))",
        _any("id", "ids", "uuid"),
        "(NOT :named OR unique_id = ANY(CAST(:names AS text[])) OR entry_uuid = ANY(CAST(:entries AS uuid[])))",
        _any("type_code", "types", "text"),
        _any("class_code", "classes", "text"),
        _any("format_code", "formats", "text"),
        _any("author_id", "authors", "text"),
        "(CAST(:masked AS boolean) IS NULL OR masked = :masked)",
        _any("submission", "sets", "uuid"),
        _span("created_at", "created"),
        _span("service_start", "started"),
        _span("submitted_at", "submitted"),
        _span("changed_at", "changed"),
    )
)
_COUNT: Final = text(f"SELECT count(*) FROM medical.document WHERE {_WHERE}")  # noqa: S608
_PAGES: Final = {
    order: text(
        f"SELECT {COLUMNS} FROM medical.document WHERE {_WHERE} "  # noqa: S608
        f"ORDER BY {order.value} LIMIT CAST(:limit AS bigint) OFFSET :offset"
    )
    for order in Order
}
_COUNT_SETS: Final = text(f"SELECT count(DISTINCT submission) FROM medical.document WHERE {_WHERE}")  # noqa: S608
_SETS: Final = text(
    f"SELECT submission FROM medical.document WHERE {_WHERE} "  # noqa: S608
    "GROUP BY submission ORDER BY min(submitted_at) DESC, submission LIMIT :limit OFFSET :offset"
)
