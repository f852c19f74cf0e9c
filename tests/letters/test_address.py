import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.core.address import LINE_WIDTH, AddressFault, address_block, plain_capitals

from .samples import someone


def test_a_french_address_goes_from_the_name_to_the_town():
    assert address_block(someone()) == (
        "Madame Marie-Hélène Lefèvre-Dubois",
        "Appartement 12",
        "Résidence des Lilas",
        "3 BIS RUE DE L HOTEL DE VILLE",
        "63000 CLERMONT FERRAND",
    )


def test_empty_lines_are_not_printed():
    bare = someone(adresse_2="", adresse_3=" ")
    assert len(address_block(bare)) == 3


def test_the_birth_name_serves_where_there_is_no_other():
    assert address_block(someone(nom_usage="", civilite="M", prenom="Jean"))[0] == "Monsieur Jean Martin"


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({"code_postal": "20000", "ville": "Ajaccio"}, "20000 AJACCIO"),
        ({"code_postal": "20200", "ville": "Bastia Cédex 9"}, "20200 BASTIA CEDEX 9"),
        ({"code_postal": "63031", "ville": "Clermont-Ferrand cedex 9"}, "63031 CLERMONT FERRAND CEDEX 9"),
        ({"code_postal": "97400", "ville": "Saint-Denis"}, "97400 SAINT DENIS"),
        ({"code_postal": "27500", "ville": "Pont-Audemer", "pays": "France"}, "27500 PONT AUDEMER"),
        ({"code_postal": "76220", "ville": "Elbeuf-en-Bray, L’Œuf"}, "76220 ELBEUF EN BRAY L OEUF"),
    ],
)
def test_the_last_line_is_the_postal_code_and_the_town_in_plain_capitals(changes, last):
    assert address_block(someone(**changes))[-1] == last


def test_abroad_the_country_comes_last_in_capitals_and_the_postal_code_is_free():
    lines = address_block(someone(code_postal="SW1A 1AA", ville="London", pays="Royaume-Uni"))
    assert lines[-2:] == ("SW1A 1AA LONDON", "ROYAUME UNI")
    full = address_block(someone(code_postal="1000", ville="Bruxelles", pays="Belgique", adresse_5="Le Bourg"))
    assert len(full) == 7


def test_a_long_street_is_abbreviated_and_a_short_one_is_not():
    assert "12 AVENUE DU GENERAL DE GAULLE" in address_block(someone(adresse_4="12 avenue du Général-de-Gaulle"))
    assert address_block(someone(adresse_4="12 boulevard du Général Alexandre Dumas"))[3] == (
        "12 BD DU GENERAL ALEXANDRE DUMAS"
    )


def test_a_long_town_is_abbreviated():
    long = someone(ville="Saint-Jean-de-Maruéjols-et-Avéjan", code_postal="30430")
    assert address_block(long)[-1] == "30430 ST JEAN DE MARUEJOLS ET AVEJAN"


def test_the_one_town_of_the_nine_areas_that_abbreviations_do_not_fit_has_its_postal_form():
    longest = someone(ville="Saint-Quentin-la-Motte-Croix-au-Bailly", code_postal="80880")
    assert address_block(longest)[-1] == "80880 ST QUENTIN LA MOTTE CROIX BAILLY"


def test_first_names_shrink_to_initials_before_anything_else():
    lines = address_block(someone(prenom="Marie Geneviève Philomène", nom_usage="de Clermont-Tonnerre"))
    assert lines[0] == "Mme Marie G. P. de Clermont-Tonnerre"
    assert address_block(someone(prenom="Marie-Geneviève", nom_usage="de Rochechouart de Mortemart"))[0] == (
        "Mme M.-G. de Rochechouart de Mortemart"
    )


def test_a_name_too_long_for_one_line_takes_the_second_and_nothing_is_lost():
    name = "Łukasiewicz-Œuvrard de la Tour du Pin de Rochechouart-Mortem"
    assert len(name) == 60
    lines = address_block(someone(nom_usage=name))
    assert lines[0].startswith("Mme M.-H. ")
    assert f"{lines[0]} {lines[1]}" == f"Mme M.-H. {name}"
    assert lines[2] == "Appartement 12 Résidence des Lilas"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"adresse_4": "", "adresse_5": ""}, "ni voie ni lieu-dit"),
        ({"ville": ""}, "pas de ville"),
        ({"code_postal": "6300"}, "cinq chiffres"),
        ({"code_postal": "2A000"}, "cinq chiffres"),
        ({"adresse_4": "1 " + "incompressible" * 3}, "ligne 4 de l’adresse dépasse 38"),
        ({"adresse_5": "hameau " + "interminable" * 4}, "ligne 5 de l’adresse dépasse 38"),
        ({"adresse_4": "улица Ленина"}, "ni lettre latine ni chiffre"),
        ({"nom_usage": "Sansespacenitraitdunionetbeaucouptroplongpourlalettre"}, "Le nom ne tient pas"),
        ({"nom_usage": "de la " * 9 + "Tour", "adresse_2": "A" * 30, "adresse_3": "B" * 30}, "compléments"),
    ],
)
def test_what_cannot_be_printed_within_the_norm_is_refused_with_its_reason(changes, reason):
    with pytest.raises(AddressFault, match=reason) as caught:
        address_block(someone(**changes))
    assert str(caught.value).endswith(".")


def test_the_faults_of_an_address_do_not_quote_it():
    with pytest.raises(AddressFault) as caught:
        address_block(someone(adresse_4="1 " + "confidentielle" * 3))
    assert "confidentielle" not in str(caught.value)


WORDS = st.text(alphabet=st.sampled_from("aeéèçœŁnrstdlmABEG -’'.,"), max_size=50)


@given(
    nom=WORDS, prenom=WORDS, two=WORDS, three=WORDS, four=WORDS, five=WORDS,
    town=WORDS, country=st.sampled_from(["", "Belgique", "Allemagne"]),
)  # fmt: skip
def test_whatever_is_given_the_block_keeps_to_the_norm_or_is_refused(
    nom, prenom, two, three, four, five, town, country
):
    given_one = someone(
        nom_usage=nom, prenom=prenom, adresse_2=two, adresse_3=three, adresse_4=four, adresse_5=five, ville=town,
        pays=country,
    )  # fmt: skip
    try:
        lines = address_block(given_one)
    except AddressFault:
        return
    assert 2 < len(lines) <= (7 if country else 6)
    assert all(line and line == line.strip() and len(line) <= LINE_WIDTH for line in lines)
    plain = lines[-2 if not country else -3 :]
    assert all(line == plain_capitals(line) for line in plain)


@given(st.text(max_size=60))
def test_plain_capitals_are_their_own_plain_capitals(text):
    once = plain_capitals(text)
    assert plain_capitals(once) == once
    assert set(once) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")
