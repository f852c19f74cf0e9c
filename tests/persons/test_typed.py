"""What was typed is understood in the ways in which it may be meant."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from population.samples import NIR

from backoffice.core.errors import Invalid
from backoffice.persons.spelling import edit_distance
from backoffice.persons.typed import Question, key_of, understand
from dmp_core.identity.nir import grouped

TODAY = date(2016, 11, 2)


def one(typed: str) -> Question:
    (found,) = understand(typed, TODAY)
    return found


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("Lefèvre", ("LEFEVRE",)),
        ("lefevre  marie", ("LEFEVRE", "MARIE")),
        ("Mme Œuvrard", ("OEUVRARD",)),
        ("d’Aubigné", ("DAUBIGNE",)),
        ("Le Goff Anne-Marie", ("LE", "GOFF", "ANNEMARIE")),
        ("M. Mme", ("M", "MME")),
        ("o'brien", ("OBRIEN",)),
    ],
)
def test_a_name_is_its_letters(typed: str, words: tuple[str, ...]) -> None:
    assert one(typed) == Question(words=words)


@pytest.mark.parametrize(
    ("typed", "births"),
    [
        ("05/11/1952", ("1952-11-05",)),
        ("5.11.1952", ("1952-11-05",)),
        ("5-11-52", ("1952-11-05",)),
        ("05 11 1952", ("1952-11-05",)),
        ("1952-11-05", ("1952-11-05",)),
        ("5 novembre 1952", ("1952-11-05",)),
        ("1er août 52", ("1952-08-01",)),
        ("5 nov. 1952", ("1952-11-05",)),
        ("né le 5 novembre 1952", ("1952-11-05",)),
        ("novembre 1952", ("1952-11",)),
        ("5/11/12", ("1912-11-05", "2012-11-05")),
        ("00/00/1952", ("1952-00-00",)),
    ],
)
def test_a_birth_date_in_any_french_way(typed: str, births: tuple[str, ...]) -> None:
    assert one(typed) == Question(births=births)
    with_name = one(f"Durand {typed}")
    assert (with_name.words, with_name.births) == (("DURAND",), births)
    assert one(f"{typed} Durand Zoé").words == ("DURAND", "ZOE")


@pytest.mark.parametrize("typed", ["31/02/1952", "5/13/1952", "1er janvier 2052", "30 février 52"])
def test_a_day_that_does_not_exist_or_is_to_come_is_said(typed: str) -> None:
    with pytest.raises(Invalid, match="n’existe pas"):
        understand(typed, TODAY)


@pytest.mark.parametrize(
    ("typed", "nir"),
    [
        (grouped(NIR), NIR),
        (NIR, NIR),
        ("2 50 08 63 113 042", "2500863113042"),
        ("2 50 08 2A 004", "250082A004"),
        ("2.50.08.63", "2500863"),
    ],
)
def test_a_number_or_its_beginning(typed: str, nir: str) -> None:
    found = understand(typed, TODAY)
    assert nir in [question.nir for question in found]
    assert not any(question.words for question in found)


def test_digits_that_may_be_two_things_are_read_as_both() -> None:
    natures = [question.nature for question in understand("12051950", TODAY)]
    assert natures == ["naissance", "numéro", "fin du numéro"]
    assert [question.nature for question in understand("311304", TODAY)] == ["numéro", "fin du numéro"]
    assert [question.nature for question in understand("63113", TODAY)] == ["fin du numéro"]


def test_a_whole_number_with_a_wrong_key_is_said_without_repeating_it() -> None:
    with pytest.raises(Invalid, match="La clé du NIR") as refusal:
        understand(NIR[:-1] + str((int(NIR[-1]) + 1) % 10), TODAY)
    assert "042" not in str(refusal.value)


def test_references_and_telephones() -> None:
    assert one("2016-631-000042").case == "2016-631-000042"
    assert one("631-000012345-66").letter == "631-000012345-66"
    assert one("63100001234566").letter == "631-000012345-66"
    assert one("06 39 98 12 34").mobile == one("+33 6 39 98 12 34").mobile == "+33639981234"
    with pytest.raises(Invalid, match="Seuls les numéros de mobile"):
        understand("04 73 00 00 00", TODAY)
    with pytest.raises(Invalid, match="erreur de frappe"):
        understand("631-000012345-67", TODAY)


@pytest.mark.parametrize(
    ("typed", "postal", "town"),
    [
        ("Durand 63000", "63000", ""),
        ("Durand 63", "63", ""),
        ("Durand à Thiers", "", "THIERS"),
        ("Durand, Clermont-Ferrand", "", "CLERMONTFERRAND"),
        ("Durand 63300 Thiers", "63300", ""),
    ],
)
def test_a_place_narrows_a_name(typed: str, postal: str, town: str) -> None:
    found = one(typed)
    assert (found.words[0], found.postal, found.town) == ("DURAND", postal, town)


def test_a_name_with_a_year() -> None:
    assert one("Durand 1952") == Question(words=("DURAND",), births=("1952",))


@pytest.mark.parametrize("typed", ["", "a", "12", "1 5", "!!", "…"])
def test_too_little_is_said(typed: str) -> None:
    with pytest.raises(Invalid, match="au moins"):
        understand(typed, TODAY)


@given(st.text(max_size=130))
def test_whatever_is_typed_is_understood_or_refused_in_a_sentence(typed: str) -> None:
    with suppress(Invalid):
        found = understand(typed, TODAY)
        assert found
        assert all(question.nature for question in found)
        assert all(word.isascii() and word.isalpha() for question in found for word in question.words)


@given(st.text("ABCDEF", max_size=8), st.text("ABCDEF", max_size=8))
def test_the_distance_between_two_words_is_one(one: str, other: str) -> None:
    assert edit_distance(one, other) == edit_distance(other, one)
    assert (edit_distance(one, other) == 0) == (one == other)


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [("MARTIN", "MARTNI", 1), ("MARTIN", "MATIN", 1), ("DUPOND", "DUPONT", 1), ("AB", "ABCDEF", 9)],
)
def test_slips_count_once(one: str, other: str, far: int) -> None:
    assert edit_distance(one, other) == far


def test_a_key_has_no_accent_space_nor_hyphen() -> None:
    assert key_of("de l’Œuvre-Saÿ") == "DELOEUVRESAY"
