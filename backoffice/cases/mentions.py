"""Mentions: a colleague named in a note, "@login", finds the case in their list until they have read it."""

import re
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, Identity, Select, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.cases.colleagues import Colleague, deputy_of
from backoffice.cases.models import Case, CaseEntry, may_read
from backoffice.core.actor import Actor
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid
from backoffice.office import Office

# At the beginning of a word: the @ of an e-mail address names nobody.
_NAMED: Final = re.compile(r"(?<![^\s(,;:«])@([A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*)")
MOST: Final = 10


class Mention(Base):
    """One colleague named in one note, and when they read it."""

    __tablename__ = "case_mention"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"))
    entry_id: Mapped[int] = mapped_column(ForeignKey("case_entry.id"))
    login: Mapped[str]
    instead_of: Mapped[str | None]
    """Who was named, when they are absent and another stands in."""
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]


def named_in(words: str) -> list[str]:
    """The logins named in a text, in order, once each."""
    return list(dict.fromkeys(found.lower() for found in _NAMED.findall(words)))


def mentioned(session: Session, case: Case, words: str) -> list[str]:
    """The colleagues named in a note about this case. Raises Invalid when one of them may not read it, or too many are."""
    logins = named_in(words)
    if len(logins) > MOST:
        raise Invalid(f"Une note nomme {MOST} collègues au plus.")
    known = {one.login: one for one in session.scalars(select(Colleague).where(Colleague.login.in_(logins)))}
    for login in logins:
        one = known.get(login)
        if one is None or case.caisse not in one.caisses or not may_read(one.actor(), case.workflow):
            raise Invalid(
                f"« @{login} » n’est pas un collègue qui peut lire cette demande : corrigez le nom, ou l’arobase."
            )
    return logins


def tell(session: Session, office: Office, case: Case, entry: CaseEntry, logins: list[str]) -> None:
    """Put the note into the list of each colleague named, or of who stands in for them today."""
    now = office.clock()
    told: set[str] = set()
    for login in logins:
        deputy = deputy_of(session, login, paris_date(now))
        whose = deputy or login
        if whose in told or whose == entry.actor:
            continue
        told.add(whose)
        session.add(
            Mention(
                case_id=case.id, entry_id=entry.id, login=whose, instead_of=login if deputy else None, at=now
            )
        )  # fmt: skip
    session.flush()


def unread(session: Session, actor: Actor) -> int:
    """How many notes that name this person wait to be read."""
    return session.scalar(_of(select(func.count()), actor).where(Mention.read_at.is_(None))) or 0


def mentions_of(session: Session, actor: Actor, size: int, offset: int) -> list[tuple[Mention, Case, CaseEntry]]:
    """The notes that name this person, the unread first, then the latest."""
    query = _of(select(Mention, Case, CaseEntry), actor).join(CaseEntry, CaseEntry.id == Mention.entry_id)
    rows = session.execute(
        query.order_by(Mention.read_at.is_not(None), Mention.id.desc()).limit(size).offset(offset)
    )  # fmt: skip
    return [(row.Mention, row.Case, row.CaseEntry) for row in rows]


def count_mentions(session: Session, actor: Actor) -> int:
    """How many there are, read or not."""
    return session.scalar(_of(select(func.count()), actor)) or 0


def mark_read(session: Session, actor: Actor, case: Case, at: datetime) -> None:
    """Whoever opens the case has read what names them in it."""
    session.execute(
        update(Mention)
        .where(Mention.case_id == case.id, Mention.login == actor.login, Mention.read_at.is_(None))
        .values(read_at=at)
    )


def _of(query: Select[*tuple[Any, ...]], actor: Actor) -> Select[*tuple[Any, ...]]:
    return query.select_from(Mention).join(Case, Case.id == Mention.case_id).where(
        Mention.login == actor.login, Case.caisse.in_(sorted(actor.caisses))
    )  # fmt: skip
