"""The reason of an emergency, signed by the card: what is signed, and what makes it fresh and for once (RECORD 4, row 22).

The words to sign are made here and sealed with a key of ours, so that nothing has to be kept until they come back: who, for
which dossier, why, when. They hold for a few minutes; what proves that they served is kept with the emergency.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final
from uuid import UUID

import msgspec

from dmp_core.access.trace import Mode
from dmp_core.professionals.certificates import Professional
from dmp_core.professionals.signing import SignatureRefused, Signed

KIND: Final = "dmp-acces-en-urgence"
"""`typ` of the signature: one given for something else opens nothing."""
LIFE: Final = timedelta(minutes=5)
_NONCE: Final = 16
"""Bytes drawn (ASVS 6.7.2 asks for 8)."""
_DRAWN: Final = 22
"""Characters of them."""


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the card signs."""

    dossier: UUID
    professionnel: str
    """PS_IdNat."""
    mode: Mode
    motif: str
    moment: datetime
    nonce: str
    """Drawn, then sealed with all the rest."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A reason that a card signed, verified: what is kept with the emergency."""

    signed: Signed
    mode: Mode
    reason: str = field(repr=False)

    @property
    def once(self) -> bytes:
        """It serves once, whatever signature stands around it."""
        return sha256(self.signed.content).digest()


class Reasons:
    """Makes what is to be signed, and knows it again."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"dmp emergency reason 1", "sha256")

    def to_sign(self, who: Professional, dossier: UUID, mode: Mode, reason: str, now: datetime) -> bytes:
        """The words to sign; nothing is looked up, and nothing told, of the dossier."""
        return self._sealed(Reason(dossier, str(who.id), mode, reason, now, token_urlsafe(_NONCE)))

    def proved(self, signed: Signed, who: Professional, dossier: UUID, now: datetime) -> Proof:
        """What this signature proves of this professional, for this dossier, now. Raises SignatureRefused."""
        not_ours = SignatureRefused("Ce qui est signé n’est pas ce que le DMP a donné à signer : recommencez.")
        try:
            told = msgspec.json.decode(signed.content, type=Reason)
        except (msgspec.MsgspecError, ValueError):
            raise not_ours from None
        again = self._sealed(msgspec.structs.replace(told, nonce=told.nonce[:_DRAWN]))
        if not hmac.compare_digest(again, signed.content):
            raise not_ours
        if signed.by.id != who.id or told.professionnel != str(who.id):
            raise SignatureRefused("La raison est signée par une autre carte : signez avec celle de la connexion.")
        if told.dossier != dossier:
            raise SignatureRefused("Cette raison est signée pour un autre DMP : signez celle de ce patient.")
        if not now - LIFE < told.moment <= now + LIFE:
            raise SignatureRefused("Cette raison a été signée il y a trop longtemps : signez-la de nouveau.")
        return Proof(signed, told.mode, told.motif)

    def _sealed(self, reason: Reason) -> bytes:
        seal = hmac.digest(self._key, msgspec.json.encode(reason), "sha256").hex()
        return msgspec.json.encode(msgspec.structs.replace(reason, nonce=f"{reason.nonce}.{seal}"))
