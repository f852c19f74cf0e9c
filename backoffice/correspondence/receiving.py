"""Taking the record's events: each is written down once, with what it calls for, then marked done over there.

The two databases share no transaction: killed between them, the event comes again and is known by its id.
"""

from sqlalchemy.dialects.postgresql import insert

from backoffice.adapters.dmp import Event, Kind
from backoffice.audit.journal import record
from backoffice.campaigns.models import DmpEvent
from backoffice.cases.actions import open_case
from backoffice.cases.kinds.closure import CLOSURE_ONLINE
from backoffice.core.actor import system_actor
from backoffice.correspondence.answers import answer_to
from backoffice.letters.requests import request_letter
from backoffice.office import Office

BATCH = 200


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
        case = None
        if event.kind is Kind.DOSSIER_CLOSED and event.detail.get("by") == "holder":
            case = open_case(session, office, actor, CLOSURE_ONLINE, event.caisse, event.person_id, event.event_id)
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
