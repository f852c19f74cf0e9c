"""The history as CDA R2, after the CI-SIS model "historique de remboursement" (CNAM-HR, DOMAIN 6.1 and 6.3).

Every section of the model is there, empty ones too; each says its lines twice, as a table to read and as entries to
compute with. `reading` gives back from the entries exactly what was written.
"""

from datetime import date, datetime
from typing import Any, Final

from dmp_core.record.cda import (
    IDNAT_PS,
    IDNAT_STRUCTURE,
    LOINC,
    SETTINGS,
    Edition,
    Patient,
    beginning,
    encounter,
    instant,
    make,
    record_target,
    written,
    written_day,
    xsi,
)
from dmp_core.record.reimbursements.history import Analysis, Care, Delivery, History, Imaging, Stay, Supply
from dmp_core.record.reimbursements.words import EMPTY, HOSPITAL, USE, has_marks, tables_of
from dmp_core.record.tables import Table, figures

TITLE: Final = "Données de remboursement"
_AUTHOR: Final = "5" + "18003502400041"
"""The insurance: prefix of a SIRET, and that of the CNAMTS (DOMAIN 3.1)."""
_ORGANISATION: Final = "3" + "18003502400041"
_NAME: Final = "Caisse nationale de l’assurance maladie des travailleurs salariés"
_NON_PS: Final = "1.2.250.1.213.1.1.4.6"


def writing(history: History, patient: Patient, edition: Edition) -> bytes:
    """The document, UTF-8."""
    root = make.ClinicalDocument(
        *beginning("REMB", TITLE, [make.templateId(root="1.2.250.1.213.1.1.1.36")], edition),
        record_target(patient),
        _author(edition.at),
        make.custodian(make.assignedCustodian(make.representedCustodianOrganization(*_organisation()))),
        make.legalAuthenticator(
            make.time(value=instant(edition.at)), make.signatureCode(code="S"), make.assignedEntity(*_insurance())
        ),
        make.documentationOf(
            make.serviceEvent(
                make.effectiveTime(
                    make.low(value=written_day(history.since)), make.high(value=written_day(history.until))
                ),
                make.performer(make.assignedEntity(*_insurance()), typeCode="PRF"),
                classCode="ACT",
            )
        ),
        encounter(
            [make.low(value=written_day(history.since)), make.high(value=written_day(history.until))],
            "SA24",
            "Organisme de Sécurité Sociale",
        ),
        make.component(make.structuredBody(*(make.component(section) for section in _sections(history)))),
    )
    return written(root)


def _sections(history: History) -> list[Any]:
    pharmacy, stays, analyses, cares, images = tables_of(history)
    found = [
        _section("55112-7", "Usage et responsabilités", [make.paragraph(USE), make.paragraph(_period(history))], []),
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
    coded = make.code(code=code, codeSystem=LOINC, displayName=title)
    if translation:
        coded.append(make.translation(code=translation, codeSystem=LOINC))
    return make.section(coded, make.title(title), make.text(*narrative), *(make.entry(one) for one in entries))


def _narrative(table: Table) -> list[Any]:
    if not table.rows:
        return [make.paragraph(EMPTY)]
    rows = [make.tr(*(make.td(*_lines(cell)) for cell in row)) for row in table.rows]
    drawn = make.table(
        make.thead(make.tr(*(make.th(column) for column in table.columns))), make.tbody(*rows), border="1"
    )
    return [drawn, make.paragraph(HOSPITAL)] if has_marks(table) else [drawn]


def _lines(cell: str) -> list[Any]:
    first, *others = cell.split("\n")
    lines: list[Any] = [first]
    for each in others:
        broken = make.br()
        broken.tail = each
        lines.append(broken)
    return lines


def _delivery(place: int, row: Delivery) -> Any:
    coded = make.code(nullFlavor="OTH")
    for substance in row.substances:
        coded.append(make.translation(displayName=substance, nullFlavor="OTH"))
    return make.supply(
        make.id(root="1.2.250.1.213.1.1.1.36", extension=str(place)),  # the seed's one table, in its order
        make.effectiveTime(value=written_day(row.day)),
        make.quantity(value=str(row.quantity)),
        make.product(make.manufacturedProduct(make.manufacturedMaterial(coded, make.name(row.label)))),
        *_in_hospital(row.hospital),
        classCode="SPLY", moodCode="EVN",
    )  # fmt: skip


def _stay(row: Stay) -> Any:
    return make.encounter(
        make.code(make.originalText(row.nature), nullFlavor="OTH"),
        make.effectiveTime(make.low(value=written_day(row.day)), make.width(value=str(row.length), unit="d")),
        classCode="ENC", moodCode="EVN",
    )  # fmt: skip


def _analysis(row: Analysis) -> Any:
    return make.act(
        make.code(
            make.originalText(row.label), code=row.code, codeSystemName="NABM", nullFlavor="OTH"
        ),
        make.effectiveTime(value=written_day(row.day)),
        _with("Quantité", make.value(xsi("INT"), value=str(row.quantity))),
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
            make.performer(
                make.assignedEntity(
                    make.id(nullFlavor="MSK"), make.code(make.originalText(specialty), nullFlavor="OTH")
                )
            )
        ]
    name = "CCAM" if len(code) == 7 else "NGAP"
    return make.act(
        make.code(make.originalText(label), code=code, codeSystemName=name, nullFlavor="OTH"),
        make.effectiveTime(value=written_day(day)),
        *performer,
        *_in_hospital(hospital),
        _with("Coefficient", make.value(xsi("REAL"), value=coefficient)),
        classCode="ACT", moodCode="EVN",
    )  # fmt: skip


def _with(what: str, value: Any) -> Any:
    return make.entryRelationship(
        make.observation(
            make.code(make.originalText(what), nullFlavor="OTH"), value, classCode="OBS", moodCode="EVN"
        ),
        typeCode="COMP",
    )  # fmt: skip


def _in_hospital(hospital: bool) -> list[Any]:
    if not hospital:
        return []
    place = make.code(code="ETABLISSEMENT", codeSystem=SETTINGS, displayName="Établissement de santé")
    return [make.participant(make.participantRole(place, classCode="SDLOC"), typeCode="LOC")]


def _author(at: datetime) -> Any:
    identity, code, organisation = _insurance()
    device = make.assignedAuthoringDevice(make.softwareName("Alimentation automatique par l’Assurance Maladie"))
    return make.author(
        make.time(value=instant(at)), make.assignedAuthor(identity, code, device, organisation)
    )  # fmt: skip


def _insurance() -> tuple[Any, Any, Any]:
    return (
        make.id(root=IDNAT_PS, extension=_AUTHOR),
        make.code(code="ALIM_AM", codeSystem=_NON_PS, displayName="Alimentation automatique par l’Assurance Maladie"),
        make.representedOrganization(*_organisation()),
    )


def _organisation() -> tuple[Any, Any]:
    return make.id(root=IDNAT_STRUCTURE, extension=_ORGANISATION), make.name(_NAME)


def _period(history: History) -> str:
    return f"Période : du {figures(history.since)} au {figures(history.until)}."
