"""Making one lot of e-mails: each message handed to the mail server at most once, even over a crash.

A letter is marked as being sent, and that is committed, before its message is handed over: killed in between, nobody
can tell whether it left, so it counts as doubtful and is never sent again by itself. What a server puts off is tried
again later (incidents); the lot stays open until then.
"""

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from backoffice.adapters import environment
from backoffice.adapters.dmp import CodeStatus, group
from backoffice.adapters.mailer import Attachment, Mail, MailDelayed, Mailer, MailRefused, MailSettings, Reason
from backoffice.audit.journal import record
from backoffice.campaigns.codes import LotCodes, attempt_request, carries_codes, codes_for, requests_of
from backoffice.campaigns.control_mails import count_controls, send_controls
from backoffice.campaigns.incidents import Cause, first_due, give_up, put_off, refuse_mail, solved
from backoffice.campaigns.letters import any_due, kind_of_letter, recipient_of, values_of, waiting_letters
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.pace import take_turn
from backoffice.campaigns.production import Outcome
from backoffice.campaigns.rules import CampaignState, Channel, LetterState, LotState
from backoffice.campaigns.templates import program_of
from backoffice.campaigns.tracing import Tracer
from backoffice.campaigns.trials import version_for
from backoffice.core.actor import Actor
from backoffice.core.address import AddressFault, Recipient, address_block
from backoffice.letters.compile import PageProgram
from backoffice.letters.faults import LetterFault
from backoffice.letters.message import render_message
from backoffice.letters.reference import format_letter_id
from backoffice.letters.stamp import render_single
from backoffice.office import Office

LOOK_UP = 20
"""Messages an attempt: its codes are issued together, and between two attempts a pause is seen."""
LONGEST = 300.0
"""Seconds that a worker stays with one lot, when messages leave slowly; the rest is another job's."""


def produce_mail_lot(office: Office, actor: Actor, lot_id: int) -> Outcome:
    """Send the lot's messages that are due, if it waits and its campaign runs.

    Raises WrongState when this environment may not send, Unavailable when a part is down: what was not handed over
    stays to be sent.
    """
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        attempt = _begin_attempt(office, lot_id)
        if attempt is None:
            break
        with office.db.unit_of_work() as session:
            lot = _lock(session, lot_id)
            if lot is None:
                return Outcome.NOTHING
            campaign = session.get_one(Campaign, lot.campaign_id)
            environment.require_agreement(session, office.environment)
            if not _Sending(office, session, campaign, lot, attempt).run():
                break
    with office.db.unit_of_work() as session:
        lot = _lock(session, lot_id)
        return Outcome.NOTHING if lot is None else _close(session, office, actor, lot)


def _lock(session: Session, lot_id: int) -> Lot | None:
    return session.scalar(
        select(Lot)
        .where(Lot.id == lot_id, Lot.state == LotState.PLANNED, Lot.channel == Channel.MAIL)
        .with_for_update(skip_locked=True)
    )


def _begin_attempt(office: Office, lot_id: int) -> int | None:
    """Count the attempt, committed at once: each one asks for codes under a request of its own.

    None when there is nothing to attempt: another process is at it, the campaign does not run, no message is due.
    """
    with office.db.unit_of_work() as session:
        lot = session.scalar(
            select(Lot)
            .join(Campaign)
            .where(
                Lot.id == lot_id, Lot.state == LotState.PLANNED, Lot.channel == Channel.MAIL,
                Campaign.state == CampaignState.RUNNING,
            )
            .with_for_update(skip_locked=True, of=Lot)
        )  # fmt: skip
        if lot is None:
            return None
        if not any_due(session, lot, office.clock()):
            return None
        lot.attempts += 1
        return lot.attempts


def revoke_unsent(office: Office, lot: Lot, persons: Sequence[int], reason: str) -> None:
    """Revoke what earlier attempts at this lot had issued to these persons, to whom nothing was sent."""
    earlier = set(requests_of(lot))
    lost = [
        person
        for person, state in office.dmp.code_states(lot.caisse, persons).items()
        if state.status is CodeStatus.LIVE and state.request_id in earlier
    ]
    if lost:
        office.dmp.revoke(lot.caisse, lost, reason)


