"""Reading the mailbox of bounces: each report is written down once, and its letter given another way.

A report that cannot be tied to a letter of ours, or understood, is set aside for a person and changes nothing.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backoffice.adapters.bouncebox import BounceBox, open_box
from backoffice.adapters.bounces import Bounce, BounceKind, read_bounce
from backoffice.adapters.mailer import Reason
from backoffice.audit.journal import record
from backoffice.campaigns.incidents import Cause, IncidentState, MailIncident, MailReturn, give_up, refuse_mail
from backoffice.campaigns.mailing import count_letters
from backoffice.campaigns.models import Letter, Lot
from backoffice.campaigns.rules import Channel, LetterState
from backoffice.campaigns.status import lot_of_letter
from backoffice.campaigns.tracing import Tracer
from backoffice.core.actor import Actor, Role, system_actor
from backoffice.core.errors import NotFound, WrongState
from backoffice.letters.reference import format_letter_id, letter_id_digits
from backoffice.office import Office
from backoffice.population.models import Person

_FINAL: Final = frozenset({IncidentState.RELAYED, IncidentState.CLOSED})


@dataclass(slots=True)
class BouncesRead:
    """What one reading found."""

    returned: int = 0
    """Letters to be given another way."""
    ignored: int = 0
    """Delays announced, absence messages, reports known already."""
    aside: int = 0
    """For a person to read."""


def read_bounces(office: Office) -> BouncesRead:
    """Read what the mailbox holds. Raises Unavailable when it cannot be opened; what was not read stays in it."""
    found = BouncesRead()
    url = office.settings.mail_bounces_url
    if url:
        with open_box(url, office.settings.mail_ca_file) as box:
            for key, content in box.messages():
                _deal_with(office, box, key, content, found)
    return found


def _deal_with(office: Office, box: BounceBox, key: str, content: bytes, found: BouncesRead) -> None:
    """Committed before the message leaves the mailbox: killed in between, it is read again and known by its digest."""
    with office.db.unit_of_work() as session:
        kind = _write_down(session, office, content)
    if kind is BounceKind.UNKNOWN:
        box.set_aside(key)
        found.aside += 1
        return
    box.done(key)
    if kind is BounceKind.RETURNED:
        found.returned += 1
    else:
        found.ignored += 1


def _write_down(session: Session, office: Office, content: bytes) -> BounceKind:
    bounce = read_bounce(content)
    letter = _letter_of(session, office, bounce.traces)
    kind = BounceKind.UNKNOWN if bounce.kind is BounceKind.RETURNED and letter is None else bounce.kind
    now = office.clock()
    fresh = session.scalar(
        insert(MailReturn)
        .values(
            digest=hashlib.sha256(content).digest(), kind=kind, status=bounce.status,
            caisse=letter.caisse if letter else None, letter_number=letter.number if letter else None, received_at=now,
        )
        .on_conflict_do_nothing(index_elements=["digest"])
        .returning(MailReturn.id)
    )  # fmt: skip
    if kind is not BounceKind.RETURNED:
        return kind
    assert letter is not None
    if fresh is None or not _returns(session, letter):
        return BounceKind.DELAYED
    lot = lot_of_letter(session, letter)
    give_up(
        session,
        lot,
        letter.number,
        letter.person_id,
        Cause.RETURNED,
        bounce.reason or Reason.CONTENT,
        bounce.status,
        now,
    )
    if letter.state == LetterState.SENDING:  # it had left after all
        letter.state, letter.at = LetterState.SENT, now
        session.flush()
        count_letters(session, lot)
    if bounce.reason is Reason.ADDRESS:
        _flag_address(session, letter, bounce, now)
    record(
        session, system_actor(), "courriel.revenir", f"courriel {format_letter_id(letter.caisse, letter.number)}", at=now,
        caisse=letter.caisse, detail={"statut": bounce.status, "motif": bounce.reason},
    )  # fmt: skip
    return kind


def _flag_address(session: Session, letter: Letter, bounce: Bounce, now: datetime) -> None:
    """The person's address refuses for good, if it is still the one that was written to."""
    person = session.get(Person, (letter.caisse, letter.person_id))
    if person is not None and person.email.casefold() in bounce.addresses:
        refuse_mail(session, letter.caisse, letter.number, letter.person_id, now)


def _letter_of(session: Session, office: Office, traces: str) -> Letter | None:
    letter_id = Tracer(office.settings.secret_key).find(traces)
    if letter_id is None:
        return None
    digits = letter_id_digits(letter_id)
    letter = session.get(Letter, (digits[:3], int(digits[3:12])))
    return letter if letter is not None and letter.channel == Channel.MAIL else None


def _returns(session: Session, letter: Letter) -> bool:
    """Whether the report changes anything: a second one of the same letter does not, nor one of a letter not sent."""
    if letter.state not in (LetterState.SENT, LetterState.SENDING):
        return False
    incident = session.get(MailIncident, (letter.caisse, letter.number), with_for_update=True)
    return incident is None or (incident.cause != Cause.RETURNED and incident.state not in _FINAL)


def settle_unknown(session: Session, office: Office, actor: Actor, return_id: int) -> None:
    """A person has read a message that was set aside. Raises WrongState when somebody else had."""
    actor.require(Role.CAMPAIGN_MANAGER, Role.ADMINISTRATOR)
    found = session.scalar(select(MailReturn).where(MailReturn.id == return_id).with_for_update())
    if found is None or found.kind != BounceKind.UNKNOWN:
        raise NotFound("Ce message n’existe pas.")
    if found.settled_at is not None:
        raise WrongState("Ce message a déjà été classé.")
    found.settled_at, found.settled_by = office.clock(), actor.login
    session.flush()
    record(session, actor, "courriel.classer", f"message {found.id}", at=office.clock())


def settle_doubt(session: Session, office: Office, actor: Actor, lot_id: int, number: int, *, left: bool) -> Letter:
    """Say whether a doubtful message had left, as the mail server's log tells; one that had not goes by post.

    Raises NotFound outside the actor's caisses, WrongState when it is not doubtful, or its lot is being sent right now.
    """
    actor.require(Role.CAMPAIGN_MANAGER)
    caisse = session.scalar(select(Lot.caisse).where(Lot.id == lot_id))
    if caisse is None:
        raise NotFound("Introuvable dans votre périmètre.")
    actor.require_caisse(caisse)
    lot = session.scalar(select(Lot).where(Lot.id == lot_id).with_for_update(skip_locked=True))
    if lot is None:
        raise WrongState("Ce lot est en cours d’envoi : attendez qu’il se termine, puis recommencez.")
    letter = session.get(Letter, (lot.caisse, number), with_for_update=True)
    if letter is None or letter.state != LetterState.SENDING or letter.campaign_id != lot.campaign_id:
        raise WrongState("Ce courriel n’est plus douteux : rechargez la page.")
    now = office.clock()
    letter.at = now
    if left:
        letter.state = LetterState.SENT
    else:
        letter.state, letter.reason = LetterState.EXCEPTION, "Le courriel n’était pas parti."
        give_up(session, lot, number, letter.person_id, Cause.DOUBT, Reason.SERVER, "", now)
    session.flush()
    count_letters(session, lot)
    session.flush()
    record(
        session, actor, "courriel.trancher", f"courriel {format_letter_id(lot.caisse, number)}", at=now, caisse=lot.caisse,
        detail={"parti": left},
    )  # fmt: skip
    return letter
