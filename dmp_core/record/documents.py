"""Documents of a dossier as they are kept: entered, replaced, changed, found; what one is, `metadata` says.

Every function works in a transaction bound to the dossier and decides nothing: who may do what is `dmp_core.access`'s. Titles
and names are sealed; what is needed to sort, filter and decide stands in clear beside them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import Connection, text

from dmp_core.errors import WrongState
from dmp_core.record.categories import TYPES_APART, Category, categorised, category_of
from dmp_core.record.contents import Format
from dmp_core.record.metadata import DIRECTIVES, Author, AuthorKind, Document, Draft, Sight, Status, Wanted
from dmp_core.record.sealing import Box

_CHANGED: Final = "Ce document vient d’être modifié dans une autre fenêtre : actualisez la page."


def enter(
    connection: Connection, box: Box, dossier: UUID, draft: Draft, content: UUID, now: datetime,
    submission: UUID | None = None,
) -> Document:  # fmt: skip
    """A first version. Raises WrongState when the very same content, or identifier, is in the dossier already."""
    return _insert(connection, box, dossier, draft, content, now, submission, logical_id=uuid4(), version=1)


def replace_with(
    connection: Connection, box: Box, dossier: UUID, old: Document, draft: Draft, content: UUID, now: datetime,
    submission: UUID | None = None,
) -> Document:  # fmt: skip
    """A new version in place of `old`, which is kept as replaced; it is masked and archived as the old one was.

    Hidden from representatives it stays too, and may become. Raises WrongState when `old` is no longer the current version.
    """
    _change(connection, old, now, status=Status.DEPRECATED)
    secret = old.hidden_from_representatives or draft.hidden_from_representatives
    kept = replace(draft, masked=old.masked, hidden_until=old.hidden_until, hidden_from_representatives=secret)
    return _insert(
        connection, box, dossier, kept, content, now, submission, logical_id=old.logical_id, version=old.version + 1
    )


def mask(connection: Connection, document: Document, now: datetime, masked: bool) -> None:
    """Hide from professionals, or show again."""
    _change(connection, document, now, masked=masked)


def announce(connection: Connection, document: Document) -> bool:
    """Show to the holder, from the moment of the transaction on, what awaited its announcement; never the other way.
    Whether PostgreSQL let the bound professional do it."""
    asked = {"id": document.id, "seen": document.entry_uuid, "entry": uuid4()}
    return bool(connection.scalar(_ANNOUNCE, asked))


def keep_secret(connection: Connection, document: Document, secret: bool) -> bool:
    """Hide from legal representatives, or show them again, in its author's name; all versions together.
    Whether PostgreSQL let the bound professional do it."""
    asked = {"id": document.id, "seen": document.entry_uuid, "entry": uuid4(), "secret": secret}
    return bool(connection.scalar(_KEEP_SECRET, asked))


def hide_from_representatives(connection: Connection, document: Document, now: datetime, hidden: bool) -> None:
    """Hide from legal representatives, or show them again."""
    _change(connection, document, now, hidden_from_representatives=hidden)


def set_status(connection: Connection, document: Document, now: datetime, status: Status) -> None:
    """Archive, bring back, or delete (logically, never physically: DOMAIN 4.3)."""
    _change(connection, document, now, status=status)


def document_of(connection: Connection, box: Box, document_id: UUID, *, lock: bool = False) -> Document | None:
    """The document of the bound dossier with this id, whatever its state."""
    row = connection.execute(_ONE_LOCKED if lock else _ONE, {"id": document_id}).one_or_none()
    return None if row is None else read(box, row)


def current_of(
    connection: Connection, box: Box, type_code: str, format_code: str, *, lock: bool = False
) -> Document | None:
    """The latest document of the bound dossier in force, of this type and model."""
    row = connection.execute(
        _CURRENT_LOCKED if lock else _CURRENT, {"type": type_code, "format": format_code}
    ).one_or_none()
    return None if row is None else read(box, row)


def directives_of(connection: Connection, box: Box, dossier: UUID) -> Document | None:
    """The directives of the bound dossier, archived ones too; whoever puts in others at once waits here."""
    connection.execute(_ALONE, {"key": f"{DIRECTIVES}/{dossier}"})
    row = connection.execute(_DIRECTIVES, {"type": DIRECTIVES}).one_or_none()
    return None if row is None else read(box, row)


def versions_of(connection: Connection, box: Box, document: Document) -> list[Document]:
    """Every version of it, the latest first."""
    return [read(box, row) for row in connection.execute(_VERSIONS, {"logical": document.logical_id})]


def held(
    connection: Connection, box: Box, sha256: bytes, author: str, establishment: str | None = None
) -> Document | None:  # fmt: skip
    """The version in force, by this author and sent by this establishment, that says exactly this."""
    asked = {"sha256": sha256, "author": author, "establishment": establishment or ""}
    row = connection.execute(_HELD, asked).one_or_none()
    return None if row is None else read(box, row)


def named(
    connection: Connection, box: Box, dossier: UUID, unique_id: str, author: str, establishment: str
) -> Document | None:  # fmt: skip
    """What this establishment sent under this identifier in this author's name, whatever has become of it."""
    asked = {"dossier": dossier, "unique": unique_id, "author": author, "establishment": establishment}
    row = connection.execute(_NAMED, asked).one_or_none()
    return None if row is None else read(box, row)


