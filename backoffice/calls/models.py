"""Tables of the 0 810: one row a call, one a proof of identity, one a call to be rung back."""

from datetime import datetime

from sqlalchemy import CHAR, ForeignKey, Identity, Integer
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from backoffice.adapters.db import Base
from backoffice.calls import rules
from backoffice.calls.rules import LIMITS, Outcome, Relation
from backoffice.core.actor import Actor
from backoffice.core.errors import NotFound, WrongState
from backoffice.population.models import Person


class Call(Base):
    """The file of one call. The caller's number is not in it."""

    __tablename__ = "phone_call"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    login: Mapped[str]
    """The advisor, who alone opens it."""
    opened_at: Mapped[datetime]
    callback_id: Mapped[int | None]
    """When we rang: what had been booked."""
    relation: Mapped[str | None]
    caisse: Mapped[str | None] = mapped_column(CHAR(3))
    person_id: Mapped[int | None]
    """Whom it is about, found blindly."""
    found_by: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    """Keys of the search that found them: not asked again."""
    letter_at_hand: Mapped[bool] = mapped_column(default=False)
    subject: Mapped[str | None]
    outcome: Mapped[str | None]
    note: Mapped[str | None]
    ended_at: Mapped[datetime | None]

    @property
    def caller(self) -> Relation | None:
        """The relation as its enumeration."""
        return Relation(self.relation) if self.relation else None

    @property
    def ending(self) -> Outcome | None:
        """The outcome as its enumeration."""
        return Outcome(self.outcome) if self.outcome else None


class IdentityCheck(Base):
    """One proof of identity within one call: which questions, how many right and wrong, never an answer."""

    __tablename__ = "identity_check"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("phone_call.id"))
    caisse: Mapped[str] = mapped_column(CHAR(3))
    person_id: Mapped[int]
    questions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Names, in the order asked; the last one waits for its answer while the proof runs."""
    right_answers: Mapped[int] = mapped_column(Integer, default=0)
    errors: Mapped[int] = mapped_column(Integer, default=0)
    allowed: Mapped[int] = mapped_column(Integer)
    """Errors that fail it: fewer than usual after an earlier call's."""
    result: Mapped[str]
    at: Mapped[datetime]
    """Of the last answer, or of the first question."""

    @property
    def identity(self) -> rules.Identity:
        """The result as its enumeration."""
        return rules.Identity(self.result)

    def shows(self, now: datetime) -> bool:
        """Whether the person's data may be on the page."""
        return self.identity is rules.Identity.PASSED and now - self.at < LIMITS.shown_for


class Callback(Base):
    """A call to be made to somebody, in a slot of the opening hours."""

    __tablename__ = "call_back"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    """Said first when we ring: the person compares it with what they noted, and knows that it is us."""
    call_id: Mapped[int] = mapped_column(ForeignKey("phone_call.id"))
    caisse: Mapped[str | None] = mapped_column(CHAR(3))
    person_id: Mapped[int | None]
    slot: Mapped[datetime]
    """Its beginning."""
    subject: Mapped[str]
    ask_for: Mapped[str | None]
    """Whom to ask for, as the caller said it; erased when it is over."""
    number: Mapped[str | None]
    """Where to ring; erased when it is over."""
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    taken_by: Mapped[str | None]
    booked_by: Mapped[str]
    booked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


def access_call(session: Session, actor: Actor, call_id: int, *, lock: bool = False) -> Call:
    """The only way to hold a call: your own, or not found."""
    query = session.query(Call).filter_by(id=call_id, login=actor.login)
    found = (query.with_for_update() if lock else query).one_or_none()
    if found is None or (found.caisse is not None and found.caisse not in actor.caisses):
        raise NotFound("Cet appel n’est pas l’un des vôtres.")
    return found


def open_call_of(session: Session, actor: Actor, call_id: int) -> Call:
    """The call, locked, while it goes on. Raises NotFound, and WrongState once it has ended."""
    call = access_call(session, actor, call_id, lock=True)
    if call.ended_at is not None:
        raise WrongState("Cet appel est terminé : ouvrez un nouvel appel.")
    return call


def check_of(session: Session, call: Call) -> IdentityCheck | None:
    """The latest proof of identity of the call about the person it is about now."""
    if call.person_id is None:
        return None
    return (
        session.query(IdentityCheck)
        .filter_by(call_id=call.id, caisse=call.caisse, person_id=call.person_id)
        .order_by(IdentityCheck.id.desc())
        .first()
    )


def own_call(session: Session, actor: Actor, person: Person) -> str | None:
    """A ground to look at a person: they are on the actor's line, and have proved who they are."""
    call = session.query(Call).filter_by(
        login=actor.login, caisse=person.caisse, person_id=person.id, ended_at=None
    ).one_or_none()  # fmt: skip
    check = check_of(session, call) if call is not None else None
    return f"appel {call.id}" if call and check and check.identity is rules.Identity.PASSED else None
