"""The frame of mon-dmp: who may open what, cookies, headers, forms, refusals, logs."""

import logging
import re
from typing import Any

import pytest
import structlog
from flask import Flask, request
from sqlalchemy.exc import OperationalError

from dmp_core.holder.creation import Creation
from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.app import create_app
from dmp_core.portals.mondmp.web.access import declared, public, stage

from .world import Visitor, World, token_of

PAGES = [
    "/", "/decouvrir", "/conditions", "/mentions-legales", "/accessibilite", "/creer", "/recevoir-un-code",
    "/recevoir-un-code/demande-prise-en-compte",
]  # fmt: skip


def test_every_route_says_who_may_open_it(app: Flask) -> None:
    forgot = [rule.rule for rule in app.url_map.iter_rules() if declared(app.view_functions[rule.endpoint]) is None]
    assert forgot == []


def test_a_route_that_forgot_is_open_to_nobody(app: Flask, visitor: Visitor) -> None:
    app.add_url_rule("/essai/oubli", "oubli", lambda: "jamais")
    answer = visitor.get("/essai/oubli")
    assert answer.status_code == 403
    assert "jamais" not in answer.text


def test_a_stage_must_be_named() -> None:
    with pytest.raises(ValueError, match="stage"):
        stage()


def test_what_needs_an_open_session_leads_to_the_sign_in(app: Flask, visitor: Visitor) -> None:
    app.add_url_rule("/essai/ouvert", "ouvert", stage(Stage.OPEN)(lambda: "dedans"))
    assert visitor.get("/essai/ouvert").location == "/connexion"


@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_title_heading_language_and_skip_link(visitor: Visitor, page: str) -> None:
    answer = visitor.get(page)
    assert answer.status_code == 200
    text = answer.text
    assert '<html lang="fr">' in text
    assert text.count("<h1") == 1
    assert re.search(r"<title>[^<]{3,} – mon-dmp", text)
    assert '<a class="skip-link" href="#contenu">' in text
    assert "0\u00a0810\u00a0331\u00a0133" in text


@pytest.mark.parametrize("page", PAGES)
def test_no_page_holds_a_script_a_style_or_a_resource_from_elsewhere(visitor: Visitor, page: str) -> None:
    text = visitor.get(page).text
    assert not re.search(r"<script(?![^>]* src=\"/statique/)", text)
    assert not re.search(r"<style| style=| on[a-z]+=\"", text)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


def test_the_home_says_what_the_seed_says(visitor: Visitor) -> None:
    text = visitor.get("/").text
    for said in (
        "Un meilleur suivi pour une meilleure santé", "Retrouvez l’ensemble des informations médicales",
        "Partagez-les avec les professionnels de santé de votre choix", "Profitez d’un système sécurisé et confidentiel",
        "que pour les assurés du Régime Général affiliés à l’une des caisses d’Assurance Maladie suivante",
    ):  # fmt: skip
        assert said in text
    caisses = re.findall(r'<span class="nowrap">([^<]+)</span>', text)
    assert "; ".join(caisses) == (
        "Bas-Rhin; Bayonne; Côte-d&#39;Armor; Doubs; Haute-Garonne; Indre-et-Loire; Puy de Dôme; Somme; Val-de-Marne"
    )


def test_pages_are_never_cached_and_static_files_are(visitor: Visitor) -> None:
    page = visitor.get("/")
    assert page.headers["Cache-Control"] == "no-store"
    found = re.search(r'href="(/statique/mondmp\.css\?v=[0-9a-f]{12})"', page.text)
    assert found is not None
    with visitor.get(found[1]) as sheet:
        assert sheet.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert visitor.get("/statique/absent.css").headers["Cache-Control"] == "no-store"


def test_browsers_are_told_to_protect_the_visitor(visitor: Visitor) -> None:
    headers = visitor.get("/").headers
    assert "script-src 'self'; style-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in headers


def test_over_https_the_cookies_are_bound_to_this_host(world: World) -> None:
    app = world.app(https=True)
    person = world.person()
    client = app.test_client()
    more: dict[str, Any] = {"base_url": "https://mon-dmp.fr", "headers": {"Referer": "https://mon-dmp.fr/creer"}}
    token = token_of(client.get("/creer", **more).text)
    typed = {"nir": person.nir, "code": world.code(person), "carte": "photo", "serie": person.serial}
    answer = client.post("/creer", data={"csrf_token": token, **typed}, **more)
    assert answer.status_code == 303
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    cookies = answer.headers.get_all("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-mondmp", "__Host-mondmp-creation"}
    for cookie in cookies:
        parts = set(cookie.split("; ")[1:])
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= parts
        assert not any(part.startswith("Domain") for part in parts)


