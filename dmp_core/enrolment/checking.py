"""Is this the person's code? Compared under the key, in the same time whatever the answer (ASVS 5.0, 6.3.8).

The portal asks once the person is found by NIR and serial, and also when nobody is found, so that both take as long.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, text

from dmp_core.enrolment.codes import Slip, check
from dmp_core.enrolment.digests import is_digest_of
from dmp_core.enrolment.insured import Insured, handle_of
from dmp_core.storage.keyring import Keyring

COMPARED = 10
"""Codes of one person that are compared, the live one first; the function of migration 0003 gives no more."""


_CODES = text("SELECT digest, key_id, state, expires_at FROM enrolment.codes_of_person(:caisse, :person)")
_USE = text("SELECT enrolment.use_code(:caisse, :person, :digest, CAST(:now AS timestamptz))")


class CodeCheck(StrEnum):
    """What a typed code is for this person. All but LIVE and WRONG are said only to who gave NIR and serial right."""

    LIVE = "live"
    """Theirs, and it may be used now."""
    EXPIRED = "expired"
    """Theirs, its two months are over."""
    USED = "used"
    """Theirs, and it has served."""
    REVOKED = "revoked"
    """Theirs, withdrawn or replaced by a later one."""
    WRONG = "wrong"
    """Not theirs, or nobody's."""


@dataclass(frozen=True, slots=True)
class _Stored:
    digest: bytes
    key_id: str
    state: CodeCheck


def codes_of(connection: Connection, keyring: Keyring, person: Insured | None, typed: str, now: datetime) -> CodeCheck:
    """What the code `typed` is for `person`; WRONG for None and for what cannot be a code, after the same work.

    Expiry is by time, whatever the stored state. Raises Unavailable when the key of a code is missing.
    """
    found = _find(connection, keyring, person, typed, now)
    return CodeCheck.WRONG if found is None else found.state


def consume(connection: Connection, keyring: Keyring, person: Insured, typed: str, now: datetime) -> bool:
    """Use the person's live code, for good if the caller's transaction commits; False when it is not live (any more).

    Two calls at once with one code: the second waits for the first to end, then is told False or, if the first was
    rolled back, True. Raises Unavailable when the key of a code is missing.
    """
    found = _find(connection, keyring, person, typed, now)
    if found is None or found.state is not CodeCheck.LIVE:
        return False
    return bool(
        connection.scalar(
            _USE, {"caisse": person.caisse, "person": person.person_id, "digest": found.digest, "now": now}
        )
    )


def _find(
    connection: Connection, keyring: Keyring, person: Insured | None, typed: str, now: datetime
) -> _Stored | None:
    caisse, person_id = handle_of(person)
    stored = [
        _Stored(bytes(row.digest), row.key_id, _state(row.state, row.expires_at, now))
        for row in connection.execute(_CODES, {"caisse": caisse, "person": person_id})
    ]
    # Nobody's hash, so that one code or none takes as long as ten.
    nothing = _Stored(bytes(32), keyring.current, CodeCheck.WRONG)
    code = check(typed)
    given = "" if isinstance(code, Slip) else code
    found = None
    for each in (*stored, *[nothing] * (COMPARED - len(stored))):
        if is_digest_of(keyring, each.key_id, caisse, given, each.digest):
            found = each
    return found


def _state(state: str, expires_at: datetime, now: datetime) -> CodeCheck:
    return CodeCheck.EXPIRED if state == "live" and expires_at <= now else CodeCheck(state)
