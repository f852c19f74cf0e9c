"""What structured documents (CDA R2) have in common: the header of the CI-SIS (DOMAIN 6.1), and reading without reaching out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from lxml import etree  # type: ignore[import-untyped]
from lxml.builder import ElementMaker  # type: ignore[import-untyped]

from dmp_core.clock import PARIS
from dmp_core.errors import Invalid
from dmp_core.identity.identifiers import System
from dmp_core.record.xml_bounds import OutOfBounds, require_modest

NS: Final = "urn:hl7-org:v3"
H: Final = {"h": NS}
LOINC: Final = "2.16.840.1.113883.6.1"
IDNAT_PS: Final = "1.2.250.1.71.4.2.1"
IDNAT_STRUCTURE: Final = "1.2.250.1.71.4.2.2"
TYPES: Final = "1.2.250.1.213.1.1.4.12"
SETTINGS: Final = "1.2.250.1.213.1.1.4.9"
SECTORS: Final = "1.2.250.1.71.4.2.4"
_INSTANT: Final = re.compile(r"[0-9]{4}(?:[0-9]{2}(?:[0-9]{2}(?:[0-9]{4}(?:[0-9]{2})?[+-][0-9]{4})?)?)?")
"""A day, or a moment with its zone; one without says nothing (DOMAIN 6.1)."""
make: Any = ElementMaker(namespace=NS, nsmap={None: NS, "xsi": "http://www.w3.org/2001/XMLSchema-instance"})


@dataclass(frozen=True, slots=True)
class Patient:
    """Whose document it is."""

    ins_c: str = field(repr=False)
    birth_name: str = field(repr=False)
    usual_name: str = field(repr=False)
    given_name: str = field(repr=False)
    birth_date: str = field(repr=False)
    """AAAA-MM-JJ, with 00 for what the civil record does not know."""
    woman: bool


@dataclass(frozen=True, slots=True)
class Edition:
    """Which document it is."""

    id: UUID
    set_id: UUID
    """Common to the versions."""
    version: int
    at: datetime


def beginning(code: str, title: str, models: Sequence[Any], edition: Edition, system: str = TYPES) -> list[Any]:
    """The elements that open every document, up to the number of its version; `models` are the templateIds of its own,
    `system` that of its code."""
    return [
        make.realmCode(code="FR"),
        make.typeId(root="2.16.840.1.113883.1.3", extension="POCD_HD000040"),
        *(make.templateId(root=one) for one in ("2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1")),
        *models,
        make.id(root=oid(edition.id)),
        make.code(code=code, codeSystem=system, displayName=title),
        make.title(title),
        make.effectiveTime(value=instant(edition.at)),
        make.confidentialityCode(code="N", codeSystem="2.16.840.1.113883.5.25", displayName="Normal"),
        make.languageCode(code="fr-FR"),
        make.setId(root=oid(edition.set_id)),
        make.versionNumber(value=str(edition.version)),
    ]


def record_target(patient: Patient) -> Any:
    """The patient, in the header."""
    names = [make.family(patient.birth_name, qualifier="BR")]
    if patient.usual_name:
        names.append(make.family(patient.usual_name, qualifier="SP"))
    written = patient.birth_date.replace("-", "")
    # An unknown month or day is left out: 1931, 193108.
    known = written[:4] if written[4:6] == "00" else written[:6] if written[6:] == "00" else written
    return make.recordTarget(
        make.patientRole(
            make.id(root=System.INS_C.value, extension=patient.ins_c),
            make.patient(
                make.name(*names, make.given(patient.given_name)),
                make.administrativeGenderCode(
                    code="F" if patient.woman else "M", codeSystem="2.16.840.1.113883.5.1",
                    displayName="Féminin" if patient.woman else "Masculin",
                ),
                make.birthTime(value=known),
            ),
        )
    )  # fmt: skip


def encounter(bounds: Sequence[Any], sector: str, label: str) -> Any:
    """When and where it was, in the header: `sector` is the kind of the place (JDV, sector of activity)."""
    return make.componentOf(
        make.encompassingEncounter(
            make.effectiveTime(*bounds),
            make.location(make.healthCareFacility(make.code(code=sector, codeSystem=SECTORS, displayName=label))),
        )
    )


def written(root: Any) -> bytes:
    """The document, UTF-8."""
    found: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    return found


def parsed(document: bytes, refusal: str) -> Any:
    """The root element; no entity is expanded, no file nor network touched. Raises Invalid (`refusal`) for what is no CDA."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        require_modest(document)
        root = etree.fromstring(document, parser)
    except (OutOfBounds, etree.XMLSyntaxError, ValueError):
        raise Invalid(refusal) from None
    if root.tag != f"{{{NS}}}ClinicalDocument" or root.getroottree().docinfo.doctype:
        raise Invalid(refusal)
    return root


def one(element: Any, path: str) -> Any:
    """The first element at this path. Raises ValueError when there is none."""
    found = element.find(path, H)
    if found is None:
        raise ValueError(path)
    return found


def xsi(kind: str) -> dict[str, str]:
    """The attribute that says of which type a value is."""
    return {"{http://www.w3.org/2001/XMLSchema-instance}type": kind}


def oid(value: UUID) -> str:
    """A UUID as an OID (ITU-T X.667)."""
    return f"2.25.{value.int}"


def written_day(day: date) -> str:
    """A day as CDA writes it."""
    return f"{day:%Y%m%d}"


def instant(at: datetime) -> str:
    """An instant as CDA writes it, with its zone."""
    return f"{at.astimezone(PARIS):%Y%m%d%H%M%S%z}"


def moment(written: str) -> datetime | None:
    """An instant as CDA writes it, a day from its midnight in Paris; None for what is none."""
    if not _INSTANT.fullmatch(written):
        return None
    try:
        if len(written) > 8:
            digits, zone = written[:-5].ljust(14, "0"), written[-5:]
            return datetime.strptime(digits + zone, "%Y%m%d%H%M%S%z")
        return datetime(int(written[:4]), int(written[4:6] or 1), int(written[6:8] or 1), tzinfo=PARIS)
    except (ValueError, OverflowError):
        return None
