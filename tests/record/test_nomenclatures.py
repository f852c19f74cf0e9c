"""Codes by period, and the nine categories."""

from datetime import date

import pytest

from dmp_core.errors import Invalid
from dmp_core.record.categories import Category, categorised, category_of
from dmp_core.record.nomenclatures import label_of_class, type_of, types_in_use

NOW = date(2016, 11, 2)


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("REMB", Category.REIMBURSEMENTS), ("SYNTH", Category.SUMMARIES), ("11488-4", Category.REPORTS),
        ("29551-9", Category.TREATMENTS), ("29550-1", Category.TREATMENTS), ("18776-5", Category.TREATMENTS),
        ("52040-3", Category.IMAGING), ("11528-7", Category.IMAGING), ("11502-2", Category.BIOLOGY),
        ("11526-1", Category.BIOLOGY), ("29554-3", Category.PREVENTION), ("39256-3", Category.PREVENTION),
        ("CERT_DECL", Category.CERTIFICATES), ("EXPPAT_2", Category.EXPRESSION), ("INSCR_RCP", None),
    ],
)  # fmt: skip
def test_a_document_falls_in_the_category_of_the_handbook(code: str, category: Category | None) -> None:
    assert category_of(code, type_of(code, NOW).class_code) is category


def test_every_type_in_use_falls_in_one_category_but_management() -> None:
    for each in types_in_use(NOW):
        assert (category_of(each.code, each.class_code) is None) == (each.class_code == "95"), each.code


def test_a_query_by_category_finds_what_the_rule_says() -> None:
    for each in types_in_use(NOW):
        found = [
            category for category, (types, classes) in categorised().items()
            if each.code in types or (each.class_code in classes and each.code not in _apart())
        ]  # fmt: skip
        expected = category_of(each.code, each.class_code)
        assert found == ([expected] if expected else []), each.code


def _apart() -> set[str]:
    return {code for types, _ in categorised().values() for code in types}


def test_a_code_serves_in_its_period_alone() -> None:
    with pytest.raises(Invalid, match="n’est pas en usage au 02/11/2016"):
        type_of("EXPPAT_3", NOW)
    assert type_of("EXPPAT_3", date(2018, 2, 28)).label == "Directives anticipées"
    with pytest.raises(Invalid, match="n’est pas en usage"):
        type_of("inconnu", NOW)


def test_a_class_bears_the_label_of_the_day() -> None:
    assert label_of_class("42", NOW) == "Traitements prescrits ou administrés"
    assert label_of_class("42", date(2017, 10, 13)) == "Prescription"
