"""VIHF as the software of an establishment makes it, and what attackers make of one."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from lxml import etree
from lxml.builder import ElementMaker
from signxml import DigestAlgorithm, SignatureMethod, XMLSigner

from dmp_core.professionals.authority import Issued

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
_E = ElementMaker(namespace=SAML, nsmap={"saml": SAML})
_HL7 = ElementMaker(namespace="urn:hl7-org:v3", nsmap={None: "urn:hl7-org:v3"})
SUBJECT_ID = "urn:oasis:names:tc:xspa:1.0:subject:subject-id"
ROLE = "urn:oasis:names:tc:xacml:2.0:subject:role"
PATIENT = "urn:oasis:names:tc:xacml:2.0:resource:resource-id"
PURPOSE = "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"


def assertion(certificate: Issued, who: str, ins_c: str, now: datetime, **changes: Any) -> Any:
    """The assertion before it is signed; `changes` by the names of its parts."""
    fields: dict[str, Any] = {
        "Identifiant_Structure": "1750712184", "Secteur_Activite": "SA01^1.2.250.1.71.4.2.4", SUBJECT_ID: "ANNE MARTIN",
        "VIHF_Version": "1.0", "Authentification_Mode": "INDIRECTE", "Ressource_URN": "urn:dmp", "LPS_Nom": "Essai",
        "LPS_Version": "1", "LPS_ID_HOMOLOGATION_DMP": "ESSAI-1", ROLE: ("G15_10",), PURPOSE: ("normal",),
        PATIENT: f"{ins_c}^^^&1.2.250.1.213.1.4.2&ISO^NH",
    } | changes.pop("fields", {})  # fmt: skip
    issued = changes.pop("issued", now)
    statement = _E.AttributeStatement()
    for name, value in fields.items():
        if value is None:
            continue
        attribute = _E.Attribute(Name=name)
        for one in value if isinstance(value, list) else [value]:
            held = _E.AttributeValue(_HL7.Role(code=one[0])) if isinstance(one, tuple) else _E.AttributeValue(one)
            attribute.append(held)
        statement.append(attribute)
    return _E.Assertion(
        _E.Issuer(
            changes.pop("issuer", certificate.certificate.subject.rfc4514_string()),
            Format="urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName",
        ),
        _E.Subject(_E.NameID(who)),
        _E.Conditions(NotOnOrAfter=(issued + changes.pop("life", timedelta(minutes=5))).isoformat()),
        _E.AuthnStatement(
            _E.AuthnContext(_E.AuthnContextClassRef("urn:oasis:names:tc:SAML:2.0:ac:classes:Password")),
            AuthnInstant=(issued - timedelta(hours=1)).isoformat(),
        ),
        statement,
        ID=changes.pop("ID", f"_{uuid4()}"), IssueInstant=issued.isoformat(), Version="2.0",
    )  # fmt: skip


def signed(unsigned: Any, certificate: Issued, **how: Any) -> Any:
    """Signed, as an element."""
    signer = XMLSigner(
        signature_algorithm=how.get("method", SignatureMethod.ECDSA_SHA256),
        digest_algorithm=how.get("digest", DigestAlgorithm.SHA256),
        c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#",
    )  # fmt: skip
    reference = f"#{unsigned.get('ID')}"
    return signer.sign(
        unsigned, key=certificate.key_pem, cert=certificate.pem.decode(), reference_uri=reference, id_attribute="ID"
    )


def vihf(certificate: Issued, who: str, ins_c: str, now: datetime, **changes: Any) -> bytes:
    """A signed assertion, as bytes."""
    return bytes(etree.tostring(signed(assertion(certificate, who, ins_c, now, **changes), certificate)))
