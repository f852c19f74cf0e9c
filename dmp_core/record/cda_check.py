"""A structured document (CDA R2) of somebody else's making, checked before it enters: bounds, schema, header, bodies.

The header is the CI-SIS's (DOMAIN 6.1), the schema HL7's own. What stands in other namespaces (IHE adds some to laboratory
reports) is left out of the schema's judgement, as CDA R2 asks of whoever receives a document, and kept in its bytes.
"""

import base64
import binascii
import re
import threading
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from lxml import etree  # type: ignore[import-untyped]

from dmp_core.errors import Invalid
from dmp_core.identity.identifiers import System
from dmp_core.record.cda import IDNAT_PS, NS, H, moment, parsed
from dmp_core.record.contents import FORMAT_CODES, LARGEST, MODELS, Content, Format, require_quiet

SCHEMA_FILE: Final = Path(__file__).parent / "schema" / "infrastructure" / "cda" / "CDA.xsd"
_UNREADABLE: Final = (
    "Ce document structuré (CDA) est abîmé, démesuré, ou porte une déclaration de type : produisez-le de nouveau."
)
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_ACTIVE: Final = frozenset({"http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"})
_MEDIA: Final = {
    "application/pdf": Format.PDF, "image/jpeg": Format.JPEG, "image/tiff": Format.TIFF, "text/rtf": Format.RTF,
    "application/rtf": Format.RTF, "text/plain": Format.TEXT,
}  # fmt: skip
_MOST_MEDIA: Final = 30
_COMMON: Final = ("2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1")

_HEADER: Final = (
    ("h:realmCode[@code='FR']", "realmCode (FR)"),
    ("h:typeId[@root='2.16.840.1.113883.1.3'][@extension='POCD_HD000040']", "typeId (POCD_HD000040)"),
    *((f"h:templateId[@root='{each}']", f"templateId ({each})") for each in _COMMON),
    ("h:id[@root]", "id"),
    ("h:title", "title"),
    ("h:confidentialityCode[@code]", "confidentialityCode"),
    ("h:languageCode[@code='fr-FR']", "languageCode (fr-FR)"),
    ("h:setId[@root]", "setId"),
    ("h:versionNumber[@value]", "versionNumber"),
    ("h:custodian/h:assignedCustodian/h:representedCustodianOrganization", "custodian"),
    ("h:legalAuthenticator/h:assignedEntity", "legalAuthenticator"),
    ("h:documentationOf/h:serviceEvent/h:effectiveTime", "documentationOf/serviceEvent/effectiveTime"),
    (
        "h:documentationOf/h:serviceEvent/h:performer/h:assignedEntity/h:representedOrganization"
        "/h:standardIndustryClassCode",
        "documentationOf/serviceEvent/performer (standardIndustryClassCode)",
    ),
    (
        "h:componentOf/h:encompassingEncounter/h:location/h:healthCareFacility/h:code",
        "componentOf (healthCareFacility)",
    ),
)
"""What the header must hold, and what it is called to who makes such documents."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A structured document that may enter, once it is known to be about the holder of the dossier."""

    content: Content
    """The very bytes."""
    patients: frozenset[str] = field(repr=False)
    """The INS-C that it bears."""
    unique_id: str | None
    """urn:oid of the document; None where its identifier has an extension, which an urn:oid does not hold."""
    began: datetime | None
    """Of the act it tells."""

    def named(self, declared: str | None) -> str | None:
        """Its identifier, as its depositor declared it too. Raises Invalid when the two differ."""
        if declared and self.unique_id and declared.startswith("urn:oid:") and declared != self.unique_id:
            raise Invalid("L’identifiant déclaré n’est pas celui du document structuré (CDA) : accordez-les.")
        return declared or self.unique_id

    def require_about(self, ins_c: str | None) -> None:
        """Raise Invalid unless the document bears this INS-C and no other; who it names is not said."""
        if ins_c is None or self.patients != {ins_c}:
            raise Invalid(
                "Ce document structuré (CDA) n’est pas au nom du titulaire de ce DMP : vérifiez le patient et son INS-C."
            )


def is_cda(data: bytes) -> bool:
    """Whether a content is meant as a CDA: the only XML that the record takes."""
    return data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"ClinicalDocument" in data[:16_384]


def checked_cda(data: bytes, type_code: str, type_system: str, author: str) -> Checked:
    """The document, of the type that its depositor declares, by this author (PS_IdNat). Raises Invalid, in one sentence.

    Nothing of it is expanded, fetched or run. Whose document it is is looked at by `require_about`, where the dossier is.
    """
    if len(data) > LARGEST:
        raise Invalid("Le document dépasse 10 Mo : réduisez-le.")
    root = parsed(data, _UNREADABLE)
    _require_header(root, type_code, type_system, author)
    patients = frozenset(
        each.get("extension", "")
        for each in root.iterfind("h:recordTarget/h:patientRole/h:id", H)
        if each.get("root") == System.INS_C.value
    )
    if not patients:
        raise Invalid("Ce document structuré (CDA) ne porte pas l’INS-C du patient (recordTarget/patientRole/id).")
    body = _body(root)
    _require_quiet_media(root)
    model = FORMAT_CODES[body] if body else _model(root)
    identifier = root.find("h:id", H)
    unique = None if identifier.get("extension") else f"urn:oid:{identifier.get('root')}"
    began = _began(root)
    _require_schema(root)  # the last: it leaves foreign markup out
    return Checked(Content(data, Format.CDA, model), patients, unique, began)


