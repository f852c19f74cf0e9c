"""Asking for a code (seed: « Recevoir un code »). Whatever is given, the answer is the same, and so is the work.

The back office sends the code through the channel that the insurance has registered at that moment; issuing it revokes
the one before. Who has a DMP already gets, always by post, a code that lets them back into it.
"""

import hashlib
import hmac
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, text

from dmp_core.clock import Clock
from dmp_core.enrolment.dossiers import DossierState
from dmp_core.enrolment.events import Kind, events_since, record_event
from dmp_core.enrolment.insured import Insured, InsuredBase, handle_of
from dmp_core.holder.guard import Guard, Lane, network, strangers
from dmp_core.holder.identification import same_serial
from dmp_core.holder.store import HolderStore

A_DAY: Final = 1
"""Requests that a person may have answered within 24 hours."""
IN_THIRTY_DAYS: Final = 4

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
            # Two requests at once for one person: the second counts the first.
            connection.execute(_ALONE, {"key": _lock_of(nir)})
            day, _ = events_since(connection, Kind.CODE_REQUESTED, caisse, person_id, now - timedelta(days=1))
            month, _ = events_since(connection, Kind.CODE_REQUESTED, caisse, person_id, now - timedelta(days=30))
            purpose = _purpose(connection, person)
            granted = proven & (day < A_DAY) & (month < IN_THIRTY_DAYS) & (purpose is not None)
            # Written in any case, so that a refusal costs as much, and taken back unless it is granted.
            written = connection.begin_nested()
            record_event(connection, Kind.CODE_REQUESTED, caisse, person_id, now, {"purpose": purpose or "none"})
            if granted:
                written.commit()
            else:
                written.rollback()


def _purpose(connection: Connection, person: Insured | None) -> str | None:
    """What a code would be for: None when the person may have none."""
    caisse, person_id = handle_of(person)
    dossier = connection.execute(_DOSSIER, {"caisse": caisse, "person": person_id}).first()
    if person is None:
        return None
    if dossier is None:
        return "creation" if person.may_open else None
    return "access" if dossier.state == DossierState.OPEN else None


def _lock_of(nir: str) -> int:
    """By NIR, known or not: those of nobody do not wait for one another."""
    return int.from_bytes(hashlib.sha256(f"{_DOOR}/{nir}".encode()).digest()[:8], signed=True)


_ALONE = text("SELECT pg_advisory_xact_lock(:key)")
_DOSSIER = text("SELECT state FROM enrolment.dossier_of_person(:caisse, :person)")
