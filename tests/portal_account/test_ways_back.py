"""The ways back in, through the pages: one answer whoever is asked about, and no way for who has the NIR alone."""

from portal.world import without_token
from werkzeug.test import TestResponse

from .world import AccountWorld, Holder, settle

BETTER = "quatre mots sans aucun rapport"


def ask_for_password(holder: Holder, **changes: str) -> TestResponse:
    typed = {"identifiant": holder.who.login, "serie": holder.who.person.serial} | changes
    return holder.send("/aide-connexion/mot-de-passe", **typed)


def ask_for_login(holder: Holder, **changes: str) -> TestResponse:
    person = holder.who.person
    typed = {"nir": person.nir, "jour": "11", "mois": "05", "annee": "1952", "serie": person.serial}
    return holder.send("/aide-connexion/identifiant", **typed | changes)


def give_letter(holder: Holder, code: str, **changes: str) -> TestResponse:
    typed = {"nir": holder.who.person.nir, "code": code, "serie": holder.who.person.serial}
    return holder.send("/aide-connexion/courrier", **typed | changes)


def test_a_forgotten_password_is_replaced_by_the_code_sent_where_codes_go(holder: Holder, world: AccountWorld) -> None:
    holder.sign_in()
    world.clock.forward(minutes=20)
    assert ask_for_password(holder, identifiant=holder.who.login.upper()).location == "/aide-connexion/code"
    settle(holder.client.application)
    assert holder.get("/aide-connexion/nouveau-mot-de-passe").location == "/aide-connexion/code"
    world.clock.forward(minutes=1)
    assert holder.send("/aide-connexion/code/envoi", "/aide-connexion/code", canal="sms").status_code == 303
    settle(holder.client.application)
    answer = holder.send("/aide-connexion/code", code=world.outside.code(holder.who.mobile))
    assert answer.location == "/aide-connexion/nouveau-mot-de-passe"
    assert holder.get("/aide-connexion/code").location == "/aide-connexion/nouveau-mot-de-passe"
    assert "trop courant" in holder.send("/aide-connexion/nouveau-mot-de-passe", nouveau="motdepasse").text
    assert holder.send("/aide-connexion/nouveau-mot-de-passe", nouveau=BETTER).location == "/connexion"
    assert "Votre nouveau mot de passe est enregistré" in holder.get("/connexion").text
    holder.who.password = BETTER
    world.clock.forward(minutes=1)
    holder.sign_in()


def test_who_gives_a_wrong_login_or_card_sees_the_same_pages_and_receives_nothing(
    holder: Holder, world: AccountWorld
) -> None:
    pages = []
    for changes in ({}, {"identifiant": "zzzz9999"}, {"serie": "99999999"}):
        assert ask_for_password(holder, **changes).location == "/aide-connexion/code"
        settle(holder.client.application)
        pages.append(without_token(holder.get("/aide-connexion/code").text))
        pages.append(without_token(holder.send("/aide-connexion/code", code="000000").text))
    assert pages[0:2] == pages[2:4] == pages[4:6]
    assert len(world.outside.notices) == 1


def test_a_forgotten_login_is_sent_where_codes_go_and_one_answer_is_given_to_all(
    holder: Holder, world: AccountWorld
) -> None:
    for changes in ({"annee": "1953"}, {"serie": "99999999"}, {}):
        assert ask_for_login(holder, **changes).location == "/aide-connexion/identifiant/demande-prise-en-compte"
    settle(holder.client.application)
    assert (
        "votre identifiant vient de vous être envoyé"
        in holder.get("/aide-connexion/identifiant/demande-prise-en-compte").text
    )
    assert [holder.who.login in text for text in world.outside.told(holder.who.mail)] == [True]


def test_a_code_by_post_sets_new_contacts_and_a_new_password_and_serves_once(
    holder: Holder, world: AccountWorld
) -> None:
    holder.sign_in()
    world.clock.forward(minutes=20)
    code = world.code(holder.who.person)
    assert give_letter(holder, code).location == "/aide-connexion/nouveaux-acces"
    assert holder.who.login in holder.get("/aide-connexion/nouveaux-acces").text
    answer = holder.send("/aide-connexion/nouveaux-acces", mail="neuf@exemple.fr", mail_bis="autre@exemple.fr")
    assert "ne sont pas identiques" in answer.text
    typed = {"mail": "neuf@exemple.fr", "mail_bis": "neuf@exemple.fr"}
    answer = holder.send("/aide-connexion/nouveaux-acces", nouveau="court", **typed)
    assert "au moins 8" in answer.text
    assert 'value="neuf@exemple.fr"' in answer.text
    assert holder.send("/aide-connexion/nouveaux-acces", nouveau=BETTER, **typed).location == "/connexion"
    settle(holder.client.application)
    assert any("code reçu par courrier" in text for text in world.outside.told(holder.who.mail))
    assert "déjà servi" in give_letter(holder, code).text
    holder.who.mail, holder.who.password = "neuf@exemple.fr", BETTER
    world.clock.forward(minutes=1)
    assert "neuf@exemple.fr" in holder.sign_in().get("/mon-dmp/profil").text


def test_every_wrong_combination_of_nir_code_and_card_gets_one_answer(holder: Holder, world: AccountWorld) -> None:
    code = world.code(holder.who.person)
    other = world.person()
    pages = {
        without_token(give_letter(holder, code, **wrong).text).replace(wrong.get("nir", holder.who.person.nir), "")
        for wrong in ({"nir": other.nir}, {"nir": "152054800199912"[:13] + "00"})
    }
    assert all("La clé" in page or "ne permettent pas de vous identifier" in page for page in pages)
    refused = [
        give_letter(holder, code, serie="99999999"),
        give_letter(holder, world.code(other)),
        give_letter(holder, code, nir=other.nir),
    ]
    assert {answer.status_code for answer in refused} == {422}
    assert all("ne permettent pas de vous identifier" in answer.text for answer in refused)
    assert holder.get("/aide-connexion/nouveaux-acces").location == "/connexion"


def test_the_help_names_every_way_back(holder: Holder) -> None:
    page = holder.get("/aide-connexion").text
    for way in (
        "/aide-connexion/mot-de-passe", "/aide-connexion/identifiant", "/aide-connexion/courrier", "/recevoir-un-code",
    ):  # fmt: skip
        assert f'href="{way}"' in page
