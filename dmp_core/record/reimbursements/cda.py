"""The history as CDA R2, after the CI-SIS model "historique de remboursement" (CNAM-HR, DOMAIN 6.1 and 6.3).

Every section of the model is there, empty ones too; each says its lines twice, as a table to read and as entries to
compute with. `reading` gives back from the entries exactly what was written.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from lxml import etree  # type: ignore[import-untyped]
from lxml.builder import ElementMaker  # type: ignore[import-untyped]

from dmp_core.clock import PARIS
from dmp_core.identity.identifiers import System
from dmp_core.record.reimbursements.history import Analysis, Care, Delivery, History, Imaging, Stay, Supply
from dmp_core.record.reimbursements.words import EMPTY, HOSPITAL, USE, Table, figures, has_marks, tables_of

NS: Final = "urn:hl7-org:v3"
LOINC: Final = "2.16.840.1.113883.6.1"
TITLE: Final = "Données de remboursement"
_AUTHOR: Final = "5" + "18003502400041"
"""The insurance: prefix of a SIRET, and that of the CNAMTS (DOMAIN 3.1)."""
_ORGANISATION: Final = "3" + "18003502400041"
_NAME: Final = "Caisse nationale de l’assurance maladie des travailleurs salariés"
_IDNAT_PS: Final = "1.2.250.1.71.4.2.1"
_IDNAT_STRUCTURE: Final = "1.2.250.1.71.4.2.2"
_TYPES: Final = "1.2.250.1.213.1.1.4.12"
_NON_PS: Final = "1.2.250.1.213.1.1.4.6"
_PERIOD: Final = "2.16.840.1.113883.5.6"
_make: Any = ElementMaker(namespace=NS, nsmap={None: NS, "xsi": "http://www.w3.org/2001/XMLSchema-instance"})


@dataclass(frozen=True, slots=True)
class Patient:
    """Whose history it is."""

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


def writing(history: History, patient: Patient, edition: Edition) -> bytes:
    """The document, UTF-8."""
    root = _make.ClinicalDocument(
        _make.realmCode(code="FR"),
        _make.typeId(root="2.16.840.1.113883.1.3", extension="POCD_HD000040"),
        *(_make.templateId(root=one) for one in ("2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1")),
        _make.templateId(root="1.2.250.1.213.1.1.1.36"),
        _make.id(root=_oid(edition.id)),
        _make.code(code="REMB", codeSystem=_TYPES, displayName=TITLE),
        _make.title(TITLE),
        _make.effectiveTime(value=_instant(edition.at)),
        _make.confidentialityCode(code="N", codeSystem="2.16.840.1.113883.5.25", displayName="Normal"),
        _make.languageCode(code="fr-FR"),
        _make.setId(root=_oid(edition.set_id)),
        _make.versionNumber(value=str(edition.version)),
        _record_target(patient),
        _author(edition.at),
        _make.custodian(_make.assignedCustodian(_make.representedCustodianOrganization(*_organisation()))),
        _make.legalAuthenticator(
            _make.time(value=_instant(edition.at)), _make.signatureCode(code="S"), _make.assignedEntity(*_insurance())
        ),
        _make.documentationOf(
            _make.serviceEvent(
                _make.effectiveTime(_make.low(value=_day(history.since)), _make.high(value=_day(history.until))),
                _make.performer(_make.assignedEntity(*_insurance()), typeCode="PRF"),
                classCode="ACT",
            )
        ),
        _make.componentOf(
            _make.encompassingEncounter(
                _make.effectiveTime(_make.low(value=_day(history.since)), _make.high(value=_day(history.until))),
                _make.location(
                    _make.healthCareFacility(
                        _make.code(
                            code="SA24", codeSystem="1.2.250.1.71.4.2.4", displayName="Organisme de Sécurité Sociale"
                        )
                    )
                ),
            )
        ),
        _make.component(_make.structuredBody(*(_make.component(section) for section in _sections(history)))),
    )
    written: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    return written


def _sections(history: History) -> list[Any]:
    pharmacy, stays, analyses, cares, images = tables_of(history)
    found = [
        _section("55112-7", "Usage et responsabilités", [_make.paragraph(USE), _make.paragraph(_period(history))], []),
    ]
    for code, title, kind in (
        ("10160-0", "Médicaments", Supply.MEDICINE), ("11369-6", "Vaccins", Supply.VACCINE),
        ("46264-8", "Dispositifs médicaux", Supply.DEVICE),
    ):  # fmt: skip
        chosen = [place for place, row in enumerate(history.deliveries) if row.kind is kind]
        table = Table(title, pharmacy.columns, tuple(pharmacy.rows[place] for place in chosen))
        found.append(
            _section(code, title, _narrative(table), [_delivery(place, history.deliveries[place]) for place in chosen])
        )
    found += [
        _section("46240-8", "Hospitalisations", _narrative(stays), [_stay(row) for row in history.stays]),
        _section("29554-3", cares.title, _narrative(cares), [_care(row) for row in history.cares], "67803-7"),
        _section("29554-3", images.title, _narrative(images), [_image(row) for row in history.images], "18726-0"),
        _section("29554-3", analyses.title, _narrative(analyses), [_analysis(row) for row in history.analyses], "26436-6"),
    ]  # fmt: skip
    return found


def _section(code: str, title: str, narrative: list[Any], entries: list[Any], translation: str = "") -> Any:
    coded = _make.code(code=code, codeSystem=LOINC, displayName=title)
    if translation:
        coded.append(_make.translation(code=translation, codeSystem=LOINC))
    return _make.section(coded, _make.title(title), _make.text(*narrative), *(_make.entry(one) for one in entries))


def _narrative(table: Table) -> list[Any]:
    if not table.rows:
        return [_make.paragraph(EMPTY)]
    rows = [_make.tr(*(_make.td(*_lines(cell)) for cell in row)) for row in table.rows]
    drawn = _make.table(
        _make.thead(_make.tr(*(_make.th(column) for column in table.columns))), _make.tbody(*rows), border="1"
    )
    return [drawn, _make.paragraph(HOSPITAL)] if has_marks(table) else [drawn]


def _lines(cell: str) -> list[Any]:
    first, *others = cell.split("\n")
    lines: list[Any] = [first]
    for each in others:
        broken = _make.br()
        broken.tail = each
        lines.append(broken)
    return lines


def _delivery(place: int, row: Delivery) -> Any:
    coded = _make.code(nullFlavor="OTH")
    for substance in row.substances:
        coded.append(_make.translation(displayName=substance, nullFlavor="OTH"))
    return _make.supply(
        _make.id(root="1.2.250.1.213.1.1.1.36", extension=str(place)),  # the seed's one table, in its order
        _make.effectiveTime(value=_day(row.day)),
        _make.quantity(value=str(row.quantity)),
        _make.product(_make.manufacturedProduct(_make.manufacturedMaterial(coded, _make.name(row.label)))),
        *_in_hospital(row.hospital),
        classCode="SPLY", moodCode="EVN",
    )  # fmt: skip


def _stay(row: Stay) -> Any:
    return _make.encounter(
        _make.code(_make.originalText(row.nature), nullFlavor="OTH"),
        _make.effectiveTime(_make.low(value=_day(row.day)), _make.width(value=str(row.length), unit="d")),
        classCode="ENC", moodCode="EVN",
    )  # fmt: skip


def _analysis(row: Analysis) -> Any:
    return _make.act(
        _make.code(
            _make.originalText(row.label), code=row.code, codeSystemName="NABM", nullFlavor="OTH"
        ),
        _make.effectiveTime(value=_day(row.day)),
        _with("Quantité", _make.value(_xsi("INT"), value=str(row.quantity))),
        classCode="ACT", moodCode="EVN",
    )  # fmt: skip


def _care(row: Care) -> Any:
    return _act(row.act, row.label, row.day, str(row.coefficient), row.hospital, row.specialty)


def _image(row: Imaging) -> Any:
    return _act(row.act, row.label, row.day, str(row.coefficient), row.hospital, "")


def _act(code: str, label: str, day: date, coefficient: str, hospital: bool, specialty: str) -> Any:
    performer = []
    if specialty:
        performer = [
            _make.performer(
                _make.assignedEntity(
                    _make.id(nullFlavor="MSK"), _make.code(_make.originalText(specialty), nullFlavor="OTH")
                )
            )
        ]
    name = "CCAM" if len(code) == 7 else "NGAP"
    return _make.act(
        _make.code(_make.originalText(label), code=code, codeSystemName=name, nullFlavor="OTH"),
        _make.effectiveTime(value=_day(day)),
        *performer,
        *_in_hospital(hospital),
        _with("Coefficient", _make.value(_xsi("REAL"), value=coefficient)),
        classCode="ACT", moodCode="EVN",
    )  # fmt: skip


def _with(what: str, value: Any) -> Any:
    return _make.entryRelationship(
        _make.observation(
            _make.code(_make.originalText(what), nullFlavor="OTH"), value, classCode="OBS", moodCode="EVN"
        ),
        typeCode="COMP",
    )  # fmt: skip


def _in_hospital(hospital: bool) -> list[Any]:
    if not hospital:
        return []
    place = _make.code(code="ETABLISSEMENT", codeSystem="1.2.250.1.213.1.1.4.9", displayName="Établissement de santé")
    return [_make.participant(_make.participantRole(place, classCode="SDLOC"), typeCode="LOC")]


def _record_target(patient: Patient) -> Any:
    names = [_make.family(patient.birth_name, qualifier="BR")]
    if patient.usual_name:
        names.append(_make.family(patient.usual_name, qualifier="SP"))
    written = patient.birth_date.replace("-", "")
    # An unknown month or day is left out: 1931, 193108.
    known = written[:4] if written[4:6] == "00" else written[:6] if written[6:] == "00" else written
    return _make.recordTarget(
        _make.patientRole(
            _make.id(root=System.INS_C.value, extension=patient.ins_c),
            _make.patient(
                _make.name(*names, _make.given(patient.given_name)),
                _make.administrativeGenderCode(
                    code="F" if patient.woman else "M", codeSystem="2.16.840.1.113883.5.1",
                    displayName="Féminin" if patient.woman else "Masculin",
                ),
                _make.birthTime(value=known),
            ),
        )
    )  # fmt: skip


def _author(at: datetime) -> Any:
    identity, code, organisation = _insurance()
    device = _make.assignedAuthoringDevice(_make.softwareName("Alimentation automatique par l’Assurance Maladie"))
    return _make.author(
        _make.time(value=_instant(at)), _make.assignedAuthor(identity, code, device, organisation)
    )  # fmt: skip


def _insurance() -> tuple[Any, Any, Any]:
    return (
        _make.id(root=_IDNAT_PS, extension=_AUTHOR),
        _make.code(code="ALIM_AM", codeSystem=_NON_PS, displayName="Alimentation automatique par l’Assurance Maladie"),
        _make.representedOrganization(*_organisation()),
    )


def _organisation() -> tuple[Any, Any]:
    return _make.id(root=_IDNAT_STRUCTURE, extension=_ORGANISATION), _make.name(_NAME)


def _period(history: History) -> str:
    return f"Période : du {figures(history.since)} au {figures(history.until)}."


def _xsi(kind: str) -> dict[str, str]:
    return {"{http://www.w3.org/2001/XMLSchema-instance}type": kind}


def _oid(value: UUID) -> str:
    """A UUID as an OID (ITU-T X.667)."""
    return f"2.25.{value.int}"


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"


def _instant(at: datetime) -> str:
    return f"{at.astimezone(PARIS):%Y%m%d%H%M%S%z}"
