"""What is asked of visits: those under way, one's life, the ground they give to look at a person."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.core.actor import Actor
from backoffice.counter.models import Visit, VisitEntry
from backoffice.population.models import Person


def under_way(session: Session, actor: Actor) -> list[tuple[Visit, Person]]:
    """The visits of the actor's caisses that have not ended, the actor's own first, then the oldest."""
    rows = session.execute(
        select(Visit, Person)
        .join(Person, (Person.caisse == Visit.caisse) & (Person.id == Visit.person_id))
        .where(Visit.caisse.in_(sorted(actor.caisses)), Visit.ended_at.is_(None))
        .order_by(Visit.owner != actor.login, Visit.opened_at)
        .limit(50)
    )
    return [(visit, person) for visit, person in rows]


def visits_of(session: Session, person: Person) -> list[Visit]:
    """The latest visits of a person, newest first."""
    query = select(Visit).where(Visit.caisse == person.caisse, Visit.person_id == person.id)
    return list(session.scalars(query.order_by(Visit.id.desc()).limit(20)))


def life_of(session: Session, visit: Visit) -> list[VisitEntry]:
    """Every line of the visit's journal, the first one first."""
    return list(session.scalars(select(VisitEntry).where(VisitEntry.visit_id == visit.id).order_by(VisitEntry.id)))


def own_visit(session: Session, actor: Actor, person: Person) -> str | None:
    """A ground to look at a person: their visit is in the actor's hands."""
    found = session.scalar(
        select(Visit.id).where(
            Visit.caisse == person.caisse, Visit.person_id == person.id, Visit.owner == actor.login, Visit.ended_at.is_(None)
        )
    )  # fmt: skip
    return f"visite {found} à l’accueil" if found else None
