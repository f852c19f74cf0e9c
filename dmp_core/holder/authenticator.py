"""The authenticator application: time-based codes (TOTP, RFC 6238), beside e-mail and SMS (ASVS L2, RECORD row 14).

The shared secret is sealed with AES-256-GCM under a key derived from the holder's keyring: the database alone makes no
code. A step that was accepted is never accepted again (RFC 6238, section 5.2).
"""

import hmac
import logging
import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, text

from dmp_core.clock import Clock
from dmp_core.errors import NotFound, Unavailable
from dmp_core.holder.store import HolderStore
from dmp_core.storage.keyring import KEY_BYTES, Keyring

ISSUER: Final = "mon-dmp"
STEP_S: Final = 30
DRIFT: Final = 1
"""Steps before and after the present one: clocks of telephones are seldom 30 seconds out."""

_PURPOSE: Final = b"dmp/authenticator/1"
_NONCE: Final = 12
_UNREADABLE: Final = (
    "Votre application d’authentification ne peut pas être vérifiée pour le moment : appelez le 0 810 331 133."
)
"""The key file is not whole: an operator's matter, of which the holder can do nothing but call."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the application must learn, shown once: as a QR code of `uri`, or typed by hand."""

    uri: str = field(repr=False)
    """otpauth:// address."""
    secret: str = field(repr=False)
    """Base 32, in groups of four."""


class Authenticator:
    """One application a holder."""

    def __init__(self, store: HolderStore, keyring: Keyring, clock: Clock) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = clock

    def is_active(self, dossier: UUID) -> bool:
        """Whether the holder has set up an application, and confirmed it by a code."""
        with self._store.transaction(dossier) as connection:
            return connection.scalar(_ACTIVE, {"dossier": dossier}) is not None

    def offer(self, dossier: UUID, login: str) -> Enrolment:
        """A new secret, not in force before `confirm`; an application in force stays so until then."""
        secret = pyotp.random_base32()
        with self._store.transaction(dossier) as connection:
            if connection.scalar(_ACTIVE, {"dossier": dossier}) is not None:
                raise NotFound("Une application est déjà associée à votre compte : retirez-la d’abord.")
            row = {
                "dossier": dossier, "secret": self._seal(dossier, secret), "key": self._keyring.current,
                "now": self._clock(),
            }  # fmt: skip
            connection.execute(_OFFER, row)
        uri = pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=login, issuer_name=ISSUER)
        return Enrolment(uri, " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)))

    def accepts(self, dossier: UUID, typed: str, *, confirming: bool = False) -> bool:
        """Whether `typed` is the application's code of now (or of the step before or after), never used before.

        With `confirming` it is compared with the secret that was offered, and puts it in force. Two at once with one
        code: one is accepted. Raises Unavailable when the key of the secret is missing.
        """
        now = self._clock()
        with self._store.transaction(dossier) as connection:
            row = connection.execute(_LOCK, {"dossier": dossier}).one_or_none()
            if row is None or (row.confirmed_at is None) is not confirming:
                return False
            step = self._step(self._unseal(dossier, row.key_id, row.secret), typed, now)
            if step is None or step <= row.last_step:
                return False
            connection.execute(_USE, {"dossier": dossier, "step": step, "now": now})
        return True

    def remove(self, connection: Connection, dossier: UUID) -> None:
        """Forget the holder's application, in a transaction bound to the dossier; none is no error."""
        connection.execute(_REMOVE, {"dossier": dossier})

    def _step(self, secret: str, typed: str, now: datetime) -> int | None:
        totp, present, found = pyotp.TOTP(secret, interval=STEP_S), int(now.timestamp()) // STEP_S, None
        for step in range(present - DRIFT, present + DRIFT + 1):
            if hmac.compare_digest(totp.generate_otp(step).encode(), typed.encode()):
                found = step
        return found

    def _seal(self, dossier: UUID, secret: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher(self._keyring.current).encrypt(nonce, secret.encode(), dossier.bytes)

    def _unseal(self, dossier: UUID, key_id: str, sealed: bytes) -> str:
        try:
            return self._cipher(key_id).decrypt(sealed[:_NONCE], sealed[_NONCE:], dossier.bytes).decode()
        except InvalidTag:
            raise Unavailable(_UNREADABLE) from None

    def _cipher(self, key_id: str) -> AESGCM:
        key = self._keyring.keys.get(key_id)
        if key is None:
            _log.error("holder keyring: key %s is missing", key_id)
            raise Unavailable(_UNREADABLE)
        return AESGCM(HKDF(SHA256(), KEY_BYTES, salt=None, info=_PURPOSE).derive(key))


_ACTIVE = text("""
SELECT 1 FROM enrolment.authenticator WHERE dossier_id = :dossier AND confirmed_at IS NOT NULL
""")

_OFFER = text("""
INSERT INTO enrolment.authenticator (dossier_id, secret, key_id, created_at) VALUES (:dossier, :secret, :key, :now)
ON CONFLICT (dossier_id) DO UPDATE SET secret = EXCLUDED.secret, key_id = EXCLUDED.key_id,
    created_at = EXCLUDED.created_at, confirmed_at = NULL, last_step = 0
""")

_LOCK = text("""
SELECT secret, key_id, confirmed_at, last_step FROM enrolment.authenticator WHERE dossier_id = :dossier FOR UPDATE
""")

_USE = text("""
UPDATE enrolment.authenticator SET last_step = :step, confirmed_at = coalesce(confirmed_at, :now)
WHERE dossier_id = :dossier
""")

_REMOVE = text("DELETE FROM enrolment.authenticator WHERE dossier_id = :dossier")
