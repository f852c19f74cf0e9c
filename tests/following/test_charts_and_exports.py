"""Drawings, exports and sentences: what they say is what was counted."""

import csv
from datetime import date, datetime, timedelta
from io import BytesIO, StringIO
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from campaigns.world import World, a_person

from backoffice.campaigns.models import Campaign
from backoffice.core.clock import PARIS
from backoffice.following import charts
from backoffice.following.comparison import Group, _sentence
from backoffice.following.counting import recount
from backoffice.following.curves import Choice
from backoffice.following.exports import HEADER, as_csv, as_xlsx, rows_of
from backoffice.following.funnel import Day, Funnel
from backoffice.following.intervals import difference, share
from backoffice.following.models import Fact
from backoffice.following.survival import curve

from .test_counts import called, opened, people, sealed

SVG = "{http://www.w3.org/2000/svg}"
TODAY = date(2016, 12, 20)


def words_of(svg: str) -> str:
    root = ElementTree.fromstring(svg)
    return " ".join("".join(one.itertext()) for one in root.iter()).replace("\u00a0", " ")


def test_the_funnel_names_and_counts_every_bar_without_colour() -> None:
    drawn = charts.funnel_chart(Funnel("x", 12_846, 400, 950, 300, 310))
    words = words_of(drawn)
    for told in ("Envoyés", "12 846", "Revenus", "400 (3,1 %)", "Appels", "950 (7,4 %)", "DMP créés", "310 (2,4 %)"):
        assert told in words, told
    assert "url(#hachures)" in drawn  # told apart by its pattern
    assert "Envoyés" in words_of(charts.funnel_chart(Funnel("vide", 0, 0, 0, 0, 0)))


def test_curves_are_told_apart_by_marker_dash_and_name() -> None:
    points = curve({3: 40, 10: 60, 30: 20}, {30: 2000})
    drawn = charts.curve_chart([("Version A", points), ("Version B", curve({5: 50}, {30: 1800}))])
    root = ElementTree.fromstring(drawn)
    assert {"circle", "rect"} <= {one.tag for one in root.iter()}
    assert {one.get("stroke-dasharray") for one in root.iter("path")} >= {"", "7 4"}
    assert "Version A 5,7 %" in words_of(drawn)
    assert "jours depuis l’envoi" in words_of(drawn)
    alone = charts.curve_chart([("", points)])
    assert "fill-opacity" in alone  # its interval
    assert charts.curve_chart([("", [])])


def test_days_and_shares_are_drawn_whatever_there_is() -> None:
    one = Day(date(2016, 11, 14), dict.fromkeys(Fact, 0))
    assert charts.days_chart([]) == ""
    assert "14/11" in words_of(charts.days_chart([one]))
    drawn = words_of(charts.shares_chart([("18 à 29 ans <&>", share(3, 100)), ("aucun", share(0, 0))]))
    assert "3,0 %" in drawn
    assert "—" in drawn


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ((2, 900), (1, 900), "Trop peu de créations"),
        ((40, 1000), (45, 1000), "rien ne sépare les deux"),
        (
            (40, 1000),
            (80, 1000),
            "la version B fait mieux : 8,0 % contre 4,0 %, un écart qui va vraisemblablement de 1,9 à ",
        ),
        (
            (80, 1000),
            (40, 1000),
            "la version A fait mieux : 8,0 % contre 4,0 %, un écart qui va vraisemblablement de 1,9 à ",
        ),
    ],
)
def test_the_sentence_says_what_may_be_concluded_and_what_not(
    first: tuple[int, int], second: tuple[int, int], said: str
) -> None:
    groups = [Group("Version A", share(*first)), Group("Version B", share(*second))]
    sentence = _sentence(30, groups, difference(groups[0].within, groups[1].within))
    assert said in sentence.replace("\u00a0", " ")
    if "fait mieux" in said:
        assert "relue chaque jour" in sentence
    elif "sépare" in said:
        assert "Cela ne prouve pas" in sentence


def test_exports_hold_the_counts_and_their_meaning(world: World) -> None:
    reference = sealed(world, 3)
    noon = datetime(2016, 11, 14, 12, tzinfo=PARIS)
    called(world, people(world)[0], noon + timedelta(days=2))
    opened(world, people(world)[0], noon + timedelta(days=4))
    recount(world.office, "631")
    with world.session() as session:
        campaign = session.query(Campaign).one()
        rows = rows_of(session, campaign, Choice([campaign.id], ["631"]), TODAY)
    lines = list(csv.DictReader(StringIO(as_csv(rows).decode("utf-8-sig")), delimiter=";"))
    assert [(one["nature"], one["jour"], one["envois"]) for one in lines] == [
        ("Envoyés", "2016-11-14", "3"), ("Appels", "2016-11-16", "1"), ("DMP créés", "2016-11-18", "1"),
    ]  # fmt: skip
    assert tuple(lines[0]) == HEADER
    assert {one["campagne"] for one in lines} == {reference}
    with ZipFile(BytesIO(as_xlsx(campaign, rows, TODAY))) as book:
        strings = book.read("xl/sharedStrings.xml").decode()
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert "dernier envoi de campagne" in strings
    spaces = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    numbers = [
        cell.find("m:v", spaces).text for cell in sheet.findall(".//m:c", spaces) if cell.get("r", "").startswith("J")
    ]  # type: ignore[union-attr]
    assert numbers[1:] == ["3", "1", "1"]


def test_no_cell_of_an_export_is_a_formula(world: World) -> None:
    world.load([a_person()])
    name = '=HYPERLINK("http://exemple.fr";"Cliquez")'
    world.sealed(name=name)
    recount(world.office, "631")
    with world.session() as session:
        campaign = session.query(Campaign).one()
        rows = rows_of(session, campaign, Choice([campaign.id], ["631"]), TODAY)
    assert rows
    for line in csv.reader(StringIO(as_csv(rows).decode("utf-8-sig")), delimiter=";"):
        assert [cell for cell in line if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    with ZipFile(BytesIO(as_xlsx(campaign, rows, TODAY))) as book:
        sheets = [book.read(part).decode() for part in book.namelist() if part.startswith("xl/worksheets/")]
        assert "HYPERLINK" in book.read("xl/sharedStrings.xml").decode()  # a text like any other
    assert sheets
    assert not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets)


def test_an_empty_campaign_exports_its_header(world: World) -> None:
    world.load([a_person()])
    world.create()
    with world.session() as session:
        campaign = session.query(Campaign).one()
    assert as_xlsx(campaign, [], TODAY)
    assert as_csv([]).decode("utf-8-sig").strip() == ";".join(HEADER)
