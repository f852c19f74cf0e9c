"""Signing in through the pages: the steps, the tokens, the refusals, the way out."""

import logging
import re
from datetime import timedelta
from uuid import UUID

import pytest
import structlog
from flask import Flask
from portal.world import Visitor, without_token

from .world import GOOD, AccountWorld, Holder

OPEN_PAGES = (
    "/mon-dmp", "/mon-dmp/profil", "/mon-dmp/profil/mot-de-passe", "/mon-dmp/profil/application",
    "/mon-dmp/profil/personne-de-confiance", "/mon-dmp/profil/coordonnees/e-mail",
    "/mon-dmp/profil/coordonnees/mobile/retrait", "/mon-dmp/connexions", "/mon-dmp/fermeture",
)  # fmt: skip


def test_the_first_sign_in_asks_for_a_code_then_for_a_password_of_one_s_own(holder: Holder) -> None:
    page = holder.sign_in().get("/mon-dmp").text
    assert "Bonjour Monsieur Nicolas Dupond" in page
    assert "C’est votre première connexion." in page
    assert "Aucun professionnel n’a encore consulté votre DMP." in page
    assert "Aucun accès en urgence n’a eu lieu." in page


def test_the_next_sign_in_asks_for_no_new_password_and_tells_the_one_before(
    holder: Holder, world: AccountWorld
) -> None:
    holder.sign_in().send("/deconnexion", "/mon-dmp")
    world.clock.forward(hours=2)
    assert holder.give_password().location == "/connexion/code"
    assert holder.give_code().location == "/mon-dmp"
    assert "Votre connexion précédente date du mercredi\u00a02\u00a0novembre\u00a02016 à 10\u00a0h\u00a000" in (
        holder.get("/mon-dmp").text
    )


def test_each_step_has_its_own_token_and_the_one_before_is_dead(holder: Holder, app: Flask) -> None:
    tokens = []
    holder.client.set_cookie("mondmp", "planted-by-somebody-else")
    for step in (
        holder.give_password,
        holder.give_code,
        lambda: holder.send("/connexion/mot-de-passe", nouveau=GOOD),
    ):
        step()
        tokens.append(holder.cookie())
    assert len({*tokens, "planted-by-somebody-else", None}) == 5
    for old in tokens[:-1]:
        thief = Visitor(app)
        thief.client.set_cookie("mondmp", old or "")
        assert {thief.get(page).location for page in ("/mon-dmp", "/connexion/code")} == {"/connexion"}


def test_an_unknown_login_and_a_wrong_password_get_the_same_page(holder: Holder, app: Flask) -> None:
    pages = []
    for changes in ({"identifiant": "zzzz9999"}, {"mot_de_passe": "faux et archifaux"}):
        answer = Holder(app, holder.world, holder.who).give_password(**changes)
        assert answer.status_code == 422
        pages.append(without_token(answer.text).replace("zzzz9999", "").replace(holder.who.login, ""))
    assert pages[0] == pages[1]
    assert "Identifiant ou mot de passe incorrect" in pages[0]


def test_too_many_wrong_passwords_say_when_to_come_back_and_what_remains_possible(holder: Holder) -> None:
    for _ in range(5):
        holder.give_password(mot_de_passe="faux")
    answer = holder.give_password()
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) == 1800
    for word in ("30 minutes", "un autre téléphone ou ordinateur", "/aide-connexion", "0\u00a0810\u00a0331\u00a0133"):
        assert word in answer.text.replace("\u00a0minutes", " minutes"), word


def test_nothing_typed_is_said_field_by_field_and_the_login_is_kept(holder: Holder) -> None:
    answer = holder.give_password(mot_de_passe="")
    assert "Saisissez votre mot de passe." in answer.text
    assert f'value="{holder.who.login}"' in answer.text
    assert "Saisissez votre identifiant de connexion." in holder.give_password(identifiant=" ").text


def test_the_code_page_masks_where_the_code_went_and_says_the_tries_left(holder: Holder) -> None:
    holder.give_password()
    page = holder.get("/connexion/code").text
    assert "n•••@exemple.fr" in page
    assert holder.who.mail not in page
    for left in ("2 essais", "un essai"):
        assert left in holder.send("/connexion/code", code="000000").text
    answer = holder.send("/connexion/code", code="000000")
    assert answer.location == "/connexion"
    assert "vos essais sont épuisés" in holder.get("/connexion").text
    assert holder.get("/connexion/code").location == "/connexion"


def test_another_code_is_sent_after_a_wait_and_by_the_channel_chosen(holder: Holder, world: AccountWorld) -> None:
    holder.give_password()
    assert "dans <span data-left>30\u00a0s</span>" in holder.get("/connexion/code").text.replace("&nbsp;", "\u00a0")
    assert holder.send("/connexion/code/envoi", "/connexion/code", canal="sms").status_code == 429
    world.clock.forward(seconds=31)
    assert "data-wait" not in holder.get("/connexion/code").text
    assert holder.send("/connexion/code/envoi", "/connexion/code", canal="sms").location == "/connexion/code"
    page = holder.get("/connexion/code").text
    assert f"•• •• •• •• {holder.who.mobile[-2:]}" in page.replace("\u00a0", " ")
    assert "L’envoyer par e-mail" in page
    answer = holder.send("/connexion/code", code=world.outside.code(holder.who.mobile))
    assert answer.location == "/connexion/mot-de-passe"


