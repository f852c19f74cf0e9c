"""Sessions: on the server, new at sign-in, gone at sign-out, ended by time and by the directory."""

import pickle
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from backoffice.core.actor import Actor, Role
from backoffice.web.sessions import EXPIRED, WITHDRAWN

from .conftest import PASSWORD, Clock, MakeApp, Staff, sign_in, token


def cookie(client: FlaskClient, name: str = "caisse_session") -> str:
    found = client.get_cookie(name)
    assert found is not None
    return found.value


def signed_in(client: FlaskClient) -> bool:
    return client.get("/essai/tous").status_code == 200


def test_the_session_has_a_new_name_once_the_password_is_given(client: FlaskClient, redis: "Redis[Any]") -> None:
    client.get("/connexion")
    before = cookie(client)
    sign_in(client)
    assert cookie(client) != before
    assert len(redis.keys("caisse:session:*")) == 1


def test_a_session_name_that_was_planted_is_never_taken(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("caisse_session", "choisi-par-un-autre")
    sign_in(client)
    assert cookie(client) != "choisi-par-un-autre"


def test_signing_out_ends_the_session_wherever_its_cookie_lies(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    stolen = cookie(client)
    out = client.post("/deconnexion", data={"csrf_token": token(client.get("/"))})
    assert (out.status_code, out.location) == (303, "/connexion")
    assert "Vous êtes déconnecté." in client.get("/connexion").text
    thief = app.test_client()
    thief.set_cookie("caisse_session", stolen)
    assert not signed_in(thief)
    assert not signed_in(client)


def test_a_request_that_ends_after_signing_out_does_not_bring_the_session_back(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    name = cookie(client)
    with app.test_request_context("/essai/tous", headers={"Cookie": f"caisse_session={name}"}) as context:
        context.session["quelque chose"] = 1  # this request holds the session while another signs out
        client.post("/deconnexion", data={"csrf_token": token(client.get("/"))})
        app.session_interface.save_session(app, context.session, app.response_class())
    late = app.test_client()
    late.set_cookie("caisse_session", name)
    assert not signed_in(late)


def test_reading_valkey_gives_nobody_a_session(client: FlaskClient, redis: "Redis[Any]") -> None:
    sign_in(client)
    [key] = redis.keys("caisse:session:*")
    assert cookie(client).encode() not in key
    assert PASSWORD.encode() not in redis.get(key)


class Bomb:
    """Unpickling it would run code."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (print, ("exécuté",))


def test_what_somebody_writes_into_valkey_is_never_run(
    client: FlaskClient, redis: "Redis[Any]", capsys: pytest.CaptureFixture[str]
) -> None:
    sign_in(client)
    [key] = redis.keys("caisse:session:*")
    redis.set(key, pickle.dumps(Bomb()))
    assert not signed_in(client)
    assert "exécuté" not in capsys.readouterr().out


def test_half_an_hour_without_doing_anything_ends_the_session(client: FlaskClient, clock: Clock) -> None:
    sign_in(client)
    for _ in range(5):
        clock.move(minutes=29)
        assert signed_in(client)
    clock.move(minutes=30)
    assert client.get("/essai/tous").location == "/connexion?suite=/essai/tous"
    assert EXPIRED in client.get("/connexion").text


def test_a_page_that_refreshes_by_itself_does_not_keep_the_session_alive(client: FlaskClient, clock: Clock) -> None:
    sign_in(client)
    for _ in range(29):
        clock.move(minutes=1)
        assert client.get("/essai/suivi").status_code == 200
    clock.move(minutes=1)
    assert client.get("/essai/suivi", headers={"Accept": "application/json"}).status_code == 401


def test_ten_hours_end_the_session_however_busy(client: FlaskClient, clock: Clock) -> None:
    sign_in(client)
    for _ in range(59):
        clock.move(minutes=10)
        assert signed_in(client)
    clock.move(minutes=10)
    assert not signed_in(client)


def test_a_clock_set_back_ends_the_session_rather_than_lengthen_it(client: FlaskClient, clock: Clock) -> None:
    sign_in(client)
    clock.move(minutes=-5)
    assert not signed_in(client)


def test_someone_who_left_is_out_within_minutes(client: FlaskClient, clock: Clock, staff: Staff) -> None:
    sign_in(client, Role.AGENT)
    staff.people.clear()
    assert signed_in(client)
    clock.move(minutes=5)
    assert not signed_in(client)
    assert WITHDRAWN in client.get("/connexion").text


def test_a_role_changed_in_the_directory_holds_within_minutes(client: FlaskClient, clock: Clock, staff: Staff) -> None:
    sign_in(client, Role.CAMPAIGN_MANAGER)
    login = f"agent.{Role.CAMPAIGN_MANAGER}"
    staff.people[login] = Actor(login, "Agent", frozenset({Role.AGENT}), frozenset({"941"}))
    assert client.get("/essai/campagne").status_code == 200
    clock.move(minutes=5)
    assert client.get("/essai/campagne").status_code == 403
    assert "CPAM du Val-de-Marne" in client.get("/").text


def test_a_directory_that_is_down_stops_nobody_for_half_an_hour_and_is_not_asked_at_every_page(
    client: FlaskClient, clock: Clock, staff: Staff
) -> None:
    sign_in(client)
    staff.down = True
    clock.move(minutes=6)
    for _ in range(10):
        assert signed_in(client)
    assert staff.lookups == 1
    clock.move(minutes=20)
    assert signed_in(client)
    clock.move(minutes=5)
    assert client.get("/essai/tous").status_code == 503
    staff.down = False
    assert signed_in(client)


def test_without_a_technical_account_sessions_last_their_time(client: FlaskClient, clock: Clock, staff: Staff) -> None:
    staff.can_lookup = False
    sign_in(client)
    clock.move(minutes=20)
    assert signed_in(client)
    assert staff.lookups == 0


def test_a_store_that_is_down_is_one_page_with_its_style(make_app: MakeApp) -> None:
    client = make_app(redis=Redis.from_url("redis://127.0.0.1:1")).test_client()
    for address, name in (("/connexion", None), ("/", "x"), ("/connexion", "x"), ("/essai/tous", "x")):
        if name:
            client.set_cookie("caisse_session", name)
        page = client.get(address)
        assert page.status_code == 503, address
        assert "Les sessions sont momentanément indisponibles." in page.text
    assert client.get("/statique/caisse.css", buffered=True).status_code == 200


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: FlaskClient) -> None:
    header = client.get("/connexion").headers["Set-Cookie"]
    assert header.startswith("caisse_session=")
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    assert "Secure" not in header
    assert "Expires" not in header


def test_over_https_no_other_host_can_set_the_cookie(make_app: MakeApp) -> None:
    client = make_app(https=True).test_client()
    answer = client.get("/connexion", base_url="https://dmp.caisse.example")
    header = answer.headers["Set-Cookie"]
    assert header.startswith("__Host-caisse_session=")
    assert "Secure" in header
    assert "Path=/" in header
    assert "Domain" not in header
    assert "Strict-Transport-Security" in answer.headers


def test_over_https_signing_in_works_from_our_own_page_alone(make_app: MakeApp) -> None:
    client = make_app(https=True).test_client()
    options = {"base_url": "https://dmp.caisse.example"}
    assert sign_in(client, **options, headers={"Referer": "https://pirate.example/"}).location == "/connexion?suite=/"
    assert sign_in(client, **options, headers={"Referer": "https://dmp.caisse.example/connexion"}).location == "/"


def test_what_the_session_keeps_is_small_and_plain(client: FlaskClient, redis: "Redis[Any]") -> None:
    sign_in(client)
    [key] = redis.keys("caisse:session:*")
    kept = msgspec.msgpack.decode(redis.get(key))
    assert set(kept) - {"_permanent", "csrf_token"} == {"personne"}
    assert redis.ttl(key) <= 31 * 60


def test_another_map_of_groups_to_roles_holds_at_the_next_page(make_app: MakeApp, staff: Staff) -> None:
    state = {"rights": 0}
    app = make_app(rights=lambda: state["rights"])
    client = app.test_client()
    sign_in(client)
    actor = staff.people["agent.campagne"]
    staff.people[actor.login] = Actor(actor.login, actor.name, frozenset({Role.AGENT}), actor.caisses)
    assert client.get("/essai/campagne").status_code == 200  # nothing was said: the next look is minutes away
    state["rights"] = 1
    assert client.get("/essai/campagne").status_code == 403
    lookups = staff.lookups
    assert signed_in(client)
    assert staff.lookups == lookups  # asked once for this map
    del staff.people[actor.login]
    state["rights"] = 2
    assert not signed_in(client)
    assert WITHDRAWN in client.get("/connexion").text


def test_a_map_that_cannot_be_read_ends_nobodys_session(make_app: MakeApp, staff: Staff) -> None:
    state: dict[str, Any] = {"rights": 3}
    app = make_app(rights=lambda: state["rights"])
    client = app.test_client()
    sign_in(client)
    state["rights"] = None
    assert signed_in(client)
    assert staff.lookups == 0


def test_without_a_look_into_the_directory_another_map_means_signing_in_anew(make_app: MakeApp, staff: Staff) -> None:
    staff.can_lookup = False  # type: ignore[misc]
    state = {"rights": 0}
    app = make_app(rights=lambda: state["rights"])
    client = app.test_client()
    sign_in(client)
    assert signed_in(client)
    state["rights"] = 1
    assert not signed_in(client)
