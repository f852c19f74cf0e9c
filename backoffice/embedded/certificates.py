"""A private test authority and one server certificate, for the services that `./run` starts on this machine alone."""

import ipaddress
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from fasteners import InterProcessLock

from backoffice.core.clock import Clock, system_clock

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=397)
RENEWAL_MARGIN = timedelta(days=30)
_SKEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of PEM files: the authority to trust, the server's certificate and its key (mode 600)."""

    authority: Path
    certificate: Path
    key: Path


def ensure_certificates(folder: Path, clock: Clock = system_clock) -> Certificates:
    """The certificates of `folder`, made now where they are missing, unreadable or within 30 days of their end.

    The authority may only ever vouch for localhost and the loopback addresses (name constraints), so that a machine
    that trusts it by mistake loses nothing. Safe to call from two processes at once. Raises OSError when the folder
    cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    with InterProcessLock(folder / ".lock"):
        now = clock()
        if not _usable(paths, now):
            _make(folder, paths, now)
    return paths


def _usable(paths: Certificates, now: datetime) -> bool:
    try:
        authority = x509.load_pem_x509_certificate(paths.authority.read_bytes())
        server = x509.load_pem_x509_certificate(paths.certificate.read_bytes())
        key = serialization.load_pem_private_key(paths.key.read_bytes(), password=None)
        server.verify_directly_issued_by(authority)
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    lasting = min(authority.not_valid_after_utc, server.not_valid_after_utc) - RENEWAL_MARGIN
    begun = max(authority.not_valid_before_utc, server.not_valid_before_utc)
    return begun <= now < lasting and key.public_key() == server.public_key()


def _make(folder: Path, paths: Certificates, now: datetime) -> None:
    # The authority's key lives in this function alone: a new server certificate comes with a new authority.
    authority_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Autorité locale de démonstration")])
    hosts: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    permitted: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
        x509.IPAddress(ipaddress.ip_network("::1/128")),
    ]
    authority = (
        _builder(name, name, authority_key.public_key(), authority_key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    server_key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    server = (
        _builder(subject, name, server_key.public_key(), authority_key.public_key(), now, SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(folder, paths.key, secret, 0o600)
    _write(folder, paths.certificate, server.public_bytes(pem), 0o644)
    _write(folder, paths.authority, authority.public_bytes(pem), 0o644)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _write(folder: Path, path: Path, content: bytes, mode: int) -> None:
    """Aside, then renamed: nobody ever reads half a key, nor a key that others may read."""
    aside = folder / f".{path.name}.{os.getpid()}"
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    aside.chmod(mode)
    aside.replace(path)
