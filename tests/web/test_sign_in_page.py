"""The sign-in page: one sentence for whatever is wrong, delays that grow, and nobody locked out by somebody else."""

from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backoffice.core.actor import Actor, Role
from backoffice.web.signin import SignInEvent

from .conftest import PASSWORD, STAFF, MakeApp, Staff, sign_in, token

VICTIM = STAFF[Role.AGENT].login


def attempt(client: FlaskClient, address: str, login: str = VICTIM, password: str = "faux") -> int:
    answer = sign_in(client, login=login, password=password, environ_overrides={"REMOTE_ADDR": address})
    return answer.status_code


def test_a_wrong_password_is_one_sentence_and_keeps_the_login(client: FlaskClient) -> None:
    answer = sign_in(client, password="faux")
    assert answer.status_code == 403
    assert "Identifiant ou mot de passe incorrect." in answer.text
    assert 'role="alert"' in answer.text
    assert f'value="{STAFF[Role.CAMPAIGN_MANAGER].login}"' in answer.text
    assert "faux" not in answer.text


def test_a_directory_that_is_down_is_said_and_not_counted(client: FlaskClient, staff: Staff) -> None:
    staff.down = True
    assert [attempt(client, "10.0.0.1") for _ in range(8)] == [503] * 8
    staff.down = False
    assert attempt(client, "10.0.0.1", password=PASSWORD) == 303


def test_someone_signed_in_does_not_see_the_page_again(client: FlaskClient) -> None:
    sign_in(client)
    assert client.get("/connexion?suite=/essai/tous").location == "/essai/tous"


def test_the_home_page_names_the_person_their_role_and_their_caisse(client: FlaskClient) -> None:
    sign_in(client, Role.SUPERVISOR)
    page = client.get("/").text
    for expected in ("Agent Superviseur", "CPAM du Puy-de-Dôme", "Se déconnecter"):
        assert expected in page


def test_five_failures_a_minute_are_enough_and_the_right_password_waits_too(client: FlaskClient) -> None:
    assert [attempt(client, "10.0.0.1") for _ in range(6)] == [403] * 5 + [429]
    answer = sign_in(client, login=VICTIM, password=PASSWORD, environ_overrides={"REMOTE_ADDR": "10.0.0.1"})
    assert answer.status_code == 429
    assert "Patientez" in answer.text
    assert 1 <= int(answer.headers["Retry-After"]) <= 61


def test_failures_from_one_place_do_not_stop_the_person_elsewhere(client: FlaskClient, app: Flask) -> None:
    for _ in range(7):
        attempt(client, "10.0.0.1")
    assert attempt(app.test_client(), "10.0.0.2", password=PASSWORD) == 303


def test_a_browser_where_the_person_signed_in_before_goes_on_whatever_others_try(
    app: Flask, client: FlaskClient
) -> None:
    assert attempt(client, "10.0.0.1", password=PASSWORD) == 303
    client.post("/deconnexion", data={"csrf_token": token(client.get("/"))})
    attackers = [app.test_client() for _ in range(13)]
    tries = [attempt(attacker, f"10.9.0.{n}") for n, attacker in enumerate(attackers) for _ in range(5)]
    assert tries.count(403) == 60
    assert tries[-1] == 429  # the login is closed to browsers it does not know, for a while
    assert attempt(app.test_client(), "10.0.0.3", password=PASSWORD) == 429
    assert attempt(client, "10.0.0.1", password=PASSWORD) == 303


def test_a_forged_browser_cookie_is_worth_nothing(client: FlaskClient) -> None:
    client.set_cookie("caisse_poste", "eyJwb3N0ZSI6ICJ4In0.x.y", path="/connexion")
    assert [attempt(client, "10.0.0.1") for _ in range(6)] == [403] * 5 + [429]


def test_a_shared_desk_is_known_for_its_last_five_persons(client: FlaskClient) -> None:
    for role in (Role.AGENT, Role.SUPERVISOR, Role.ADVISOR):
        assert sign_in(client, role).status_code == 303
        client.post("/deconnexion", data={"csrf_token": token(client.get("/"))})
    cookie = client.get_cookie("caisse_poste", path="/connexion")
    assert cookie is not None
    assert cookie.http_only
    assert STAFF[Role.AGENT].login not in cookie.value


def test_a_page_left_open_too_long_begins_again(client: FlaskClient) -> None:
    client.get("/connexion")
    answer = client.post("/connexion", data={"csrf_token": "périmé", "identifiant": "a", "mot_de_passe": "b"})
    assert (answer.status_code, answer.location) == (303, "/connexion")
    assert "ouverte depuis trop longtemps" in client.get("/connexion").text


def test_a_form_without_its_token_does_nothing(client: FlaskClient) -> None:
    sign_in(client)
    answer = client.post("/essai/action")
    assert answer.status_code == 400
    assert "Rechargez la page" in answer.text
    done = client.post("/essai/action", data={"csrf_token": token(client.get("/"))})
    assert done.text == "fait"


def test_the_journal_hears_of_each_event_and_never_of_a_typed_login(make_app: MakeApp) -> None:
    heard: list[tuple[SignInEvent, Actor | None, Mapping[str, str]]] = []
    client = make_app(journal=lambda *event: heard.append(event)).test_client()
    sign_in(client, login="mon-mot-de-passe", password="faux")
    sign_in(client)
    client.post("/deconnexion", data={"csrf_token": token(client.get("/"))})
    assert [event for event, _, _ in heard] == [SignInEvent.REFUSED, SignInEvent.SIGNED_IN, SignInEvent.SIGNED_OUT]
    refused: Any = heard[0]
    assert refused[1] is None
    assert "mon-mot-de-passe" not in str(refused[2])


@pytest.mark.parametrize("key", ["", "trop courte"])
def test_a_short_secret_key_is_refused(make_app: MakeApp, key: str) -> None:
    with pytest.raises(ValueError, match="32"):
        make_app(secret_key=key)
