"""VIHF: by what an establishment says, in each request, which professional acts within it and about whom (DOMAIN 3.5).

A SAML 2.0 assertion signed by the establishment's certificate or a card of its staff, the one of the connection.
`signxml` verifies the signature; whatever is read here is read from the bytes that were signed, never from the document
around them.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from cryptography import x509
from lxml import etree  # type: ignore[import-untyped]
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidInput, InvalidSignature
from signxml.verifier import SignatureConfiguration, XMLVerifier

from dmp_core.clock import PARIS
from dmp_core.errors import DmpError
from dmp_core.identity.identifiers import System
from dmp_core.professionals.certificates import Establishment, Staff
from dmp_core.professionals.identifiers import NationalId, national_id
from dmp_core.professionals.professions import Profession, profession_of

LARGEST: Final = 64 * 1024
LIFE: Final = timedelta(minutes=5)
"""How old an assertion may be, and how far the clocks of the two sides may be apart."""
_SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
_DSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
_SUBJECT_FORMAT: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
_SUBJECT_ID: Final = "urn:oasis:names:tc:xspa:1.0:subject:subject-id"
_ROLE: Final = "urn:oasis:names:tc:xacml:2.0:subject:role"
_RESOURCE_ID: Final = "urn:oasis:names:tc:xacml:2.0:resource:resource-id"
_PURPOSE: Final = "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"
_CONFIDENTIALITY: Final = "urn:oasis:names:tc:xspa:1.0:resource:patient:hl7:confidentiality-code"
"""Of a secret connection alone (handbook 3.5): the 2016 values were not found, the code is that of the documents (JDV_J08)."""
_SECRET: Final = "INVISIBLE_REPRESENTANTS_LEGAUX"  # noqa: S105 - a code
_PATIENT: Final = re.compile(rf"([0-9]{{22}})\^\^\^&{re.escape(System.INS_C.value)}&ISO\^NH")
_SECTOR: Final = re.compile(r"SA[0-9]{2}")
_SIGNED: Final = SignatureConfiguration(
    location="./", expect_references=1,
    signature_methods=frozenset(
        {
            SignatureMethod.ECDSA_SHA256, SignatureMethod.ECDSA_SHA384, SignatureMethod.ECDSA_SHA512,
            SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA384, SignatureMethod.RSA_SHA512,
        }
    ),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}),
)  # fmt: skip


class AssertionRefused(DmpError):
    """An assertion that says nothing we believe."""


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts within an establishment, and about whom."""

    id: NationalId
    """A professional's own, or that of who is responsible for an automatic process."""
    name: str = field(repr=False)
    profession: Profession
    establishment: Establishment
    ins_c: str = field(repr=False)
    software: str
    once: bytes = field(repr=False)
    """Digest of the assertion's identifier: it serves once."""
    staff: Staff | None = None
    """Who sent it by a card of their own; None for the establishment's software."""
    secret: bool = False
    """A secret connection (CSP L.1111-5): nothing of it is told to the patient's legal representatives."""


def acting(assertion: bytes, certificate: bytes, bearer: Establishment | Staff, now: datetime) -> Acting:
    """What `assertion` says, signed by `certificate` (DER), which the connection proved to be `bearer`'s.

    Raises AssertionRefused.
    """
    staff = bearer if isinstance(bearer, Staff) else None
    establishment = bearer.structure if isinstance(bearer, Staff) else bearer
    said = _signed(assertion, certificate, now)
    _require_now(said, now)
    issuer = said.find(f"{{{_SAML}}}Issuer")
    if issuer is None or issuer.get("Format") != _SUBJECT_FORMAT or not _names(issuer.text or "", certificate):
        raise AssertionRefused("L’émetteur du VIHF n’est pas le certificat qui l’a signé.")
    if _text(said, "Identifiant_Structure") != establishment.id:
        raise AssertionRefused("La structure du VIHF n’est pas celle du certificat.")
    fixed = {"Authentification_Mode": "INDIRECTE", "Ressource_URN": "urn:dmp", _PURPOSE: "normal"}
    for name, wanted in fixed.items():
        if _text(said, name) != wanted:
            raise AssertionRefused(f"Le champ {name} du VIHF doit valoir « {wanted} ».")
    for name in ("VIHF_Version", "LPS_Nom", "LPS_Version", "LPS_ID_HOMOLOGATION_DMP"):
        _text(said, name)
    if not _SECTOR.fullmatch(_text(said, "Secteur_Activite").partition("^")[0]):
        raise AssertionRefused("Le secteur d’activité du VIHF est inconnu.")
    who = said.find(f"{{{_SAML}}}Subject/{{{_SAML}}}NameID")
    identifier = national_id("" if who is None else who.text or "")
    if identifier is None:
        raise AssertionRefused("Le VIHF ne porte pas d’identifiant national de professionnel valable.")
    role = _values(said, _ROLE)
    profession = profession_of(role[0], now.astimezone(PARIS).date()) if role else None
    if profession is None:
        raise AssertionRefused("La profession du VIHF n’est pas en usage.")
    patient = _PATIENT.fullmatch(_text(said, _RESOURCE_ID))
    if patient is None:
        raise AssertionRefused("Le VIHF ne désigne pas de patient par son INS-C.")
    software = f"{_text(said, 'LPS_Nom')} {_text(said, 'LPS_Version')}"
    confidentiality = {each.partition("^")[0] for each in _values(said, _CONFIDENTIALITY)}
    if not confidentiality <= {_SECRET}:
        raise AssertionRefused(f"Le code de confidentialité du VIHF vaut « {_SECRET} », ou n’y est pas.")
    once = sha256(f"{establishment.id}\0{said.get('ID')}".encode()).digest()
    return Acting(
        identifier,
        _text(said, _SUBJECT_ID),
        profession,
        establishment,
        patient[1],
        software,
        once,
        staff,
        bool(confidentiality),
    )