def body_of(root: Any) -> tuple[Format, bytes] | None:
    """The one body of an unstructured document, decoded; None for a structured one. Raises Invalid."""
    told = root.find("h:component/h:nonXMLBody/h:text", H)
    if told is None:
        return None
    kind = _MEDIA.get(told.get("mediaType", ""))
    if kind is None or told.get("representation") != "B64" or len(told):
        raise Invalid(
            "Le corps de ce document (CDA) doit être un PDF, un JPEG, un TIFF, un RTF ou un texte, en base64 (nonXMLBody)."
        )
    return kind, _decoded(told)


def _require_header(root: Any, type_code: str, type_system: str, author: str) -> None:
    for path, name in _HEADER:
        if root.find(path, H) is None:
            raise Invalid(f"L’en-tête de ce document structuré (CDA) n’est pas celui du CI-SIS : il manque {name}.")
    made = root.find("h:effectiveTime", H)
    if made is None or moment(made.get("value", "")) is None or len(made.get("value", "")) < 8:
        raise Invalid("La date de ce document structuré (effectiveTime) manque, ou n’a pas de décalage horaire.")
    code = root.find("h:code", H)
    if code is None or (code.get("code"), code.get("codeSystem")) != (type_code, type_system):
        raise Invalid("Le type de ce document structuré (code) n’est pas celui que vous déclarez : accordez-les.")
    authors = {
        each.get("extension")
        for each in root.iterfind("h:author/h:assignedAuthor/h:id", H)
        if each.get("root") == IDNAT_PS
    }
    if author not in authors:
        raise Invalid("L’auteur de ce document structuré (author) n’est pas vous : chacun dépose ce qu’il a écrit.")


def _body(root: Any) -> Format | None:
    """The format of the body of an unstructured document, found admissible; None for a structured one."""
    found = body_of(root)
    if found is None:
        if root.find("h:component/h:structuredBody/h:component/h:section", H) is None:
            raise Invalid("Ce document structuré (CDA) n’a pas de contenu : ni section, ni corps joint.")
        return None
    kind, data = found
    require_quiet(data, kind)
    return kind


def _require_quiet_media(root: Any) -> None:
    """Raise Invalid for markup that acts, and for attached files that could not enter by themselves."""
    attached = 0
    for each in root.iter():
        if not isinstance(each.tag, str):
            continue
        if etree.QName(each).namespace in _ACTIVE or _acts(each):
            raise Invalid("Ce document structuré (CDA) contient un programme ou un lien actif : retirez-le.")
        if each.get("representation") == "B64" and each.getparent().tag != f"{{{NS}}}nonXMLBody":
            attached += 1
            kind = _MEDIA.get(each.get("mediaType", ""))
            if attached > _MOST_MEDIA or kind is None:
                raise Invalid("Ce document structuré (CDA) joint trop de fichiers, ou d’un format qui n’entre pas.")
            require_quiet(_decoded(each), kind)


def _acts(element: Any) -> bool:
    link = element.get("href", "") if element.tag == f"{{{NS}}}linkHtml" else ""
    scheme = re.match(r"[\s\x00-\x20]*([a-zA-Z][a-zA-Z0-9+.\-]*)\s*:", link)
    return scheme is not None and scheme[1].lower() not in ("http", "https", "mailto")


def _decoded(element: Any) -> bytes:
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("Un fichier joint à ce document structuré (CDA) n’est pas du base64.") from None


def _model(root: Any) -> str:
    """formatCode of a structured document: its model's where XDS has one, else its own templateId, as an urn:oid."""
    own = [each.get("root", "") for each in root.iterfind("h:templateId", H) if each.get("root") not in _COMMON]
    known = next((MODELS[each] for each in own if each in MODELS), None)
    return known or f"urn:oid:{own[-1] if own else _COMMON[-1]}"


def _began(root: Any) -> datetime | None:
    told = root.find("h:documentationOf/h:serviceEvent/h:effectiveTime", H)
    bounds = [told.get("value"), *(each.get("value") for each in told.iterfind("h:low", H))]
    return next((found for each in bounds if each and (found := moment(each)) is not None), None)


_ONE_AT_A_TIME: Final = threading.Lock()


@lru_cache(maxsize=1)
def _schema() -> Any:
    return etree.XMLSchema(etree.parse(SCHEMA_FILE))


def _require_schema(root: Any) -> None:
    """Raise Invalid unless what is CDA's own in the tree follows HL7's schema; the line is told, never what stands there."""
    for each in list(root.iter()):
        if not isinstance(each.tag, str):
            continue
        if each is not root and etree.QName(each).namespace != NS:
            _leave_out(each)
            continue
        for name in [one for one in list(each.attrib) if one.startswith("{") and etree.QName(one).namespace != _XSI]:
            del each.attrib[name]
    with _ONE_AT_A_TIME:  # a schema keeps the faults of its last judgement
        schema = _schema()
        if schema.validate(root):
            return
        lines = [each.line for each in schema.error_log if each.line]
    at = f" (ligne {lines[0]})" if lines else ""
    raise Invalid(f"Ce document structuré n’est pas conforme au schéma CDA R2 de HL7{at} : corrigez-le.")


def _leave_out(element: Any) -> None:
    parent = element.getparent()
    if parent is None:  # within what was left out already
        return
    before, tail = element.getprevious(), element.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(element)
