"""A test authority, shaped like the one of the field (DOMAIN 3.4): a root, an authority for the cards of professionals, one
for establishments and servers; software cards as PKCS#12, and lists of revocation.

For tests and demonstrations alone: whoever trusts its root trusts whoever holds its keys.
"""

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dmp_core.professionals.certificates import (
    CARD_POLICY,
    ESTABLISHMENT_POLICY,
    SIGNATURE_POLICY,
    SPECIALITY,
    STAFF_POLICY,
)
from dmp_core.professionals.trust import Anchors

_ROOT_YEARS: Final = timedelta(days=20 * 365)
_AUTHORITY_YEARS: Final = timedelta(days=12 * 365)
CARD_LIFE: Final = timedelta(days=3 * 365)
LIST_LIFE: Final = timedelta(days=7)
_CLIENT: Final = (ExtendedKeyUsageOID.CLIENT_AUTH,)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key: of an authority, a card, an establishment, a server."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        """The certificate as a connection presents it."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key, in clear."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def pkcs12(self, password: str, authorities: list[x509.Certificate]) -> bytes:
        """A software card: key and certificates in one file, under a password."""
        return pkcs12.serialize_key_and_certificates(
            b"carte", self.key, self.certificate, authorities,
            serialization.BestAvailableEncryption(password.encode()),
        )  # fmt: skip


class TestAuthority:
    """Issues under its own root; `now` is when it comes to be."""

    __test__ = False  # no test case, whatever pytest makes of its name

    def __init__(self, now: datetime) -> None:
        begins = now - timedelta(days=1)
        self._root = _authority("AC RACINE DE TEST FORT", None, begins, _ROOT_YEARS)
        self.cards = _authority("AC DE TEST FORT PERSONNES", self._root, begins, _AUTHORITY_YEARS)
        self.establishments = _authority("AC DE TEST FORT ORGANISATIONS", self._root, begins, _AUTHORITY_YEARS)
        self._lists = 0

    @property
    def root(self) -> Issued:
        """The root, which issues authorities alone."""
        return self._root

    @property
    def anchors(self) -> Anchors:
        """What those who believe this authority are given."""
        return Anchors((self._root.certificate,), (self.cards.certificate,), (self.establishments.certificate,))

    def card(
        self, national_id: str, surname: str, given_name: str, profession: str, now: datetime, *, speciality: str = "",
        life: timedelta = CARD_LIFE, extended: tuple[x509.ObjectIdentifier, ...] = _CLIENT,
        policy: x509.ObjectIdentifier = CARD_POLICY, issuer: Issued | None = None,
    ) -> Issued:  # fmt: skip
        """The authentication certificate of a professional; `profession` in the words of the nomenclature."""
        subject = x509.Name(
            [
                _element((NameOID.COUNTRY_NAME, "FR")),
                _element((NameOID.TITLE, profession)),
                _bearer(national_id, surname, given_name),
            ]
        )
        return _issue(subject, issuer or self.cards, now, life, extended, policy, _stating(speciality))

    def staff(
        self, national_id: str, surname: str, given_name: str, structure: str, organisation: str, now: datetime, *,
        department: str = "Val-de-Marne (94)", life: timedelta = CARD_LIFE,
        extended: tuple[x509.ObjectIdentifier, ...] = _CLIENT, issuer: Issued | None = None,
    ) -> Issued:  # fmt: skip
        """The authentication certificate of a member of staff (CPE, CPA); `national_id` names them within `structure`."""
        subject = x509.Name(
            [
                _element((NameOID.COUNTRY_NAME, "FR")),
                _element((NameOID.ORGANIZATION_NAME, organisation)),
                _element((NameOID.LOCALITY_NAME, department)),
                _element((NameOID.ORGANIZATIONAL_UNIT_NAME, structure)),
                _bearer(national_id, surname, given_name),
            ]
        )
        return _issue(subject, issuer or self.cards, now, life, extended, STAFF_POLICY)

    def signature(
        self, card: Issued, now: datetime, *, speciality: str = "", life: timedelta = CARD_LIFE, commits: bool = True,
        policy: x509.ObjectIdentifier = SIGNATURE_POLICY, issuer: Issued | None = None,
    ) -> Issued:  # fmt: skip
        """The certificate of signature of the bearer of `card`, with a key of its own; `commits`: nonRepudiation."""
        usage = _usage(content_commitment=commits, digital_signature=not commits)
        subject = card.certificate.subject
        return _issue(subject, issuer or self.cards, now, life, (), policy, _stating(speciality), usage)

    def establishment(
        self,
        structure: str,
        name: str,
        now: datetime,
        *,
        department: str = "Val-de-Marne (94)",
        life: timedelta = CARD_LIFE,
    ) -> Issued:
        """The certificate of an establishment, which signs and authenticates in its name."""
        subject = _organisation(name, structure, department, "dmp.etablissement.example.org")
        return _issue(subject, self.establishments, now, life, _CLIENT, ESTABLISHMENT_POLICY)

    def server(self, host: str, now: datetime, *, life: timedelta = CARD_LIFE) -> Issued:
        """The certificate of a server, for its name and for the machine itself."""
        subject = _organisation("DMP de test", "1940000000", "Val-de-Marne (94)", host)
        names = x509.SubjectAlternativeName([x509.DNSName(host), x509.DNSName("localhost"), _LOOPBACK])
        server = (ExtendedKeyUsageOID.SERVER_AUTH,)
        return _issue(subject, self.establishments, now, life, server, ESTABLISHMENT_POLICY, [names])

    def revocations(
        self, issuer: Issued, revoked: list[x509.Certificate], now: datetime, *, life: timedelta = LIST_LIFE,
        signed_by: Issued | None = None,
    ) -> x509.CertificateRevocationList:  # fmt: skip
        """A list of `issuer`'s revoked certificates, good until `now` and `life`."""
        self._lists += 1
        built = (
            x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
            .last_update(now).next_update(now + life)
            .add_extension(x509.CRLNumber(self._lists), critical=False)
            .add_extension(_key_of(issuer), critical=False)
        )  # fmt: skip
        for one in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(one.serial_number).revocation_date(now).build()
            built = built.add_revoked_certificate(entry)
        return built.sign((signed_by or issuer).key, hashes.SHA256())

    def lists(
        self, revoked: list[x509.Certificate], now: datetime, life: timedelta = LIST_LIFE
    ) -> list[x509.CertificateRevocationList]:
        """A list of each of its authorities, naming what of `revoked` is its own."""
        return [
            self.revocations(one, [each for each in revoked if each.issuer == one.certificate.subject], now, life=life)
            for one in (self._root, self.cards, self.establishments)
        ]

    def publish(
        self, folder: Path, now: datetime, revoked: list[x509.Certificate] | None = None, *, life: timedelta = LIST_LIFE
    ) -> None:
        """Write anchors (`racines.pem` ...) and lists of revocation where `Anchors.load` and `FolderOfLists` read them."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, one in (
            ("racines.pem", self._root), ("cartes.pem", self.cards), ("etablissements.pem", self.establishments),
        ):  # fmt: skip
            (folder / name).write_bytes(one.pem)
        for number, told in enumerate(self.lists(revoked or [], now, life)):
            file = folder / f"{number}.crl"
            aside = file.with_suffix(".new")
            aside.write_bytes(told.public_bytes(serialization.Encoding.DER))
            aside.replace(file)


def write_secret(file: Path, content: bytes) -> None:
    """A file that its owner alone reads."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)


