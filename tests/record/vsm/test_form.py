"""The summary as a software sends it, and what can stand in one."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from dmp_core.errors import Invalid
from dmp_core.record.vsm.form import LARGEST, summary_in, written_summary
from dmp_core.record.vsm.summary import (
    MOST_LINES,
    SECTIONS,
    Absence,
    Allergy,
    AllergyKind,
    Exposure,
    HabitKind,
    Kinship,
    Past,
    Problem,
    Summary,
    Treatment,
    Wrong,
    settled,
)

from .samples import FULL, TODAY, summaries


def sent(**changes: Any) -> bytes:
    return json.dumps(json.loads(written_summary(FULL)) | changes).encode()


@settings(max_examples=60, deadline=None)
@given(summaries)
def test_any_summary_comes_back_from_json(summary: Summary) -> None:
    assert summary_in(written_summary(summary)) == summary


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "n’est pas du JSON"), (b"\xff\xfe", "n’est pas du JSON"), (b"[" * 100_000, "JSON|sorte attendue"),
        (b"{}", "il manque « pathologies_en_cours »"), (sent(autre=1), "« autre » n’existe pas"),
        (sent(allergies="rien"), "Champ « allergies » : « rien » n’est pas une valeur permise"),
        (sent(allergies=[{"type": "DALG"}]), r"Champ « allergies\[0\] » : il manque « agent »"),
        (sent(allergies=[{"type": "X", "agent": "a"}]), r"Champ « allergies\[0\].type » : « X »"),
        (sent(traitements=[{"medicament": 3}]), r"Champ « traitements\[0\].medicament »"),
        (sent(traitements=None), "Champ « traitements »"),
        (b" " * (LARGEST + 1), "dépasse 256 Ko"),
    ],
)  # fmt: skip
def test_what_is_no_summary_is_refused_and_the_field_named(data: bytes, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        summary_in(data)


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, len(sent()) - 1), put=st.binary(max_size=8), cut=st.integers(0, 20))
def test_json_tampered_with_is_read_or_refused(at: int, put: bytes, cut: int) -> None:
    whole = sent()
    try:
        settled(summary_in(whole[:at] + put + whole[at + cut :]), TODAY)
    except Invalid:
        return


def a(**changes: Any) -> Summary:
    return msgspec.structs.replace(FULL, **changes)


def test_stray_blanks_go() -> None:
    kept = settled(a(exposures=(Exposure("  Amiante \t et  silice "),)), TODAY)
    assert kept.exposures == (Exposure("Amiante et silice"),)
    assert settled(FULL, TODAY) == FULL


@pytest.mark.parametrize(
    ("typed", "written"),
    [("1/6/2014", "2014-06-01"), ("06/2014", "2014-06"), ("2014", "2014"), (" 2014-06 ", "2014-06")],
)
def test_a_date_may_be_written_as_one_says_it(typed: str, written: str) -> None:
    kept = settled(a(problems=(Problem("x", typed, "i10"),)), TODAY)
    assert kept.problems == (Problem("x", written, "I10"),)


@pytest.mark.parametrize(
    ("summary", "section", "line", "name", "sentence"),
    [
        (a(problems=()), "problems", None, "", "Pathologies en cours : remplissez une ligne"),
        (a(problems=(Problem(" "),)), "problems", 0, "label", "Pathologies en cours, ligne 1 : le champ « libellé » est vide."),
        (a(problems=(Problem("x"), Problem("y", "2017"))), "problems", 1, "since", "ligne 2 : « depuis »"),
        (a(problems=(Problem("x", "2016-02-30"),)), "problems", 0, "since", "21/06/2014"),
        (a(problems=(Problem("x", "31/02/2016"),)), "problems", 0, "since", "21/06/2014"),
        (a(problems=(Problem("x", "", "45G"),)), "problems", 0, "code", "ce n’est pas un code CIM-10"),
        (a(past=(Past("x", "2016-03", "2015"),)), "past", 0, "until", "la fin précède le début"),
        (a(allergies=(Allergy(AllergyKind.FOOD, ""),)), "allergies", 0, "agent", "« agent » est vide"),
        (a(exposures=(Exposure("x" * 201),)), "exposures", 0, "label", "200 caractères"),
        (a(exposures=(Exposure("x\u200bx"),)), "exposures", 0, "label", "ne s’affiche pas"),
        (a(exposures=(Exposure("x"),) * (MOST_LINES + 1)), "exposures", None, "", "60 lignes au plus"),
        (a(treatments=(Treatment("x", code="1234"),)), "treatments", 0, "code", "ce n’est pas un code CIS"),
    ],
)  # fmt: skip
def test_what_cannot_stand_is_told_with_its_place(
    summary: Summary, section: str, line: int | None, name: str, sentence: str
) -> None:
    with pytest.raises(Wrong) as told:
        settled(summary, TODAY)
    assert (told.value.section, told.value.line, told.value.name) == (section, line, name)
    assert sentence in str(told.value)


def test_the_end_of_a_treatment_may_be_planned() -> None:
    planned = a(treatments=(Treatment("x", since="2016", until="2017-05"),), family=Absence.NONE)
    assert settled(planned, TODAY) == planned


def test_nothing_medical_is_in_its_repr() -> None:
    assert "Amiante" not in repr(FULL)


def test_the_documented_format_is_the_one_that_is_read() -> None:
    page = (Path(__file__).parents[3] / "docs" / "medical-summary-json.md").read_text(encoding="utf-8")
    example = page.partition("```json\n")[2].partition("```")[0].encode()
    told = settled(summary_in(example), TODAY)
    assert told.operations is Absence.NONE
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE))
    sections = {each.encode_name: kind for each, kind in zip(fields(Summary), SECTIONS.values(), strict=True)}
    assert list(rows) == list(sections)
    for name, kind in sections.items():
        told_of = {(each.encode_name, each.required) for each in fields(kind)}
        assert {(field, f"**{field}**" in rows[name]) for field, _ in told_of} == told_of
        assert all(field in rows[name] for field, _ in told_of)
    for kind in (AllergyKind, HabitKind, Kinship):
        assert all(f"`{each.value}`" in page for each in kind)