def documents_of(
    connection: Connection, box: Box, wanted: Wanted, now: datetime, limit: int, offset: int = 0, *,
    represented: bool = False,
) -> list[Document]:  # fmt: skip
    """The holder's view of the list, or their representative's, the latest first: what is not for them is not there."""
    asked = _wanted(wanted, now) | {"limit": limit, "offset": offset}
    rows = connection.execute(_LIST_REPRESENTED if represented else _LIST, asked)
    return [read(box, row) for row in rows]


def documents_seen(
    connection: Connection, box: Box, dossier: UUID, sight: Sight, wanted: Wanted, limit: int, offset: int = 0
) -> list[Document]:
    """A professional's view of the list, the latest first, by the rule of `Sight.shows`."""
    asked = _wanted(wanted, None) | {
        "dossier": dossier, "limit": limit, "offset": offset, "mine": sight.professional, "read": sorted(sight.types),
        "all": sight.masked,
    }  # fmt: skip
    return [read(box, row) for row in connection.execute(_LIST_SEEN, asked)]


def count_by_category(
    connection: Connection, wanted: Wanted, now: datetime, *, represented: bool = False
) -> dict[Category, int]:
    """How many of each category are there for the holder, or for their representative; one without any is absent."""
    found: dict[Category, int] = {}
    for row in connection.execute(_COUNTS_REPRESENTED if represented else _COUNTS, _wanted(wanted, now)):
        category = category_of(row.type_code, row.class_code)
        if category is not None:
            found[category] = found.get(category, 0) + row.documents
    return found


def is_awaited(connection: Connection, dossier: UUID, now: datetime, before: datetime) -> bool:
    """Whether a document of the bound dossier, deposited `before` or then, is still to be announced to its holder."""
    return bool(connection.scalar(_AWAITED, {"dossier": dossier, "now": now, "before": before}))


def is_within_reach(connection: Connection, dossier: UUID) -> bool:
    """Whether the bound dossier is open: of any other, nothing can be read nor written."""
    return bool(connection.scalar(_OPEN, {"dossier": dossier}))


def _insert(
    connection: Connection, box: Box, dossier: UUID, draft: Draft, content: UUID, now: datetime,
    submission: UUID | None, *, logical_id: UUID, version: int,
) -> Document:  # fmt: skip
    data = draft.content.data
    made = Document(
        id=uuid4(), entry_uuid=uuid4(), logical_id=logical_id, version=version,
        unique_id=draft.unique_id or f"urn:uuid:{uuid4()}", class_code=draft.type.class_code, type_code=draft.type.code,
        type_system=draft.type.system, format=draft.content.format, size=len(data),
        sha1=hashlib.sha1(data, usedforsecurity=False).digest(), sha256=hashlib.sha256(data).digest(),
        author=draft.author, created_at=now, service_start=draft.service_start, submitted_at=now,
        status=Status.APPROVED, masked=draft.masked, hidden_until=draft.hidden_until, title=draft.title, content=content,
        changed_at=now, submission=submission or uuid4(), format_code=draft.content.format_code,
        hidden_from_representatives=draft.hidden_from_representatives,
        establishment=draft.establishment,
    )  # fmt: skip
    entered = connection.execute(
        _INSERT,
        {
            "id": made.id, "dossier": dossier, "entry": made.entry_uuid, "logical": logical_id, "version": version,
            "unique": made.unique_id, "class": made.class_code, "type": made.type_code, "system": made.type_system,
            "mime": made.format.value, "format": made.format_code, "size": made.size, "sha1": made.sha1,
            "sha256": made.sha256, "author_kind": made.author.kind.value, "author_id": made.author.id,
            "service": made.service_start, "now": now, "status": made.status.value, "masked": made.masked,
            "hidden": made.hidden_until, "content": content, "submission": made.submission,
            "establishment": made.establishment,
            "secret": made.hidden_from_representatives, "about": box.seal(_about(made.title, made.author.name), made.id.bytes),
        },
    ).rowcount  # fmt: skip
    if not entered:
        raise WrongState("Ce document est déjà dans votre DMP : il n’a pas été ajouté une seconde fois.")
    return made


