"""Demonstration persons are realistic, deterministic, unique and nobody's; each one passes the import's own checks."""

import re
from collections import Counter
from datetime import date
from pathlib import Path
from random import Random

import pytest

from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import Invalid, Unavailable
from backoffice.population.reading import PopulationFile
from backoffice.population.rows import PersonRow, check_row
from backoffice.population.synthetic import FEATURES, REFERENCE_DAY, Summary, write_population, writing
from backoffice.population.synthetic import proportions as p
from backoffice.population.synthetic.births import birthday, years_before
from backoffice.population.synthetic.material import PERIODS, material, plain_capitals

COUNT = 18_000


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    path = tmp_path_factory.mktemp("synthetic") / "population.csv.gz"
    return write_population(path, CAISSE_CODES, COUNT, seed=7)


@pytest.fixture(scope="module")
def persons(summary: Summary) -> list[PersonRow]:
    with PopulationFile.open(summary.path) as population:
        facts = population.check_whole()
        assert (facts.rows, facts.bytes, facts.sha256) == (COUNT, summary.bytes, summary.sha256)
        checked = [check_row(fields, line, REFERENCE_DAY) for line, fields in population.rows()]
    faults = [found for found in checked if isinstance(found, list)]
    assert faults == []
    return [found for found in checked if isinstance(found, PersonRow)]


def read(path: Path) -> list[list[str]]:
    with PopulationFile.open(path) as population:
        return [fields for _, fields in population.rows()]


def test_every_person_passes_the_checks_of_the_import(persons: list[PersonRow]) -> None:
    assert len(persons) == COUNT


def test_a_nir_is_given_once_in_a_file(persons: list[PersonRow]) -> None:
    assert len({person.nir for person in persons}) == COUNT


def test_the_nir_tells_sex_year_month_and_place_of_birth(persons: list[PersonRow]) -> None:
    slips = 0
    for person in persons:
        slips += (person.nir[0] == "1") != (person.civilite == "M")
        year, month, _ = person.date_naissance.split("-")
        assert person.nir[1:3] == year[2:]
        assert person.nir[3:5] == month or (month == "00" and int(person.nir[3:5]) >= 20)
    assert slips < COUNT * p.CIVILITY_SLIP * 4


def test_a_dependant_hangs_on_an_insured_person_of_the_same_home(persons: list[PersonRow]) -> None:
    by_nir = {person.nir: person for person in persons}
    dependants = [person for person in persons if person.qualite == "AD"]
    for person in dependants:
        insured = by_nir[person.nir_od]
        assert insured.qualite == "OD"
        assert (person.caisse, person.regime, person.adresse_4, person.ville) == (
            insured.caisse,
            insured.regime,
            insured.adresse_4,
            insured.ville,
        )
    assert all(not person.nir_od for person in persons if person.qualite == "OD")
    assert any(person.born_by < years_before(REFERENCE_DAY, 18) for person in dependants)


def test_children_under_sixteen_are_dependants(persons: list[PersonRow]) -> None:
    limit = years_before(REFERENCE_DAY, 16)
    young = [person for person in persons if person.date_naissance > limit.isoformat()]
    assert len(young) > COUNT / 10
    assert {person.qualite for person in young} == {"AD"}


