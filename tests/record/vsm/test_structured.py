"""Structured documents of every kind, each read as what it is."""

from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

import pytest

from dmp_core.errors import Invalid
from dmp_core.record.contents import REIMBURSEMENTS as CNAM_HR
from dmp_core.record.contents import VSM, Format
from dmp_core.record.metadata import Author, AuthorKind, Document, Status
from dmp_core.record.reimbursements import cda as of_reimbursements
from dmp_core.record.reimbursements.history import history_of
from dmp_core.record.structured import as_pdf, told_by
from dmp_core.record.vsm import cda as of_summary
from dmp_core.record.vsm.reading import Written

from .samples import EDITION, FULL, PATIENT, WRITER

NOW = datetime.fromisoformat("2016-11-02T09:00:00+00:00")
SUMMARY = Document(
    UUID(int=1), UUID(int=2), UUID(int=3), 1, "2.25.1", "11", "SYNTH", "1.2.250.1.213.1.1.4.12", Format.CDA, 1, b"", b"",
    Author(AuthorKind.PROFESSIONAL, WRITER.id, WRITER.name), NOW, NOW, NOW, Status.APPROVED, masked=False,
    hidden_until=None, title="Synthèse médicale", content=UUID(int=4), changed_at=NOW, submission=UUID(int=5),
    format_code=VSM,
)  # fmt: skip
REIMBURSEMENTS = replace(SUMMARY, type_code="REMB", class_code="60", format_code=CNAM_HR)


def test_each_type_is_read_by_its_own_model() -> None:
    summary = of_summary.writing(FULL, PATIENT, WRITER, EDITION)
    history = of_reimbursements.writing(history_of((), date(2016, 11, 2)), PATIENT, EDITION)
    told = told_by(SUMMARY, summary)
    assert isinstance(told, Written)
    assert told.summary == FULL
    assert told_by(REIMBURSEMENTS, history) == history_of((), date(2016, 11, 2))
    for document, data in ((SUMMARY, summary), (REIMBURSEMENTS, history)):
        assert as_pdf(told_by(document, data), NOW).startswith(b"%PDF-")
    assert SUMMARY.format_code == "urn:asip:ci-sis:vsm:2012"


@pytest.mark.parametrize("document", [SUMMARY, REIMBURSEMENTS, replace(SUMMARY, type_code="11490-0")])
def test_what_is_of_another_model_is_refused(document: Document) -> None:
    with pytest.raises(Invalid):
        told_by(document, b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>")