def test_a_code_that_cannot_be_sent_is_said_and_may_be_asked_for_again(holder: Holder, world: AccountWorld) -> None:
    world.outside.away = True
    assert holder.give_password().location == "/connexion/code"
    assert "Le code n’a pas pu être envoyé" in holder.get("/connexion/code").text
    world.outside.away = False
    world.clock.forward(minutes=1)
    assert holder.send("/connexion/code/envoi", "/connexion/code", canal="mail").location == "/connexion/code"
    assert holder.give_code().location == "/connexion/mot-de-passe"


@pytest.mark.parametrize(
    ("new", "said"), [("vite!7", "au moins 8 caractères"), ("12345678", "trop courant"), ("dupond1952", "votre nom")]
)
def test_a_weak_first_password_is_refused_in_a_sentence_and_never_given_back(
    holder: Holder, new: str, said: str
) -> None:
    holder.give_password()
    holder.give_code()
    answer = holder.send("/connexion/mot-de-passe", nouveau=new)
    assert answer.status_code == 422
    assert said in answer.text.replace("\u00a0", " ")
    assert new not in answer.text
    assert holder.get("/mon-dmp").location == "/connexion"


def test_signing_out_ends_the_session_on_the_server_and_its_cookie_is_worth_nothing(holder: Holder, app: Flask) -> None:
    token = holder.sign_in().cookie() or ""
    answer = holder.send("/deconnexion", "/mon-dmp")
    assert answer.location == "/"
    assert "Vous êtes déconnecté." in holder.get("/").text
    assert holder.cookie() is None
    holder.client.set_cookie("mondmp", token)
    for page in OPEN_PAGES:
        answer = holder.get(page)
        assert (answer.status_code, answer.location) == (303, "/connexion")
        assert "Dupond" not in answer.text


def test_no_signed_in_page_is_kept_by_a_browser(holder: Holder) -> None:
    holder.sign_in()
    assert {holder.get(page).headers["Cache-Control"] for page in OPEN_PAGES} == {"no-store"}


@pytest.mark.parametrize("stage", ["nobody", "password", "first-code", "recovery"])
def test_no_page_of_the_account_opens_at_another_stage(holder: Holder, app: Flask, stage: str) -> None:
    if stage in ("password", "first-code"):
        holder.give_password()
    if stage == "first-code":
        holder.give_code()
    if stage == "recovery":
        holder.send("/aide-connexion/mot-de-passe", identifiant=holder.who.login, serie=holder.who.person.serial)
    token = re.search(r'name="csrf_token" value="([^"]+)"', holder.get("/aide-connexion/courrier").text)
    assert token is not None
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/mon-dmp"):
            continue
        for method in (rule.methods or set()) & {"GET", "POST"}:
            if rule.endpoint == "account.authorise":
                continue  # it knows who asks before it sends them to sign in: tests/mobile
            where = re.sub(r"<uuid:\w+>", str(UUID(int=7)), rule.rule.replace("<any('e-mail', mobile):kind>", "mobile"))
            answer = holder.client.open(where, method=method, data={"csrf_token": token[1]})
            assert (answer.status_code, answer.location) == (303, "/connexion"), (method, where)
            assert holder.who.login not in answer.text


def test_every_form_without_its_token_is_refused(holder: Holder, app: Flask) -> None:
    holder.sign_in()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("account.") and "POST" in (rule.methods or set()):
            answer = holder.client.post(rule.rule.replace("<any('e-mail', mobile):kind>", "mobile"))
            assert answer.status_code in (303, 403), rule.rule
            assert answer.location in (None, "/connexion"), rule.rule
    assert holder.get("/mon-dmp").status_code == 200


def test_fifteen_idle_minutes_or_one_hour_end_the_session_and_the_next_page_says_so(
    holder: Holder, world: AccountWorld
) -> None:
    holder.sign_in()
    for _ in range(4):
        world.clock.forward(minutes=14)
        assert holder.get("/mon-dmp").status_code == 200
    assert 'data-whole="240"' in holder.get("/mon-dmp").text
    world.clock.forward(minutes=5)
    assert holder.get("/mon-dmp").location == "/connexion"
    assert "Votre session a expiré" in holder.get("/connexion").text
    holder.give_password()
    holder.give_code()
    world.clock.forward(minutes=16)
    assert holder.get("/mon-dmp").location == "/connexion"


def test_staying_puts_the_end_off_and_tells_how_long_is_left(holder: Holder, world: AccountWorld) -> None:
    holder.sign_in()
    world.clock.forward(minutes=14)
    token = re.search(r'name="csrf_token" value="([^"]+)"', holder.get("/mon-dmp").text)
    assert token is not None
    world.clock.forward(minutes=14)
    answer = holder.client.post(
        "/mon-dmp/rester", data={"csrf_token": token[1]}, headers={"Accept": "application/json"}
    )
    assert answer.json == {"idle": 900, "whole": timedelta(minutes=32).total_seconds()}


def test_who_is_signed_in_and_comes_to_the_sign_in_goes_home(holder: Holder) -> None:
    holder.sign_in()
    assert holder.get("/connexion").location == "/mon-dmp"


def test_no_secret_is_in_an_address_or_in_a_log(
    holder: Holder, world: AccountWorld, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []
    app.after_request(lambda response: seen.append(response.location or "") or response)  # type: ignore[func-returns-value]
    initial = holder.who.password
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as structured:
        holder.give_password(mot_de_passe="un secret mal tapé")
        holder.sign_in()
        holder.send("/deconnexion", "/mon-dmp")
    said = caplog.text + str(structured) + str(seen)
    told = world.outside.code(holder.who.mail)
    for secret in (initial, GOOD, "un secret mal tapé", told, holder.who.mail, holder.who.person.nir):
        assert secret not in said
