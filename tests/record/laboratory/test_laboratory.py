"""Structured reports of biology: read back number by number, gathered by analyte, drawn with a table beside; nothing else
than numbers is taken, and no damage does harm."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dmp_core.errors import Invalid
from dmp_core.feed.laboratory import Biologist, invented, writing
from dmp_core.portals.charts import series_chart
from dmp_core.record.cda import LOINC, Edition
from dmp_core.record.laboratory.reading import results_in
from dmp_core.record.laboratory.results import Analyte, Measure, Position, Series, gathered
from record.vsm.samples import PATIENT
from record.vsm.test_cda import SCHEMA

BIOLOGIST = Biologist("8999900000017", "DURAND", "CLAIRE")
EDITION = Edition(UUID(int=1), UUID(int=2), 1, datetime(2016, 11, 2, 9, tzinfo=UTC))
AT = datetime(2016, 11, 2, 7, 40, tzinfo=UTC)
GLUCOSE = Analyte(LOINC, "14749-6", "mmol/L")

_numbers = st.decimals(min_value=0, max_value=9_999, places=2)
_bounds = st.one_of(st.none(), _numbers)
_measures = st.builds(
    Measure,
    st.builds(
        Analyte, st.just(LOINC), st.sampled_from(["14749-6", "2823-3"]), st.sampled_from(["", "mmol/L", "g/dL", "%"])
    ),
    st.sampled_from(["Glucose à jeun", "Potassium < 3"]),
    _numbers,
    st.integers(0, 200_000_000).map(lambda seconds: AT - timedelta(seconds=seconds)),
    _bounds,
    _bounds,
)


def a_report(*inside: str, head: str = "") -> bytes:
    """A report with what other laboratories write."""
    written = writing([a_measure("5.0")], PATIENT, EDITION, BIOLOGIST)
    root = etree.fromstring(written)
    namespaces = {"h": "urn:hl7-org:v3"}
    (organizer,) = root.iterfind(".//h:organizer", namespaces)
    for each in inside:
        organizer.append(
            etree.fromstring(
                f'<component xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{each}</component>'
            )
        )
    return head.encode() + etree.tostring(root)


def a_measure(value: str, at: datetime = AT, low: str = "3.9", high: str = "5.5") -> Measure:
    return Measure(
        GLUCOSE, "Glucose à jeun", Decimal(value), at, Decimal(low) if low else None, Decimal(high) if high else None
    )


def an_observation(value: str, code: str = '<code code="X" codeSystem="1.2"/>', more: str = "") -> str:
    return f'<observation classCode="OBS" moodCode="EVN">{code}{more}{value}</observation>'


@given(st.lists(_measures, min_size=1, max_size=4))
def test_what_is_written_is_read_back_number_by_number(measures: list[Measure]) -> None:
    document = writing(measures, PATIENT, EDITION, BIOLOGIST)
    SCHEMA.assertValid(etree.fromstring(document))
    assert list(results_in(document).measures) == measures


def test_the_invented_reports_are_the_same_each_time_and_leave_their_range_now_and_then() -> None:
    drawn = [invented(f"{number:022}", date(2016, 11, 2)) for number in range(20)]
    assert drawn == [invented(f"{number:022}", date(2016, 11, 2)) for number in range(20)]
    found = [each.position for reports in drawn for report in reports for each in report]
    assert {Position.HIGH, Position.LOW, Position.WITHIN} == set(found)
    assert found.count(Position.WITHIN) > len(found) / 2


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (an_observation('<value xsi:type="PQ" value="7.1" unit="g/l"/>'), ("X", "g/L", "7.1")),
        (an_observation('<value xsi:type="PQ" value="7" unit="1"/>'), ("X", "", "7")),
        (an_observation('<value xsi:type="INT" value="7"/>'), ("X", "", "7")),
        (an_observation('<value xsi:type="REAL" value="-1.5"/>'), ("X", "", "-1.5")),
        # The national code where the primary one is missing.
        (
            an_observation(
                '<value xsi:type="PQ" value="7" unit="g/L"/>',
                '<code nullFlavor="UNK"><translation code="0552" codeSystem="1.2.3" displayName="GLYCEMIE"/></code>',
            ),
            ("0552", "g/L", "7"),
        ),
        (an_observation('<value xsi:type="ST">positif</value>'), None),
        (an_observation('<value xsi:type="PQ" nullFlavor="NI"/>'), None),
        (an_observation('<value xsi:type="PQ" value="1e300" unit="g/L"/>'), None),
        (an_observation('<value xsi:type="PQ" value="NaN" unit="g/L"/>'), None),
        (an_observation('<value xsi:type="IVL_PQ"><high value="5" unit="g/L"/></value>'), None),
        (an_observation('<value xsi:type="PQ" value="7"/>', more='<statusCode code="cancelled"/>'), None),
        (an_observation('<value xsi:type="PQ" value="7"/>', code="<code nullFlavor='NI'/>"), None),
    ],
)
def test_numbers_alone_are_taken(observation: str, expected: tuple[str, str, str] | None) -> None:
    first, *others = results_in(a_report(observation)).measures
    assert first == a_measure("5.0")
    assert [(each.analyte.code, each.analyte.unit, str(each.value)) for each in others] == (
        [expected] if expected else []
    )


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ('<effectiveTime value="20160903"/>', datetime(2016, 9, 2, 22, tzinfo=UTC)),
        ('<effectiveTime value="201609031015"/>', datetime(2016, 9, 3, 8, 15, tzinfo=UTC)),
        ('<effectiveTime value="20160903101500.123+0000"/>', datetime(2016, 9, 3, 10, 15, tzinfo=UTC)),
        ('<effectiveTime><low value="20160903101500-0400"/></effectiveTime>', datetime(2016, 9, 3, 14, 15, tzinfo=UTC)),
        ("", AT),  # as the report says
        ('<effectiveTime value="2016"/>', AT),
    ],
)
def test_when_it_was_measured(time: str, at: datetime) -> None:
    report = a_report(an_observation('<value xsi:type="PQ" value="7"/>', more=time))
    assert results_in(report).measures[1].at == at


def test_a_range_in_another_unit_is_not_the_value_s() -> None:
    high = '<high value="1.1" unit="g/L"/>'
    ranged = (
        '<value xsi:type="PQ" value="7" unit="mmol/L"/><referenceRange><observationRange>'
        f'<value xsi:type="IVL_PQ">{high}</value></observationRange></referenceRange>'
    )
    report = a_report(an_observation(ranged))
    assert results_in(report).measures[1].position is Position.UNKNOWN


@pytest.mark.parametrize(
    "document",
    [
        b"", b"%PDF-1.4", b"<a/>", b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>',
        a_report(head='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
        a_report(an_observation('<value xsi:type="PQ" value="sept"/>')),
        a_report(an_observation('<value xsi:type="PQ" value="7"/>', more='<effectiveTime value="20169903"/>')),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused_in_one_sentence(document: bytes) -> None:
    with pytest.raises(Invalid, match="compte rendu de biologie lisible"):
        results_in(document)


@given(st.integers(0, 6_000), st.binary(min_size=1, max_size=3))
def test_a_damaged_report_is_read_or_refused(place: int, damage: bytes) -> None:
    document = writing([a_measure("5.0")], PATIENT, EDITION, BIOLOGIST)
    place = min(place, len(document) - 1)
    with suppress(Invalid):
        results_in(document[:place] + damage + document[place + len(damage) :])


def test_one_analyte_is_one_code_in_one_unit_and_a_value_told_again_is_one() -> None:
    earlier = datetime(2016, 5, 3, 7, tzinfo=UTC)
    other = Measure(Analyte(LOINC, "14749-6", "g/L"), "Glucose", Decimal("1.1"), AT)
    again = Measure(GLUCOSE, "Glycémie", Decimal("4.9"), earlier)  # without its range, as an earlier value is told
    found = gathered([a_measure("5.0"), again, a_measure("4.9", earlier), other, a_measure("5.0")])
    assert [(each.analyte.unit, [str(one.value) for one in each.measures]) for each in found] == [
        ("g/L", ["1.1"]), ("mmol/L", ["4.9", "5.0"]),
    ]  # fmt: skip
    assert found[1].measures[0].position is Position.WITHIN


def test_a_value_stands_against_its_own_range() -> None:
    assert [a_measure(value).position for value in ("3.8", "3.9", "5.5", "5.6")] == [
        Position.LOW, Position.WITHIN, Position.WITHIN, Position.HIGH,
    ]  # fmt: skip
    assert a_measure("9", low="", high="").position is Position.UNKNOWN
    assert a_measure("9", low="3", high="").position is Position.WITHIN


def test_out_of_range_is_drawn_by_its_shape_and_its_number() -> None:
    days = [datetime(2016, month, 3, 7, tzinfo=UTC) for month in (3, 5, 7)]
    drawn = series_chart(Series(GLUCOSE, "Glucose <b>", tuple(map(a_measure, ("4.9", "3.1", "6.2"), days))), "a")
    root = etree.fromstring(drawn)
    words = [each.text for each in root.iter("{*}text")] + [root.findtext("title")]
    assert {"3,1", "6,2"} <= set(words)
    assert "4,9" not in words
    assert words[-1] == "Glucose <b> (mmol/L), 3 résultats"
    assert len(root.findall(".//path")) == 2
    assert len(root.findall(".//circle")) == 1


@given(st.lists(_measures, min_size=1, max_size=6))
def test_whatever_the_values_everything_is_drawn_within_the_frame(measures: list[Measure]) -> None:
    for each in gathered(measures):
        root = etree.fromstring(series_chart(each, "a"))
        height = float(root.get("viewBox").split()[3])
        (line,) = root.findall(".//polyline")
        for point in line.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 480
            assert 0 <= y <= height
