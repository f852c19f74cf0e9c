"""Contents and titles sealed with a key of the dossier's own, itself wrapped by a key outside every database.

Whoever holds a copy of the database and of the store reads no document (DESIGN 2); the back office is never given the
file of the wrapping keys. AES-256-GCM throughout, the place of what is sealed bound to it: a box moved to another
document, or to another dossier, does not open.
"""

import os
from datetime import datetime
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, text

from dmp_core.errors import NotFound, Unavailable
from dmp_core.storage.keyring import Keyring

KEY_BYTES: Final = 32
NONCE: Final = 12
TAG: Final = 16
_WRAP: Final = b"dmp/record/wrap/1"
_DAMAGED: Final = "Ce document ne peut pas être ouvert : il est abîmé. Appelez le 0 810 331 133."


class Box:
    """Seals and opens with one dossier's key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, content: bytes, place: bytes) -> bytes:
        """`content` sealed for `place`: nonce, ciphertext, tag."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, content, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """What `seal` took. Raises Unavailable when it was changed, cut or moved."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place)
        except (InvalidTag, ValueError):
            raise Unavailable(_DAMAGED) from None


class DossierKeys:
    """The keys of dossiers, in their database, wrapped by the current key of a ring."""

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring
        self._wrappings: dict[str, Box] = {}

    def box(self, connection: Connection, dossier: UUID, now: datetime) -> Box:
        """The box of this dossier, its key made on the first call, in a transaction bound to the dossier.

        Raises NotFound when the dossier is not open, Unavailable when the ring lacks the key that wraps it.
        """
        known = connection.execute(_KNOWN, {"dossier": dossier}).one_or_none()
        if known is None:
            key = os.urandom(KEY_BYTES)
            wrapped = self._wrapping(self._ring.current).seal(key, dossier.bytes)
            row = {"dossier": dossier, "ring": self._ring.current, "wrapped": wrapped, "now": now}
            connection.execute(_MAKE, row)
            # Two first documents at once: the key that was written first is the dossier's.
            known = connection.execute(_KNOWN, {"dossier": dossier}).one_or_none()
        if known is None:
            raise NotFound("Ce DMP n’est plus ouvert : reconnectez-vous.")
        return Box(self._wrapping(known.ring_key).open(known.wrapped, dossier.bytes))

    def _wrapping(self, name: str) -> Box:
        known = self._wrappings.get(name)
        if known is None:
            secret = self._ring.keys.get(name)
            if secret is None:
                raise Unavailable(f"La clé {name} manque au fichier de clés des dossiers : restaurez-le.")
            known = self._wrappings[name] = Box(HKDF(hashes.SHA256(), KEY_BYTES, None, _WRAP).derive(secret))
        return known


_KNOWN: Final = text("SELECT ring_key, wrapped FROM medical.dossier_key WHERE dossier_id = :dossier")
_MAKE: Final = text(
    "INSERT INTO medical.dossier_key (dossier_id, ring_key, wrapped, made_at) "
    "SELECT id, :ring, :wrapped, :now FROM enrolment.dossier WHERE id = :dossier AND state = 'open' "
    "ON CONFLICT (dossier_id) DO NOTHING"
)
