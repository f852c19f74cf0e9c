"""Who is written to: an oracle written from the population format says the same as the SQL."""

import calendar
import csv
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.campaigns import targeting
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.forecast import count_draft
from backoffice.campaigns.kinds import KINDS, CampaignKind, Exclusion
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import Channel, ChannelRule
from backoffice.population.rows import COLUMNS
from backoffice.population.synthetic import write_population
from campaigns.world import LETTER_DAY, SYSTEM, World, a_person, write_rows

Row = dict[str, str]
NINE = {"671", "641", "221", "251", "311", "371", "631", "801", "941"}


def latest_birth(text: str) -> date:
    """The latest day an incomplete date allows, written without a look at the rule's own code."""
    year, month, day = (int(part) for part in text.split("-"))
    month = month or 12
    return date(year, month, day or calendar.monthrange(year, month)[1])


def age_at(born: date, day: date) -> int:
    # Born on 29 February: a year older on 28 February of a common year, as the law counts from midnight to midnight.
    birthday_come = (day.month, day.day) >= (born.month, born.day)
    if (born.month, born.day) == (2, 29) and not calendar.isleap(day.year):
        birthday_come = (day.month, day.day) >= (2, 28)
    return day.year - born.year - (not birthday_come)


def reason_of(row: Row, day: date, foreign: bool, live: bool) -> Exclusion | None:
    checks = (
        (row["qualite"] != "OD", Exclusion.DEPENDANT),
        (row["regime"] != "01", Exclusion.SCHEME),
        (row["caisse"] not in NINE, Exclusion.CAISSE),
        (row["dmp"] == "O", Exclusion.HOLDER),
        (row["date_deces"] != "", Exclusion.DECEASED),
        (row["opposition"] == "O", Exclusion.OPPOSITION),
        (row["pnd"] == "O", Exclusion.UNDELIVERABLE),
        (age_at(latest_birth(row["date_naissance"]), day) < 18, Exclusion.MINOR),
        (live, Exclusion.LIVE_CODE),
        (row["pays"] not in ("", "FRANCE") and not foreign, Exclusion.FOREIGN),
    )
    return next((reason for holds, reason in checks if holds), None)


def is_targeted(row: Row, caisses: tuple[str, ...], criteria: Criteria, day: date) -> bool:
    age = age_at(latest_birth(row["date_naissance"]), day)
    return (
        row["caisse"] in caisses
        and (criteria.age_min is None or age >= criteria.age_min)
        and (criteria.age_max is None or age <= criteria.age_max)
        and (not criteria.postal_codes or row["code_postal"].startswith(criteria.postal_codes))
        and (not criteria.qualites or row["qualite"] in criteria.qualites)
    )


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("personnes") / "population.csv"
    write_population(path, ("631", "941", "221"), 2000, 7)
    return path


def rows_in(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source, delimiter=";"))


def drafts() -> st.SearchStrategy[tuple[tuple[str, ...], Criteria, date, ChannelRule]]:
    ages = st.none() | st.integers(0, 100)
    criteria = st.builds(
        Criteria,
        ages,
        ages,
        st.sampled_from([(), ("63",), ("631", "94000"), ("22", "941")]),
        st.sampled_from([(), ("OD",), ("AD",), ("OD", "AD")]),
        st.booleans(),
    ).filter(lambda c: c.age_min is None or c.age_max is None or c.age_min <= c.age_max)
    caisses = st.sets(st.sampled_from(["631", "941", "221", "311"]), min_size=1).map(lambda s: tuple(sorted(s)))
    return st.tuples(caisses, criteria, st.dates(date(2016, 11, 3), date(2018, 3, 1)), st.sampled_from(ChannelRule))


def test_an_independent_count_finds_the_same_persons_under_the_same_reasons(world: World, people: Path) -> None:
    assert world.load_file(people).rejected == 0
    rows = rows_in(people)
    numbers = dict(world.sql("SELECT nir, id FROM person"))
    holders = [(row["caisse"], numbers[row["nir"]]) for row in rows[::9]]
    for caisse in {caisse for caisse, _ in holders}:
        import uuid

        persons = [person for of, person in holders if of == caisse]
        world.office.dmp.issue_codes(uuid.uuid4(), caisse, persons, LETTER_DAY)
    live = {person for _, person in holders}

    @settings(max_examples=40, deadline=None)
    @given(drafts())
    def agree(asked: tuple[tuple[str, ...], Criteria, date, ChannelRule]) -> None:
        caisses, criteria, day, rule = asked
        targeted = [row for row in rows if is_targeted(row, caisses, criteria, day)]
        reasons = [reason_of(row, day, criteria.foreign, numbers[row["nir"]] in live) for row in targeted]
        expected = Counter(reason for reason in reasons if reason)
        mail = sum(
            reason is None and rule is ChannelRule.REGISTERED and row["canal"] == "mail"
            for row, reason in zip(targeted, reasons, strict=True)
        )
        draft = world.draft(caisses=caisses, criteria=criteria, letter_date=day, channel_rule=rule)
        with world.session() as session:
            found = count_draft(session, world.office, SYSTEM, draft)
        assert found.targeted == len(targeted)
        assert found.excluded == expected
        assert (found.eligible, found.emails) == (len(targeted) - expected.total(), mail)

    agree()


