"""Signing with the card: a JWS (RFC 7515, compact), which bears the certificate of signature."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from lps.card import Card, CardFault

EMERGENCY: Final = "dmp-acces-en-urgence"
_FIGURES: Final = 32
"""Bytes of each half of a signature on P-256."""


class Signer(Protocol):
    """The certificate of signature of a card, and its key."""

    @property
    def certificate(self) -> x509.Certificate:
        """Of the key that signs."""

    def sign(self, content: bytes) -> bytes:
        """SHA-256 and the key: the two halves one after the other on P-256, PKCS#1 v1.5 for RSA. Raises CardFault."""


@dataclass(frozen=True, slots=True)
class SoftwareSigner:
    """The software card's second file."""

    card: Card

    @classmethod
    def open(cls, file: Path | None, code: str) -> "SoftwareSigner":
        """Raises CardFault, also when there is no such file."""
        if file is None:
            raise CardFault("Indiquez le certificat de signature de votre carte : --signature.")
        return cls(Card.open(file, code))

    @property
    def certificate(self) -> x509.Certificate:
        """Of signature."""
        return self.card.certificate

    def sign(self, content: bytes) -> bytes:
        """By the key of the file."""
        key = self.card.held.key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            halves = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
            return b"".join(half.to_bytes(_FIGURES, "big") for half in halves)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key.sign(content, padding.PKCS1v15(), hashes.SHA256())


def signed(content: bytes, kind: str, signer: Signer) -> str:
    """`content` signed as this kind of thing. Raises CardFault."""
    public = signer.certificate.public_key()
    header = {
        "alg": "ES256" if isinstance(public, ec.EllipticCurvePublicKey) else "RS256", "typ": kind,
        "x5c": [base64.b64encode(signer.certificate.public_bytes(Encoding.DER)).decode()],
    }  # fmt: skip
    begun = f"{_text(json.dumps(header).encode())}.{_text(content)}"
    return f"{begun}.{_text(signer.sign(begun.encode()))}"


def reason_in(words: bytes, expected: dict[str, Any]) -> str:
    """The reason that these words to sign hold. Raises CardFault when they are not what was asked: what is signed is what
    the professional meant, whatever a server sends.
    """
    try:
        told = json.loads(words)
        given = {name: told[name] for name in expected}
        reason = str(told["motif"])
    except (ValueError, KeyError, TypeError):
        given, reason = {}, ""
    if given != expected:
        raise CardFault("Le DMP donne à signer autre chose que ce que vous avez demandé : rien n’est signé.")
    return reason


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
