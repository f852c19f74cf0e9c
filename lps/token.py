"""The professional's card in a reader, or any PKCS#11 token: its keys never leave it, and each use of one asks it again."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.parse import quote

import httpx
import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from pkcs11 import Attribute, Mechanism, ObjectClass, TokenFlag
from pkcs11.types import SignMixin

from lps.card import Bearer, CardFault
from lps.handshake import Proof, TokenTransport

_GONE: Final = "La carte ne répond plus : remettez-la dans le lecteur, puis recommencez."
_REFUSALS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (pkcs11.PinIncorrect, "Le code de la carte est faux ; après trois codes faux, elle se bloque."),
    (pkcs11.PinLenRange, "Le code de la carte est faux ; après trois codes faux, elle se bloque."),
    (pkcs11.PinLocked, "La carte est bloquée : débloquez-la avec son code de déblocage."),
    (pkcs11.NoSuchToken, "Il n’y a pas de carte dans le lecteur : insérez la vôtre, puis recommencez."),
    (pkcs11.MultipleTokensReturned, "Plusieurs cartes sont dans les lecteurs : dites laquelle par --token."),
)


@dataclass(frozen=True, slots=True)
class _Held:
    """One certificate of the card, and which key goes with it."""

    id: bytes
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class Token(Bearer):
    """A card whose code was right: the certificate of authentication, and the one of signature where there is one."""

    module: Path
    label: str
    serial: bytes
    code: str = field(repr=False)
    authentication: _Held
    signature: _Held | None

    @classmethod
    def open(cls, module: Path, label: str, code: str) -> "Token":
        """The card in the reader that this module drives; `label` where there are several. Raises CardFault."""
        with _session(module, label, code) as session:
            serial, name = session.token.serial, session.token.label
            held = [
                _Held(found[Attribute.ID], x509.load_der_x509_certificate(found[Attribute.VALUE]))
                for found in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})
            ]
            keys = {found[Attribute.ID] for found in session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})}
        usable = [each for each in held if each.id in keys]
        authentication = next((each for each in usable if _authenticates(each.certificate)), None)
        if authentication is None:
            raise CardFault("Cette carte ne porte pas de certificat d’authentification : essayez avec une autre.")
        signature = next((each for each in usable if _commits(each.certificate)), None)
        return cls(authentication.certificate, module, name, serial, code, authentication, signature)

    def transport(self, authority: Path) -> httpx.BaseTransport:
        """HTTPS in which this card is proved, anew for each request. Raises CardFault."""
        held = self.authentication
        uri = f"pkcs11:token={quote(self.label, safe='')};serial={quote(self.serial, safe='')};id={_bytes(held.id)}"
        return TokenTransport(Proof(f"{uri};type=private", self.code, held.certificate, self.module), authority)

    @property
    def prover(self) -> "TokenSigner":
        """What signs by the key of authentication."""
        return TokenSigner(self, self.authentication)

    def signer(self) -> "TokenSigner":
        """What signs by the card's other key. Raises CardFault where there is none."""
        if self.signature is None:
            raise CardFault("Cette carte ne porte pas de certificat de signature : essayez avec une autre.")
        return TokenSigner(self, self.signature)


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """Signs in the card, by one of its keys."""

    token: Token
    held: _Held

    @property
    def certificate(self) -> x509.Certificate:
        """Of the key."""
        return self.held.certificate

    def sign(self, content: bytes) -> bytes:
        """By the key. Raises CardFault, also when the card is no longer there."""
        elliptic = isinstance(self.certificate.public_key(), ec.EllipticCurvePublicKey)
        with _session(self.token.module, self.token.label, self.token.code, self.token.serial) as session:
            key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=self.held.id)
            assert isinstance(key, SignMixin)
            if elliptic:
                return bytes(key.sign(hashlib.sha256(content).digest(), mechanism=Mechanism.ECDSA))
            return bytes(key.sign(content, mechanism=Mechanism.SHA256_RSA_PKCS))


_ALONE: Final = Lock()
"""A bearer is known to their card once at a time: sessions share it."""


@contextmanager
def _session(module: Path, label: str, code: str, serial: bytes | None = None) -> Iterator[pkcs11.Session]:
    """A session of the card's bearer, ended with the block. Raises CardFault."""
    with _ALONE, _opened(module, label, code, serial) as session:
        yield session


@contextmanager
def _opened(module: Path, label: str, code: str, serial: bytes | None) -> Iterator[pkcs11.Session]:
    try:
        library = pkcs11.lib(str(module))
    except (RuntimeError, OSError):
        raise CardFault(f"Le lecteur de carte ne démarre pas : vérifiez le module {module}.") from None
    try:
        found = [
            token
            for token in library.get_tokens(token_flags=TokenFlag.TOKEN_INITIALIZED)
            if (not label or token.label == label) and (serial is None or token.serial == serial)
        ]
        if len(found) != 1:
            raise pkcs11.MultipleTokensReturned if found else pkcs11.NoSuchToken
        session = found[0].open(user_pin=code)
    except pkcs11.PKCS11Error as fault:
        raise CardFault(next((told for kind, told in _REFUSALS if isinstance(fault, kind)), _GONE)) from None
    try:
        yield session
    except (pkcs11.PKCS11Error, ValueError):
        raise CardFault(_GONE) from None
    finally:
        session.close()


def _authenticates(certificate: x509.Certificate) -> bool:
    try:
        extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    usage = _usage(certificate)
    return usage is not None and usage.digital_signature and ExtendedKeyUsageOID.CLIENT_AUTH in extended


def _commits(certificate: x509.Certificate) -> bool:
    usage = _usage(certificate)
    return usage is not None and usage.content_commitment


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _bytes(value: bytes) -> str:
    return "".join(f"%{each:02x}" for each in value)
