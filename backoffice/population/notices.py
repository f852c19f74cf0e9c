"""What the caisse knows of a person beyond the population file, and that no later file may erase.

An address that came back, an opposition to mailings, a death, an e-mail address that refuses: each is a notice, in force
until somebody or something ends it. Notices about an address hold for that address alone: they carry its digest, so that
a mere change of case or punctuation in the file is the same address still.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CHAR, ColumnElement, Identity, and_, exists, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.audit.journal import record
from backoffice.core.actor import Actor
from backoffice.core.errors import Invalid, NotFound
from backoffice.population.models import Person


class NoticeKind(StrEnum):
    """What a notice says."""

    UNDELIVERABLE = "pnd"
    """Post came back from this address."""
    OPPOSITION = "opposition"
    """The person wants no mailings."""
    DECEASED = "deces"
    MAIL_REFUSED = "courriel_refuse"
    """The mail server of this e-mail address refuses it for good: write by post."""

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS = {
    NoticeKind.UNDELIVERABLE: "adresse non distribuable",
    NoticeKind.OPPOSITION: "opposition aux envois",
    NoticeKind.DECEASED: "décès signalé",
    NoticeKind.MAIL_REFUSED: "courriel refusé",
}


class Notice(Base):
    """One fact about one person. At most one of a kind is in force; what has ended stays as history."""

    __tablename__ = "person_notice"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    caisse: Mapped[str] = mapped_column(CHAR(3))
    person_id: Mapped[int]
    kind: Mapped[str]
    since: Mapped[datetime]
    source: Mapped[str]
    """Where it comes from: "courrier 631-000000042-17", "demande 2016-631-000012" …"""
    actor: Mapped[str]
    address_digest: Mapped[bytes | None]
    """Of the postal or e-mail address it is about; None for what is about the person."""
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    end_reason: Mapped[str | None]

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return NoticeKind(self.kind).label


POSTAL_DIGEST: Final = r"""sha256(convert_to(btrim(regexp_replace(lower(unaccent(concat_ws(' ',
    p.adresse_2, p.adresse_3, p.adresse_4, p.adresse_5, p.code_postal, p.ville, p.pays))), '[^a-z0-9]+', ' ', 'g')),
    'UTF8'))"""
"""SQL over `person p`: the address without case, accents and punctuation, as a digest."""
MAIL_DIGEST: Final = "sha256(convert_to(lower(p.email), 'UTF8'))"
_DIGESTS: Final = {NoticeKind.UNDELIVERABLE: POSTAL_DIGEST, NoticeKind.MAIL_REFUSED: MAIL_DIGEST}

_NOW: Final = f"""SELECT n.caisse, n.person_id, bool_or(n.kind = '{NoticeKind.OPPOSITION}') AS opposition,
    bool_or(n.kind = '{NoticeKind.DECEASED}') AS deceased,
    min(encode(n.address_digest, 'hex')) FILTER (WHERE n.kind = '{NoticeKind.UNDELIVERABLE}') AS postal,
    min(encode(n.address_digest, 'hex')) FILTER (WHERE n.kind = '{NoticeKind.MAIL_REFUSED}') AS mail
    FROM person_notice n WHERE n.ended_at IS NULL"""  # noqa: S608
JOIN: Final = (
    f"LEFT JOIN ({_NOW} GROUP BY n.caisse, n.person_id) notice ON notice.caisse = p.caisse AND notice.person_id = p.id"
)
"""SQL: the notices in force beside each `person p`, for questions about many persons: they are gathered once."""
JOIN_EACH: Final = (
    f"LEFT JOIN LATERAL ({_NOW} AND n.caisse = p.caisse AND n.person_id = p.id GROUP BY n.caisse, n.person_id) notice "
    "ON true"
)
"""The same for a few persons, each looked up by itself."""
OPPOSED: Final = "(p.opposition OR notice.opposition IS TRUE)"
DECEASED: Final = "(p.date_deces IS NOT NULL OR notice.deceased IS TRUE)"
# The digest costs more than all the rest: it is worked out for those alone who have a notice.
UNDELIVERABLE: Final = (
    f"(p.pnd OR CASE WHEN notice.postal IS NULL THEN false ELSE notice.postal = encode({POSTAL_DIGEST}, 'hex') END)"
)
TAKES_MAIL: Final = (
    "(p.email <> '' AND p.canal = 'mail' AND "
    f"CASE WHEN notice.mail IS NULL THEN true ELSE notice.mail <> encode({MAIL_DIGEST}, 'hex') END)"
)
"""SQL conditions over `person p` beside `notice`: the population file and the notices together, one home for each rule."""


def takes_mail() -> ColumnElement[bool]:
    """`TAKES_MAIL` over the mapped Person."""
    return and_(Person.canal == "mail", has_mailbox())


def has_mailbox() -> ColumnElement[bool]:
    """Over the mapped Person: an e-mail address is known and does not refuse, whatever channel is registered."""
    refused = exists().where(
        Notice.caisse == Person.caisse, Notice.person_id == Person.id, Notice.kind == NoticeKind.MAIL_REFUSED,
        Notice.ended_at.is_(None), Notice.address_digest == text(MAIL_DIGEST.replace("p.email", "person.email")),
    )  # fmt: skip
    return and_(Person.email != "", ~refused)


def give_notice(
    session: Session, actor: Actor, caisse: str, person_id: int, kind: NoticeKind, *, source: str, at: datetime
) -> Notice:
    """Note a fact, once: one already in force, about the same address where there is one, is returned as it is.

    About another address, it takes the earlier one's place. Raises NotFound for a person who is not the caisse's.
    """
    # Two givers at once: the second waits here and finds what the first wrote.
    digest_of = _DIGESTS.get(kind, "CAST(NULL AS bytea)")
    row = session.execute(
        text(f"SELECT {digest_of} AS digest FROM person p WHERE p.caisse = :caisse AND p.id = :id FOR UPDATE"),  # noqa: S608
        {"caisse": caisse, "id": person_id},
    ).one_or_none()
    if row is None:
        raise NotFound("Cette personne est introuvable dans la population de la caisse.")
    digest = None if row.digest is None else bytes(row.digest)
    known = _standing(session, caisse, person_id, kind)
    if known is not None and known.address_digest == digest:
        return known
    if known is not None:
        _end(known, at, actor.login, "autre adresse")
        session.flush()
    notice = Notice(
        caisse=caisse, person_id=person_id, kind=kind, since=at, source=source[:200], actor=actor.login,
        address_digest=digest,
    )  # fmt: skip
    session.add(notice)
    session.flush()
    record(
        session, actor, "personne.signaler", f"personne {person_id}", at=at, caisse=caisse,
        detail={"fait": kind.value, "source": notice.source},
    )  # fmt: skip
    return notice


def end_notice(
    session: Session, actor: Actor, caisse: str, person_id: int, kind: NoticeKind, *, reason: str, at: datetime
) -> bool:
    """End the notice of this kind, with its reason; False when none is in force. Raises Invalid without a reason."""
    if not reason.strip():
        raise Invalid("Indiquez pourquoi ce signalement est levé, en quelques mots.")
    known = _standing(session, caisse, person_id, kind, lock=True)
    if known is None:
        return False
    _end(known, at, actor.login, reason.strip()[:200])
    session.flush()
    record(
        session, actor, "personne.lever", f"personne {person_id}", at=at, caisse=caisse, reason=known.end_reason,
        detail={"fait": kind.value},
    )  # fmt: skip
    return True


def notices_of(session: Session, caisse: str, persons: Sequence[int]) -> dict[int, list[Notice]]:
    """The notices in force of these persons; one about an address that is no longer theirs is not."""
    query = (
        select(Notice, Person)
        .join(Person, and_(Person.caisse == Notice.caisse, Person.id == Notice.person_id))
        .where(Notice.caisse == caisse, Notice.person_id.in_(persons), Notice.ended_at.is_(None), _about_the_present())
        .order_by(Notice.since, Notice.id)
    )
    found: dict[int, list[Notice]] = {}
    for notice, _ in session.execute(query):
        found.setdefault(notice.person_id, []).append(notice)
    return found


def follow_addresses(session: Session, actor: Actor, caisses: Sequence[str], *, source: str, at: datetime) -> int:
    """After a population file: notices about an address that is no longer the person's end; returns how many.

    Where a file brings back the very address that came back once, its notice comes back too: an old file must not send
    a letter to an old address.
    """
    values = {"caisses": list(caisses), "at": at, "actor": actor.login, "source": source}
    ended = 0
    for kind, digest in _DIGESTS.items():
        done = session.execute(
            text(f"""
            UPDATE person_notice n SET ended_at = :at, ended_by = :actor, end_reason = :reason
            FROM person p WHERE p.caisse = n.caisse AND p.id = n.person_id AND n.caisse = ANY(:caisses)
                AND n.kind = :kind AND n.ended_at IS NULL AND n.address_digest <> {digest} RETURNING n.id
            """),  # noqa: S608 - a constant of ours
            values | {"kind": kind.value, "reason": BY_FILE},
        )
        ended += len(done.all())
        session.execute(
            text(f"""
            INSERT INTO person_notice (caisse, person_id, kind, since, source, actor, address_digest)
            SELECT DISTINCT n.caisse, n.person_id, n.kind, CAST(:at AS timestamptz), :source, :actor, n.address_digest
            FROM person_notice n JOIN person p ON p.caisse = n.caisse AND p.id = n.person_id
            WHERE n.caisse = ANY(:caisses) AND n.kind = :kind AND n.ended_at IS NOT NULL AND n.end_reason = :reason
                AND n.address_digest = {digest}
                AND NOT EXISTS (SELECT FROM person_notice m WHERE m.caisse = n.caisse AND m.person_id = n.person_id
                    AND m.kind = n.kind AND (m.ended_at IS NULL
                        OR (m.address_digest = n.address_digest AND m.end_reason <> :reason AND m.id > n.id)))
            """),  # noqa: S608 - a constant of ours
            values | {"kind": kind.value, "reason": BY_FILE},
        )
    return ended


BY_FILE: Final = "autre adresse dans le fichier de population"


def _about_the_present() -> ColumnElement[bool]:
    postal = text(POSTAL_DIGEST.replace("p.", "person."))
    mail = text(MAIL_DIGEST.replace("p.", "person."))
    return Notice.address_digest.is_(None) | and_(
        Notice.kind == NoticeKind.UNDELIVERABLE, Notice.address_digest == postal
    ) | and_(Notice.kind == NoticeKind.MAIL_REFUSED, Notice.address_digest == mail)  # fmt: skip


def _standing(session: Session, caisse: str, person_id: int, kind: NoticeKind, *, lock: bool = False) -> Notice | None:
    query = select(Notice).where(
        Notice.caisse == caisse, Notice.person_id == person_id, Notice.kind == kind, Notice.ended_at.is_(None)
    )
    return session.scalar(query.with_for_update() if lock else query)


def _end(notice: Notice, at: datetime, login: str, reason: str) -> None:
    notice.ended_at, notice.ended_by, notice.end_reason = at, login, reason