def _change(connection: Connection, document: Document, now: datetime, **columns: Any) -> None:
    """One change of metadata, if nobody changed it since it was read; the entry gets another uuid (DOMAIN 4.3)."""
    (column,) = columns
    changed = connection.execute(
        _UPDATE[column], {**columns, "id": document.id, "seen": document.entry_uuid, "entry": uuid4(), "now": now}
    ).rowcount
    if not changed:
        raise WrongState(_CHANGED)


def _about(title: str, author: str) -> bytes:
    return msgspec.json.encode({"title": title, "author": author})


def read(box: Box, row: Sequence[Any]) -> Document:
    """A row of `COLUMNS`, opened."""
    (
        id_, entry_uuid, logical_id, version, unique_id, class_code, type_code, type_system, mime, size, sha1, sha256,
        author_kind, author_id, created_at, service_start, submitted_at, status, masked, hidden_until, about, content,
        changed_at, submission, format_code, hidden_from_representatives, establishment,
    ) = row  # fmt: skip
    told = msgspec.json.decode(box.open(about, id_.bytes))
    return Document(
        id=id_, entry_uuid=entry_uuid, logical_id=logical_id, version=version, unique_id=unique_id, class_code=class_code,
        type_code=type_code, type_system=type_system, format=Format(mime), size=size, sha1=sha1, sha256=sha256,
        author=Author(AuthorKind(author_kind), author_id, told["author"]), created_at=created_at,
        service_start=service_start, submitted_at=submitted_at, status=Status(status), masked=masked,
        hidden_until=hidden_until, title=told["title"], content=content, changed_at=changed_at, submission=submission,
        format_code=format_code, hidden_from_representatives=hidden_from_representatives, establishment=establishment,
    )  # fmt: skip


def _wanted(wanted: Wanted, now: datetime | None) -> dict[str, Any]:
    types: Iterable[str] = ()
    classes: Iterable[str] = ()
    if wanted.category is not None:
        types, classes = categorised()[wanted.category]
    return {
        "status": wanted.status.value, "since": wanted.since, "now": now, "any": wanted.category is None,
        "types": sorted(types), "classes": sorted(classes), "apart": sorted(TYPES_APART),
    }  # fmt: skip


