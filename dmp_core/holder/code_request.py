"""Asking for a code (seed: « Recevoir un code »). Whatever is given, the answer is the same, and so is the work.

The back office sends the code through the channel that the insurance has registered at that moment; issuing it revokes
the one before. Who has a DMP already gets, always by post, a code that lets them back into it.
"""

import hmac
from typing import Final

from sqlalchemy import Connection, text

from dmp_core.clock import Clock
from dmp_core.enrolment.code_requests import DAY, THIRTY_DAYS, Purpose, be_alone, purpose_of, within
from dmp_core.enrolment.dossiers import DossierState
from dmp_core.enrolment.events import Kind, events_since, record_event
from dmp_core.enrolment.insured import Insured, InsuredBase, handle_of
from dmp_core.holder.guard import Guard, Lane, network, strangers
from dmp_core.holder.identification import same_serial
from dmp_core.holder.store import HolderStore

_DOOR: Final = "code-request"


class CodeRequests:
    """Takes requests for a code."""

    def __init__(self, store: HolderStore, insured: InsuredBase, guard: Guard, clock: Clock) -> None:
        self._store = store
        self._insured = insured
        self._guard = guard
        self._clock = clock

    def ask(self, nir: str, birth_date: str, serial: str, address: str) -> None:
        """Tell the back office to send a code, if all three are right and the limits allow; say nothing of it.

        `nir` and `serial` normalised, `birth_date` AAAA-MM-JJ with 00 for what the civil record does not know, `address`
        of who asks. Raises TooMany, which depends on what was typed and from where alone, and Unavailable.
        """
        # By NIR and address together: nobody can keep another from asking, and the answer helps nobody to guess.
        lanes = [Lane("recovery", f"{_DOOR}/{nir}/{network(address)}"), *strangers(address, _DOOR)]
        self._guard.attempt(lanes)
        person = self._insured.by_nir(nir)
        born = person.birth_date if person else ""
        proven = hmac.compare_digest(born.encode(), birth_date.encode()) & same_serial(person, serial)
        now = self._clock()
        caisse, person_id = handle_of(person)
        with self._store.transaction() as connection:
            be_alone(connection, nir)
            day, _ = events_since(connection, Kind.CODE_REQUESTED, caisse, person_id, now - DAY)
            month, _ = events_since(connection, Kind.CODE_REQUESTED, caisse, person_id, now - THIRTY_DAYS)
            purpose = _purpose(connection, person)
            granted = proven & within(day, month) & (purpose is not None)
            # Written in any case, so that a refusal costs as much, and taken back unless it is granted.
            written = connection.begin_nested()
            record_event(connection, Kind.CODE_REQUESTED, caisse, person_id, now, {"purpose": purpose or "none"})
            if granted:
                written.commit()
            else:
                written.rollback()


def _purpose(connection: Connection, person: Insured | None) -> Purpose | None:
    """What a code would be for: None when the person may have none."""
    caisse, person_id = handle_of(person)
    dossier = connection.execute(_DOSSIER, {"caisse": caisse, "person": person_id}).first()
    if person is None:
        return None
    return purpose_of(DossierState(dossier.state) if dossier else None, person.may_open)


_DOSSIER = text("SELECT state FROM enrolment.dossier_of_person(:caisse, :person)")