class _Sending:
    """One attempt at the next messages of one lot."""

    def __init__(self, office: Office, session: Session, campaign: Campaign, lot: Lot, attempt: int) -> None:
        self.office, self.session, self.campaign, self.lot, self.attempt = office, session, campaign, lot, attempt
        self.kind = kind_of_letter(campaign)
        self.domain = parseaddr(office.settings.mail_sender)[1].rpartition("@")[2]
        self.tracer = Tracer(office.settings.secret_key)
        self.program: PageProgram = program_of(office, self.kind.name, version_for(campaign, lot))

    def run(self) -> bool:
        """Send them; False when the campaign was paused on the way."""
        own = self.office.settings
        settings = MailSettings(own.smtp_url, own.mail_sender, own.mail_ca_file)
        with Mailer(settings) as mailer:
            mailer.reach()
            rows = waiting_letters(
                self.session, self.office.dmp, self.campaign, self.lot, due=self.office.clock(), limit=LOOK_UP
            )
            issued = self._codes([row for row in rows if row.reason is None])
            if any(row.reason is None and row.person_id not in issued.refused for row in rows):
                self._controls(mailer)
            for row in rows:
                if reason := row.reason or issued.refused.get(row.person_id):
                    self._mark(row.number, LetterState.EXCLUDED, reason)
                    continue
                if not self._wait_for_turn():
                    return False
                self._send(mailer, row, issued.codes[row.person_id] if issued.codes is not None else None)
        return True

    def _codes(self, rows: Sequence[Any]) -> LotCodes:
        """New codes for those not written to yet; what an earlier attempt had issued to them never left."""
        persons = [row.person_id for row in rows]
        if not persons:
            return LotCodes(self.lot.uid, {}, {})
        if carries_codes(self.campaign):
            revoke_unsent(self.office, self.lot, persons, "remplacé avant envoi")
        return codes_for(self.office, self.campaign, self.lot, attempt_request(self.lot, self.attempt), persons)

    def _controls(self, mailer: Mailer) -> None:
        send_controls(
            self.session, self.office, self.program, self.campaign, self.lot, mailer,
            lambda letter_id: self.tracer.message_id(letter_id, self.domain), coded=carries_codes(self.campaign),
        )  # fmt: skip

    def _wait_for_turn(self) -> bool:
        """Keep the pace of the house; a pause meanwhile is seen within a second or two."""
        turn = time.monotonic() + take_turn(self.office)
        while (left := turn - time.monotonic()) > 0:
            time.sleep(min(left, 1.0))
            if not self._still_running():
                return False
        return True

    def _still_running(self) -> bool:
        with self.office.db.unit_of_work() as session:
            return (
                session.scalar(select(Campaign.state).where(Campaign.id == self.campaign.id)) == CampaignState.RUNNING
            )

    def _send(self, mailer: Mailer, row: Any, code: str | None) -> None:
        letter_id = format_letter_id(self.lot.caisse, row.number)
        try:
            mail = self._message(row, letter_id, code)
        except LetterFault as fault:
            self._give_up(row, str(fault))
            return
        self._mark(row.number, LetterState.SENDING, None)
        try:
            mailer.send(mail, self.office.clock())
        except MailRefused as refusal:
            self._give_up(row, str(refusal), refusal)
        except MailDelayed as delay:
            if delay.reason is not Reason.SERVER:
                self._put_off(row, delay)
                return
            if not delay.doubtful:
                self._mark(row.number, LetterState.PLANNED, None)
            raise  # otherwise the letter stays doubtful: the message may have left
        else:
            self._mark(row.number, LetterState.SENT, None)

    def _message(self, row: Any, letter_id: str, code: str | None) -> Mail:
        recipient = recipient_of(row)
        values = values_of(recipient, row, self.lot.letter_date, about=row.about_at, asked=row.asked, masked=True)
        shown = None if code is None else group(code)
        subject, plain, html = render_message(self.program, values, shown)
        page = render_single(
            self.program,
            values,
            _address_shown(recipient),
            letter_id,
            shown,
            date=self.lot.letter_date,
            tagged=True,
        )
        mailbox = self.office.settings.mail_bounces_to
        return Mail(
            to=row.email, subject=subject, text=plain, html=html, message_id=self.tracer.message_id(letter_id, self.domain),
            attachments=[Attachment("courrier-dmp.pdf", page)],
            bounces_to=self.tracer.return_address(letter_id, mailbox) if mailbox else None,
        )  # fmt: skip

    def _put_off(self, row: Any, delay: MailDelayed) -> None:
        """Leave the letter waiting until its next attempt, or give it up to the post after the last one."""
        now = self.office.clock()
        with self.office.db.unit_of_work() as session:
            again = put_off(session, self.lot, row.number, row.person_id, delay, now)
            if again:
                _set_state(session, self.lot, row.number, LetterState.PLANNED, str(delay), now)
        if not again:
            self._give_up(row, str(delay))

    def _give_up(self, row: Any, reason: str, refusal: MailRefused | None = None) -> None:
        if carries_codes(self.campaign):
            self.office.dmp.revoke(self.lot.caisse, [row.person_id], "courriel non remis")
        now = self.office.clock()
        with self.office.db.unit_of_work() as session:
            _set_state(session, self.lot, row.number, LetterState.EXCEPTION, reason, now)
            if refusal is not None:
                give_up(
                    session, self.lot, row.number, row.person_id, Cause.REFUSED, refusal.reason, refusal.code, now
                )  # fmt: skip
                if refusal.reason is Reason.ADDRESS:
                    refuse_mail(session, self.lot.caisse, row.number, row.person_id, now)

    def _mark(self, number: int, state: LetterState, reason: str | None) -> None:
        now = self.office.clock()
        with self.office.db.unit_of_work() as session:
            _set_state(session, self.lot, number, state, reason, now)
            if state is LetterState.SENT:
                solved(session, self.lot, number, now)


