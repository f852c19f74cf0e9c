"""Saved views: filters of the queue under a name, one's own or shared with one's team in the same caisses."""

from datetime import datetime
from typing import Final

from sqlalchemy import Identity, and_, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from backoffice.adapters.db import Base
from backoffice.cases.queueing import teams_of
from backoffice.cases.wanted import Wanted
from backoffice.core.actor import Actor
from backoffice.core.errors import Invalid, NotFound
from backoffice.office import Office

MOST: Final = 20
LONGEST_NAME: Final = 40


class SavedView(Base):
    """Filters under a name."""

    __tablename__ = "case_view"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    owner: Mapped[str]
    name: Mapped[str]
    teams: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Whom it is shared with; empty: nobody."""
    caisses: Mapped[list[str]] = mapped_column(ARRAY(Text))
    filters: Mapped[dict[str, str]] = mapped_column(JSONB)
    saved_at: Mapped[datetime]

    @property
    def wanted(self) -> Wanted:
        """What it asks for."""
        return Wanted.read(self.filters)


def save_view(session: Session, office: Office, actor: Actor, name: str, wanted: Wanted, *, shared: bool) -> SavedView:
    """Keep these filters under a name; a name that is one's own already is given the new filters.

    Raises Invalid for a missing or too long name, for no filter at all, or for too many views.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise Invalid(f"Donnez à la vue un nom de {LONGEST_NAME} caractères au plus.")
    if not wanted.args():
        raise Invalid("Choisissez d’abord au moins un filtre : une vue les garde.")
    found = session.scalars(
        select(SavedView).where(SavedView.owner == actor.login, SavedView.name == name)
    ).one_or_none()  # fmt: skip
    if found is None:
        mine = select(func.count()).select_from(SavedView).where(SavedView.owner == actor.login)
        if (session.scalar(mine) or 0) >= MOST:
            raise Invalid(f"Vous avez déjà {MOST} vues : supprimez-en une.")
        found = SavedView(owner=actor.login, name=name)
        session.add(found)
    found.teams = sorted(teams_of(actor)) if shared else []
    found.caisses, found.filters, found.saved_at = sorted(actor.caisses), wanted.args(), office.clock()
    session.flush()
    return found


def drop_view(session: Session, actor: Actor, view_id: int) -> SavedView:
    """Forget one of one's own views. Raises NotFound for another's."""
    found = session.get(SavedView, view_id)
    if found is None or found.owner != actor.login:
        raise NotFound("Cette vue n’existe pas, ou n’est pas la vôtre.")
    session.delete(found)
    return found


def views_of(session: Session, actor: Actor) -> list[SavedView]:
    """One's own views, then those shared by one's team, by name."""
    shared = and_(
        SavedView.teams.overlap(sorted(teams_of(actor))), SavedView.caisses.overlap(sorted(actor.caisses))
    )  # fmt: skip
    query = select(SavedView).where(or_(SavedView.owner == actor.login, shared))
    return list(session.scalars(query.order_by(SavedView.owner != actor.login, SavedView.name, SavedView.id)))
