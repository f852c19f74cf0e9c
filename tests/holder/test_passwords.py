"""Which passwords are refused: what everybody chooses, and what is known of this very person; nothing else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmp_core.enrolment.credentials import hash_password, verify_password
from dmp_core.enrolment.dossiers import DossierState
from dmp_core.errors import Invalid
from dmp_core.holder.accounts import Holder
from dmp_core.holder.passwords import check_new

HOLDER = Holder(
    DossierState.OPEN, "bcdf1234", "941", 1, ("LEGRAND", "D’AZUR-MARTIN", "JEANNE ÉLISE"), "1985-04-07",
    ("285049411122233", "1541187387477485562488"),
)  # fmt: skip


@pytest.mark.parametrize(
    "password",
    [
        "thé vert",
        "une tasse de thé vert",
        "correct horse battery staple",
        "x7!Kq2#p",
        "mot de passe de Jeanne au jardin",
        "pâtisserie-du-7e",
        "日本語のパスワード",
        "p" + "aéiou" * 25,
        "   espaces autour   ",
    ],
)
def test_any_other_password_is_taken_whatever_its_characters(password: str) -> None:
    assert verify_password(hash_password(check_new(password, HOLDER)), password)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("brève", "au moins 8"),
        ("1234567", "au moins 8"),
        ("a" * 129, "128 caractères au plus"),
        ("bonjour\x00toi", "clavier"),
        ("password", "courant"),
        ("PassWord", "courant"),
        ("password2016", "courant"),
        ("iloveyou!", "courant"),
        ("basketball", "courant"),
        ("azertyuiop", "courant"),
        ("poiuytreza", "courant"),
        ("12345678", "courant"),
        ("87654321", "courant"),
        ("abcdefgh", "courant"),
        ("aaaaaaaaaa", "courant"),
        ("abababab", "courant"),
        ("azerazer", "courant"),
        ("bcdf1234", "identifiant"),
        ("xxBCDF1234yy", "identifiant"),
        ("285049411122233", "identifiant"),
        ("2 85 04 94 111 222 33", "identifiant"),
        ("jeanne1985", "nom"),
        ("Legrand07041985", "nom"),
        ("elise-martin", "nom"),
        ("Élise!Martin!", "nom"),
        ("07/04/1985", "nom"),
        ("mondmp2016", "nom"),
        ("mon-dmp-dmp", "nom"),
        ("DossierMedicalPartage", "nom"),
        ("jeannepassword", "nom"),
    ],
)
def test_what_is_refused_is_said_in_one_french_sentence(password: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refusal:
        check_new(password, HOLDER)
    assert str(refusal.value).endswith(".")
    assert password not in str(refusal.value)


def test_one_accent_typed_in_two_ways_is_one_password() -> None:
    composed, apart = "d\u00e9jeuner au jardin", "de\u0301jeuner au jardin"
    assert check_new(composed, HOLDER) == check_new(apart, HOLDER)
    assert verify_password(hash_password(composed), apart)


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=8, max_size=128))
def test_no_text_whatever_breaks_the_check(password: str) -> None:
    with suppress(Invalid):
        kept = check_new(password, HOLDER)
        assert check_new(kept, HOLDER) == kept
