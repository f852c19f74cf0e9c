"""A summary as CDA R2, after the CI-SIS model VSM 1.4 (DOMAIN 6.1 and 6.2).

Every section of the model is there. What was asked and is not there, and what nobody asked about, is said in words and,
where the model has entries, in one that says it too; the section that nobody asked about has the null flavour NASK.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from dmp_core.holder.relatives import NOBODY, Relatives
from dmp_core.record.cda import (
    IDNAT_PS,
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
from dmp_core.record.vsm import codes
from dmp_core.record.vsm.codes import HISTORY, ILLNESSES, PLAN, RISKS, SECTIONS, Section
from dmp_core.record.vsm.entries import entries_of
from dmp_core.record.vsm.summary import TITLES, Absence, Summary
from dmp_core.record.vsm.words import said, table_of

TITLE: Final = "Synthèse médicale"


@dataclass(frozen=True, slots=True)
class Writer:
    """The médecin traitant who writes."""

    id: str
    """PS_IdNat."""
    surname: str = field(repr=False)
    given_name: str = field(repr=False)
    profession: str
    """Code of the speciality, or of the profession."""
    label: str

    @property
    def name(self) -> str:
        """As the document names them."""
        return f"{self.given_name} {self.surname}"


def writing(
    summary: Summary, patient: Patient, writer: Writer, edition: Edition, relatives: Relatives = NOBODY
) -> bytes:  # fmt: skip
    """The document, UTF-8; `relatives` are those whom the patient names now."""
    at = instant(edition.at)
    root = make.ClinicalDocument(
        *beginning("SYNTH", TITLE, [make.templateId(root=codes.MODEL, extension=codes.EXTENSION)], edition),
        record_target(patient),
        make.author(
            make.functionCode(code="PCP", codeSystem=codes.FUNCTION, displayName="Médecin Traitant"),
            make.time(value=at),
            make.assignedAuthor(*_identity(writer), _person("assignedPerson", writer)),
        ),
        *_informants(relatives),
        make.custodian(
            make.assignedCustodian(
                # A card does not say where its bearer practises: the practice has a name, and no number.
                make.representedCustodianOrganization(make.id(nullFlavor="UNK"), make.name(_practice(writer)))
            )
        ),
        make.legalAuthenticator(make.time(value=at), make.signatureCode(code="S"), _entity(writer)),
        make.participant(
            make.functionCode(code="PCP", codeSystem=codes.FUNCTION, displayName="Médecin Traitant"),
            make.time(make.low(value=at), xsi("IVL_TS")),
            make.associatedEntity(
                make.id(root=IDNAT_PS, extension=writer.id), _person("associatedPerson", writer), classCode="PROV"
            ),
            typeCode="INF",
        ),
        make.documentationOf(
            make.serviceEvent(
                make.code(
                    code="34117-2", codeSystem=LOINC, codeSystemName="LOINC", displayName="Historique et clinique"
                ),
                make.effectiveTime(make.low(value=at)),
                make.performer(_entity(writer, practising=True), typeCode="PRF"),
                classCode="ACT",
            )
        ),
        encounter([make.high(value=at)], "SA07", "Cabinet individuel"),
        make.component(make.structuredBody(*map(make.component, _body(summary, edition)))),
    )
    return written(root)


def _body(summary: Summary, edition: Edition) -> list[Any]:
    def lines(*names: str) -> list[Any]:
        return [_lines(summary, name, edition) for name in names]

    def gathering(section: Section, title: str, inside: list[Any]) -> Any:
        return make.section(*_heading(section, title, edition), *map(make.component, inside))

    return [
        gathering(
            HISTORY, "Pathologies en cours, antécédents, allergies et facteurs de risque",
            [
                gathering(
                    ILLNESSES, "Pathologies en cours, antécédents et allergies",
                    lines("problems", "past", "operations", "allergies"),
                ),
                gathering(RISKS, "Facteurs de risque", lines("habits", "exposures", "family")),
            ],
        ),
        *lines("findings"),
        gathering(PLAN, "Traitement au long cours", lines("treatments")),
    ]  # fmt: skip


def _lines(summary: Summary, name: str, edition: Edition) -> Any:
    made = make.section(
        *_heading(SECTIONS[name], TITLES[name], edition),
        make.text(_narrative(summary, name)),
        *(make.entry(one) for one in entries_of(summary, name, edition.id)),
    )
    if getattr(summary, name) is Absence.UNKNOWN:
        made.set("nullFlavor", "NASK")
    return made


def _heading(section: Section, title: str, edition: Edition) -> list[Any]:
    return [
        *(make.templateId(root=root) for root in section.templates),
        make.id(root=oid(edition.id), extension=section.code),
        make.code(code=section.code, codeSystem=LOINC, codeSystemName="LOINC", displayName=section.label),
        make.title(title),
    ]


def _narrative(summary: Summary, name: str) -> Any:
    table = table_of(summary, name)
    if not table.rows:
        return make.paragraph(said(summary, name), ID=f"{name}-0")
    rows = [
        make.tr(*(make.td(cell) for cell in row), ID=f"{name}-{number}") for number, row in enumerate(table.rows, 1)
    ]
    return make.table(make.thead(make.tr(*map(make.th, table.columns))), make.tbody(*rows), border="1")


def _informants(relatives: Relatives) -> list[Any]:
    """The person of trust (NOK), the emergency contacts (ECON). The link is in the holder's words, so it has no code; an
    address, which the CI-SIS asks for, nobody asked them."""
    named = [(codes.TRUSTED, relatives.trusted)] if relatives.trusted else []
    return [
        make.informant(
            make.relatedEntity(
                *([make.code(make.originalText(one.relation), nullFlavor="OTH")] if one.relation else []),
                make.addr(nullFlavor="NASK"),
                make.telecom(value=f"tel:{one.phone}"),
                make.relatedPerson(_name(one.name)),
                classCode=kind,
            )
        )
        for kind, one in [*named, *((codes.TO_CALL, each) for each in relatives.contacts)]
    ]


def _name(written: str) -> Any:
    """A holder writes the first name first; one word alone is the name."""
    given, _, family = written.partition(" ")
    return make.name(make.given(given), make.family(family)) if family else make.name(make.family(given))


def _identity(writer: Writer) -> list[Any]:
    return [
        make.id(root=IDNAT_PS, extension=writer.id),
        make.code(code=writer.profession, codeSystem=codes.PROFESSIONS, displayName=writer.label),
    ]


def _entity(writer: Writer, *, practising: bool = False) -> Any:
    made = make.assignedEntity(*_identity(writer), _person("assignedPerson", writer))
    if practising:
        made.append(
            make.representedOrganization(
                make.name(_practice(writer)),
                make.standardIndustryClassCode(code="AMBULATOIRE", codeSystem=SETTINGS, displayName="Ambulatoire"),
            )
        )
    return made


def _person(tag: str, writer: Writer) -> Any:
    return make(tag, make.name(make.given(writer.given_name), make.family(writer.surname)))


def _practice(writer: Writer) -> str:
    return f"Cabinet de {writer.name}"
