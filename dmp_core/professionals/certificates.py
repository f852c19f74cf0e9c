"""What a certificate of the field says of its bearer (DOMAIN 3.4), and why one is refused.

Attributes are read by their type, never by their place: within the name of a card, CN, SN and GN stand in one element
whose order varies.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dmp_core.errors import DmpError
from dmp_core.professionals.identifiers import NationalId, is_structure, national_id
from dmp_core.professionals.professions import Profession, profession_named, profession_of

CARD_POLICY: Final = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1.1")
"""Certificates that authenticate a professional; the number is the one RFC 5612 keeps for examples."""
ESTABLISHMENT_POLICY: Final = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1.2")
SPECIALITY: Final = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1.3")
"""Extension of the test authority: the code of the speciality, in UTF-8."""
STAFF_POLICY: Final = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1.4")
"""Certificates that authenticate a member of a structure's staff (CPE, CPA)."""
SIGNATURE_POLICY: Final = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1.5")
"""The card's second certificate: what its professional signs."""


class Fault(StrEnum):
    """Why a certificate opens nothing."""

    ABSENT = "absent"
    UNREADABLE = "unreadable"
    UNTRUSTED = "untrusted"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    REVOKED = "revoked"
    LIST = "list"
    """No list of revocation, signed by the issuer and still valid: nobody can say that it is not revoked."""
    USE = "use"
    """Not made to authenticate its bearer: key usage, extended key usage."""
    POLICY = "policy"
    IDENTIFIER = "identifier"
    PROFESSION = "profession"
    STRUCTURE = "structure"
    STAFF = "staff"
    """A card of staff, where that of a professional is asked for."""
    ESTABLISHMENT = "establishment"
    """The certificate of a structure, where a card is asked for."""
    NOT_A_STRUCTURE = "not_a_structure"
    """A professional's own card, at the door of those who act for one."""
    SIGNATURE = "signature"
    """Not made to sign: key usage, policy."""
    FORGED = "forged"
    """A header claims what only the connection can prove."""
    CHANGED = "changed"
    """The session belongs to another card."""


_SENTENCES: Final = {
    Fault.ABSENT: "Aucune carte n’a été présentée : insérez votre carte dans le lecteur, puis rouvrez la page.",
    Fault.UNREADABLE: "La carte présentée ne peut pas être lue : essayez avec une autre carte.",
    Fault.UNTRUSTED: "La carte présentée ne vient pas d’une autorité reconnue : utilisez votre carte de professionnel.",
    Fault.NOT_YET: "Votre carte n’est pas encore valable : vérifiez sa date de début, et l’heure de votre poste.",
    Fault.EXPIRED: "Votre carte est périmée : utilisez la nouvelle, ou demandez son renouvellement.",
    Fault.REVOKED: "Votre carte a été mise en opposition : elle n’ouvre plus aucun DMP.",
    Fault.LIST: "La validité de votre carte ne peut pas être vérifiée pour l’instant : réessayez dans quelques minutes.",
    Fault.USE: "Ce certificat ne sert pas à s’identifier : utilisez celui d’authentification.",
    Fault.POLICY: "Ce certificat n’est pas de ceux qui ouvrent le DMP : utilisez votre carte de professionnel.",
    Fault.IDENTIFIER: "Votre carte ne porte ni numéro RPPS ni numéro ADELI valable : adressez-vous à son émetteur.",
    Fault.PROFESSION: "La profession que porte votre carte n’ouvre pas de DMP.",
    Fault.STRUCTURE: "Ce certificat ne porte pas d’identifiant de structure valable : adressez-vous à son émetteur.",
    Fault.STAFF: "La consultation demande la carte (CPS) du professionnel : une carte de personnel (CPE, CPA) crée et "
    "alimente les DMP, et n’en ouvre aucun.",
    Fault.ESTABLISHMENT: "La consultation demande la carte (CPS) du professionnel : le certificat d’un établissement crée "
    "et alimente les DMP, et n’en ouvre aucun.",
    Fault.NOT_A_STRUCTURE: "Cette adresse est celle des établissements et de leur personnel : avec votre carte (CPS), "
    "déposez depuis votre logiciel ou vos pages.",
    Fault.SIGNATURE: "Ce certificat ne sert pas à signer : signez avec celui de signature de votre carte.",
    Fault.FORGED: "La demande porte un certificat dans ses en-têtes : seule la carte présentée à la connexion compte.",
    Fault.CHANGED: "La carte présentée n’est plus celle avec laquelle la session a commencé : recommencez.",
}  # fmt: skip


