"""Colleagues: who has worked here, as the directory last said; who is absent, and who stands in for them."""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import ForeignKey, Identity, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from backoffice.adapters.db import Base
from backoffice.core.actor import Actor, Role


class Colleague(Base):
    """A member of staff who has signed in; their rights are the directory's to say, and noted again at each sign-in."""

    __tablename__ = "colleague"

    login: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    caisses: Mapped[list[str]] = mapped_column(ARRAY(Text))
    seen_at: Mapped[datetime]

    def actor(self) -> Actor:
        """As the rules want one."""
        return Actor(self.login, self.name, frozenset(map(Role, self.roles)), frozenset(self.caisses))


class Absence(Base):
    """Days on which a colleague is away, and who stands in for them; ended early, it says by whom."""

    __tablename__ = "absence"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    login: Mapped[str] = mapped_column(ForeignKey("colleague.login"))
    first_day: Mapped[date]
    last_day: Mapped[date]
    deputy: Mapped[str | None] = mapped_column(ForeignKey("colleague.login"))
    noted_by: Mapped[str]
    noted_at: Mapped[datetime]
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]


def remember(session: Session, actor: Actor, at: datetime) -> None:
    """Note who signed in, with what the directory says of them now."""
    said = {"name": actor.name, "roles": sorted(actor.roles), "caisses": sorted(actor.caisses), "seen_at": at}
    session.execute(
        insert(Colleague)
        .values(login=actor.login, **said)
        .on_conflict_do_update(index_elements=["login"], set_=said)
    )  # fmt: skip


def colleagues_of(session: Session, caisse: str, roles: Iterable[Role]) -> list[Colleague]:
    """Who works for this caisse with one of these roles, by name."""
    return list(
        session.scalars(
            select(Colleague)
            .where(Colleague.caisses.contains([caisse]), Colleague.roles.overlap([role.value for role in roles]))
            .order_by(Colleague.name)
        )
    )


def names_of(session: Session, logins: Iterable[str | None]) -> dict[str, str]:
    """The names behind these logins; one that never signed in is absent."""
    wanted = {login for login in logins if login}
    found = session.execute(select(Colleague.login, Colleague.name).where(Colleague.login.in_(wanted)))
    return {row.login: row.name for row in found}


def deputy_of(session: Session, login: str, day: date) -> str | None:
    """Who stands in for this colleague on this day; None when they are here, or when nobody does."""
    absence = absence_on(session, login, day)
    return absence.deputy if absence else None


def absence_on(session: Session, login: str, day: date) -> Absence | None:
    """The absence of this colleague on this day, if any."""
    return session.scalars(
        select(Absence)
        .where(Absence.login == login, Absence.first_day <= day, Absence.last_day >= day, Absence.ended_at.is_(None))
        .order_by(Absence.id.desc())
        .limit(1)
    ).one_or_none()
