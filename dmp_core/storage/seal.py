"""The house's signature: a key and its certificate in one PEM file, which sign what leaves the record (CMS, RFC 5652; for
software, JWS, RFC 7515).
"""

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from cryptography.x509.oid import NameOID
from joserfc import jws
from joserfc.jwk import ECKey

from dmp_core.errors import Unavailable
from dmp_core.storage.keyring import alone_in, write_secret

_LIFE: Final = timedelta(days=10 * 365)


class Certified(jws.JWSRegistry):
    """Headers that bear a certificate."""

    max_header_length = 16 * 1024


@dataclass(frozen=True, slots=True)
class Seal:
    """Signs."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "Seal":
        """Read the file. Raises Unavailable when it is missing, damaged or holds no key of the right kind."""
        try:
            content = path.read_bytes()
            certificate = x509.load_pem_x509_certificate(content)
            key = serialization.load_pem_private_key(content, None)
        except (OSError, ValueError, TypeError) as error:
            raise Unavailable(f"La clé de signature {path} ne peut pas être lue : restaurez-la.") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise Unavailable(f"La clé de signature {path} n’est pas celle de son certificat : restaurez-la.")
        return cls(certificate, key)

    @classmethod
    def create_if_missing(cls, path: Path, now: datetime, name: str = "Historiques des accès") -> "Seal":
        """Read the file, made with a fresh key and a certificate that vouches for itself when there is none; `name` says
        what it signs.
        """
        with alone_in(path.parent):
            if not path.exists():
                write_secret(path, _made(now, name))
        return cls.load(path)

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as OpenSSL writes it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    def sign(self, content: bytes) -> bytes:
        """A detached signature of `content`: CMS in DER, the certificate inside."""
        builder = PKCS7SignatureBuilder().set_data(content).add_signer(self.certificate, self.key, hashes.SHA256())
        return builder.sign(
            serialization.Encoding.DER,
            [PKCS7Options.DetachedSignature, PKCS7Options.Binary, PKCS7Options.NoCapabilities],
        )

    def jws(self, content: bytes, kind: str) -> str:
        """`content` signed as this kind of thing (`typ`), the certificate in the header; compact."""
        told = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
        header = {"alg": "ES256", "typ": kind, "x5c": [told]}
        return jws.serialize_compact(
            header, content, ECKey.import_key(self.key), registry=Certified(algorithms=["ES256"])
        )


def _made(now: datetime, signs: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Dossier médical partagé"),
            x509.NameAttribute(NameOID.COMMON_NAME, signs),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
                key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + secret
