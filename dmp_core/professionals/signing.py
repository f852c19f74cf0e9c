"""What a professional signs with their card: a JWS (RFC 7515, compact) that bears the certificate of signature.

`joserfc` verifies the signature; who may sign is `Trust`'s. Nothing else of the header is believed: no key, no address of
one, no algorithm but the one of the certificate's own kind of key.
"""

import re
from binascii import Error as NotBase64
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import urlsafe_b64decode

from dmp_core.errors import DmpError
from dmp_core.professionals.certificates import CertificateRefused, Professional
from dmp_core.professionals.trust import Trust
from dmp_core.storage.seal import Certified

LARGEST: Final = 16 * 1024
"""Characters of a signature, what is signed and its certificate included."""
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+")


class SignatureRefused(DmpError):
    """A signature that proves nothing here; `str` is one French sentence."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Something that a card signed."""

    by: Professional
    content: bytes = field(repr=False)
    text: str = field(repr=False)
    """The whole signature, as it is kept."""

    @property
    def digest(self) -> str:
        """SHA-256 of the whole signature."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def told(self) -> str:
        """What a line of the trace says of it."""
        return f"raison signée par la carte de {self.by.name} ; SHA-256 de la signature : {self.digest}"


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    alg: str
    typ: str
    x5c: list[str]


def signed(presented: str, kind: str, trust: Trust, now: datetime) -> Signed:
    """What `presented` says, signed now by a card for this kind of thing (`typ`). Raises SignatureRefused."""
    unreadable = SignatureRefused("Cette signature ne peut pas être lue : signez de nouveau.")
    if len(presented) > LARGEST or not _COMPACT.fullmatch(presented):
        raise unreadable
    try:
        header = msgspec.json.decode(urlsafe_b64decode(presented.partition(".")[0].encode()), type=_Header)
        (encoded,) = header.x5c
        certificate = msgspec.json.decode(f'"{encoded}"', type=bytes)
    except (msgspec.MsgspecError, NotBase64, ValueError):
        raise unreadable from None
    if header.typ != kind:
        raise SignatureRefused("Cette signature a été donnée pour autre chose : signez ce qui vous est présenté.")
    try:
        signer = trust.signer(certificate, now)
        key, algorithm = _key_of(certificate)
        read = jws.deserialize_compact(presented, key, registry=Certified(algorithms=[algorithm]))
    except CertificateRefused as refusal:
        raise SignatureRefused(f"Le certificat de signature est refusé. {refusal}") from None
    except (JoseError, ValueError):
        raise SignatureRefused("Cette signature est fausse : signez de nouveau.") from None
    return Signed(signer, read.payload, presented)


def _key_of(certificate: bytes) -> tuple[ECKey | RSAKey, str]:
    """The key of a certificate, and the one algorithm that goes with it. Raises SignatureRefused for another kind."""
    public = x509.load_der_x509_certificate(certificate).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        return ECKey.import_key(pem), "ES256"
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= 2048:
        return RSAKey.import_key(pem), "RS256"
    raise SignatureRefused(
        "La clé de signature de cette carte n’est pas d’une espèce admise : utilisez une autre carte."
    )
