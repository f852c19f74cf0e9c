"""Every route says who may open it, and nobody else does."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from backoffice.core.actor import Role
from backoffice.web.access import EVERY_ROLE, Access, access, access_table, public, safe_target

from .conftest import MakeApp, sign_in

SAFE = {"GET", "HEAD", "OPTIONS"}


def test_every_route_of_the_frame_declares_its_access(make_app: MakeApp, app: Flask) -> None:
    forgotten = [route.endpoint for route in access_table(app) if route.access is None]
    assert forgotten == ["essai.forgotten"]


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_each_role_opens_what_declares_it_and_nothing_else(app: Flask, client: FlaskClient, role: Role) -> None:
    sign_in(client, role)
    for route in access_table(app):
        for method in route.methods - {"OPTIONS"}:
            if "<" in route.rule or route.endpoint in ("session.sign_out", "essai.crash"):
                continue
            status = client.open(route.rule, method=method).status_code
            allowed = route.access is not None and (route.access.public or role in route.access.roles)
            if not allowed:
                assert status == 403, (route, method)
            elif method in SAFE:
                assert status in (200, 303), (route, method)
            else:
                assert status in (303, 400), (route, method)  # no CSRF token: refused one door further on


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_a_route_that_declares_nothing_is_refused_to_everybody(client: FlaskClient, method: str) -> None:
    assert client.open("/essai/oubli", method=method).status_code == 403
    sign_in(client, Role.ADMINISTRATOR)
    assert client.open("/essai/oubli", method=method).status_code == 403


def test_nobody_in_particular_is_sent_to_sign_in_and_comes_back(client: FlaskClient) -> None:
    sent = client.get("/essai/campagne?page=2")
    assert (sent.status_code, sent.location) == (303, "/connexion?suite=/essai/campagne?page%3D2")
    back = sign_in(client, suite="/essai/campagne?page=2")
    assert (back.status_code, back.location) == (303, "/essai/campagne?page=2")
    assert client.get(back.location).text == "campagne"


def test_a_script_without_a_session_is_told_so_in_json(client: FlaskClient) -> None:
    answer = client.get("/essai/suivi", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.json == {"erreur": "Votre session a expiré. Reconnectez-vous pour continuer."}


def test_an_action_after_the_session_ended_does_nothing_and_says_so(client: FlaskClient) -> None:
    answer = client.post("/essai/action", data={"a": "b"})
    assert (answer.status_code, answer.location) == (303, "/connexion")
    assert "Rien n’a été fait" in client.get("/connexion").text


def test_a_request_that_may_not_be_here_is_not_read(client: FlaskClient) -> None:
    sign_in(client, Role.AGENT)
    huge = b"x" * 2_000_000
    assert client.post("/essai/action", data=huge, content_type="multipart/form-data; boundary=x").status_code == 403


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("/campagnes?page=2#lots", True),
        ("/", True),
        (None, False),
        ("", False),
        ("campagnes", False),
        ("//pirate.example", False),
        ("/\\pirate.example", False),
        ("/\t/pirate.example", False),
        ("/x\r\nSet-Cookie: a=b", False),
        ("https://pirate.example", False),
        ("javascript:alert(1)", False),
        ("/" + "x" * 3000, False),
    ],
)
def test_only_an_address_of_ours_is_followed_after_signing_in(text: str | None, safe: bool) -> None:
    assert safe_target(text) == (text if safe else None)


@given(st.text(max_size=40))
def test_a_followed_address_never_names_a_host(text: str) -> None:
    found = safe_target(f"/{text}")
    if found is not None:
        assert found.startswith("/")
        assert not found.startswith(("//", "/\\"))
        assert "\n" not in found


def test_signing_in_never_leads_elsewhere(client: FlaskClient) -> None:
    assert sign_in(client, suite="//pirate.example").location == "/"


def test_a_declaration_names_a_role() -> None:
    with pytest.raises(ValueError, match="role"):
        access()
    assert public(lambda: "")  # what a style sheet says
    assert Access().roles == frozenset()
