"""The letter as an e-mail."""

import re
from html.parser import HTMLParser

import pytest

from backoffice.letters.faults import LetterFault
from backoffice.letters.message import render_message

from .samples import recruitment, someone, values_of

CODE = "7KXR 4DHW 9PCT"


def message(**changes):
    return render_message(recruitment(), values_of(someone(**changes)), CODE)


def test_the_text_says_the_letter_in_order_without_its_postal_address():
    subject, text, _ = message()
    assert subject == "Créez votre Dossier Médical Partagé"
    places = [
        text.index(part)
        for part in (
            "CPAM du Puy-de-Dôme",
            "Chère madame Lefèvre-Dubois,",
            CODE,
            "3 juillet 2016",
            "0\u00a0810\u00a0331\u00a0133 (",
        )
    ]
    assert places == sorted(places)
    assert "HOTEL DE VILLE" not in text
    assert "{{" not in text


def test_the_html_is_french_whole_and_well_formed():
    _, _, html = message()
    assert '<html lang="fr">' in html
    assert html.count("<h1") == 1
    stack = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "br"):
                stack.append(tag)

        def handle_endtag(self, tag):
            assert stack.pop() == tag

    Checker().feed(html)
    assert stack == []


def test_the_html_holds_no_image_no_script_and_no_link_but_the_portal():
    _, _, html = message()
    assert not re.search(r"<(img|script|link|iframe|form|input)|url\(|@import", html)
    assert set(re.findall(r'(?:href|src)="([^"]*)"', html)) == {"https://www.mon-dmp.fr"}
    assert set(re.findall(r"https?://[^\"'<\s]*", html)) == {"https://www.mon-dmp.fr"}


def test_values_are_escaped():
    _, text, html = message(nom_usage='<b onclick="x">&')
    assert "<b onclick" not in html
    assert "&lt;b onclick=&quot;x&quot;&gt;&amp;" in html
    assert '<b onclick="x">&' in text


def test_the_code_stays_on_one_line_of_the_text():
    _, text, _ = message()
    assert CODE in text.splitlines()


def test_a_message_without_its_code_or_a_value_is_refused():
    with pytest.raises(LetterFault, match="code de création"):
        render_message(recruitment(), values_of(someone()))
    values = values_of(someone())
    del values["personne.nom"]
    with pytest.raises(LetterFault, match=r"personne\.nom"):
        render_message(recruitment(), values, CODE)
