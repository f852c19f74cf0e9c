"""The trace of a dossier: every access, made or refused, in the transaction of the access itself (CSP R.1111-43).

One chain a dossier: each line carries the SHA-256 of the one before, so that a line changed, taken out or slipped in
breaks every line after it. Lines are only ever inserted: no login may change or delete one.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, text

FIRST: Final = bytes(32)
"""What the first line of a dossier follows."""


class Action(StrEnum):
    """What was done, or asked for."""

    LIST = "document.list"
    LOOK = "document.look"
    READ = "document.read"
    ADD = "document.add"
    REPLACE = "document.replace"
    MASK = "document.mask"
    UNMASK = "document.unmask"
    ARCHIVE = "document.archive"
    RESTORE = "document.restore"
    DELETE = "document.delete"
    ANNOUNCE = "document.announce"
    LOOK_OWN = "deposit.look"
    """Its author looks at what they deposited themselves: no access to the rest."""
    EXPORT = "document.export"
    READ_TRACE = "trace.read"
    EXPORT_TRACE = "trace.export"
    FIND = "dossier.find"
    ENTER = "dossier.enter"
    CONSENT = "relation.consent"
    BRING_IN = "relation.team"
    ATTENDING = "relation.attending"
    SEES_ALL = "relation.all"
    SEES_LESS = "relation.less"
    END = "relation.end"
    BLOCK = "relation.block"
    UNBLOCK = "relation.unblock"
    EMERGENCY = "emergency.begin"
    REFUSE_EMERGENCY = "emergency.refuse"
    ACCEPT_EMERGENCY = "emergency.accept"
    CONTEST = "emergency.contest"
    ANSWER = "emergency.answer"
    SEE_CIRCLE = "relation.read"
    PREVIEW = "relation.preview"
    HIDE = "document.hide"
    UNHIDE = "document.unhide"
    END_MANDATE = "mandate.end"
    CREATE = "dossier.create"
    REOPEN = "dossier.reopen"
    SECRETS = "dossier.secrets"
    ASK_CLOSURE = "dossier.ask_closure"
    SEE_ADMINISTRATION = "dossier.administration"

    @property
    def label(self) -> str:
        """What the holder reads."""
        return _LABELS[self]


_LABELS: Final = {
    Action.LIST: "liste des documents consultée",
    Action.LOOK: "fiche du document consultée",
    Action.READ: "document consulté",
    Action.ADD: "document ajouté",
    Action.REPLACE: "document remplacé",
    Action.MASK: "document masqué aux professionnels",
    Action.UNMASK: "document de nouveau visible des professionnels",
    Action.ARCHIVE: "document archivé",
    Action.RESTORE: "document sorti des archives",
    Action.DELETE: "document supprimé",
    Action.LOOK_OWN: "fiche de son propre dépôt consultée",
    Action.ANNOUNCE: "document annoncé : vous le voyez désormais",
    Action.EXPORT: "DMP téléchargé en entier",
    Action.READ_TRACE: "historique des accès consulté",
    Action.EXPORT_TRACE: "historique des accès téléchargé",
    Action.FIND: "DMP recherché",
    Action.ENTER: "entrée demandée",
    Action.CONSENT: "consentement du patient enregistré",
    Action.BRING_IN: "professionnel joint à l’équipe de soins",
    Action.ATTENDING: "médecin traitant désigné",
    Action.SEES_ALL: "mêmes droits que le médecin traitant donnés",
    Action.SEES_LESS: "mêmes droits que le médecin traitant retirés",
    Action.END: "autorisation retirée",
    Action.BLOCK: "professionnel bloqué",
    Action.UNBLOCK: "professionnel débloqué",
    Action.EMERGENCY: "accès en urgence ouvert",
    Action.REFUSE_EMERGENCY: "accès en urgence refusé d’avance",
    Action.ACCEPT_EMERGENCY: "accès en urgence de nouveau permis",
    Action.CONTEST: "accès en urgence contesté",
    Action.ANSWER: "contestation : réponse donnée",
    Action.SEE_CIRCLE: "liste des professionnels consultée",
    Action.PREVIEW: "DMP vu comme un professionnel le verrait",
    Action.HIDE: "document rendu invisible aux représentants légaux",
    Action.UNHIDE: "document de nouveau visible des représentants légaux",
    Action.END_MANDATE: "accès d’un représentant légal retiré",
    Action.CREATE: "DMP créé",
    Action.REOPEN: "DMP réactivé",
    Action.SECRETS: "document des secrets remis",
    Action.ASK_CLOSURE: "clôture demandée",
    Action.SEE_ADMINISTRATION: "données administratives consultées",
}


class ActorKind(StrEnum):
    """Who stands behind an access."""

    HOLDER = "holder"
    PROFESSIONAL = "professional"
    INSURANCE = "insurance"
    REPRESENTATIVE = "representative"
    """Who holds parental authority, or the tuteur: by name."""


class Mode(StrEnum):
    """In which way a dossier was entered (DOMAIN 4.1)."""

    NORMAL = "normal"
    EMERGENCY = "urgence"
    CENTRE_15 = "centre15"
    SECRET = "secret"  # noqa: S105 - a way in
    """A secret connection (CSP L.1111-5): told to the person alone, never to their representatives."""


@dataclass(frozen=True, slots=True)
class Who:
    """The one who acts, as the trace names them."""

    kind: ActorKind
    id: str
    name: str = field(repr=False)
    profession: str = ""
    mode: Mode = Mode.NORMAL


HOLDER: Final = Who(ActorKind.HOLDER, "titulaire", "Vous")
"""The holder in front of their own trace: the dossier says who that is."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the trace."""

    number: int
    at: datetime
    who: Who
    action: Action
    document: UUID | None
    granted: bool
    reason: str
    """Of an emergency or a refusal; empty for none."""
    previous: bytes = field(repr=False)
    digest: bytes = field(repr=False)


