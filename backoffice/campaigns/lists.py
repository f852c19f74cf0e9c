"""Lists of persons by their NIR, uploaded or pasted: checked line by line, kept as persons, the NIR kept nowhere."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice

from sqlalchemy import CHAR, ForeignKey, Identity, Integer, delete, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from backoffice.adapters.db import Base, copy_rows
from backoffice.audit.journal import record
from backoffice.campaigns.rules import CampaignState
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotFound
from backoffice.office import Office
from dmp_core.identity.nir import NirFault, validate

MOST = 200_000
"""Lines of one list."""
_BATCH = 5000
_FIRST_CELL = re.compile(r"[;,\t|]")


class PersonList(Base):
    """A list as it was given: who gave it, how many lines, how many persons."""

    __tablename__ = "person_list"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    caisses: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Those of the persons found."""
    lines: Mapped[int] = mapped_column(Integer)
    found: Mapped[int] = mapped_column(Integer)
    erased_at: Mapped[datetime | None]
    """When its members were forgotten, at the end of their time; the counts stay."""


class PersonListMember(Base):
    """A person of a list."""

    __tablename__ = "person_list_member"

    list_id: Mapped[int] = mapped_column(ForeignKey("person_list.id"), primary_key=True)
    caisse: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    person_id: Mapped[int] = mapped_column(primary_key=True)


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of each line; line numbers are counted from 1, as an editor shows them."""

    list_id: int
    lines: int
    found: int
    """Persons."""
    unreadable: list[int] = field(default_factory=list)
    """Lines without a valid number."""
    unknown: list[int] = field(default_factory=list)
    """Lines of persons who are not in the population of the actor's caisses."""
    repeated: list[int] = field(default_factory=list)


def keep_list(session: Session, office: Office, actor: Actor, typed: str) -> Checked:
    """Check the lines and keep the persons found, within the actor's caisses.

    One number a line; what follows a semicolon, comma or tab on it is left aside, a first line of titles too.
    Raises Invalid when nobody is found or the list is too long.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    lines = [(rank, line.strip()) for rank, line in enumerate(typed.lstrip("\ufeff").splitlines(), 1) if line.strip()]
    if len(lines) > MOST:
        raise Invalid(f"La liste compte plus de {MOST} lignes : coupez-la en plusieurs.")
    numbers: dict[str, int] = {}
    unreadable, repeated = [], []
    for rank, line in lines:
        try:
            nir = validate(_FIRST_CELL.split(line, maxsplit=1)[0].strip(' "'))
        except NirFault:
            if rank != 1 or any(char.isdigit() for char in line):
                unreadable.append(rank)
            continue
        if nir in numbers:
            repeated.append(rank)
        else:
            numbers[nir] = rank
    found = {nir: place for batch in _batches(list(numbers)) for nir, place in _persons(session, actor, batch).items()}
    if not found:
        raise Invalid(
            "Aucune ligne de la liste ne correspond à une personne de votre périmètre : vérifiez qu’elle contient un numéro "
            "de sécurité sociale de 15 chiffres par ligne."
        )
    made = PersonList(
        made_by=actor.login, made_at=office.clock(), caisses=sorted({caisse for caisse, _ in found.values()}),
        lines=len(lines), found=len(found),
    )  # fmt: skip
    session.add(made)
    session.flush()
    copy_rows(
        session, "person_list_member", ("list_id", "caisse", "person_id"), ("int8", "text", "int8"),
        ((made.id, caisse, person) for caisse, person in sorted(found.values())),
    )  # fmt: skip
    record(
        session, actor, "liste.creer", f"liste {made.id}", at=office.clock(),
        detail={"lignes": len(lines), "personnes": len(found)},
    )  # fmt: skip
    unknown = sorted(rank for nir, rank in numbers.items() if nir not in found)
    return Checked(made.id, len(lines), len(found), unreadable, unknown, repeated)


def access_list(session: Session, actor: Actor, list_id: int) -> PersonList:
    """The only way to hold a list: its persons within your caisses, or not found; one whose time is over is gone."""
    found = session.get(PersonList, list_id)
    if found is None or not actor.caisses.issuperset(found.caisses):
        raise NotFound("Cette liste de personnes est introuvable dans votre périmètre.")
    if found.erased_at is not None:
        raise NotFound("Cette liste de personnes a été effacée, au terme de sa conservation.")
    return found


def lists_over(session: Session, before: date) -> Sequence[int]:
    """Lists made before this day that neither a campaign under way nor a segment in use needs."""
    return session.scalars(
        text("""
        SELECT l.id FROM person_list l WHERE l.erased_at IS NULL AND l.made_at < :before
            AND NOT EXISTS (SELECT FROM campaign c WHERE (c.criteria ->> 'list_id')::bigint = l.id AND c.state <> ALL(:over))
            AND NOT EXISTS (SELECT FROM segment s WHERE (s.criteria ->> 'list_id')::bigint = l.id AND s.archived_at IS NULL)
        ORDER BY l.id
        """),
        {"before": before, "over": [CampaignState.FINISHED, CampaignState.CANCELLED]},
    ).all()


def erase_list(session: Session, actor: Actor, list_id: int, at: datetime) -> int:
    """Forget who is in a list; returns how many were. Done already, nothing is done."""
    found = session.get_one(PersonList, list_id, with_for_update=True)
    if found.erased_at is not None:
        return 0
    gone = session.execute(
        delete(PersonListMember).where(PersonListMember.list_id == list_id).returning(text("1"))
    ).all()
    found.erased_at = at
    session.flush()
    record(session, actor, "liste.effacer", f"liste {list_id}", at=at, detail={"personnes": len(gone)})
    return len(gone)


def _batches(numbers: list[str]) -> Iterator[list[str]]:
    rest = iter(numbers)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _persons(session: Session, actor: Actor, numbers: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Who has moved from one caisse to another is the one whose row is the latest."""
    rows = session.execute(
        text("""
        SELECT DISTINCT ON (nir) nir, caisse, id FROM person
        WHERE nir = ANY(CAST(:numbers AS char(15)[])) AND caisse = ANY(CAST(:caisses AS char(3)[]))
        ORDER BY nir, updated_at DESC
        """),
        {"numbers": list(numbers), "caisses": sorted(actor.caisses)},
    )
    return {row.nir: (row.caisse, row.id) for row in rows}
