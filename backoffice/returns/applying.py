"""The effects of a return, once nobody can take it back any more: code revoked, address flagged, a case for the caisse.

The revocation is the record's, in its own database, and repeatable: it comes first, so that a crash leaves at worst a
return whose effects are looked at again.
"""

import uuid
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.campaigns.codes import carries_codes
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.verify import RETURNED
from backoffice.cases.actions import advance, open_case
from backoffice.cases.effects.undeliverable import ask_to_check
from backoffice.cases.kinds.undeliverable import UNDELIVERABLE
from backoffice.cases.models import Case
from backoffice.core.actor import Actor, system_actor
from backoffice.core.errors import DomainError
from backoffice.office import Office
from backoffice.population.models import Person
from backoffice.population.notices import Notice, NoticeKind, give_notice, has_mailbox
from backoffice.returns.models import LetterReturn
from backoffice.returns.noting import GRACE

MOST: Final = 200
"""Returns applied in one round of the sweep."""
_ORIGIN: Final = uuid.UUID("6c0f3a52-5b1e-4c7e-9a64-2f7f0c3b9d11")


def apply_returns(office: Office) -> int:
    """Apply what has waited long enough, each in its own transaction; returns how many."""
    with office.db.unit_of_work() as session:
        waiting = session.scalars(
            select(LetterReturn.id)
            .where(
                LetterReturn.applied_at.is_(None), LetterReturn.undone_at.is_(None),
                or_(LetterReturn.noted_at <= office.clock() - GRACE, LetterReturn.released_at.is_not(None)),
            )
            .order_by(LetterReturn.id).limit(MOST)
        ).all()  # fmt: skip
    done = 0
    for return_id in waiting:
        with office.db.unit_of_work() as session:
            done += _apply(session, office, system_actor(), return_id)
    _close_corrected(office)
    return done


def _apply(session: Session, office: Office, actor: Actor, return_id: int) -> bool:
    found = session.scalar(
        select(LetterReturn)
        .where(LetterReturn.id == return_id, LetterReturn.applied_at.is_(None), LetterReturn.undone_at.is_(None))
        .with_for_update(skip_locked=True)
    )
    if found is None:
        return False
    letter = session.get_one(Letter, (found.caisse, found.number))
    lot, campaign = session.get_one(Lot, found.lot_id), session.get_one(Campaign, letter.campaign_id)
    person = session.get(Person, (found.caisse, letter.person_id))
    revoked = carries_codes(campaign) and person is not None and _revoke(office, lot, person.id)
    case_number = None
    if found.why.bad_address and person is not None and _still_there(person, found):
        give_notice(
            session, actor, found.caisse, person.id, NoticeKind.UNDELIVERABLE, source=f"courrier {found.letter_id}",
            at=office.clock(),
        )  # fmt: skip
        case = _case(session, office, actor, found, person.id)
        case_number = case.number
        if session.scalar(select(has_mailbox()).where(Person.caisse == person.caisse, Person.id == person.id)):
            ask_to_check(session, actor, case, office.clock())
    found.applied_at, found.revoked, found.case_number = office.clock(), revoked, case_number
    session.flush()
    record(
        session, actor, "retour.appliquer", f"courrier {found.letter_id}", at=office.clock(), caisse=found.caisse,
        detail={
            "motif": found.reason, "note_par": found.noted_by, "revoque": found.revoked, "demande": found.case_number or "",
        },
    )  # fmt: skip
    return True


def _revoke(office: Office, lot: Lot, person_id: int) -> bool:
    """Whether the letter's code is revoked for its return, by this attempt or by one that died after it."""
    office.dmp.revoke(lot.caisse, [person_id], RETURNED, of_request=lot.uid)
    state = office.dmp.code_states(lot.caisse, [person_id]).get(person_id)
    return state is not None and (state.request_id, state.reason) == (lot.uid, RETURNED)


def _still_there(person: Person, found: LetterReturn) -> bool:
    """Whether the address of today may be the one that came back: another postal code says that it is not."""
    return (person.code_postal, person.pays) == (found.code_postal, found.pays)


def _case(session: Session, office: Office, actor: Actor, found: LetterReturn, person_id: int) -> Case:
    """The person's open case about their address; a new one when there is none."""
    known = session.scalar(
        select(Case)
        .where(
            Case.caisse == found.caisse,
            Case.person_id == person_id,
            Case.kind == UNDELIVERABLE.name,
            Case.ended_at.is_(None),
        )
        .with_for_update()
    )
    if known is not None:
        return known
    return open_case(
        session, office, actor, UNDELIVERABLE, found.caisse, person_id, uuid.uuid5(_ORIGIN, f"{found.id}"),
        facts={"courrier": found.letter_id, "motif": found.why.label},
    )  # fmt: skip


def _close_corrected(office: Office) -> None:
    """Cases whose address was corrected by a population file, or by anybody else, end by themselves."""
    with office.db.unit_of_work() as session:
        standing = select(Notice.id).where(
            Notice.caisse == Case.caisse,
            Notice.person_id == Case.person_id,
            Notice.kind == NoticeKind.UNDELIVERABLE,
            Notice.ended_at.is_(None),
        )
        numbers = session.scalars(
            select(Case.number)
            .where(Case.kind == UNDELIVERABLE.name, Case.ended_at.is_(None), ~standing.exists())
            .limit(MOST)
        ).all()  # fmt: skip
    for number in numbers:
        with office.db.unit_of_work() as session:
            try:
                advance(session, office, system_actor(), number, "corrected")
            except DomainError:
                continue  # somebody is at it
