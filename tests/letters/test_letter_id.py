import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_97_10

from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import Invalid
from backoffice.letters.reference import MAX_NUMBER, format_letter_id, letter_id_digits, parse_letter_id

IDS = st.builds(format_letter_id, st.sampled_from(CAISSE_CODES), st.integers(1, MAX_NUMBER))


def test_an_id_is_the_caisse_the_number_and_two_check_digits():
    assert format_letter_id("631", 12345) == "631-000012345-66"


@given(IDS)
def test_the_check_digits_are_those_of_iso_7064_mod_97_10(letter_id):
    digits = letter_id_digits(letter_id)
    assert mod_97_10.is_valid(digits)
    assert mod_97_10.calc_check_digits(digits[:12]) == digits[12:]


@given(IDS)
def test_an_id_is_read_back_however_it_is_typed(letter_id):
    for typed in (letter_id, letter_id.replace("-", ""), letter_id.replace("-", " "), f" {letter_id} "):
        assert parse_letter_id(typed) == letter_id


@given(IDS, st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(letter_id, place, by):
    digits = letter_id_digits(letter_id)
    wrong = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]
    with pytest.raises(Invalid, match="erreur de frappe"):
        parse_letter_id(wrong)


@pytest.mark.parametrize("typed", ["", "631", "631-12345-66", "631-000012345-6X", "٦٣١٠٠٠٠١٢٣٤٥٦٦", "6" * 15])
def test_what_is_not_fourteen_digits_is_refused(typed):
    with pytest.raises(Invalid, match="14 chiffres"):
        parse_letter_id(typed)


@pytest.mark.parametrize(("caisse", "number"), [("63", 1), ("631", 0), ("631", MAX_NUMBER + 1), ("6A1", 1)])
def test_an_impossible_id_is_a_mistake_of_the_caller(caisse, number):
    with pytest.raises(ValueError, match="letter id"):
        format_letter_id(caisse, number)