COLUMNS: Final = (
    "id, entry_uuid, logical_id, version, unique_id, class_code, type_code, type_system, mime, size, sha1, sha256, "
    "author_kind, author_id, created_at, service_start, submitted_at, status, masked, hidden_until, about, content, "
    "changed_at, submission, format_code, hidden_from_representatives, establishment"
)
"""What `read` takes."""
_ASKED: Final = (
    "status = :status AND class_code <> '95' "
    "AND (CAST(:since AS timestamptz) IS NULL OR submitted_at >= :since) "
    "AND (:any OR type_code = ANY(CAST(:types AS text[])) "
    "OR (class_code = ANY(CAST(:classes AS text[])) AND type_code <> ALL(CAST(:apart AS text[]))))"
)
_SEEN: Final = f"{_ASKED} AND (hidden_until IS NULL OR hidden_until <= :now)"
_REPRESENTED: Final = f"{_SEEN} AND NOT hidden_from_representatives AND type_code NOT IN ('EXPPAT_1', 'EXPPAT_3')"
_ONE: Final = text(f"SELECT {COLUMNS} FROM medical.document WHERE id = :id")  # noqa: S608 - constants of ours
_ONE_LOCKED: Final = text(f"SELECT {COLUMNS} FROM medical.document WHERE id = :id FOR UPDATE")  # noqa: S608
_CURRENT_ROW: Final = (
    f"SELECT {COLUMNS} FROM medical.document WHERE type_code = :type AND format_code = :format "  # noqa: S608
    "AND status IN ('approved', 'archived') ORDER BY submitted_at DESC, id LIMIT 1"
)
_CURRENT: Final = text(_CURRENT_ROW)
_CURRENT_LOCKED: Final = text(f"{_CURRENT_ROW} FOR UPDATE")
_ALONE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_DIRECTIVES: Final = text(
    f"SELECT {COLUMNS} FROM medical.document WHERE type_code = :type AND author_kind = 'holder' "  # noqa: S608
    "AND status IN ('approved', 'archived') ORDER BY submitted_at DESC, id LIMIT 1 FOR UPDATE"
)
_VERSIONS: Final = text(
    f"SELECT {COLUMNS} FROM medical.document WHERE logical_id = :logical ORDER BY version DESC"  # noqa: S608
)
_LIST: Final = text(
    f"SELECT {COLUMNS} FROM medical.document WHERE {_SEEN} "  # noqa: S608
    "ORDER BY service_start DESC, id LIMIT :limit OFFSET :offset"
)
_LIST_REPRESENTED: Final = text(
    f"SELECT {COLUMNS} FROM medical.document WHERE {_REPRESENTED} "  # noqa: S608
    "ORDER BY service_start DESC, id LIMIT :limit OFFSET :offset"
)
_LIST_SEEN: Final = text(
    f"SELECT {COLUMNS} FROM medical.document WHERE dossier_id = :dossier AND {_ASKED} "  # noqa: S608
    "AND status <> 'deleted' AND type_code = ANY(CAST(:read AS text[])) "
    "AND (:all OR NOT masked OR author_id = :mine) ORDER BY service_start DESC, id LIMIT :limit OFFSET :offset"
)
_COUNTS: Final = text(
    f"SELECT type_code, class_code, count(*) AS documents FROM medical.document WHERE {_SEEN} GROUP BY 1, 2"  # noqa: S608
)
_AWAITED: Final = text(
    "SELECT EXISTS (SELECT FROM medical.document d WHERE d.dossier_id = :dossier AND d.hidden_until > :now "
    "AND d.status IN ('approved', 'archived') AND EXISTS (SELECT FROM medical.document f "
    "WHERE f.logical_id = d.logical_id AND f.version = 1 AND f.submitted_at <= :before))"
)
_COUNTS_REPRESENTED: Final = text(
    f"SELECT type_code, class_code, count(*) AS documents FROM medical.document WHERE {_REPRESENTED} GROUP BY 1, 2"  # noqa: S608
)
_OPEN: Final = text("SELECT EXISTS (SELECT FROM enrolment.dossier WHERE id = :dossier AND state = 'open')")
_INSERT: Final = text(
    "INSERT INTO medical.document (id, dossier_id, entry_uuid, logical_id, version, unique_id, class_code, type_code, "
    "type_system, mime, format_code, size, sha1, sha256, author_kind, author_id, created_at, service_start, "
    "submitted_at, status, masked, hidden_until, about, content, changed_at, submission, hidden_from_representatives, "
    "establishment) "
    "VALUES (:id, :dossier, :entry, "
    ":logical, :version, :unique, :class, :type, :system, :mime, :format, :size, :sha1, :sha256, :author_kind, :author_id, :now, "
    ":service, :now, :status, :masked, :hidden, :about, :content, :now, :submission, :secret, :establishment) "
    "ON CONFLICT DO NOTHING"
)
# One column at a time: a professional may withdraw what they wrote, and has no right to touch what the holder masked.
_UPDATE: Final = {
    column: text(
        f"UPDATE medical.document SET {column} = :{column}, entry_uuid = :entry, changed_at = :now "  # noqa: S608
        "WHERE id = :id AND entry_uuid = :seen"
    )
    for column in ("status", "masked", "hidden_from_representatives")
}
_KEEP_SECRET: Final = text(
    "SELECT medical.keep_secret(CAST(:id AS uuid), CAST(:seen AS uuid), CAST(:entry AS uuid), :secret)"
)
_ANNOUNCE: Final = text("SELECT medical.announce(CAST(:id AS uuid), CAST(:seen AS uuid), CAST(:entry AS uuid))")
_HELD: Final = text(
    f"SELECT {COLUMNS} FROM medical.document WHERE sha256 = :sha256 AND author_id = :author "  # noqa: S608
    "AND coalesce(establishment, '') = :establishment AND status IN ('approved', 'archived')"
)
_NAMED: Final = text(
    f"SELECT {COLUMNS} FROM medical.document WHERE dossier_id = :dossier AND author_id = :author "  # noqa: S608
    "AND coalesce(establishment, '') = :establishment AND unique_id = :unique"
)