def write(
    connection: Connection, dossier: UUID, at: datetime, who: Who, action: Action, document: UUID | None = None, *,
    granted: bool = True, reason: str = "",
) -> Line:  # fmt: skip
    """Add a line to the chain of the bound dossier, in the caller's transaction."""
    written = connection.execute(_WRITE, _to_write(dossier, at, who, action, document, granted, reason)).one()
    return Line(written.number, at, who, action, document, granted, reason, written.previous, written.digest)


def write_all(
    connection: Connection, dossier: UUID, at: datetime, who: Who, done: Sequence[tuple[Action, UUID | None]]
) -> None:
    """Several lines of one gesture, each an access of its own, in this order; sent together."""
    rows = [_to_write(dossier, at, who, action, document, True, "") for action, document in done]
    connection.execute(_WRITE, rows)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines to show; by default all."""

    kind: ActorKind | None = None
    urgent: bool = False
    """Emergency and centre 15 alone."""
    refused: bool = False
    """Refusals alone."""
    document: UUID | None = None


def lines_of(
    connection: Connection, dossier: UUID, chosen: Filter | None = None, limit: int = 50, offset: int = 0, *,
    represented: bool = False,
) -> list[Line]:  # fmt: skip
    """Lines of the bound dossier, the latest first; for a representative, without those that tell a secret: of documents
    that are not theirs to see, and of the days on which a professional acted in secret."""
    chosen = chosen or Filter()
    rows = connection.execute(
        _LIST_REPRESENTED if represented else _LIST,
        {
            "dossier": dossier, "kind": chosen.kind, "urgent": chosen.urgent, "refused": chosen.refused,
            "document": chosen.document, "limit": limit, "offset": offset,
        },
    )  # fmt: skip
    return [_line(row) for row in rows]


def whole_chain(connection: Connection, dossier: UUID) -> Iterator[Line]:
    """Every line, the first one first."""
    yield from map(_line, connection.execute(_WHOLE, {"dossier": dossier}))


def first_fault(dossier: UUID, lines: Iterable[Line]) -> int | None:
    """The number of the first line that does not follow from the one before; None when the chain holds."""
    expected, previous = 1, FIRST
    for line in lines:
        row = row_of(dossier, line)
        if line.number != expected or line.previous != previous or line.digest != _digest(previous, row):
            return expected
        expected, previous = expected + 1, line.digest
    return None


def row_of(dossier: UUID, line: Line) -> dict[str, Any]:
    """What the digest of a line covers, besides that of the line before."""
    row = _row(dossier, line.at, line.who, line.action, line.document, line.granted, line.reason)
    return row | {"number": line.number}


@dataclass(frozen=True, slots=True)
class LatestAccesses:
    """What the holder, or who represents them, is told on entering: the last access of a professional, and the last one
    without asking first."""

    any: Line | None
    urgent: Line | None


def latest_accesses(connection: Connection, dossier: UUID, *, represented: bool = False) -> LatestAccesses:
    """The latest accesses of professionals to the bound dossier."""
    by_them, urgently = Filter(kind=ActorKind.PROFESSIONAL), Filter(kind=ActorKind.PROFESSIONAL, urgent=True)
    last = lines_of(connection, dossier, by_them, limit=1, represented=represented)
    urgent = lines_of(connection, dossier, urgently, limit=1, represented=represented)
    return LatestAccesses(last[0] if last else None, urgent[0] if urgent else None)


def _to_write(
    dossier: UUID, at: datetime, who: Who, action: Action, document: UUID | None, granted: bool, reason: str
) -> dict[str, Any]:
    """A line as `medical.add_to_trace` takes it: told on both sides of the number that it alone knows."""
    row = _row(dossier, at, who, action, document, granted, reason)
    before, number, after = _told(row).partition(_UNNUMBERED)
    return {**row, "at": at, "before": before + number.removesuffix("null"), "after": after}


def _row(
    dossier: UUID, at: datetime, who: Who, action: Action, document: UUID | None, granted: bool,
    reason: str,
) -> dict[str, Any]:  # fmt: skip
    return {
        "dossier": str(dossier), "number": None, "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "kind": who.kind.value, "id": who.id, "name": who.name, "profession": who.profession, "mode": who.mode.value,
        "action": action.value, "document": str(document) if document else None, "granted": granted, "reason": reason,
    }  # fmt: skip


def _digest(previous: bytes, row: dict[str, Any]) -> bytes:
    """SHA-256 of the line before and of this one as JSON, keys sorted, no space, UTF-8: anybody can do it again."""
    return hashlib.sha256(previous + _told(row).encode()).digest()


def _told(row: dict[str, Any]) -> str:
    return msgspec.json.encode(row, order="sorted").decode()


def _line(row: Row[Any]) -> Line:
    who = Who(ActorKind(row.actor_kind), row.actor_id, row.actor_name, row.profession, Mode(row.mode))
    return Line(
        row.number, row.at, who, Action(row.action), row.document_id, row.granted, row.reason, row.previous, row.digest
    )  # fmt: skip


_COLUMNS: Final = (
    "number, at, actor_kind, actor_id, actor_name, profession, mode, action, document_id, granted, reason, previous, "
    "digest"
)
_UNNUMBERED: Final = '"number":null'
"""Where the number goes: within a text of JSON these quotation marks would be escaped."""
# One writer of a chain at a time, until the end of its transaction: there the number is known, and the digest made (0022).
_WRITE: Final = text(
    "SELECT number, previous, digest FROM medical.add_to_trace(CAST(:dossier AS uuid), :at, :kind, :id, :name, :profession, "
    ":mode, :action, CAST(:document AS uuid), :granted, :reason, :before, :after)"
)
_CHOSEN: Final = (
    f"SELECT {_COLUMNS} FROM medical.trace t WHERE dossier_id = :dossier "  # noqa: S608
    "AND (CAST(:kind AS text) IS NULL OR actor_kind = :kind) AND (NOT :urgent OR mode IN ('urgence', 'centre15')) "
    "AND (NOT :refused OR NOT granted) AND (CAST(:document AS uuid) IS NULL OR document_id = :document) "
)
_NEWEST: Final = "ORDER BY number DESC LIMIT :limit OFFSET :offset"
_LIST: Final = text(f"{_CHOSEN}{_NEWEST}")
_LIST_REPRESENTED: Final = text(
    f"{_CHOSEN} AND mode <> 'secret' AND NOT medical.acted_in_secret(actor_id, at) AND (document_id IS NULL OR EXISTS "
    "(SELECT FROM medical.document d WHERE d.dossier_id = t.dossier_id AND d.id = t.document_id "
    f"AND NOT d.hidden_from_representatives AND d.type_code NOT IN ('EXPPAT_1', 'EXPPAT_3'))) {_NEWEST}"
)
_WHOLE: Final = text(f"SELECT {_COLUMNS} FROM medical.trace WHERE dossier_id = :dossier ORDER BY number")  # noqa: S608
