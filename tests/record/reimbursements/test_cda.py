"""The history as CDA: valid against HL7's schema, whole, and read back cell by cell."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from dmp_core.errors import Invalid
from dmp_core.record.cda import NS, Edition, Patient
from dmp_core.record.cda_check import SCHEMA_FILE
from dmp_core.record.reimbursements.cda import writing
from dmp_core.record.reimbursements.history import Analysis, Care, Delivery, History, Imaging, Stay, Supply, history_of
from dmp_core.record.reimbursements.reading import history_in
from dmp_core.record.reimbursements.words import EMPTY, tables_of

SCHEMA = etree.XMLSchema(etree.parse(SCHEMA_FILE))
PATIENT = Patient("1541187387477485562488", "Dupond", "", "Nicolas", "1950-08-01", woman=False)
EDITION = Edition(UUID(int=1), UUID(int=2), 1, datetime(2016, 11, 2, 9, tzinfo=UTC))
DAY = date(2016, 11, 2)

SEED = (
    Delivery(date(2016, 8, 17), "TRANXENE 10MG GELULE 30", ("CLORAZEPATE DIPOTASSIQUE",), 1),
    Delivery(
        date(2016, 8, 17), "NORMACOL LAVEMENT AD SOL RECTALE",
        ("PHOSPHATE MONOSODIQUE DIHYDRATE", "PHOSPHATE DISODIQUE ANHYDRE"), 1,
    ),
    Delivery(date(2016, 7, 5), "BETADINE DERMIQUE 10% SOL FP 125ML", ("POVIDONE IODEE",), 1, hospital=True),
    Delivery(date(2016, 5, 17), "AUTOCONTROLE DU SUCRE, 100 BANDELETTES", (), 1, Supply.DEVICE),
    Stay(date(2016, 7, 5), 1, "Autres interventions sur les tissus mous, en ambulatoire"),
    Analysis(date(2016, 7, 9), "0514", "PHOSPHATASES ALCALINES (PH. ALC.) (SANG)", 1),
    Care(date(2016, 9, 8), "C", Decimal(1), "CONSULTATION", "MEDECINE GENERALE"),
    Care(date(2016, 7, 5), "BFGA004", Decimal(1), "ext. extracaps. cristallin", "OPHTALMOLOGIE", hospital=True),
    Care(date(2016, 6, 5), "AMI", Decimal("1.5"), "SOINS INFIRMIERS", "INFIRMIER"),
    Imaging(date(2016, 6, 30), "NFQK004", Decimal(1), "Rx genou selon incidences"),
)  # fmt: skip
"""The lines of the seed's tables, a year later."""


def written(history: History) -> bytes:
    document = writing(history, PATIENT, EDITION)
    SCHEMA.assertValid(etree.fromstring(document))
    return document


def test_the_seed_s_tables_are_read_back_as_they_were() -> None:
    history = history_of(SEED, DAY)
    assert history_in(written(history)) == history


def test_every_section_of_the_model_is_there_even_with_nothing_to_say() -> None:
    root = etree.fromstring(written(history_of((), DAY)))
    sections = root.findall(f".//{{{NS}}}section")
    codes = [
        tuple(one.get("code") for one in section.find(f"{{{NS}}}code").iter() if one.get("code")) for section in sections
    ]  # fmt: skip
    assert codes == [
        ("55112-7",), ("10160-0",), ("11369-6",), ("46264-8",), ("46240-8",), ("29554-3", "67803-7"),
        ("29554-3", "18726-0"), ("29554-3", "26436-6"),
    ]  # fmt: skip
    assert all(EMPTY in "".join(section.find(f"{{{NS}}}text").itertext()) for section in sections[1:])


def test_the_narrative_says_what_the_entries_say() -> None:
    history = history_of(SEED, DAY)
    root = etree.fromstring(written(history))
    told = [
        tuple("\n".join(part.strip() for part in cell.itertext()) for cell in row.findall(f"{{{NS}}}td"))
        for row in root.iter(f"{{{NS}}}tr") if row.find(f"{{{NS}}}td") is not None
    ]  # fmt: skip
    expected = [row for table in tables_of(history) for row in table.rows]
    assert sorted(told) == sorted(expected)


def test_only_the_last_twelve_months_are_kept_both_ends_included() -> None:
    days = (date(2015, 11, 1), date(2015, 11, 2), date(2016, 11, 2), date(2016, 11, 3))
    kept = history_of((Stay(day, 1, "Séjour") for day in days), DAY)
    assert [stay.day for stay in kept.stays] == [date(2016, 11, 2), date(2015, 11, 2)]


@pytest.mark.parametrize(
    ("birth_date", "value"), [("1931-08-00", "193108"), ("1931-00-00", "1931"), ("1950-08-01", "19500801")]
)
def test_an_incomplete_birth_date_is_said_as_far_as_it_is_known(birth_date: str, value: str) -> None:
    patient = Patient(PATIENT.ins_c, "Dupond", "Martin", "Anne", birth_date, woman=True)
    document = writing(history_of((), DAY), patient, EDITION)
    root = etree.fromstring(document)
    SCHEMA.assertValid(root)
    assert root.find(f".//{{{NS}}}birthTime").get("value") == value


words = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_categories=("Cc", "Cs")), min_size=1, max_size=60
).filter(lambda text: text.strip() == text)
dates = st.dates(date(2015, 11, 2), DAY)
coefficients = st.decimals(Decimal("0.1"), Decimal(99), places=2)
rows = st.one_of(
    st.builds(
        Delivery, dates, words, st.lists(words, max_size=3).map(tuple), st.integers(1, 99), st.sampled_from(Supply),
        st.booleans(),
    ),
    st.builds(Stay, dates, st.integers(1, 400), words),
    st.builds(Analysis, dates, st.from_regex(r"[0-9]{4}", fullmatch=True), words, st.integers(1, 9)),
    st.builds(Care, dates, st.sampled_from(["C", "CS", "AMI", "BFGA004"]), coefficients, words, words, st.booleans()),
    st.builds(Imaging, dates, st.from_regex(r"[A-Z]{4}[0-9]{3}", fullmatch=True), coefficients, words, st.booleans()),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=12))
def test_any_history_is_valid_and_comes_back_the_same(given_rows: list[object]) -> None:
    history = history_of(given_rows, DAY)  # type: ignore[arg-type]
    assert history_in(written(history)) == history


ATTACKS = {
    "entité": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
    b'<ClinicalDocument xmlns="urn:hl7-org:v3">&b;</ClinicalDocument>',
    "gonflement": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
    b'<ClinicalDocument xmlns="urn:hl7-org:v3">&c;</ClinicalDocument>',
    "autre racine": b"<html/>",
    "vide": b"",
    "sans sections": b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>',
    "coupé": writing(history_of(SEED, DAY), PATIENT, EDITION)[:2000],
}


@pytest.mark.parametrize("name", ATTACKS)
def test_anything_else_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(Invalid, match="abîmé"):
        history_in(ATTACKS[name])
