"""Letters by e-mail that did not go smoothly: tried again later, then given another way. One row a letter."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import CHAR, ForeignKey, Identity, Integer, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.adapters.mailer import MailDelayed, Reason
from backoffice.campaigns.models import Letter, Lot
from backoffice.campaigns.rules import Channel, LetterState
from backoffice.core.actor import system_actor
from backoffice.letters.reference import format_letter_id
from backoffice.population.notices import NoticeKind, give_notice

BACK_OFF: Final = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(hours=12))
"""Between two attempts at a message that its server puts off; after the last one the letter goes by post."""
SECOND_TRY: Final = timedelta(days=1)
"""Before a message that came back from a full mailbox is written anew."""
SECOND_TRY_WITHIN: Final = timedelta(days=60)
"""A second return of this kind within it sends the letter by post."""


class IncidentState(StrEnum):
    """What is to become of the letter."""

    RETRY = "a_retenter"
    """The same message, later."""
    RELAY = "a_relayer"
    """Another letter takes its place, by post or by a new e-mail."""
    RELAYED = "relaye"
    CLOSED = "sans_suite"
    """Nobody to write to any more, or nothing left to say; the note says why."""
    SOLVED = "resolu"
    """A later attempt went through."""

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS: Final = {
    IncidentState.RETRY: "à retenter",
    IncidentState.RELAY: "à relayer",
    IncidentState.RELAYED: "relayé",
    IncidentState.CLOSED: "sans suite",
    IncidentState.SOLVED: "remis depuis",
}


class Cause(StrEnum):
    """How the trouble was learnt."""

    DELAYED = "attente"
    """The recipient's server put the message off."""
    REFUSED = "refus"
    """It refused it while it was being handed over."""
    RETURNED = "retour"
    """It took it, then sent it back."""
    DOUBT = "doute"
    """A person found that a doubtful message had not left."""

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return {"attente": "mis en attente", "refus": "refusé", "retour": "revenu", "doute": "non parti"}[self]


class MailIncident(Base):
    """The trouble with one letter, and what follows."""

    __tablename__ = "mail_incident"

    caisse: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    letter_number: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    person_id: Mapped[int]
    cause: Mapped[str]
    reason: Mapped[str]
    """A `Reason` of the mailer."""
    status: Mapped[str]
    """What the server answered, e.g. "550 5.1.1" or "5.2.2": no address, nothing of the message."""
    attempts: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime]
    """Of the last of it."""
    state: Mapped[str]
    channel: Mapped[str]
    """How the letter goes on."""
    next_at: Mapped[datetime | None]
    """Not before; None for the next lot by post."""
    relay_number: Mapped[int | None]
    """The letter that took its place."""
    note: Mapped[str | None]

    @property
    def status_of_it(self) -> IncidentState:
        """The state as its enumeration."""
        return IncidentState(self.state)


class MailReturn(Base):
    """One message read from the mailbox of bounces, once."""

    __tablename__ = "mail_return"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    digest: Mapped[bytes] = mapped_column(unique=True)
    """SHA-256 of the message: read again after a crash, it is known."""
    kind: Mapped[str]
    status: Mapped[str]
    caisse: Mapped[str | None] = mapped_column(CHAR(3))
    letter_number: Mapped[int | None]
    received_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    """When a person has dealt with one that was not understood."""
    settled_by: Mapped[str | None]


def put_off(session: Session, lot: Lot, number: int, person_id: int, delay: MailDelayed, now: datetime) -> bool:
    """Note that a message was put off; whether it is to be tried again, or was tried often enough."""
    found = session.get(MailIncident, (lot.caisse, number), with_for_update=True)
    attempts = (found.attempts if found else 0) + 1
    again = attempts <= len(BACK_OFF)
    incident = found or MailIncident(
        caisse=lot.caisse, letter_number=number, campaign_id=lot.campaign_id, person_id=person_id
    )
    incident.cause, incident.reason, incident.status = Cause.DELAYED, delay.reason, delay.code
    incident.attempts, incident.at = attempts, now
    incident.state = IncidentState.RETRY if again else IncidentState.RELAY
    incident.channel = Channel.MAIL if again else Channel.POST
    incident.next_at = now + BACK_OFF[attempts - 1] if again else None
    session.add(incident)
    session.flush()
    return again


