"""Every route of the whole back office opens to the roles it declares, and to nobody else."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from campaigns.world import World, a_person, world, world_settings
from flask import Flask
from flask.testing import FlaskClient

from backoffice.app import create_app
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import NotAllowed
from backoffice.letters.reference import format_letter_id
from backoffice.web.access import EVERY_ROLE, RouteAccess, access_table

__all__ = ["world", "world_settings"]

PASSWORD = "Essai-dmp-2016"
_ANY = {"uid": "00000000-0000-4000-8000-000000000000"}
SAFE = {"GET", "HEAD", "OPTIONS"}


class Staff:
    """A directory in memory: one person a role."""

    can_lookup = True

    def __init__(self, caisses: frozenset[str]) -> None:
        self.caisses = caisses

    def sign_in(self, login: str, password: str) -> Actor:
        if password != PASSWORD:
            raise NotAllowed("Identifiant ou mot de passe incorrect.")
        return self.lookup(login)

    def lookup(self, login: str) -> Actor:
        return Actor(login, f"Agent {login}", frozenset({Role(login)}), self.caisses)


def whole(world: World, monkeypatch: pytest.MonkeyPatch, caisses: frozenset[str]) -> Flask:
    monkeypatch.setattr("backoffice.app.Directory", lambda *_: Staff(caisses))
    return create_app(world.settings, clock=world.clock)


@pytest.fixture
def app(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    made = whole(world, monkeypatch, frozenset({"631"}))
    yield made
    made.extensions["office"].close()


def signed_in(app: Flask, role: Role) -> FlaskClient:
    client = app.test_client()
    page = client.get("/connexion")
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    form = {"csrf_token": found[1], "identifiant": role.value, "mot_de_passe": PASSWORD, "suite": "/"}
    assert client.post("/connexion", data=form).status_code == 303
    return client


def addresses(app: Flask, values: dict[str, Any]) -> list[tuple[RouteAccess, str]]:
    """Every route with an address that means something."""
    found = []
    for route in access_table(app):
        address = re.sub(
            r"<(?:[a-z]+(?:\([^)]*\))?:)?(\w+)>", lambda m: str(values.get(m[1], _ANY.get(m[1], "1"))), route.rule
        )
        found.append((route, address))
    return found


def test_every_route_declares_who_opens_it(app: Flask) -> None:
    table = access_table(app)
    assert len(table) > 10
    assert [route.rule for route in table if route.access is None] == []


def test_what_is_open_to_everybody_is_known_by_name(app: Flask) -> None:
    public = {route.rule for route in access_table(app) if route.access and route.access.public}
    assert not [rule for rule in public if re.search(r"campagne|population|lot|registre|courrier", rule)], public


def test_nobody_signed_in_opens_nothing(app: Flask) -> None:
    client = app.test_client()
    for route, address in addresses(app, {}):
        assert route.access is not None
        if not route.access.public:
            for method in route.methods:
                answer = client.open(address, method=method)
                assert answer.status_code == 303, (route.rule, method)
                assert answer.location.startswith("/connexion"), (route.rule, method)


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_each_role_opens_what_is_declared_and_is_refused_the_rest(app: Flask, world: World, role: Role) -> None:
    world.load([a_person()])
    reference = world.sealed()
    lot, letter = world.lots(reference)[0], format_letter_id("631", world.letters(reference)[0].number)
    values = {
        "reference": reference, "lot_id": lot.id, "name": lot.name, "letter_id": letter,
        "import_id": world.sql("SELECT id FROM population_import")[0][0], "filename": "caisse.css", "path": "caisse.css",
    }  # fmt: skip
    client = signed_in(app, role)
    for route, address in addresses(app, values):
        assert route.access is not None
        if route.endpoint == "session.sign_out":
            continue
        allowed = route.access.public or role in route.access.roles
        for method in route.methods - {"OPTIONS"}:
            with client.open(address, method=method) as answer:
                status = answer.status_code
            if not allowed:
                assert status == 403, (role, route.rule, method, status)
            elif method in SAFE:
                assert status in (200, 303, 302, 304, 404, 409, 422), (role, route.rule, method, status)
            else:
                assert status in (303, 400), (role, route.rule, method, status)  # no CSRF token


def test_no_role_sees_a_campaign_of_another_caisse(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app = whole(world, monkeypatch, frozenset({"941"}))
    world.load([a_person(nom_naissance="INTROUVABLE")])
    reference = world.sealed(name="Secrète")
    lot, letter = world.lots(reference)[0], format_letter_id("631", world.letters(reference)[0].number)
    values = {"reference": reference, "lot_id": lot.id, "name": lot.name, "letter_id": letter}
    for role in EVERY_ROLE:
        client = signed_in(app, role)
        for route, address in addresses(app, values):
            if "GET" in route.methods and route.access and role in route.access.roles:
                answer = client.get(address)
                if "reference" in route.rule:
                    assert answer.status_code == 404, (role, route.rule)
                elif "sortie" not in route.rule and answer.mimetype.startswith("text"):
                    for secret in (reference, "Secrète", lot.name or "", "INTROUVABLE"):
                        assert secret not in answer.text, (role, route.rule)
    app.extensions["office"].close()
