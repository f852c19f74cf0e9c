"""The NIR: every wrong number is refused with its own French sentence, and none is ever shown whole."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.fr import nir as stdnum_nir

from dmp_core.identity.nir import NirFault, key_of, mask, normalise, validate

MONTHS = [*range(1, 13), *range(20, 43), *range(50, 100)]
DEPARTEMENTS = [*(f"{n:02d}" for n in range(1, 100)), "2A", "2B"]


@st.composite
def nirs(draw: st.DrawFn) -> str:
    nir13 = (
        draw(st.sampled_from("12"))
        + f"{draw(st.integers(0, 99)):02d}{draw(st.sampled_from(MONTHS)):02d}"
        + draw(st.sampled_from(DEPARTEMENTS))
        + f"{draw(st.integers(0, 999)):03d}{draw(st.integers(1, 999)):03d}"
    )
    return nir13 + key_of(nir13)


@given(nirs())
def test_every_well_made_nir_is_accepted_and_stdnum_agrees(nir: str) -> None:
    assert validate(nir) == nir
    assert stdnum_nir.validate(nir) == nir


@given(nirs(), st.integers(0, 14), st.sampled_from("0123456789"))
def test_one_wrong_digit_is_always_refused(nir: str, place: int, digit: str) -> None:
    wrong = nir[:place] + digit + nir[place + 1 :]
    if wrong != nir:
        with pytest.raises(NirFault):
            validate(wrong)


@given(st.text(max_size=24))
def test_what_is_accepted_is_always_accepted_by_stdnum_too(text: str) -> None:
    try:
        nir = validate(text)
    except NirFault:
        return
    assert stdnum_nir.validate(nir) == nir


@given(nirs())
def test_spaces_hyphens_dots_and_lower_case_are_tolerated(nir: str) -> None:
    shown = f" {nir[0]} {nir[1:3]}-{nir[3:5]}.{nir[5:7].lower()}\u00a0{nir[7:10]}\u202f{nir[10:13]} {nir[13:]} "
    assert normalise(shown) == nir
    assert validate(shown) == nir


@given(st.one_of(nirs(), st.text(max_size=40)))
def test_a_mask_shows_seven_characters_at_most(text: str) -> None:
    masked = mask(text)
    assert len(re.sub(r"[ *]", "", masked)) <= 7
    assert len(masked) <= 21


def test_a_mask_keeps_sex_year_month_and_departement() -> None:
    assert mask("150086312345678") == "1 50 08 63 *** *** **"
    assert mask("1500") == "1 50 0"
    assert mask("") == ""


def test_corsica_counts_as_nineteen_and_eighteen_in_the_key() -> None:
    assert key_of("253072A073004") == "43"
    assert key_of("253072B073004") == "70"
    assert validate("253072a07300443") == "253072A07300443"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 caractère au lieu de 15"),
        ("1", "1 caractère au lieu"),
        ("2951099126111", "13 caractères au lieu"),
        ("2951099126111933", "16 caractères au lieu"),
        ("29510991261119O", "caractère interdit"),
        ("295102C12611193", "caractère interdit"),
        ("٢95109912611193", "caractère interdit"),
        ("795109912611193", "provisoire"),
        ("095109912611193", "sexe"),
        ("295139912611193", "mois"),
        ("295009912611193", "mois"),
        ("295459912611193", "mois"),
        ("295100012611193", "département"),
        ("295109912600093", "ordre"),
        ("295109912611194", "clé"),
    ],
)
def test_each_fault_has_its_own_sentence(text: str, said: str) -> None:
    with pytest.raises(NirFault, match=said) as refused:
        validate(text)
    assert str(refused.value).endswith(".")
    assert len(text) < 13 or text[:7] not in str(refused.value)


@pytest.mark.parametrize("start", ["", "12", "12345678901234", "1500863A23456"])
def test_a_key_is_computed_on_thirteen_characters_only(start: str) -> None:
    with pytest.raises(NirFault):
        key_of(start)
