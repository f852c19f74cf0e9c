"""Refusals and failures in the layout, headers on every answer, addresses believed from proxies alone."""

import re

import pytest
from flask.testing import FlaskClient

from backoffice.adapters.logs import quiet_logs
from backoffice.core.errors import Invalid
from backoffice.web.errors import status_of

from .conftest import MakeApp, sign_in


@pytest.fixture
def inside(client: FlaskClient) -> FlaskClient:
    sign_in(client)
    return client


@pytest.mark.parametrize(
    ("kind", "status"), [("introuvable", 404), ("interdit", 403), ("etat", 409), ("invalide", 422), ("panne", 503)]
)
def test_a_refusal_is_its_sentence_in_the_layout_with_its_status(inside: FlaskClient, kind: str, status: int) -> None:
    answer = inside.get(f"/essai/refus/{kind}")
    assert answer.status_code == status
    assert "Une phrase\u00a0: courte." in answer.text
    assert "Se déconnecter" in answer.text
    scripted = inside.get(f"/essai/refus/{kind}", headers={"Accept": "application/json"})
    assert scripted.json == {"erreur": "Une phrase : courte."}


def test_a_kind_of_refusal_that_a_feature_adds_has_the_status_of_its_kind() -> None:
    class Expired(Invalid):
        pass

    assert status_of(Expired("…")) == 422


@pytest.mark.parametrize(("method", "address", "status"), [("GET", "/rien", 404), ("PUT", "/essai/tous", 405)])
def test_pages_that_do_not_exist_are_said_in_french(
    inside: FlaskClient, method: str, address: str, status: int
) -> None:
    answer = inside.open(address, method=method)
    assert answer.status_code == status
    assert "<!doctype html>" in answer.text
    assert re.search(r"repartez de l’accueil|Repartez de l’accueil", answer.text)
    if status == 405:
        assert "GET" in answer.headers["Allow"]


def test_too_large_a_form_is_said_in_french(inside: FlaskClient) -> None:
    answer = inside.post("/essai/action", data={"x": "y" * 2_000_000})
    assert answer.status_code == 413
    assert "dépasse la taille permise" in answer.text


def test_a_failure_is_a_reference_number_and_says_nothing_of_its_cause(
    inside: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet_logs()
    answer = inside.get("/essai/erreur")
    assert answer.status_code == 500
    found = re.search(r"[0-9A-F]{4}-[0-9A-F]{4}", answer.text)
    assert found is not None
    for secret in ("1 85 05 78", "RuntimeError", "Traceback"):
        assert secret not in answer.text
    logged = capsys.readouterr().err
    assert found[0] in logged
    assert "RuntimeError" in logged
    assert "1 85 05 78" not in logged


def test_every_answer_carries_the_headers_that_protect_it(inside: FlaskClient) -> None:
    for address in ("/", "/rien", "/essai/erreur", "/essai/campagne", "/statique/caisse.css"):
        headers = inside.get(address, buffered=True).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        expected = "public, max-age=31536000, immutable" if address.startswith("/statique") else "no-store"
        assert headers["Cache-Control"] == expected


def test_pages_hold_neither_script_nor_style_inline(inside: FlaskClient) -> None:
    for address in ("/", "/rien", "/connexion"):
        page = inside.get(address).text
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", page)


def test_a_style_sheet_has_a_name_that_changes_with_its_content(inside: FlaskClient) -> None:
    address = re.search(r'href="(/statique/caisse\.css\?v=[0-9a-f]{12})"', inside.get("/").text)
    assert address is not None
    assert inside.get(address[1], buffered=True).mimetype == "text/css"


FORWARDED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "dmp.caisse.example"}


@pytest.mark.parametrize(
    ("hops", "expected"),
    [(0, "127.0.0.1 http localhost"), (1, "203.0.113.7 https dmp.caisse.example")],
)
def test_forwarded_addresses_are_believed_from_a_proxy_alone(make_app: MakeApp, hops: int, expected: str) -> None:
    client = make_app(proxy_hops=hops).test_client()
    assert client.get("/essai/adresse", headers=FORWARDED).text == expected


def test_another_host_name_is_refused(make_app: MakeApp) -> None:
    client = make_app(trusted_hosts=("dmp.caisse.example",)).test_client()
    assert client.get("/connexion", headers={"Host": "dmp.caisse.example"}).status_code == 200
    assert client.get("/connexion", headers={"Host": "pirate.example"}).status_code == 400


def test_pages_are_french_documents_with_landmarks(inside: FlaskClient) -> None:
    page = inside.get("/").text
    for expected in (
        '<html lang="fr">',
        'href="#contenu"',
        '<main id="contenu"',
        "<header",
        "<footer",
        "<title>Accueil – ",
    ):
        assert expected in page
    assert page.count("<h1") == 1


def test_the_sentence_of_the_environment_is_over_every_page(make_app: MakeApp) -> None:
    client = make_app(environment_note="Environnement de démonstration").test_client()
    assert "Environnement de démonstration" in client.get("/connexion").text