class CertificateRefused(DmpError):
    """A certificate that opens nothing; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(_SENTENCES[fault])
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Professional:
    """The bearer of a card."""

    id: NationalId
    surname: str = field(repr=False)
    given_name: str = field(repr=False)
    profession: Profession
    speciality: Profession | None
    card: bytes = field(repr=False)
    """SHA-256 of the certificate: which card it was."""

    @property
    def name(self) -> str:
        """As a trace names them."""
        return f"{self.given_name} {self.surname}"


@dataclass(frozen=True, slots=True)
class Establishment:
    """The bearer of an establishment's certificate."""

    id: str
    """Struct_IdNat."""
    name: str
    certificate: bytes = field(repr=False)
    """SHA-256 of it."""


@dataclass(frozen=True, slots=True)
class Staff:
    """The bearer of a card of staff (CPE, CPA): named within their structure, and of no profession."""

    id: NationalId
    surname: str = field(repr=False)
    given_name: str = field(repr=False)
    structure: Establishment
    """Where they work; its certificate is the card's."""

    @property
    def name(self) -> str:
        """As a trace names them."""
        return f"{self.given_name} {self.surname}"


Bearer = Professional | Staff | Establishment


def professional_in(certificate: x509.Certificate, on: date) -> Professional:
    """Who a card names. Raises CertificateRefused: IDENTIFIER, PROFESSION."""
    identifier = national_id(_one(certificate, NameOID.COMMON_NAME))
    surname, given_name = _one(certificate, NameOID.SURNAME), _one(certificate, NameOID.GIVEN_NAME)
    if identifier is None or not identifier.personal or not surname:
        raise CertificateRefused(Fault.IDENTIFIER)
    profession = profession_named(_one(certificate, NameOID.TITLE), on)
    if profession is None:
        raise CertificateRefused(Fault.PROFESSION)
    stated = _speciality(certificate)
    speciality = profession_of(stated, on) if stated else None
    if stated and (speciality is None or speciality.whole != profession.code):
        raise CertificateRefused(Fault.PROFESSION)
    return Professional(
        identifier, surname, given_name, profession, speciality, certificate.fingerprint(hashes.SHA256())
    )


def establishment_in(certificate: x509.Certificate) -> Establishment:
    """Which structure a certificate names. Raises CertificateRefused: STRUCTURE."""
    units = [found.value for found in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)]
    structures = [unit for unit in units if isinstance(unit, str) and is_structure(unit)]
    name = _one(certificate, NameOID.ORGANIZATION_NAME)
    if len(structures) != 1 or not name:
        raise CertificateRefused(Fault.STRUCTURE)
    return Establishment(structures[0], name, certificate.fingerprint(hashes.SHA256()))


def staff_in(certificate: x509.Certificate) -> Staff:
    """Whom a card of staff names, and where they work. Raises CertificateRefused: IDENTIFIER, STRUCTURE."""
    identifier = national_id(_one(certificate, NameOID.COMMON_NAME))
    surname, given_name = _one(certificate, NameOID.SURNAME), _one(certificate, NameOID.GIVEN_NAME)
    if identifier is None or identifier.personal or not surname:
        raise CertificateRefused(Fault.IDENTIFIER)
    return Staff(identifier, surname, given_name, establishment_in(certificate))


def require_use(certificate: x509.Certificate, policy: x509.ObjectIdentifier) -> None:
    """Refuse what was not made to authenticate its bearer under this policy. Raises CertificateRefused: USE, POLICY."""
    extensions = certificate.extensions
    try:
        extended = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        raise CertificateRefused(Fault.USE) from None
    usage = _usage(certificate)
    if usage is None or not usage.digital_signature or ExtendedKeyUsageOID.CLIENT_AUTH not in extended:
        raise CertificateRefused(Fault.USE)
    if policy not in policies_of(certificate):
        raise CertificateRefused(Fault.POLICY)


def require_signature(certificate: x509.Certificate) -> None:
    """Refuse what was not made to commit its bearer (nonRepudiation). Raises CertificateRefused: SIGNATURE."""
    usage = _usage(certificate)
    if usage is None or not usage.content_commitment or SIGNATURE_POLICY not in policies_of(certificate):
        raise CertificateRefused(Fault.SIGNATURE)


def policies_of(certificate: x509.Certificate) -> frozenset[x509.ObjectIdentifier]:
    """Under which policies it was issued."""
    try:
        policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(each.policy_identifier for each in policies)


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    """What its key is for; None when that is not said, or it is an authority's."""
    extensions = certificate.extensions
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    try:
        authority = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        authority = False
    return None if authority else usage


def _one(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> str:
    """The one attribute of this kind in the subject; empty when there is none, or more than one."""
    found = certificate.subject.get_attributes_for_oid(kind)
    value = found[0].value if len(found) == 1 else ""
    return " ".join(value.split()) if isinstance(value, str) and value.isprintable() else ""


def _speciality(certificate: x509.Certificate) -> str:
    try:
        value = certificate.extensions.get_extension_for_oid(SPECIALITY).value
    except x509.ExtensionNotFound:
        return ""
    return value.value.decode("utf-8", "replace") if isinstance(value, x509.UnrecognizedExtension) else ""