def _authority(name: str, issuer: Issued | None, begins: datetime, life: timedelta) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            _element((NameOID.COUNTRY_NAME, "FR")),
            _element((NameOID.ORGANIZATION_NAME, "AUTORITE DE TEST")),
            _element((NameOID.ORGANIZATIONAL_UNIT_NAME, "0002 000000000")),
            _element((NameOID.ORGANIZATIONAL_UNIT_NAME, "IGC-DE-TEST")),
            _element((NameOID.COMMON_NAME, name)),
        ]
    )
    usage = _usage(key_cert_sign=True, crl_sign=True)
    built = (
        _begun(subject, issuer.certificate.subject if issuer else subject, key, begins, life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None if issuer is None else 0), critical=True)
        .add_extension(usage, critical=True)
    )
    if issuer is not None:
        built = built.add_extension(_key_of(issuer), critical=False)
    return Issued(built.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _issue(
    subject: x509.Name, issuer: Issued, begins: datetime, life: timedelta,
    extended: tuple[x509.ObjectIdentifier, ...], policy: x509.ObjectIdentifier,
    more: list[Any] | None = None, usage: x509.KeyUsage | None = None,
) -> Issued:  # fmt: skip
    key = ec.generate_private_key(ec.SECP256R1())
    built = (
        _begun(subject, issuer.certificate.subject, key, begins, life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage or _usage(digital_signature=True), critical=True)
        .add_extension(x509.CertificatePolicies([x509.PolicyInformation(policy, None)]), critical=False)
        .add_extension(_key_of(issuer), critical=False)
    )
    if extended:
        built = built.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    for extension in more or []:
        built = built.add_extension(extension, critical=False)
    return Issued(built.sign(issuer.key, hashes.SHA256()), key)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(begins + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )  # fmt: skip


def _key_of(issuer: Issued) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
        issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    )


def _organisation(name: str, structure: str, department: str, host: str) -> x509.Name:
    return x509.Name(
        [
            _element((NameOID.COUNTRY_NAME, "FR")),
            _element((NameOID.STATE_OR_PROVINCE_NAME, department)),
            _element((NameOID.ORGANIZATION_NAME, name)),
            _element((NameOID.ORGANIZATIONAL_UNIT_NAME, structure)),
            _element((NameOID.COMMON_NAME, host)),
        ]
    )


def _bearer(national_id: str, surname: str, given_name: str) -> x509.RelativeDistinguishedName:
    return _element((NameOID.COMMON_NAME, national_id), (NameOID.SURNAME, surname), (NameOID.GIVEN_NAME, given_name))


def _stating(speciality: str) -> list[Any]:
    return [x509.UnrecognizedExtension(SPECIALITY, speciality.encode())] if speciality else []


def _element(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.RelativeDistinguishedName:
    return x509.RelativeDistinguishedName([x509.NameAttribute(kind, value) for kind, value in attributes])


def _usage(
    *, digital_signature: bool = False, content_commitment: bool = False, key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:  # fmt: skip
    return x509.KeyUsage(
        digital_signature=digital_signature, content_commitment=content_commitment, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=key_cert_sign, crl_sign=crl_sign,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


_LOOPBACK: Final = x509.IPAddress(ip_address("127.0.0.1"))
