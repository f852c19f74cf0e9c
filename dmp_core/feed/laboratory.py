"""Invented reports of biology for invented persons: structured documents (CDA R2 CR-BIO) to try with.

Same person, seed and day: same values. Values stay near their range, and leave it now and then.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

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
    oid,
    record_target,
    written,
    xsi,
)
from dmp_core.record.laboratory.results import Analyte, Measure, Position

TITLE: Final = "CR d’examens biologiques"
LABORATORY: Final = "Laboratoire de démonstration"
_MODELS: Final = ("1.2.250.1.213.1.1.1.55", "1.3.6.1.4.1.19376.1.3.3")
_SECTION, _ENTRY, _BATTERY = "1.3.6.1.4.1.19376.1.3.3.2.2", "1.3.6.1.4.1.19376.1.3.1", "1.3.6.1.4.1.19376.1.3.1.4"
_OBSERVATIONS: Final = ("1.3.6.1.4.1.19376.1.3.1.6", "1.2.250.1.213.1.1.3.80")
_INTERPRETATION: Final = "2.16.840.1.113883.5.83"
_LETTERS: Final = {Position.LOW: "L", Position.WITHIN: "N", Position.HIGH: "H"}


@dataclass(frozen=True, slots=True)
class Biologist:
    """Who signs: a document enters by its author alone."""

    id: str
    """PS_IdNat."""
    surname: str
    given_name: str


@dataclass(frozen=True, slots=True)
class Tried:
    """An analyte of the demonstration, with the range of an adult."""

    code: str
    """LOINC."""
    label: str
    unit: str
    low: str
    high: str
    digits: int


ANALYTES: Final = (
    Tried("14749-6", "Glucose à jeun", "mmol/L", "3.9", "5.5", 1),
    Tried("4548-4", "Hémoglobine A1c", "%", "4.0", "6.0", 1),
    Tried("14682-9", "Créatinine", "umol/L", "62", "106", 0),
    Tried("2823-3", "Potassium", "mmol/L", "3.5", "5.1", 1),
    Tried("39469-2", "Cholestérol LDL", "mmol/L", "", "4.1", 2),
    Tried("718-7", "Hémoglobine", "g/dL", "13.0", "17.0", 1),
)  # fmt: skip


def invented(ins_c: str, until: date, count: int = 6, seed: int = 1) -> list[list[Measure]]:
    """The measures of `count` reports, two months apart, the earliest first."""
    chance = Random(hashlib.sha256(f"{seed}/{ins_c}".encode()).digest())  # noqa: S311 - invented persons
    drift = {each.code: chance.uniform(-0.15, 0.25) for each in ANALYTES}
    found = []
    for number in range(count):
        day = until - timedelta(days=61 * (count - 1 - number))
        at = datetime.combine(day, time(7, 40), UTC)
        found.append([_drawn(chance, each, drift[each.code] * number, at) for each in ANALYTES])
    return found


def _drawn(chance: Random, each: Tried, drift: float, at: datetime) -> Measure:
    low = Decimal(each.low) if each.low else None
    high = Decimal(each.high)
    floor = low if low is not None else high / 2
    middle, width = float(floor + high) / 2, float(high - floor) / 2
    value = middle + width * (drift + chance.uniform(-0.6, 0.6))
    shown = Decimal(str(max(value, middle / 10))).quantize(Decimal(1).scaleb(-each.digits))
    return Measure(Analyte(LOINC, each.code, each.unit), each.label, shown, at, low, high)


def writing(measures: Sequence[Measure], patient: Patient, edition: Edition, who: Biologist) -> bytes:
    """A report of these measures as CDA R2, UTF-8: a table to read, and an observation each to compute with."""
    at = instant(edition.at)
    root = make.ClinicalDocument(
        *beginning("11502-2", TITLE, [make.templateId(root=one) for one in _MODELS], edition, LOINC),
        record_target(patient),
        make.author(make.time(value=at), make.assignedAuthor(*_biologist(who), _person(who))),
        make.custodian(make.assignedCustodian(make.representedCustodianOrganization(*_laboratory()))),
        make.legalAuthenticator(
            make.time(value=at), make.signatureCode(code="S"), make.assignedEntity(*_biologist(who), _person(who))
        ),
        make.documentationOf(
            make.serviceEvent(
                make.effectiveTime(make.low(value=instant(min((each.at for each in measures), default=edition.at)))),
                make.performer(
                    make.assignedEntity(
                        *_biologist(who), _person(who),
                        make.representedOrganization(
                            *_laboratory(),
                            make.standardIndustryClassCode(code="AMBULATOIRE", codeSystem=SETTINGS, displayName="Ambulatoire"),
                        ),
                    ),
                    typeCode="PRF",
                ),
                classCode="ACT",
            )
        ),
        encounter([make.high(value=at)], "SA25", "Laboratoire de biologie médicale"),
        make.component(make.structuredBody(make.component(_section(measures, edition)))),
    )  # fmt: skip
    return written(root)


def _section(measures: Sequence[Measure], edition: Edition) -> Any:
    return make.section(
        make.templateId(root=_SECTION),
        make.id(root=oid(edition.id), extension="18719-5"),
        make.code(code="18719-5", codeSystem=LOINC, displayName="Biochimie"),
        make.title("Biochimie"),
        make.text(
            make.table(
                make.thead(make.tr(*map(make.th, ("Examen", "Résultat", "Unité", "Intervalle de référence")))),
                make.tbody(*(_row(number, each) for number, each in enumerate(measures, 1))),
                border="1",
            )
        ),
        make.entry(
            make.templateId(root=_ENTRY),
            make.act(
                make.code(code="18719-5", codeSystem=LOINC, displayName="Biochimie"),
                make.statusCode(code="completed"),
                make.entryRelationship(
                    make.organizer(
                        make.templateId(root=_BATTERY),
                        make.code(code="18719-5", codeSystem=LOINC, displayName="Biochimie"),
                        make.statusCode(code="completed"),
                        *(make.component(_observation(number, each)) for number, each in enumerate(measures, 1)),
                        classCode="BATTERY", moodCode="EVN",
                    ),
                    typeCode="COMP",
                ),
                classCode="ACT", moodCode="EVN",
            ),
            typeCode="DRIV",
        ),
    )  # fmt: skip


def _row(number: int, each: Measure) -> Any:
    bounds = f"{each.low or ''} – {each.high or ''}" if each.position is not Position.UNKNOWN else ""
    cells = (each.label, str(each.value), each.analyte.unit, bounds)
    return make.tr(*map(make.td, cells), ID=f"resultat-{number}")


def _observation(number: int, each: Measure) -> Any:
    unit = {"unit": each.analyte.unit} if each.analyte.unit else {}
    made = make.observation(
        *(make.templateId(root=one) for one in _OBSERVATIONS),
        make.code(
            make.originalText(make.reference(value=f"#resultat-{number}")),
            code=each.analyte.code, codeSystem=each.analyte.system, displayName=each.label,
        ),
        make.statusCode(code="completed"),
        make.effectiveTime(value=instant(each.at)),
        make.value(xsi("PQ"), value=str(each.value), **unit),
        classCode="OBS", moodCode="EVN",
    )  # fmt: skip
    if each.position is not Position.UNKNOWN:
        made.append(make.interpretationCode(code=_LETTERS[each.position], codeSystem=_INTERPRETATION))
        bounds = [
            make(which, value=str(bound), **unit)
            for which, bound in (("low", each.low), ("high", each.high)) if bound is not None
        ]  # fmt: skip
        made.append(
            make.referenceRange(
                make.observationRange(make.value(xsi("IVL_PQ"), *bounds), classCode="OBS", moodCode="EVN.CRT"),
                typeCode="REFV",
            )
        )  # fmt: skip
    return made


def _biologist(who: Biologist) -> list[Any]:
    return [
        make.id(root=IDNAT_PS, extension=who.id),
        make.code(code="G15_10", codeSystem="1.2.250.1.213.1.1.4.5", displayName="Médecin"),
    ]


def _person(who: Biologist) -> Any:
    return make.assignedPerson(make.name(make.given(who.given_name), make.family(who.surname)))


def _laboratory() -> list[Any]:
    return [make.id(root=IDNAT_STRUCTURE, extension="1999999999"), make.name(LABORATORY)]


def document_id(ins_c: str, place: int, seed: int = 1) -> UUID:
    """A number of its own for each report, the same when it is drawn again."""
    return UUID(bytes=hashlib.sha256(f"{seed}/{ins_c}/{place}".encode()).digest()[:16])


def write_reports(folder: Path, patient: Patient, who: Biologist, now: datetime, count: int = 6) -> list[Path]:
    """Write `count` reports as files, two months apart, the latest of this day; the same persons give the same values."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written_files = []
    for place, measures in enumerate(invented(patient.ins_c, now.date(), count)):
        unique = document_id(patient.ins_c, place)
        file = folder / f"biologie-{measures[0].at:%Y-%m-%d}.xml"
        file.touch(mode=0o600)
        file.write_bytes(writing(measures, patient, Edition(unique, unique, 1, measures[0].at), who))
        written_files.append(file)
    return written_files
