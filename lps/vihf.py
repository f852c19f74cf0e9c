"""VIHF: for each request of an establishment, who acts in its name and about whom, signed by its certificate (SAML 2.0)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from lxml import etree  # type: ignore[import-untyped]
from lxml.builder import ElementMaker  # type: ignore[import-untyped]
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from lps.card import Card, CardFault

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

    card: Card
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
        key = self.card.held.key
        assert key is not None
        method = SignatureMethod.RSA_SHA256 if hasattr(key, "decrypt") else SignatureMethod.ECDSA_SHA256
        signer = XMLSigner(
            signature_algorithm=method, digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#",
        )  # fmt: skip
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = self.card.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return signer.sign(unsigned, key=pem, cert=certificate, reference_uri=f"#{identifier}", id_attribute="ID")
