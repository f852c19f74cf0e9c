"""VIHF: for each request of an establishment, who acts in its name and about whom, signed by its certificate (SAML 2.0)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID
from lxml import etree  # type: ignore[import-untyped]
from lxml.builder import ElementMaker  # type: ignore[import-untyped]
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from lps.card import Bearer, CardFault
from lps.signing import Signer

_SAML: Final = ElementMaker(
    namespace="urn:oasis:names:tc:SAML:2.0:assertion", nsmap={"saml": "urn:oasis:names:tc:SAML:2.0:assertion"}
)
_HL7: Final = ElementMaker(namespace="urn:hl7-org:v3", nsmap={None: "urn:hl7-org:v3"})
_LIFE: Final = timedelta(minutes=4)
_XSPA: Final = "urn:oasis:names:tc:xspa:1.0:subject"
_XACML: Final = "urn:oasis:names:tc:xacml:2.0"


@dataclass(frozen=True, slots=True)
class Author:
    """The professional in whose name an establishment sends."""

    number: str
    """PS_IdNat."""
    name: str = field(repr=False)
    profession: str
    """A code of G15."""


@dataclass(frozen=True, slots=True)
class House:
    """An establishment, by its certificate or by a card of its staff."""

    card: Bearer
    signer: Signer
    """The key that opens its connections."""
    sector: str = "SA01"

    @property
    def structure(self) -> str:
        """Struct_IdNat. Raises CardFault for a card that names none."""
        found = self.card.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
        if not found:
            raise CardFault("Cette carte n’est pas celle d’un établissement.")
        return str(found[-1].value)

    def vihf(self, author: Author, ins_c: str) -> bytes:
        """A new assertion, which serves once."""
        now = datetime.now(UTC)
        fields: dict[str, Any] = {
            "Identifiant_Structure": self.structure, "Secteur_Activite": f"{self.sector}^1.2.250.1.71.4.2.4",
            f"{_XSPA}:subject-id": author.name, "VIHF_Version": "1.0", "Authentification_Mode": "INDIRECTE",
            "Ressource_URN": "urn:dmp", "LPS_Nom": "lps", "LPS_Version": "1", "LPS_ID_HOMOLOGATION_DMP": "REFERENCE",
            f"{_XACML}:subject:role": _HL7.Role(code=author.profession), f"{_XSPA}:purposeofuse": "normal",
            f"{_XACML}:resource:resource-id": f"{ins_c}^^^&1.2.250.1.213.1.4.2&ISO^NH",
        }  # fmt: skip
        held = [_SAML.Attribute(_SAML.AttributeValue(value), Name=name) for name, value in fields.items()]
        identifier = f"_{uuid4()}"
        unsigned = _SAML.Assertion(
            _SAML.Issuer(
                self.card.certificate.subject.rfc4514_string(),
                Format="urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName",
            ),
            _SAML.Subject(_SAML.NameID(author.number)),
            _SAML.Conditions(NotOnOrAfter=(now + _LIFE).isoformat()),
            _SAML.AuthnStatement(
                _SAML.AuthnContext(_SAML.AuthnContextClassRef("urn:oasis:names:tc:SAML:2.0:ac:classes:X509")),
                AuthnInstant=now.isoformat(),
            ),
            _SAML.AttributeStatement(*held),
            ID=identifier, IssueInstant=now.isoformat(), Version="2.0",
        )  # fmt: skip
        return bytes(etree.tostring(self._signed(unsigned, identifier)))

    def _signed(self, unsigned: Any, identifier: str) -> Any:
        key: Any = _Key(self.signer)
        method = SignatureMethod.ECDSA_SHA256 if key.elliptic else SignatureMethod.RSA_SHA256
        signer = XMLSigner(
            signature_algorithm=method, digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#",
        )  # fmt: skip
        certificate = self.card.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return signer.sign(unsigned, key=key, cert=certificate, reference_uri=f"#{identifier}", id_attribute="ID")


class _Key:
    """A key as `signxml` uses one, which may stay in its card."""

    def __init__(self, signer: Signer) -> None:
        public = signer.certificate.public_key()
        assert isinstance(public, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey))
        self._signer, self.key_size = signer, public.key_size
        self.elliptic = isinstance(public, ec.EllipticCurvePublicKey)

    def sign(self, content: bytes, **_: Any) -> bytes:
        """With SHA-256, as the signature says: in DER on a curve."""
        made = self._signer.sign(content)
        if not self.elliptic:
            return made
        half = len(made) // 2
        return encode_dss_signature(int.from_bytes(made[:half], "big"), int.from_bytes(made[half:], "big"))
