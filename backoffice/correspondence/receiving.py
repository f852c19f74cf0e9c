"""Taking the record's events: each is written down once, with what it calls for, then marked done over there.

The two databases share no transaction: killed between them, the event comes again and is known by its id.
"""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backoffice.adapters.dmp import DossierState, Event, Kind
from backoffice.audit.journal import record
from backoffice.campaigns.models import DmpEvent
from backoffice.cases.actions import open_case
from backoffice.cases.kinds.closure import CLOSURE, CLOSURE_ONLINE, REOPENING
from backoffice.cases.kinds.contested import CONTESTED
from backoffice.cases.models import Case
from backoffice.cases.once import open_one
from backoffice.cases.queueing import Priority, Way
from backoffice.core.actor import Actor, system_actor
from backoffice.correspondence.answers import answer_to
from backoffice.letters.requests import request_letter
from backoffice.office import Office

BATCH = 200
_BY_A_STEP = frozenset(
    {Kind.DOSSIER_CLOSED, Kind.DOSSIER_REOPENED, Kind.DOSSIER_RESUMED, Kind.DOSSIER_SUSPENDED}
)  # fmt: skip
_ABOUT_THE_DOSSIER = tuple(one.name for one in (CLOSURE_ONLINE, CLOSURE, REOPENING, CONTESTED))


def receive(office: Office) -> int:
    """Take what waits, oldest first; return how many events were new. Raises Unavailable when a database is away."""
    fresh = 0
    while events := office.dmp.events(BATCH):
        for event in events:
            fresh += _write_down(office, event)
        office.dmp.events_done([event.event_id for event in events])
        if len(events) < BATCH:
            break
    return fresh


def _write_down(office: Office, event: Event) -> bool:
    """One event, its case, its letter and its line of the journal in one transaction; False when it was known."""
    actor, answer = system_actor(), answer_to(event.kind, event.detail)
    with office.db.unit_of_work() as session:
        made = session.scalar(
            insert(DmpEvent)
            .values(
                event_id=event.event_id, kind=event.kind, caisse=event.caisse, person_id=event.person_id, at=event.at,
                received_at=office.clock(), answer=answer,
            )
            .on_conflict_do_nothing(index_elements=["event_id"])
            .returning(DmpEvent.id)
        )  # fmt: skip
        if made is None:
            return False
        case = _case_of(session, office, actor, event)
        if answer:
            request_letter(
                session, answer, event.caisse, event.person_id, by=actor.login, at=office.clock(), about_at=event.at,
                case_number=case.number if case else None, request=event.event_id,
            )  # fmt: skip
        record(
            session, actor, "evenement.recevoir", f"événement {made}", at=office.clock(), caisse=event.caisse,
            detail={"nature": event.kind, "courrier": answer},
        )  # fmt: skip
    return True


def _case_of(session: Session, office: Office, actor: Actor, event: Event) -> Case | None:
    """The case that follows the event: opened by it, or the one whose step made it happen."""
    if event.kind is Kind.DOSSIER_CLOSED and event.detail.get("by") == "holder":
        return open_case(session, office, actor, CLOSURE_ONLINE, event.caisse, event.person_id, event.event_id)
    if event.kind is Kind.CLOSURE_REQUESTED:
        # Nobody of the caisse has heard the holder: the case waits for their confirmation, as one that came by letter.
        case, _ = open_one(
            session, office, actor, CLOSURE, event.caisse, event.person_id, way=Way.PROFESSIONAL, origin=event.event_id
        )
        return case
    if event.kind is Kind.DOSSIER_SUSPENDED:
        # Whoever suspended it may have died before writing the case: nobody would ever decide.
        facts = office.dmp.dossier_states(event.caisse, [event.person_id]).get(event.person_id)
        if facts is not None and facts.state is DossierState.SUSPENDED:
            case, _ = open_one(
                session, office, actor, CONTESTED, event.caisse, event.person_id, way=Way.OFFICE,
                priority=Priority.HIGH, origin=event.event_id,
            )  # fmt: skip
            return case
    if event.kind not in _BY_A_STEP:
        return None
    return session.scalars(
        select(Case)
        .where(Case.caisse == event.caisse, Case.person_id == event.person_id, Case.kind.in_(_ABOUT_THE_DOSSIER))
        .order_by(Case.id.desc())
    ).first()
