"""Wrapping up: the file of the call is closed, and the call that had been booked, if it was one, with it."""

from sqlalchemy.orm import Session

from backoffice.calls import callbacks
from backoffice.calls.actions import end_call
from backoffice.calls.models import Call
from backoffice.calls.rules import Outcome
from backoffice.core.actor import Actor
from backoffice.office import Office


def wrap_up(
    session: Session, office: Office, actor: Actor, call_id: int, subject: str, outcome: str, note: str = ""
) -> Call:
    """See `end_call`; a booked call that was cut off, or rang in vain, is tried again later."""
    call = end_call(session, office, actor, call_id, subject, outcome, note)
    if call.callback_id is not None:
        how = "sans_reponse" if call.ending is Outcome.CUT else "fait"
        callbacks.close(session, office, actor, call.callback_id, how)
    return call
