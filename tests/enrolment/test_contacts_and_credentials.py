"""Contacts as they may be typed; login ids, initial passwords and their hash."""

import re

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from dmp_core.enrolment import credentials
from dmp_core.enrolment.contacts import mail_address, mobile_number
from dmp_core.enrolment.credentials import (
    PASSWORD_CHARACTERS,
    draw_login,
    draw_password,
    hash_password,
    needs_rehash,
    verify_password,
)
from dmp_core.errors import Invalid


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("06 12 34 56 78", "+33612345678"),
        ("06.39.98.12.34", "+33639981234"),
        ("06\N{NO-BREAK SPACE}12\N{NARROW NO-BREAK SPACE}34\N{NON-BREAKING HYPHEN}56 78 ", "+33612345678"),
        ("(06) 12-34-56-78", "+33612345678"),
        ("+33 (0)7 56 12 34 56", "+33756123456"),
        ("0033612345678", "+33612345678"),
        ("0692 12 34 56", "+262692123456"),
        ("0690123456", "+590690123456"),
        ("0694 20 12 34", "+594694201234"),
        ("+262 692 12 34 56", "+262692123456"),
        ("+508 55 12 34", "+508551234"),
    ],
)
def test_a_french_mobile_number_is_kept_in_international_form(typed: str, kept: str) -> None:
    assert mobile_number(typed) == kept
    assert mobile_number(kept) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "+", "01 23 45 67 89", "06123456", "06123456789", "0612 FLOWER", "06 12 34 56 78 poste 3", "0612345678;1",
     "+44 7911 123456", "+1 212 555 0100", "0899123456"],
)  # fmt: skip
def test_what_is_no_french_mobile_number_is_refused_without_being_repeated(typed: str) -> None:
    with pytest.raises(Invalid, match="06 ou 07") as refusal:
        mobile_number(typed)
    assert typed[2:] == "" or typed not in str(refusal.value)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Jeanne.Essai@Courriel.EXAMPLE ", "Jeanne.Essai@courriel.example"),
        ("j+dmp@é.fr", "j+dmp@xn--9ca.fr"),
    ],
)
def test_an_address_is_kept_as_mail_servers_want_it(typed: str, kept: str) -> None:
    assert mail_address(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "jeanne", "jeanne@", "@a.fr", "jeanne@a", "jeanne@localhost", "é@a.fr", "a..b@c.fr", "A <a@b.fr>",
     "a@b.fr\nBcc: c@d.fr", "a@b.fr,c@d.fr", "a" * 65 + "@b.fr", "a@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_being_repeated(typed: str) -> None:
    with pytest.raises(Invalid, match="adresse électronique") as refusal:
        mail_address(typed)
    assert typed == "" or typed not in str(refusal.value)


def test_a_login_is_four_letters_without_vowel_and_four_digits() -> None:
    for login in {draw_login() for _ in range(500)}:
        assert re.fullmatch(r"[b-df-hj-km-np-tvxz]{4}[0-9]{4}", login)
        assert not re.search(r"fdp|kkk|mrd|ntm|pd|ptn|tdc", login)


def test_an_initial_password_is_eight_characters_of_three_kinds_that_no_eye_confuses() -> None:
    drawn = {draw_password() for _ in range(500)}
    assert len(drawn) == 500
    for password in drawn:
        assert len(password) == 8
        assert set(password) <= set(PASSWORD_CHARACTERS)
        assert re.search("[A-Z]", password)
        assert re.search("[a-z]", password)
        assert re.search("[0-9]", password)
    assert not set("0Oo1IilL2Zz5Ss8Bb6Ggq9u") & set(PASSWORD_CHARACTERS) - {"6", "8", "9"}


def test_passwords_are_hashed_by_argon2id_over_19_mebibytes_in_two_passes() -> None:
    found = extract_parameters(hash_password("essai"))
    assert (found.type, found.time_cost, found.memory_cost, found.parallelism) == (Type.ID, 2, 19 * 1024, 1)
    assert not needs_rehash(hash_password("essai"))
    assert needs_rehash(
        "$argon2id$v=19$m=8192,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    )


def test_a_password_is_recognised_however_its_accents_are_typed_and_no_other_is() -> None:
    hashed = hash_password("Été à la mer")
    assert verify_password(hashed, "E\u0301te\u0301 a\u0300 la mer")
    assert not verify_password(hashed, "été à la mer")
    assert not verify_password("not a hash", "Été à la mer")


def test_an_account_that_is_not_there_costs_the_same_hash_and_is_never_right() -> None:
    nobody = extract_parameters(credentials._NOBODY)
    assert nobody == extract_parameters(hash_password("essai"))
    assert not verify_password(None, "")
