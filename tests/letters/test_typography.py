import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.core.typography import NBSP, curly_apostrophes, no_break_spaces, quoted, thousands


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("de ce code :", "de ce code_:"),
        ("Vraiment ? Oui ! Soit ; bien", "Vraiment_? Oui_! Soit_; bien"),
        ("le « code » reçu", "le «_code_» reçu"),
        ("0 810 331 133", "0_810_331_133"),
        ("0,06 €/min", "0,06_€/min"),
        ("de 8 h 30 à 17 h 30", "de 8_h_30 à 17_h_30"),
        ("valable 2 mois", "valable 2_mois"),
        ("12 caractères", "12_caractères"),
        ("le 3 mai 2016", "le 3 mai 2016"),
    ],
)
def test_spaces_that_french_keeps_together_do_not_break(typed, printed):
    assert no_break_spaces(typed) == printed.replace("_", NBSP)


def test_the_typewriter_apostrophe_becomes_a_typographic_one_inside_words_alone():
    assert curly_apostrophes("l'Assurance d'Arc 'x' 5'") == "l’Assurance d’Arc 'x' 5'"


def test_thousands_are_grouped_by_three():
    assert thousands(1234567) == f"1{NBSP}234{NBSP}567"
    assert quoted("mot") == f"«{NBSP}mot{NBSP}»"


@given(st.text())
def test_typography_never_changes_the_length_of_a_text(text):
    assert len(curly_apostrophes(no_break_spaces(text))) == len(text)
