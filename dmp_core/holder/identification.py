"""NIR, code and card together: who somebody is who has no account in hand (creation, and access by a code sent by post).

One sequence of work whoever is asked about: look up, count, compare everything, and only then answer.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text

from dmp_core.enrolment.checking import CodeCheck, codes_of
from dmp_core.enrolment.insured import Insured, InsuredBase, handle_of
from dmp_core.holder.guard import Attempt, Guard, code_lanes
from dmp_core.holder.sessions import Client
from dmp_core.holder.store import HolderStore
from dmp_core.storage.keyring import Keyring


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it."""

    person: Insured | None
    """The insured person; None unless NIR and serial are right, the code is one of theirs, and the guard admits it."""
    check: CodeCheck
    attempt: Attempt = field(repr=False)
    """To be given back, or refused."""


def prove_identity(
    store: HolderStore, codes: Keyring, insured: InsuredBase, guard: Guard, nir: str, code: str, serial: str,
    client: Client, now: datetime,
) -> Proof:  # fmt: skip
    """Check a NIR, a code and a serial, all normalised. Raises TooMany, and Unavailable."""
    person = insured.by_nir(nir)
    caisse, person_id = handle_of(person)
    with store.transaction() as connection:
        live = connection.execute(_LIVE, {"caisse": caisse, "person": person_id}).first()
        check = codes_of(connection, codes, person, code, now)
    issue, issued_at = (str(live.issue_id), live.issued_at) if live else ("none", None)
    attempt = guard.attempt(code_lanes(nir, code, client.address, issue, issued_at))
    proven = same_serial(person, serial) & (check is not CodeCheck.WRONG) & attempt.admits
    return Proof(person if proven else None, check, attempt)


def same_serial(person: Insured | None, typed: str) -> bool:
    """Whether the card is the person's; the same comparison for nobody, and whatever the lengths."""
    held = person.serial if person else ""
    same = hmac.compare_digest(hashlib.sha256(held.encode()).digest(), hashlib.sha256(typed.encode()).digest())
    return bool(held) & same


_LIVE = text("""
SELECT issue_id, issued_at FROM enrolment.codes_of_person(:caisse, :person) WHERE state = 'live' LIMIT 1
""")