def _signed(assertion: bytes, certificate: bytes, now: datetime) -> etree._Element:
    """The assertion as it was signed: the whole document, one signature, right below its root."""
    refused = AssertionRefused("La signature du VIHF ne peut pas être vérifiée.")
    if len(assertion) > LARGEST:
        raise refused
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(assertion, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise refused from None
    identifier = root.get("ID", "")
    references = root.findall(f"{{{_DSIG}}}Signature/{{{_DSIG}}}SignedInfo/{{{_DSIG}}}Reference")
    if (
        root.getroottree().docinfo.doctype
        or root.tag != f"{{{_SAML}}}Assertion" or len(identifier) < 8
        or sum(1 for _ in root.iter(f"{{{_DSIG}}}Signature")) != 1
        # One thing is signed, and it is all of it: nothing else bears its name, nothing else is an assertion.
        or [each.get("URI") for each in references] != [f"#{identifier}"]
        or sum(1 for each in root.iter() if identifier in (each.get("ID"), each.get("Id"), each.get("id"))) != 1
        or sum(1 for _ in root.iter(f"{{{_SAML}}}Assertion")) != 1
    ):  # fmt: skip
        raise refused
    try:
        found = XMLVerifier().verify(
            root,
            x509_cert=x509.load_der_x509_certificate(certificate),
            id_attribute="ID",
            expect_config=replace(_SIGNED, verification_time=now),
        )
    except (InvalidSignature, InvalidInput, etree.LxmlError, ValueError, TypeError, AttributeError, KeyError):
        raise refused from None
    said = None if isinstance(found, list) else found.signed_xml
    if said is None or said.tag != root.tag or said.get("ID") != identifier:
        raise refused
    return said


def _require_now(said: etree._Element, now: datetime) -> None:
    authenticated = said.find(f"{{{_SAML}}}AuthnStatement")
    issued, moment = _instant(said.get("IssueInstant")), None
    if authenticated is not None:
        moment = _instant(authenticated.get("AuthnInstant"))
    if issued is None or moment is None or not (now - LIFE <= issued <= now + LIFE) or moment > now + LIFE:
        raise AssertionRefused("Le VIHF n’est pas de maintenant : vérifiez l’heure du poste, puis recommencez.")
    conditions = said.find(f"{{{_SAML}}}Conditions")
    if conditions is None:
        return
    begins, ends = conditions.get("NotBefore"), conditions.get("NotOnOrAfter")
    if (begins is not None and not _is_past(begins, now + LIFE)) or (ends is not None and _is_past(ends, now)):
        raise AssertionRefused("Le VIHF n’est pas de maintenant : vérifiez l’heure du poste, puis recommencez.")


def _is_past(written: str, now: datetime) -> bool:
    """Whether this instant is over; one that cannot be read is, and ends what it bounds."""
    found = _instant(written)
    return found is None or found <= now


def _instant(written: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(written or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _names(issuer: str, certificate: bytes) -> bool:
    try:
        return x509.Name.from_rfc4514_string(issuer) == x509.load_der_x509_certificate(certificate).subject
    except ValueError:
        return False


def _values(said: etree._Element, name: str) -> list[str]:
    """The values of an attribute of the assertion: a code where it is coded, its text otherwise."""
    found = []
    for attribute in said.findall(f"{{{_SAML}}}AttributeStatement/{{{_SAML}}}Attribute"):
        if attribute.get("Name") == name:
            for value in attribute.findall(f"{{{_SAML}}}AttributeValue"):
                coded = next((each.get("code") for each in value if each.get("code")), None)
                found.append(" ".join((coded if coded is not None else value.text or "").split()))
    return found


def _text(said: etree._Element, name: str) -> str:
    """The one value of an attribute. Raises AssertionRefused when there is none, several, or an empty one."""
    found = _values(said, name)
    if len(found) != 1 or not found[0] or len(found[0]) > 200 or not found[0].isprintable():
        raise AssertionRefused(f"Le champ {name.rpartition(':')[2]} du VIHF est absent, vide ou double.")
    return found[0]
