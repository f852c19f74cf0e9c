"""Who may come to a dossier: relations, blocks, emergencies, in a transaction bound to it. Decides nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, text

from dmp_core.access.rules import Basis, Emergency, Relation, Standing
from dmp_core.access.trace import Mode

BY_HOLDER: Final = "titulaire"
"""Who gave an authorisation, when it is the holder."""


@dataclass(frozen=True, slots=True)
class Member:
    """A professional, as a dossier knows them."""

    id: str
    """PS_IdNat."""
    name: str = field(repr=False)
    profession: str
    """Code of the profession, or of the speciality."""


@dataclass(frozen=True, slots=True)
class Known:
    """A professional with whatever stands between them and the dossier."""

    who: Member
    standing: Standing


@dataclass(frozen=True, slots=True)
class Told:
    """An emergency as its holder and their médecin traitant are told of it."""

    who: Member
    mode: Mode
    reason: str
    began_at: datetime
    ends_at: datetime


def standing_of(connection: Connection, dossier: UUID, professional: str, now: datetime) -> Standing:
    """All that decides about this professional in the bound dossier, in one statement."""
    row = connection.execute(_STANDING, {"dossier": dossier, "who": professional, "now": now}).one_or_none()
    return Standing(open=False) if row is None else _standing(row)


def everyone(connection: Connection, dossier: UUID, now: datetime) -> list[Known]:
    """Every professional whom the bound dossier authorised or blocked, or who ever asked for it; for its holder."""
    rows = connection.execute(_EVERYONE, {"dossier": dossier, "now": now}).all()
    found = [Known(Member(row.professional_id, row.name, row.profession), _standing(row)) for row in rows]
    return sorted(found, key=lambda each: (each.who.name.casefold(), each.who.id))


def relate(connection: Connection, dossier: UUID, who: Member, relation: Relation, given_by: str) -> bool:
    """Begin a relation; False when one stands already (end it first to change it)."""
    return bool(
        connection.execute(
            _RELATE,
            {
                "id": uuid4(), "dossier": dossier, "who": who.id, "name": who.name, "profession": who.profession,
                "basis": relation.basis.value, "all": relation.sees_all, "by": given_by, "since": relation.since,
                "until": relation.until,
            },
        ).rowcount
    )  # fmt: skip


def end_relation(connection: Connection, dossier: UUID, professional: str, now: datetime) -> bool:
    """End the relation of this professional, if there is one."""
    return bool(connection.execute(_END, {"dossier": dossier, "who": professional, "now": now}).rowcount)


def end_attending(connection: Connection, dossier: UUID, now: datetime) -> None:
    """Nobody is the médecin traitant any more."""
    connection.execute(_END_ATTENDING, {"dossier": dossier, "now": now})


def block(connection: Connection, dossier: UUID, who: Member, now: datetime) -> bool:
    """Block this professional; False when they are already."""
    row = {"id": uuid4(), "dossier": dossier, "who": who.id, "name": who.name, "profession": who.profession, "now": now}
    return bool(connection.execute(_BLOCK, row).rowcount)


def unblock(connection: Connection, dossier: UUID, professional: str, now: datetime) -> bool:
    """Lift the block; False when there is none."""
    return bool(connection.execute(_UNBLOCK, {"dossier": dossier, "who": professional, "now": now}).rowcount)


def begin_emergency(
    connection: Connection, dossier: UUID, who: Member, emergency: Emergency, reason: str, now: datetime
) -> UUID:
    """Write an emergency down; its identifier."""
    made = uuid4()
    connection.execute(
        _EMERGENCY,
        {
            "id": made, "dossier": dossier, "who": who.id, "name": who.name, "profession": who.profession,
            "mode": emergency.mode.value, "reason": reason, "now": now, "ends": emergency.ends_at,
        },
    )  # fmt: skip
    return made


def emergencies(connection: Connection, dossier: UUID, limit: int) -> list[Told]:
    """The emergencies that this login may see of the bound dossier, the latest first."""
    rows = connection.execute(_EMERGENCIES, {"dossier": dossier, "limit": limit})
    return [
        Told(
            Member(row.professional_id, row.name, row.profession), Mode(row.mode), row.reason, row.began_at, row.ends_at
        )
        for row in rows
    ]


def refuse_emergencies(connection: Connection, dossier: UUID, now: datetime, *, refused: bool) -> bool:
    """Refuse emergency accesses beforehand, or permit them again; False when it stood so already."""
    statement = _REFUSE if refused else _ACCEPT
    return bool(connection.execute(statement, {"id": uuid4(), "dossier": dossier, "now": now}).rowcount)


def refuses_emergencies(connection: Connection, dossier: UUID) -> bool:
    """Whether the holder refused emergency accesses beforehand."""
    return bool(connection.scalar(_REFUSES, {"dossier": dossier}))


def acts_in_secret(connection: Connection, professional: str) -> bool:
    """Whether this professional ever acted in secret for the bound dossier (CSP L.1111-5)."""
    return bool(connection.scalar(_SECRET, {"who": professional}))


def _standing(row: Row[Any]) -> Standing:
    relation = Relation(Basis(row.basis), row.sees_all, row.since, row.until) if row.basis else None
    emergency = Emergency(Mode(row.mode), row.ends_at) if row.mode else None
    return Standing(row.state == "open", row.blocked, relation, emergency, row.refuses)


# The latest emergency that is not over; one that is says nothing any more.
_AROUND: Final = (
    "LEFT JOIN medical.relation r ON r.dossier_id = d.id AND r.professional_id = p.id AND r.ended_at IS NULL "
    "LEFT JOIN LATERAL (SELECT e.mode, e.ends_at FROM medical.emergency e WHERE e.dossier_id = d.id "
    "AND e.professional_id = p.id AND e.ends_at > :now ORDER BY e.ends_at DESC LIMIT 1) e ON true "
    "WHERE d.id = :dossier"
)
_FACTS: Final = (
    "d.state, r.basis, r.sees_all, r.since, r.until, e.mode, e.ends_at, "
    "EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = d.id AND b.professional_id = p.id AND b.until IS NULL) "
    "AS blocked, "
    "EXISTS (SELECT FROM medical.emergency_refusal f WHERE f.dossier_id = d.id AND f.until IS NULL) AS refuses"
)
_STANDING: Final = text(
    f"SELECT {_FACTS} FROM enrolment.dossier d CROSS JOIN (SELECT CAST(:who AS text) AS id) p {_AROUND}"  # noqa: S608
)
_EVERYONE: Final = text(
    f"SELECT p.id AS professional_id, p.name, p.profession, {_FACTS} FROM enrolment.dossier d CROSS JOIN LATERAL ("  # noqa: S608
    "SELECT DISTINCT ON (k.id) k.id, k.name, k.profession FROM ("
    "SELECT professional_id AS id, name, profession, since FROM medical.relation "
    "WHERE dossier_id = :dossier AND ended_at IS NULL UNION ALL "
    "SELECT professional_id, name, profession, since FROM medical.block "
    "WHERE dossier_id = :dossier AND until IS NULL UNION ALL "
    "SELECT professional_id, name, profession, began_at FROM medical.emergency WHERE dossier_id = :dossier UNION ALL "
    # The trace names a profession in words: good enough for who has nothing else, and so comes last.
    "(SELECT DISTINCT ON (actor_id) actor_id, actor_name, profession, '-infinity'::timestamptz FROM medical.trace "
    "WHERE dossier_id = :dossier AND actor_kind = 'professional' ORDER BY actor_id)"
    f") k ORDER BY k.id, k.since DESC) p {_AROUND}"
)
_RELATE: Final = text(
    "INSERT INTO medical.relation (id, dossier_id, professional_id, name, profession, basis, sees_all, given_by, since, "
    "until) VALUES (:id, :dossier, :who, :name, :profession, :basis, :all, :by, :since, :until) ON CONFLICT DO NOTHING"
)
_END: Final = text(
    "UPDATE medical.relation SET ended_at = greatest(since, :now) "
    "WHERE dossier_id = :dossier AND professional_id = :who AND ended_at IS NULL"
)
_END_ATTENDING: Final = text(
    "UPDATE medical.relation SET ended_at = greatest(since, :now) "
    "WHERE dossier_id = :dossier AND basis = 'attending' AND ended_at IS NULL"
)
_BLOCK: Final = text(
    "INSERT INTO medical.block (id, dossier_id, professional_id, name, profession, since) "
    "VALUES (:id, :dossier, :who, :name, :profession, :now) ON CONFLICT DO NOTHING"
)
_UNBLOCK: Final = text(
    "UPDATE medical.block SET until = greatest(since, :now) "
    "WHERE dossier_id = :dossier AND professional_id = :who AND until IS NULL"
)
_EMERGENCY: Final = text(
    "INSERT INTO medical.emergency (id, dossier_id, professional_id, name, profession, mode, reason, began_at, ends_at) "
    "VALUES (:id, :dossier, :who, :name, :profession, :mode, :reason, :now, :ends)"
)
_EMERGENCIES: Final = text(
    "SELECT professional_id, name, profession, mode, reason, began_at, ends_at FROM medical.emergency "
    "WHERE dossier_id = :dossier ORDER BY began_at DESC LIMIT :limit"
)
_REFUSE: Final = text(
    "INSERT INTO medical.emergency_refusal (id, dossier_id, since) VALUES (:id, :dossier, :now) ON CONFLICT DO NOTHING"
)
_ACCEPT: Final = text(
    "UPDATE medical.emergency_refusal SET until = greatest(since, :now) WHERE dossier_id = :dossier AND until IS NULL"
)
_REFUSES: Final = text(
    "SELECT EXISTS (SELECT FROM medical.emergency_refusal WHERE dossier_id = :dossier AND until IS NULL)"
)
_SECRET: Final = text("SELECT medical.acted_in_secret(:who, CAST(NULL AS timestamptz))")