@pytest.mark.parametrize(
    ("born", "minor"),
    [
        ("1998-11-14", False),  # eighteen on the very day of the letter
        ("1998-11-15", True),
        ("1998-11-13", False),
        ("1998-11-00", True),  # may be born on the 30th
        ("1998-10-00", False),
        ("1998-00-00", True),  # may be born on 31 December
        ("1997-00-00", False),
    ],
)
def test_nobody_who_may_be_under_eighteen_is_written_to(world: World, born: str, minor: bool) -> None:
    world.load([a_person(date_naissance=born)])
    reference = world.frozen()
    status = world.status(reference)
    assert (status.eligible, status.excluded) == ((0, {Exclusion.MINOR: 1}) if minor else (1, {}))


@pytest.mark.parametrize(
    ("born", "ages"),
    [
        ("1956-11-14", range(60, 61)),
        ("1956-11-15", range(59, 60)),
        ("1956-02-29", range(60, 61)),
        ("1956-11-00", range(59, 60)),
        ("1956-00-00", range(59, 60)),
    ],
)
def test_an_age_is_counted_at_the_letter_date(world: World, born: str, ages: range) -> None:
    world.load([a_person(date_naissance=born)])
    for age in range(57, 63):
        with world.session() as session:
            draft = world.draft(criteria=Criteria(age_min=age, age_max=age))
            assert count_draft(session, world.office, SYSTEM, draft).targeted == (age in ages), age


def test_an_upper_case_france_is_not_abroad(world: World) -> None:
    world.load([a_person(pays="FRANCE"), a_person(pays="BELGIQUE", code_postal="1000", ville="BRUXELLES")])
    assert world.status(world.frozen()).excluded == {Exclusion.FOREIGN: 1}
    assert world.status(world.frozen(criteria=Criteria(foreign=True))).eligible == 2


def test_a_forecast_is_what_the_freezing_then_finds(world: World, people: Path) -> None:
    world.load_file(people)
    with world.session() as session:
        expected = count_draft(session, world.with_settings(lot_size=40), SYSTEM, world.draft(caisses=("631", "941")))
    reference = world.frozen(lot_size=40, caisses=("631", "941"))
    status = world.status(reference)
    assert (status.targeted, status.eligible) == (expected.targeted, expected.eligible)
    assert (status.letters_planned, status.emails_planned) == (expected.letters, expected.emails)
    assert (status.lots, status.mail_lots) == (expected.lots, expected.mail_lots)


def test_lots_are_sorted_for_the_post_and_hold_each_person_once(world: World, people: Path) -> None:
    world.load_file(people)
    reference = world.frozen(lot_size=37, caisses=("631", "941"))
    persons = {
        (caisse, number): (postal, town, street)
        for caisse, number, postal, town, street in world.sql(
            "SELECT caisse, id, code_postal, ville, adresse_4 FROM person WHERE pays = ''"
        )
    }
    letters = world.letters(reference)
    assert (
        len({(letter.caisse, letter.person_id) for letter in letters})
        == len(letters)
        == world.status(reference).eligible
    )
    for caisse in ("631", "941"):
        for channel in Channel:
            own = [one for one in letters if (one.caisse, one.channel) == (caisse, channel)]
            places = [persons[caisse, one.person_id] for one in own]
            assert [place[0] for place in places] == sorted(place[0] for place in places)
            sizes = Counter(one.lot_sequence for one in own)
            assert set(sizes) == set(range(1, len(sizes) + 1))
            assert all(size == 37 for sequence, size in sizes.items() if sequence < len(sizes))
            assert all(
                [one.position for one in own if one.lot_sequence == sequence] == list(range(1, size + 1))
                for sequence, size in sizes.items()
            )


def test_freezing_twice_changes_nothing(world: World) -> None:
    from backoffice.campaigns.freezing import freeze
    from backoffice.campaigns.work import freeze_campaign

    world.load([a_person() for _ in range(3)])
    reference = world.frozen()
    before = [(one.number, one.person_id, one.lot_sequence) for one in world.letters(reference)]
    world.load([a_person()])
    freeze_campaign(world.office, world.campaign(reference).id)
    with world.session() as session:
        freeze(session, session.get_one(Campaign, world.campaign(reference).id), world.office.dmp)
    assert [(one.number, one.person_id, one.lot_sequence) for one in world.letters(reference)] == before
    assert len(world.lots(reference)) == 1


def test_two_processes_freeze_one_campaign_once(world: World) -> None:
    from backoffice.campaigns import actions

    world.load([a_person()])
    reference = world.create()
    world.do(actions.submit, reference)
    world.do(actions.approve, reference)
    campaign_id = world.campaign(reference).id
    with world.session() as first, world.session() as second:
        assert actions.freeze_now(first, world.office, campaign_id) is not None
        assert actions.freeze_now(second, world.office, campaign_id) is None
    assert len(world.letters(reference)) == 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_reasons_are_looked_at_in_the_order_the_kind_declares(kind: CampaignKind) -> None:
    looked_at = re.findall(r"THEN '([a-z_]+)'", targeting.reason(kind, "'courrier'"))
    assert looked_at == [reason.value for reason in kind.leaves_out]


def test_columns_of_the_oracle_are_those_of_the_format(tmp_path: Path) -> None:
    (row,) = rows_in(write_rows(tmp_path / "p.csv", [a_person()]))
    assert tuple(row) == COLUMNS