def _set_state(session: Session, lot: Lot, number: int, state: LetterState, reason: str | None, now: datetime) -> None:
    session.execute(
        update(Letter)
        .where(Letter.caisse == lot.caisse, Letter.number == number)
        .values(state=state, reason=reason, at=now)
    )


def _address_shown(recipient: Recipient) -> tuple[str, ...]:
    """The address of the PDF joined; one that no envelope could carry is no reason to withhold an e-mail."""
    try:
        return address_block(recipient)
    except AddressFault:
        return (f"{recipient.prenom} {recipient.nom}".strip(),)


def count_letters(session: Session, lot: Lot) -> int:
    """Bring the lot's counts up to its letters; return how many still wait."""
    counted = session.execute(
        select(Letter.state, Letter.reason, func.count())
        .where(
            Letter.caisse == lot.caisse, Letter.campaign_id == lot.campaign_id, Letter.channel == lot.channel,
            Letter.lot_sequence == lot.sequence,
        )
        .group_by(Letter.state, Letter.reason)
    )  # fmt: skip
    counts: Counter[str] = Counter()
    left_out: dict[str, int] = {}
    for state, reason, number in counted:
        counts[state] += number
        if state == LetterState.EXCLUDED:
            left_out[reason or ""] = number
    lot.left_out = left_out
    lot.letters = counts[LetterState.SENT]
    lot.exceptions = counts[LetterState.EXCEPTION]
    lot.excluded = counts[LetterState.EXCLUDED]
    lot.doubtful = counts[LetterState.SENDING]
    return counts[LetterState.PLANNED]


def _close(session: Session, office: Office, actor: Actor, lot: Lot) -> Outcome:
    if waiting := count_letters(session, lot):
        lot.retry_at = first_due(session, lot, waiting)
        return Outcome.NOTHING  # paused on the way, or put off by their servers: the rest waits
    lot.state, lot.reason, lot.retry_at, lot.sealed_at = LotState.SENT, None, None, office.clock()
    lot.controls = count_controls(session, lot)
    session.flush()
    record(
        session, actor, "lot.envoyer", f"lot de courriels {lot.id}", at=office.clock(), caisse=lot.caisse,
        detail={"courriels": lot.letters, "exceptions": lot.exceptions, "exclus": lot.excluded, "douteux": lot.doubtful,
            "temoins": lot.controls,
        },
    )  # fmt: skip
    return Outcome.SEALED