def give_up(
    session: Session, lot: Lot, number: int, person_id: int, cause: Cause, reason: Reason, status: str, now: datetime
) -> MailIncident:
    """Note that the letter must go another way.

    By post, but for a mailbox that was full once: that one is written to again a day later, by a new letter.
    """
    incident = session.get(MailIncident, (lot.caisse, number), with_for_update=True) or MailIncident(
        caisse=lot.caisse, letter_number=number, campaign_id=lot.campaign_id, person_id=person_id, attempts=0
    )
    again = (
        cause is Cause.RETURNED and reason is Reason.BUSY and not _returned_before(session, lot, number, person_id, now)
    )
    incident.cause, incident.reason, incident.status, incident.at = cause, reason, status, now
    incident.attempts += 1
    incident.state = IncidentState.RELAY
    incident.channel, incident.next_at = (Channel.MAIL, now + SECOND_TRY) if again else (Channel.POST, None)
    session.add(incident)
    session.flush()
    return incident


def refuse_mail(session: Session, caisse: str, number: int, person_id: int, now: datetime) -> None:
    """Write by post from now on: the address is unknown to its own server. A notice that no population file erases."""
    give_notice(
        session, system_actor(), caisse, person_id, NoticeKind.MAIL_REFUSED,
        source=f"courriel {format_letter_id(caisse, number)}", at=now,
    )  # fmt: skip


def solved(session: Session, lot: Lot, number: int, now: datetime) -> None:
    """A message that was put off has been taken."""
    incident = session.get(MailIncident, (lot.caisse, number))
    if incident is not None:
        incident.state, incident.next_at, incident.at = IncidentState.SOLVED, None, now


def drop_retries(session: Session, lot: Lot, note: str, now: datetime) -> None:
    """Nothing is tried again for the letters of a lot that is given up."""
    waiting = select(Letter.number).where(
        Letter.caisse == lot.caisse, Letter.campaign_id == lot.campaign_id, Letter.channel == lot.channel,
        Letter.lot_sequence == lot.sequence,
    )  # fmt: skip
    session.execute(
        update(MailIncident)
        .where(
            MailIncident.caisse == lot.caisse, MailIncident.letter_number.in_(waiting),
            MailIncident.state == IncidentState.RETRY,
        )
        .values(state=IncidentState.CLOSED, note=note, next_at=None, at=now)
    )  # fmt: skip


def first_due(session: Session, lot: Lot, waiting: int) -> datetime | None:
    """When the first of the lot's `waiting` messages is to be tried again; None unless all of them were put off."""
    first, number = session.execute(
        select(func.min(MailIncident.next_at), func.count())
        .join(Letter, (Letter.caisse == MailIncident.caisse) & (Letter.number == MailIncident.letter_number))
        .where(
            Letter.caisse == lot.caisse, Letter.campaign_id == lot.campaign_id, Letter.channel == lot.channel,
            Letter.lot_sequence == lot.sequence, Letter.state == LetterState.PLANNED,
            MailIncident.state == IncidentState.RETRY,
        )
    ).one()  # fmt: skip
    return first if number == waiting else None


def _returned_before(session: Session, lot: Lot, number: int, person_id: int, now: datetime) -> bool:
    return (
        session.scalar(
            select(MailIncident.letter_number)
            .where(
                MailIncident.caisse == lot.caisse, MailIncident.person_id == person_id,
                MailIncident.letter_number != number, MailIncident.cause == Cause.RETURNED,
                MailIncident.at > now - SECOND_TRY_WITHIN,
            )
            .limit(1)
        )
        is not None
    )  # fmt: skip
