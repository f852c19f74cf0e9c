"""The emergency account: closed unless an operator opened it, an administrator's and no more, every use in the journal."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from campaigns.world import World
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from backoffice.app import create_app
from backoffice.core.actor import EMERGENCY_LOGIN, system_actor
from backoffice.core.errors import Invalid
from backoffice.parameters.emergency import close_access, open_access

from .conftest import token_of

Open = Callable[..., str]


@pytest.fixture
def opened(world: World) -> Open:
    """Opens the account as an operator does; returns its password."""

    def make(hours: int = 2, reason: str = "Annuaire en panne") -> str:
        with Session(world.caisse_owner) as session, session.begin():
            return open_access(session, system_actor("exploitant"), hours, reason, world.clock.now)[1]

    return make


def close(world: World) -> bool:
    with Session(world.caisse_owner) as session, session.begin():
        return close_access(session, system_actor("exploitant"), world.clock.now)


def sign_in(client: FlaskClient, password: str, login: str = EMERGENCY_LOGIN) -> int:
    token = token_of(client.get("/connexion").text)
    form = {"csrf_token": token, "identifiant": login, "mot_de_passe": password}
    return client.post("/connexion", data=form).status_code


@pytest.fixture
def without_directory(world: World, settings: Any) -> Any:
    """The same application on a day on which no directory answers."""
    app = create_app(replace(settings, ldap_url="ldap://127.0.0.1:1"), clock=world.clock)
    app.testing = True
    yield app
    app.extensions["office"].close()


def lines(world: World) -> list[tuple[str, str, str]]:
    rows = world.sql("SELECT action, actor, result FROM audit_entry WHERE action ~ '^(secours|session)' ORDER BY id")
    return [tuple(row) for row in rows]


def test_while_it_is_closed_the_account_does_not_exist(world: World, app: Any, without_directory: Any) -> None:
    assert sign_in(app.test_client(), "Demo-dmp-2016") == 403
    assert sign_in(without_directory.test_client(), "Demo-dmp-2016") == 503
    assert world.sql("SELECT count(*) FROM emergency_access") == [(0,)]


def test_opened_it_works_without_any_directory_for_administration_alone(
    world: World, opened: Open, without_directory: Any
) -> None:
    password = opened()
    client = without_directory.test_client()
    assert sign_in(client, password + "x") == 403
    assert sign_in(client, password) == 303
    assert client.get("/administration/").status_code == 200
    assert "Compte de secours" in client.get("/").text
    for address in ("/demandes", "/appels", "/campagnes/nouvelle"):
        assert client.get(address).status_code == 403
    assert ("secours.ouvrir", "exploitant", "fait") in lines(world)
    assert ("secours.connexion", EMERGENCY_LOGIN, "fait") in lines(world)
    assert [line for line in lines(world) if line[2] == "refusé"]


def test_closed_or_expired_its_sessions_end_at_the_next_page(world: World, opened: Open, app: Any) -> None:
    client = app.test_client()
    assert sign_in(client, opened()) == 303
    assert client.get("/").status_code == 200
    assert close(world)
    assert client.get("/").status_code == 303
    other = app.test_client()
    assert sign_in(other, opened(hours=1)) == 303
    world.clock.now += timedelta(minutes=25)
    assert other.get("/").status_code == 200
    world.clock.now += timedelta(minutes=29)
    assert other.get("/").status_code == 200
    world.clock.now += timedelta(minutes=7)
    assert other.get("/").status_code == 303
    assert not close(world)


def test_opening_it_again_ends_the_password_before(world: World, opened: Open, app: Any) -> None:
    first, second = opened(), opened()
    assert first != second
    assert sign_in(app.test_client(), first) == 403
    assert sign_in(app.test_client(), second) == 303


def test_its_password_is_kept_as_a_slow_hash_and_the_web_cannot_open_it(world: World, opened: Open) -> None:
    password = opened()
    [(kept,)] = world.sql("SELECT password_hash FROM emergency_access")
    assert kept.startswith("$argon2id$")
    assert password not in kept
    for statement in (
        "UPDATE emergency_access SET expires_at = now()",
        "INSERT INTO emergency_access (password_hash, reason, opened_at, opened_by, expires_at) "
        "VALUES ('x', 'x', now(), 'x', now() + interval '1 hour')",
    ):
        with pytest.raises(Exception, match="permission denied"), world.session() as session:
            session.connection().exec_driver_sql(statement)


@pytest.mark.parametrize(("hours", "reason"), [(0, "x"), (25, "x"), (2, "  ")])
def test_it_is_opened_for_some_hours_and_for_a_reason(opened: Open, hours: int, reason: str) -> None:
    with pytest.raises(Invalid):
        opened(hours, reason)
