"""The summary as CDA: valid against HL7's schema, whole, and read back to the letter."""

import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from dmp_core.errors import Invalid
from dmp_core.holder.relatives import NOBODY, Relatives
from dmp_core.record.cda import NS, TYPES, H
from dmp_core.record.cda_check import SCHEMA_FILE, checked_cda
from dmp_core.record.contents import VSM
from dmp_core.record.vsm.cda import writing
from dmp_core.record.vsm.pages import summary_pdf
from dmp_core.record.vsm.reading import summary_in
from dmp_core.record.vsm.summary import Summary
from dmp_core.record.vsm.words import NOTHING as SAID
from dmp_core.record.vsm.words import UNKNOWN, table_of

from .samples import EDITION, FULL, NOT_ASKED, NOTHING, PATIENT, RELATIVES, WRITER, relatives, summaries

SCHEMA = etree.XMLSchema(etree.parse(SCHEMA_FILE))
MODEL = {
    "46612-8": {"1.2.250.1.213.1.1.2.29"},
    "34117-2": {"1.2.250.1.213.1.1.2.30"},
    "11450-4": {"1.3.6.1.4.1.19376.1.5.3.1.3.6", "1.2.250.1.213.1.1.2.132"},
    "11348-0": {"1.3.6.1.4.1.19376.1.5.3.1.3.8", "1.2.250.1.213.1.1.2.134"},
    "47519-4": {
        "1.3.6.1.4.1.19376.1.5.3.1.3.11", "1.3.6.1.4.1.19376.1.5.3.1.3.12", "1.2.250.1.213.1.1.2.136",
    },
    "48765-2": {"1.3.6.1.4.1.19376.1.5.3.1.3.13", "1.2.250.1.213.1.1.2.137"},
    "57207-3": {"1.2.250.1.213.1.1.2.31"},
    "29762-2": {"1.2.250.1.213.1.1.2.141"},
    "10161-8": {"1.2.250.1.213.1.1.2.74"},
    "10157-6": {"1.2.250.1.213.1.1.2.139"},
    "30954-2": {"1.3.6.1.4.1.19376.1.5.3.1.3.27", "1.2.250.1.213.1.1.2.150"},
    "18776-5": {"1.2.250.1.213.1.1.2.32"},
    "10160-0": {"1.3.6.1.4.1.19376.1.5.3.1.3.19", "1.2.250.1.213.1.1.2.143"},
}  # fmt: skip
"""Sections of the model in their order, with the templates it requires."""


def written(summary: Summary, named: Relatives = NOBODY) -> bytes:
    document = writing(summary, PATIENT, WRITER, EDITION, named)
    SCHEMA.assertValid(etree.fromstring(document))
    return document


@pytest.mark.parametrize("summary", [FULL, NOTHING, NOT_ASKED], ids=["full", "nothing", "not asked"])
def test_every_section_of_the_model_is_there_whatever_it_says(summary: Summary) -> None:
    root = etree.fromstring(written(summary))
    found = {
        section.find("h:code", H).get("code"): {each.get("root") for each in section.findall("h:templateId", H)}
        for section in root.iter(f"{{{NS}}}section")
    }
    assert list(found) == list(MODEL)
    assert all(MODEL[code] <= templates for code, templates in found.items())
    identifiers = [section.find("h:id", H).get("extension") for section in root.iter(f"{{{NS}}}section")]
    assert identifiers == list(MODEL)


def test_the_header_is_the_model_s() -> None:
    root = etree.fromstring(written(FULL))
    assert root.find("h:templateId[@root='1.2.250.1.213.1.1.1.13']", H).get("extension") == "201310"
    code = root.find("h:code", H)
    assert (code.get("code"), code.get("codeSystem")) == ("SYNTH", "1.2.250.1.213.1.1.4.12")
    (attending,) = root.findall("h:participant[@typeCode='INF']/h:functionCode", H)
    assert dict(attending.attrib) == {
        "code": "PCP", "codeSystem": "2.16.840.1.113883.5.88", "displayName": "Médecin Traitant",
    }  # fmt: skip
    event = root.find("h:documentationOf/h:serviceEvent/h:code", H)
    assert dict(event.attrib) == {
        "code": "34117-2", "codeSystem": "2.16.840.1.113883.6.1", "codeSystemName": "LOINC",
        "displayName": "Historique et clinique",
    }  # fmt: skip
    industry = root.find("h:documentationOf//h:standardIndustryClassCode", H)
    assert industry.get("code") == "AMBULATOIRE"


