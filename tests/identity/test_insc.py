"""The INS-C: the published vectors, the rules they do not cover, and what holds for every person.

`insc_edge_cases.csv`: 44 rows of the sample published by ASIP Santé (synthetic persons), labelled by the case they
cover, and one vector of another source. The whole sample is read where it is at hand.
"""

import csv
import itertools
import re
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dmp_core.identity.identifiers import System
from dmp_core.identity.insc import InsCFault, birth_date_of, compute, seed
from dmp_core.identity.nir import key_of

HERE = Path(__file__).parent
SAMPLE = HERE.parents[2] / "shared" / "reference" / "insc" / "Echantillon_de_test_INSC.csv"

JEAN = "150081505104018"

with (HERE / "insc_edge_cases.csv").open(encoding="utf-8", newline="") as file:
    EDGE_CASES = list(csv.DictReader(file, delimiter=";"))


def whole(nir13: str) -> str:
    return nir13 + key_of(nir13)


@pytest.mark.parametrize("row", EDGE_CASES, ids=lambda row: f"{row['case']}-{row['source_line']}")
def test_an_edge_case_of_the_published_sample(row: dict[str, str]) -> None:
    person = row["prenom"], row["date_naissance_AAMMJJ"], row["nir13"] + row["cle_nir"]
    assert seed(*person) == row["seed_29"]
    assert compute(*person) == row["insc20"] + row["cle_insc"]


def test_there_are_forty_five_edge_cases() -> None:
    assert len(EDGE_CASES) == 45


def test_every_row_of_the_published_sample() -> None:
    if not SAMPLE.exists():
        pytest.skip(f"the published sample is not beside the project ({SAMPLE.name})")
    with SAMPLE.open(encoding="iso-8859-1", newline="") as file:
        rows = [row for row in itertools.islice(csv.reader(file, delimiter=";"), 2, None) if row]
    wrong = [row for row in rows if compute(row[0], row[1], row[2] + row[3]) != row[4] + row[5]]
    assert (len(rows), wrong) == (14_369, [])


@pytest.mark.parametrize(
    ("written", "same_as"),
    [
        ("Jean", "JEAN"),
        ("Éloïse", "ELOISE"),
        ("Franc\u0327ois", "FRANCOIS"),
        ("Jean-Pierre", "JEANPIERRE"),
        ("Jean\u2011Pierre", "JEAN PIERRE"),
        ("N'Golo", "NGOLO"),
        ("N’Golo", "NGOLO"),
        ("Ma\u00eblle 2", "MAELLE"),
        ("J. R.", "JR"),
        ("C\u0153lia", "COELIA"),
        ("L\u00c6titia", "LAETITIA"),
        ("\u00d0ragan", "DRAGAN"),
        ("\u00df", "B"),
        ("ÿ", "Y"),
        ("\u674e", ""),
        (" \u00a0 ", ""),
    ],
)
def test_a_given_name_loses_its_accents_and_all_that_is_not_a_letter(written: str, same_as: str) -> None:
    assert compute(written, "500801", JEAN) == compute(same_as, "500801", JEAN)


@pytest.mark.parametrize(
    ("civil", "aammjj"),
    [
        ("1950-08-01", "500801"),
        ("1938-03-00", "380300"),
        ("1938-00-00", "380000"),
        ("1950-02-31", "500231"),
        ("1950-63-12", "506312"),
        ("", "000000"),
    ],
)
def test_the_birth_date_is_hashed_as_recorded_never_repaired(civil: str, aammjj: str) -> None:
    assert birth_date_of(civil) == aammjj
    assert seed("JEAN", birth_date_of(civil), JEAN)[10:16] == aammjj


@pytest.mark.parametrize(
    "civil", ["01/08/1950", "50-08-01", "1950-8-1", "1950-08-01T00:00", "١٩٥٠-٠٨-٠١", "1950-08-01\n"]
)
def test_a_birth_date_in_another_form_is_refused(civil: str) -> None:
    with pytest.raises(InsCFault, match="date de naissance"):
        birth_date_of(civil)


@pytest.mark.parametrize("aammjj", ["", "50801", "5008011", "19500801", "50-8-1", "٥٠٠٨٠١"])
def test_a_birth_date_that_is_not_six_digits_is_refused(aammjj: str) -> None:
    with pytest.raises(InsCFault, match="six chiffres"):
        compute("JEAN", aammjj, JEAN)


@pytest.mark.parametrize("first", "03456789")
def test_a_temporary_nir_gives_no_ins_c_even_with_its_own_right_key(first: str) -> None:
    with pytest.raises(InsCFault, match="provisoire"):
        compute("JEAN", "500801", whole(first + JEAN[1:13]))


@pytest.mark.parametrize(
    "nir", [JEAN[:13] + "19", JEAN[:13], JEAN + "0", "2A" + JEAN[2:], "1500819A5104018", "15008150510401x"]
)
def test_a_nir_whose_key_is_wrong_gives_no_ins_c_and_is_not_repeated(nir: str) -> None:
    with pytest.raises(InsCFault) as refusal:
        compute("JEAN", "500801", nir)
    assert nir[1:7] not in str(refusal.value)


def test_no_nir_gives_no_ins_c() -> None:
    with pytest.raises(InsCFault):
        compute("JEAN", "500801", "")


def test_the_systems_of_identifiers_are_those_of_the_field() -> None:
    assert {system.name: system.value for system in System} == {
        "INS_C": "1.2.250.1.213.1.4.2",
        "NIR": "1.2.250.1.213.1.4.8",
    }


nirs = st.from_regex(r"[12][0-9]{4}([0-9]{2}|2[AB])[0-9]{6}", fullmatch=True).map(whole)
dates = st.from_regex(r"[0-9]{6}", fullmatch=True)
names = st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ éèçïœ-'’"), max_size=20)


@given(st.text(max_size=20), dates, nirs)
@example("ALBERT", "880523", "288052424699333")
def test_an_ins_c_is_twenty_two_digits_whose_key_is_from_01_to_97(name: str, aammjj: str, nir: str) -> None:
    found = compute(name, aammjj, nir)
    assert re.fullmatch(r"[0-9]{22}", found)
    assert 1 <= int(found[20:]) <= 97
    assert (int(found[:20]) + int(found[20:])) % 97 == 0


@given(names, dates, nirs)
def test_case_accents_and_hyphens_change_nothing(name: str, aammjj: str, nir: str) -> None:
    plain = name.translate(str.maketrans({"é": "E", "è": "E", "ç": "C", "ï": "I", "œ": "OE", **dict.fromkeys(" -'’")}))
    for written in (name, name.lower(), name.replace("-", " "), plain, plain.lower()):
        assert compute(written, aammjj, nir) == compute(name, aammjj, nir)


@given(names, names, dates, dates, nirs, nirs)
def test_each_of_the_three_changes_it(
    name: str, other: str, aammjj: str, other_date: str, nir: str, other_nir: str
) -> None:
    assume(seed(name, aammjj, nir)[:10] != seed(other, aammjj, nir)[:10])
    assume(aammjj != other_date)
    assume(nir != other_nir)
    persons = [(name, aammjj, nir), (other, aammjj, nir), (name, other_date, nir), (name, aammjj, other_nir)]
    assert len({compute(*person) for person in persons}) == 4