def test_ages_are_spread_like_those_of_a_country(persons: list[PersonRow]) -> None:
    ages = Counter((REFERENCE_DAY.year - int(person.date_naissance[:4])) // 20 for person in persons)
    shares = [ages[decade] / COUNT for decade in range(6)]
    for share, (low, high) in zip(
        shares[:5], ((0.17, 0.30), (0.18, 0.30), (0.2, 0.32), (0.15, 0.28), (0.03, 0.12)), strict=True
    ):
        assert low < share < high, shares


def test_each_feature_is_there_in_its_declared_share(summary: Summary, persons: list[PersonRow]) -> None:
    features = summary.features
    assert features.keys() == FEATURES.keys()
    assert all(features.values()), features
    insured = features["ouvrants_droit"]
    for feature, share, base in (
        ("autres_regimes", p.OTHER_SCHEME, COUNT),
        ("titulaires", p.HOLDER, insured),
        ("oppositions", p.OPPOSITION, COUNT),
        ("pnd", p.UNDELIVERABLE, COUNT),
        ("adresses_etrangeres", p.ABROAD, COUNT),
    ):
        assert share * 0.6 < features[feature] / base < share * 1.5, feature
    with_email = sum(1 for person in persons if person.email and person.qualite == "OD")
    assert 0.26 < features["canal_mail"] / with_email < 0.34
    assert features["mineurs"] == sum(person.born_by > years_before(REFERENCE_DAY, 18) for person in persons)
    assert features["canal_mail"] == sum(person.canal == "mail" for person in persons)
    assert features["decedes"] == sum(person.date_deces is not None for person in persons)


def test_the_caisses_share_the_persons_by_inhabitants(summary: Summary) -> None:
    assert sum(summary.caisses.values()) == summary.rows == COUNT
    inhabitants = {code: area.population for code, area in material().areas.items()}
    total = sum(inhabitants.values())
    for code in CAISSE_CODES:
        assert 0.8 < summary.caisses[code] / COUNT / (inhabitants[code] / total) < 1.2


def test_nobody_can_be_reached_by_accident(persons: list[PersonRow]) -> None:
    emails = [person.email for person in persons if person.email]
    mobiles = [person.mobile for person in persons if person.mobile]
    assert emails
    assert mobiles
    assert all(re.search(r"@example\.(org|net|com)$", email) for email in emails)
    assert all(mobile.startswith("+3363998") for mobile in mobiles)


def test_towns_are_real_towns_of_the_caisse(persons: list[PersonRow]) -> None:
    known = {
        (code, town.code_postal, name)
        for code, area in material().areas.items()
        for town in area.towns.things
        for name in (town.as_post, town.as_typed)
    }
    french = [person for person in persons if not person.pays and "CEDEX" not in person.ville]
    assert all((person.caisse, person.code_postal, person.ville) in known for person in french)


@pytest.mark.parametrize(
    ("what", "column", "pattern"),
    [
        ("accents", "nom_naissance", "[ÉÈÊËÏÇ]"),
        ("hyphens", "nom_usage", "-"),
        ("apostrophes", "nom_naissance", "['’]"),
        ("particles", "nom_naissance", "^(DE|DU|DES|D’|DE LA) "),
        ("very long names", "nom_naissance", ".{30}"),
        ("composed first names", "prenom", "^JEAN-"),
        ("very long first names", "prenom", ".{20}"),
        ("Breton names", "nom_naissance", "^LE GALL$"),
        ("Alsatian names", "nom_naissance", "^SCHNEIDER$"),
        ("Basque names", "nom_naissance", "^ETCHEVERRY$"),
        ("Maghreb first names", "prenom", "^MOHAMED$"),
        ("letters beyond Latin-1", "nom_naissance", "[ŞİĞĆŘŁ]"),
        ("birth in Corsica", "nir", "^.{5}2[AB]"),
        ("birth abroad", "nir", "^.{5}99[0-9]"),
        ("birth in Algeria before 1962", "nir", "^[12][345].{3}9[1-4]"),
        ("birth overseas", "nir", "^.{5}97[1-6]"),
        ("unknown day", "date_naissance", "-(0[1-9]|1[0-2])-00$"),
        ("unknown month", "date_naissance", "-00-00$"),
        ("CEDEX", "ville", "CEDEX"),
        ("post boxes", "adresse_5", "^BP "),
        ("hamlets", "adresse_5", "^LIEU DIT "),
        ("complements", "adresse_2", "APPT"),
        ("buildings with quotes", "adresse_3", '"'),
        ("long streets", "adresse_4", ".{42}"),
        ("towns as typed", "ville", "[a-zé]-"),
        ("foreign postal codes", "code_postal", "^(....|SW.*)$"),
        ("cards with photo", "vitale_type", "^photo$"),
        ("cards without photo", "vitale_type", "^sans_photo$"),
    ],
)
def test_a_file_of_the_nine_caisses_has(persons: list[PersonRow], what: str, column: str, pattern: str) -> None:
    assert any(re.search(pattern, getattr(person, column)) for person in persons), what


def test_no_line_of_an_address_is_too_long_for_the_import(persons: list[PersonRow]) -> None:
    assert max(len(person.adresse_4) for person in persons) <= 60


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.csv.gz", "b.csv.gz")]
    first, second = (write_population(file, ["631"], 2500, seed=3) for file in files)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert first.sha256 == second.sha256
    assert write_population(files[1], ["631"], 2500, seed=4).sha256 != first.sha256
    assert write_population(files[1], ["631"], 2500, seed=3, as_of=date(2026, 11, 1)).sha256 != first.sha256


def test_a_plain_file_says_the_same_as_a_packed_one(tmp_path: Path) -> None:
    write_population(tmp_path / "a.csv", ["221"], 100, seed=3)
    write_population(tmp_path / "a.csv.gz", ["221"], 100, seed=3)
    assert read(tmp_path / "a.csv") == read(tmp_path / "a.csv.gz")


def test_the_number_of_processes_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_WORTH_PROCESSES", 0)
    alone = write_population(tmp_path / "a.csv.gz", ["631"], 4500, seed=3)
    seen: list[int] = []
    shared = write_population(tmp_path / "b.csv.gz", ["631"], 4500, seed=3, processes=2, progress=seen.append)
    assert alone.sha256 == shared.sha256
    assert seen == [1500, 3000, 4500]


@pytest.mark.parametrize("count", [1, 2, 3, 1999, 2001])
def test_exactly_as_many_persons_as_asked_for_are_written(tmp_path: Path, count: int) -> None:
    summary = write_population(tmp_path / "a.csv", ["941"], count, seed=5)
    rows = read(summary.path)
    assert len(rows) == summary.rows == count
    insured = {row[0] for row in rows if row[6] == "OD"}
    assert {row[7] for row in rows if row[6] == "AD"} <= insured


def test_blocks_never_give_the_same_nir_even_when_cells_are_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_SMALLEST_BLOCK", 50)
    monkeypatch.setattr(writing, "_MOST_BLOCKS", 999)  # one order number a block and cell
    rows = read(write_population(tmp_path / "a.csv", ["641"], 4000, seed=5).path)
    assert len({row[0] for row in rows}) == 4000


def test_ages_are_counted_on_the_day_asked_for(tmp_path: Path) -> None:
    day = date(2026, 11, 1)
    rows = read(write_population(tmp_path / "a.csv", ["631"], 2000, seed=5, as_of=day).path)
    assert max(row[5] for row in rows) > "2024"
    assert all(isinstance(check_row(row, 2, day), PersonRow) for row in rows)


def test_a_failure_half_way_leaves_the_earlier_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(b"earlier")

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_population(path, ["631"], 100, seed=1, progress=interrupt)
    assert path.read_bytes() == b"earlier"
    assert [*tmp_path.iterdir()] == [path]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(Unavailable, match="vérifiez la place"):
        write_population(tmp_path / "a.csv", ["631"], 10, seed=1)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("caisses", "count", "said"),
    [
        ([], 10, "Aucune caisse"),
        (["751"], 10, "n’est pas l’une des neuf"),
        (["631"], 0, "entre 1 et"),
        (["631"], 10**9, "entre 1 et"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path: Path, caisses: list[str], count: int, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        write_population(tmp_path / "a.csv", caisses, count, seed=1)
    with pytest.raises(Invalid, match="n’existe pas"):
        write_population(tmp_path / "absent" / "a.csv", ["631"], 10, seed=1)
    with pytest.raises(Invalid, match="est un dossier"):
        write_population(tmp_path, ["631"], 10, seed=1)


def test_the_lists_are_large_enough_to_look_like_a_country() -> None:
    lists = material()
    assert len({name.text for pool in lists.surnames.values() for name in pool.things}) >= 1500
    assert len({name.text for pool in lists.first_names.values() for name in pool.things}) >= 600
    assert {f"{sex} {period}" for sex in "MF" for period in PERIODS} <= lists.first_names.keys()
    assert lists.areas.keys() == set(CAISSE_CODES)
    assert sum(len(area.towns.things) for area in lists.areas.values()) == 3711


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ÉLÉONORE", "ELEONORE"),
        ("Œuvrard", "OEUVRARD"),
        ("İBRAHIM", "IBRAHIM"),
        ("L’HERMITTE", "L'HERMITTE"),
        ("NGUYỄN", "NGUYEN"),
    ],
)
def test_plain_capitals_have_no_accent(text: str, plain: str) -> None:
    assert plain_capitals(text) == plain


def test_a_birthday_gives_the_age_asked_for() -> None:
    random = Random(1)
    for day in (date(2016, 2, 29), date(2016, 10, 1), date(2016, 1, 1)):
        for age in range(0, 106):
            born = birthday(random, age, day)
            assert (day.year - born.year) - ((day.month, day.day) < (born.month, born.day)) == age