def test_whom_the_patient_names_are_informants_as_the_ci_sis_has_them() -> None:
    found = etree.fromstring(written(FULL, RELATIVES)).findall("h:informant/h:relatedEntity", H)
    assert [each.get("classCode") for each in found] == ["NOK", "ECON", "ECON"]
    for each in found:
        assert len(each.findall("h:addr", H)) == 1
        assert each.find("h:telecom", H).get("value").startswith("tel:+")
        assert len(each.findall("h:relatedPerson/h:name/h:family", H)) == 1
    parts = [
        (each.findtext("h:relatedPerson/h:name/h:given", None, H), each.findtext(".//h:family", None, H))
        for each in found
    ]
    assert parts == [("Claire", "Dupond"), ("Jean-Paul", "de la Tour"), (None, "Voisine")]
    assert [each.findtext("h:code/h:originalText", None, H) for each in found] == ["ma fille", "mon frère", None]
    assert etree.fromstring(written(FULL)).find("h:informant", H) is None
    checked = checked_cda(written(FULL, RELATIVES), "SYNTH", TYPES, WRITER.id)
    assert checked.content.format_code == VSM
    assert summary_pdf(summary_in(written(FULL, RELATIVES))).startswith(b"%PDF-")


def test_what_is_not_there_and_what_nobody_asked_are_told_apart() -> None:
    nothing, not_asked = etree.fromstring(written(NOTHING)), etree.fromstring(written(NOT_ASKED))
    texts = [
        "".join(text.itertext()).strip()
        for text in nothing.iter(f"{{{NS}}}text")
        if text.find("h:paragraph", H) is not None
    ]
    assert sorted(texts) == sorted(SAID.values())
    assert {"160245001", "160243008", "160244002", "182849000"} <= {
        each.get("code") for each in nothing.iter() if each.get("codeSystem") == "2.16.840.1.113883.6.96"
    }
    assert len(not_asked.findall(".//h:section[@nullFlavor='NASK']", H)) == 9
    for told in (nothing, not_asked):  # the templates of seven sections ask for an entry, in either case
        entries = [len(section.findall("h:entry", H)) for section in told.iter(f"{{{NS}}}section")]
        assert sorted(entries)[-8:] == [0] + [1] * 7
    paragraphs = not_asked.iter(f"{{{NS}}}paragraph")
    assert {each.text for each in paragraphs} == {UNKNOWN}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(summaries, relatives)
def test_any_summary_is_valid_comes_back_the_same_and_reads_as_its_entries(summary: Summary, named: Relatives) -> None:
    document = written(summary, named)
    told = summary_in(document)
    assert (told.summary, told.relatives) == (summary, named)
    assert (told.author, told.author_id, told.at) == (WRITER.name, WRITER.id, EDITION.at)
    narrative = [
        tuple(cell.text or "" for cell in row.findall("h:td", H))
        for row in etree.fromstring(document).iterfind(".//h:tbody/h:tr", H)
    ]
    entries = [row for name in summary.__struct_fields__ for row in table_of(told.summary, name).rows]
    assert sorted(narrative) == sorted(entries)


def test_every_entry_points_at_its_line_of_the_table() -> None:
    root = etree.fromstring(written(FULL))
    marks = {each.get("ID") for each in root.iter() if each.get("ID")}
    pointed = {each.get("value").removeprefix("#") for each in root.iter(f"{{{NS}}}reference")}
    assert pointed <= marks
    assert marks - pointed == {"exposures-1", "findings-1", "findings-2"}  # sections of text alone


@pytest.mark.parametrize("summary", [FULL, NOTHING, NOT_ASKED], ids=["full", "nothing", "not asked"])
def test_the_pages_are_a_pdf_the_same_each_time(summary: Summary) -> None:
    told = summary_in(written(summary))
    assert summary_pdf(told) == summary_pdf(told)
    assert summary_pdf(told).startswith(b"%PDF-")


@settings(max_examples=15, deadline=None)
@given(summaries)
def test_any_summary_makes_pages(summary: Summary) -> None:
    assert summary_pdf(summary_in(written(summary))).startswith(b"%PDF-")


WHOLE = writing(FULL, PATIENT, WRITER, EDITION, RELATIVES)
ATTACKS = {
    "entité": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
    b'<ClinicalDocument xmlns="urn:hl7-org:v3">&b;</ClinicalDocument>',
    "entité du réseau": b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd">'
    b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>',
    "gonflement": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
    b'<ClinicalDocument xmlns="urn:hl7-org:v3">&c;</ClinicalDocument>',
    "autre racine": b"<html/>",
    "vide": b"",
    "sans sections": b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>',
    "autre modèle": WHOLE.replace(b"1.2.250.1.213.1.1.1.13", b"1.2.250.1.213.1.1.1.36"),
    "une section de moins": WHOLE.replace(b'"48765-2"', b'"48765-3"'),
    "coupé": WHOLE[:9000],
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_anything_else_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(Invalid, match="abîmé"):
        summary_in(ATTACKS[name])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(WHOLE) - 1), put=st.binary(max_size=12), cut=st.integers(0, 40))
def test_a_document_tampered_with_is_read_or_refused_and_reaches_nothing(
    monkeypatch: pytest.MonkeyPatch, at: int, put: bytes, cut: int
) -> None:
    def reach(*_: object, **__: object) -> None:
        raise AssertionError("reached out")

    monkeypatch.setattr(socket, "socket", reach)
    try:
        summary_in(WHOLE[:at] + put + WHOLE[at + cut :])
    except Invalid:
        return
