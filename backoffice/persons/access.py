"""Holding a person: within one's caisses, and on a ground that is written down (who looked at whom, and why).

A case in one's own hands, a visit or a call under way is a ground: nothing is asked. Otherwise the reason is asked for
once, and serves for half an hour. Every consultation leaves its line in the journal, whatever its ground.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.audit.journal import AuditEntry, record
from backoffice.cases.models import Case
from backoffice.core.actor import Actor
from backoffice.core.errors import Invalid, NotFound
from backoffice.parameters.reading import current
from backoffice.parameters.reasons import CONSULTATION, Reasons, chosen, offered
from backoffice.persons.search import ROLES
from backoffice.population.models import Person

CONSULTED: Final = "personne.consulter"
GOOD_FOR: Final = timedelta(minutes=30)
"""How long a reason serves."""
LONGEST: Final = 200
OTHER: Final = "autre"
"""The reason that must be put in words."""

_NO_WORDS: Final = "Écrivez la raison en quelques mots, sans donnée de santé."

Ground = Callable[[Session, Actor, Person], str | None]
"""What in hand makes the person one's business, in a few French words; None when nothing does."""


def access_person(session: Session, actor: Actor, caisse: str, person_id: int) -> Person:
    """The only way to hold a person: within your caisses, or not found. Raises NotAllowed for other roles."""
    actor.require(*ROLES)
    found = session.get(Person, (caisse, person_id)) if caisse in actor.caisses else None
    if found is None:
        raise NotFound("Cette personne est introuvable dans votre périmètre.")
    return found


def object_of(person: Person) -> str:
    """How the journal names a person: by the caisse's own number, never by a name or a NIR."""
    return f"personne {person.id}"


def own_case(session: Session, actor: Actor, person: Person) -> str | None:
    """A ground: a case of this person's, under way and in the actor's own hands."""
    number = session.scalar(
        select(Case.number)
        .where(
            Case.caisse == person.caisse, Case.person_id == person.id, Case.owner == actor.login, Case.ended_at.is_(None)
        )
        .limit(1)
    )  # fmt: skip
    return f"demande {number}" if number else None


def consult(
    session: Session, actor: Actor, person: Person, grounds: Sequence[Ground], at: datetime, what: str = "fiche"
) -> str | None:
    """Note that the actor looks at the person, and return the ground; None, and nothing noted, when a reason is due."""
    ground = next((found for one in grounds if (found := one(session, actor, person))), None)
    if ground is None:
        ground = _reason_given(session, actor, person, at)
    if ground is not None:
        record(
            session, actor, CONSULTED, object_of(person), at=at, caisse=person.caisse, reason=ground,
            detail={"quoi": what},
        )  # fmt: skip
    return ground


def give_reason(session: Session, actor: Actor, person: Person, reason: str, words: str, at: datetime) -> None:
    """Note why the person is looked at, for the half-hour to come. Raises Invalid without a reason."""
    words = " ".join(words.split())
    known = chosen(current(session).of(CONSULTATION), reason)
    if known.code == OTHER and not words:
        raise Invalid(_NO_WORDS)
    if len(words) > LONGEST:
        raise Invalid(f"La raison dépasse {LONGEST} caractères : raccourcissez-la.")
    told = f"{known.label} : {words}" if words else known.label
    record(
        session, actor, CONSULTED, object_of(person), at=at, caisse=person.caisse, reason=told,
        detail={"quoi": "raison donnée"},
    )  # fmt: skip


def reasons_offered(session: Session) -> Reasons:
    """The reasons to choose from."""
    return offered(current(session).of(CONSULTATION))


def _reason_given(session: Session, actor: Actor, person: Person, at: datetime) -> str | None:
    last = session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.object == object_of(person), AuditEntry.action == CONSULTED, AuditEntry.actor == actor.login,
            AuditEntry.detail["quoi"].astext == "raison donnée", AuditEntry.at > at - GOOD_FOR,
        )
        .order_by(AuditEntry.id.desc())
        .limit(1)
    ).first()  # fmt: skip
    return last.reason if last else None