def test_the_session_cookie_goes_with_the_browser_and_is_an_opaque_token(world: World, visitor: Visitor) -> None:
    person = world.person()
    answer = visitor.identify(person, world.code(person))
    (cookie,) = [c for c in answer.headers.get_all("Set-Cookie") if c.startswith("mondmp=")]
    assert re.fullmatch(r"mondmp=[A-Za-z0-9_-]{43}; HttpOnly; Path=/; SameSite=Lax", cookie)


@pytest.mark.parametrize("where", ["/creer", "/recevoir-un-code"])
def test_a_form_without_our_token_is_refused_also_without_a_session(visitor: Visitor, where: str) -> None:
    for token in ("", "faux"):
        answer = visitor.client.post(where, data={"csrf_token": token})
        assert answer.status_code == 403
        assert "Formulaire expiré" in answer.text
        assert "Rien n’a été fait" in answer.text


def test_forwarded_headers_count_only_behind_a_trusted_proxy(world: World) -> None:
    told = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https"}
    seen = []
    for hops in (0, 1):
        app = world.app(proxy_hops=hops)
        app.add_url_rule("/essai/adresse", "adresse", public(lambda: f"{request.remote_addr} {request.scheme}"))
        seen.append(app.test_client().get("/essai/adresse", headers=told).text)
    assert seen == ["127.0.0.1 http", "198.51.100.7 https"]


def test_another_host_name_is_refused(world: World) -> None:
    app = world.app(trusted_hosts=("mon-dmp.fr",))
    assert app.test_client().get("/", base_url="http://mon-dmp.fr").status_code == 200
    assert app.test_client().get("/", base_url="http://ailleurs.fr").status_code == 400


def test_a_short_secret_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="32 characters"):
        create_app(world.parts(secret_key="trop courte"))


def test_each_refusal_is_a_french_page_of_ours(world: World, app: Flask, visitor: Visitor) -> None:
    app.add_url_rule("/essai/panne", "panne", public(lambda: 1 / 0))
    app.testing = False
    answers = {
        404: visitor.get("/nulle-part"),
        405: visitor.get("/creer/abandon"),
        413: visitor.client.post("/creer", data={"nir": "1" * 100_000}),
        500: visitor.get("/essai/panne"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert '<html lang="fr">' in answer.text
        assert "Revenir à l’accueil" in answer.text
    assert re.search(r"Référence&nbsp;: <strong class=\"mono\">[0-9A-F]{4}-[0-9A-F]{4}<", answers[500].text)
    assert answers[405].headers["Allow"]


def test_a_base_that_is_down_is_told_and_nothing_is_lost(world: World, visitor: Visitor) -> None:
    person = world.person()
    code = world.code(person)
    world.base.down = True
    answer = visitor.identify(person, code)
    assert answer.status_code == 503
    assert "réessayez dans quelques minutes" in answer.text
    world.base.down = False
    assert visitor.identify(person, code).location == "/creer/informations"


def test_a_database_that_is_down_is_told_also_to_who_has_a_session(
    world: World, app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.person()
    visitor.identify(person, world.code(person))

    def down(*args: object) -> None:
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(world.store._engine, "begin", down)
    assert visitor.get("/").status_code == 200
    answer = visitor.get("/creer/informations")
    assert answer.status_code == 503
    assert "Service momentanément indisponible" in answer.text


def test_no_secret_is_in_an_address_or_a_log(
    world: World, app: Flask, visitor: Visitor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    person = world.person()
    code = world.code(person)
    addresses = []
    app.before_request(lambda: addresses.append(request.full_path))
    with structlog.testing.capture_logs() as logs:
        visitor.identify(person, world.code(world.person()))
        visitor.send("/recevoir-un-code", nir=person.nir, jour="11", mois="5", annee="1952", serie=person.serial)
        page = visitor.create(person, code).text
        visitor.get("/creer/document")

        def fail(*args: object, **more: object) -> None:
            raise RuntimeError(f"{person.nir} {code}")

        monkeypatch.setattr(Creation, "identify", fail)
        app.testing = False
        assert visitor.identify(person, code).status_code == 500
    assert [entry["event"] for entry in logs] == ["unexpected"]
    password = re.findall(r"<dd>([a-zA-Z0-9]{8})</dd>", page)[1]
    told = f"{logs} {addresses} {caplog.text}"
    for secret in (person.nir, code, code.replace(" ", ""), person.serial, password, "nicolas@exemple.fr"):
        assert secret not in told
