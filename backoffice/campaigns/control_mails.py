"""Control e-mails: one message of every lot of e-mails to each control address that has one, at most once each.

A lot's first attempt sends them before its own messages, so that staff see what leaves while it can still be stopped.
Noted before they are handed over, as letters are: killed in between, a message is not sent a second time. One that fails
holds back no lot.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CHAR, ForeignKey, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.adapters.dmp import expires_on
from backoffice.adapters.mailer import Attachment, Mail, MailDelayed, Mailer, MailRefused
from backoffice.campaigns.control import CODE, ControlAddress, active_addresses
from backoffice.campaigns.models import Campaign, Lot
from backoffice.core.address import AddressFault, address_block
from backoffice.core.caisse import caisse_of
from backoffice.letters.compile import PageProgram
from backoffice.letters.faults import LetterFault
from backoffice.letters.message import render_message
from backoffice.letters.reference import format_letter_id
from backoffice.letters.stamp import render_single
from backoffice.letters.values import letter_values
from backoffice.office import Office

_NO_NUMBER: Final = "0" * 15


class ControlOutcome(StrEnum):
    """What became of a control e-mail."""

    SENDING = "envoi"
    """Being handed over; after a crash nobody can tell whether it left."""
    WAITING = "attente"
    """Put off by its server, and surely not taken: the lot's next attempt sends it."""
    SENT = "envoye"
    FAILED = "echec"


class ControlMail(Base):
    """A control e-mail of a lot."""

    __tablename__ = "control_mail"

    lot_id: Mapped[int] = mapped_column(primary_key=True)
    address_id: Mapped[int] = mapped_column(ForeignKey("control_address.id"), primary_key=True)
    caisse: Mapped[str] = mapped_column(CHAR(3))
    number: Mapped[int]
    at: Mapped[datetime]
    outcome: Mapped[str]


def send_controls(
    session: Session, office: Office, program: PageProgram, campaign: Campaign, lot: Lot, mailer: Mailer,
    message_id: Callable[[str], str], *, coded: bool,
) -> None:  # fmt: skip
    """Send those of the lot that were not yet; `coded` letters carry a code, which here opens nothing."""
    if campaign.on_demand:
        return
    known = set(
        session.scalars(
            select(ControlMail.address_id).where(
                ControlMail.lot_id == lot.id, ControlMail.outcome != ControlOutcome.WAITING
            )
        )
    )
    for address in active_addresses(session, [lot.caisse]):
        if not address.email or address.id in known:
            continue
        number = _claim(office, lot, address)
        if number is None:
            continue
        outcome = ControlOutcome.SENT
        letter_id = format_letter_id(lot.caisse, number)
        try:
            mailer.send(_message(program, lot, address, letter_id, message_id(letter_id), coded), office.clock())
        except (MailRefused, LetterFault):
            outcome = ControlOutcome.FAILED
        except MailDelayed as delay:
            outcome = ControlOutcome.FAILED if delay.doubtful else ControlOutcome.WAITING
        with office.db.unit_of_work() as own:
            own.execute(
                update(ControlMail)
                .where(ControlMail.lot_id == lot.id, ControlMail.address_id == address.id)
                .values(outcome=outcome)
            )


def count_controls(session: Session, lot: Lot) -> int:
    """Control e-mails of a lot that were sent."""
    sent = select(ControlMail.address_id).where(
        ControlMail.lot_id == lot.id, ControlMail.outcome == ControlOutcome.SENT
    )
    return len(session.scalars(sent).all())


def _claim(office: Office, lot: Lot, address: ControlAddress) -> int | None:
    """The number of the letter about to be sent; None when it was begun before."""
    with office.db.unit_of_work() as own:
        number: int | None = own.scalar(
            insert(ControlMail)
            .values(
                lot_id=lot.id, address_id=address.id, caisse=lot.caisse, number=text("nextval('letter_number_seq')"),
                at=office.clock(), outcome=ControlOutcome.SENDING,
            )
            .on_conflict_do_update(
                index_elements=[ControlMail.lot_id, ControlMail.address_id],
                set_={"outcome": ControlOutcome.SENDING},
                where=ControlMail.outcome == ControlOutcome.WAITING,
            )
            .returning(ControlMail.number)
        )  # fmt: skip
    return number


def _message(
    program: PageProgram, lot: Lot, address: ControlAddress, letter_id: str, message_id: str, coded: bool
) -> Mail:
    recipient = address.recipient
    values = letter_values(
        recipient, caisse_of(lot.caisse), lot.letter_date, code_end=expires_on(lot.letter_date), number=_NO_NUMBER,
        dmp_date=lot.letter_date,
    )  # fmt: skip
    code = CODE if coded else None
    subject, plain, html = render_message(program, values, code)
    try:
        shown = address_block(recipient)
    except AddressFault:
        shown = (f"{recipient.prenom} {recipient.nom}".strip(),)
    page = render_single(program, values, shown, letter_id, code, date=lot.letter_date, tagged=True)
    return Mail(
        to=address.email, subject=subject, text=plain, html=html, message_id=message_id,
        attachments=[Attachment("courrier-dmp.pdf", page)],
    )  # fmt: skip
