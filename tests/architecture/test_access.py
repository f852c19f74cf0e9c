"""Every address of the back office, as every role, of one's own caisse and of another: generated from the table of routes."""

import re
from collections.abc import Callable, Iterator, Mapping

import pytest
from campaigns.world import World, world, world_settings
from flask import Flask
from flask.testing import FlaskClient

from backoffice.app import create_app
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import NotAllowed
from backoffice.settings import PROJECT_ROOT
from backoffice.web.access import EVERY_ROLE, RouteAccess, access_table
from backoffice.web.matrix import as_json, as_markdown, doors

from .places import FORMS, NOT_YET, Place, address_of, names_an_object, places_of

__all__ = ["world", "world_settings"]

PASSWORD = "Essai-dmp-2016"
HOME, ABROAD = "631", "941"
PUBLIC = {"session.sign_in", "shell.static"}


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

    def servers(self) -> list[tuple[str, str]]:
        return [("ldap://essai", "")]


MakeApp = Callable[[str], Flask]


@pytest.fixture
def whole(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeApp]:
    """The whole back office, whose staff work for this caisse."""
    made: list[Flask] = []

    def make(caisse: str) -> Flask:
        monkeypatch.setattr("backoffice.app.Directory", lambda *_: Staff(frozenset({caisse})))
        made.append(create_app(world.settings, clock=world.clock))
        return made[-1]

    yield make
    for app in made:
        app.extensions["office"].close()


@pytest.fixture
def app(whole: MakeApp) -> Flask:
    return whole(HOME)


@pytest.fixture
def places(world: World) -> Mapping[str, Place]:
    return places_of(world)


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert found is not None
    return found[1]


def signed_in(app: Flask, role: Role) -> FlaskClient:
    client = app.test_client()
    form = {
        "csrf_token": token_of(client.get("/connexion").text), "identifiant": role.value, "mot_de_passe": PASSWORD,
    }  # fmt: skip
    assert client.post("/connexion", data=form).status_code == 303
    return client


def cells(app: Flask) -> Iterator[tuple[Role, RouteAccess, FlaskClient]]:
    """Every role at every route that asks who is there, but the one that ends the session."""
    for role in EVERY_ROLE:
        client = signed_in(app, role)
        for route in access_table(app):
            if route.endpoint not in PUBLIC | {"session.sign_out"}:
                yield role, route, client


def opens(role: Role, route: RouteAccess) -> bool:
    return route.access is not None and role in route.access.roles


def test_every_route_declares_who_opens_it(app: Flask) -> None:
    table = access_table(app)
    assert len(table) > 10
    assert [route.rule for route in table if route.access is None] == []
    assert [door.address for door in doors(app) if not door.roles and not door.public] == []


def test_what_is_open_to_everybody_is_known_by_name(app: Flask) -> None:
    assert {route.endpoint for route in access_table(app) if route.access and route.access.public} == PUBLIC


def test_the_matrix_of_the_documentation_is_that_of_the_application(app: Flask) -> None:
    kept = (PROJECT_ROOT / "docs" / "access-matrix.md").read_text(encoding="utf-8")
    assert kept == as_markdown(doors(app)), "read the change, then: caisse access --markdown > docs/access-matrix.md"
    assert len(as_json(doors(app))) == len(access_table(app))


def test_nobody_signed_in_opens_nothing(app: Flask, places: Mapping[str, Place]) -> None:
    client = app.test_client()
    for route in access_table(app):
        if route.endpoint not in PUBLIC:
            for method in route.methods:
                answer = client.open(address_of(route, places), method=method)
                assert answer.status_code == 303, (route.rule, method)
                assert answer.location.startswith("/connexion"), (route.rule, method)


def test_each_role_opens_what_is_declared_and_is_refused_the_rest(app: Flask, places: Mapping[str, Place]) -> None:
    wrong = []
    for role, route, client in cells(app):
        address = address_of(route, places, login=role.value)
        for method in sorted(route.methods - {"OPTIONS"}):
            with client.open(address, method=method) as answer:
                status = answer.status_code
            if not opens(role, route):
                expected = {403}
            elif method in ("GET", "HEAD"):
                # What is there is shown, or said not to be in a state for it: never "not found", or nothing is proved.
                expected = {200, 302, 303, 304, 409} | ({404} if route.endpoint in NOT_YET else set())
            else:
                expected = {400}  # let in, a post without its token is taken for a forgery
            if status not in expected:
                wrong.append((role.value, method, address, status))
    assert wrong == [], "\n".join(map(str, wrong))


def test_an_object_of_another_caisse_is_answered_like_one_that_does_not_exist(
    whole: MakeApp, places: Mapping[str, Place]
) -> None:
    wrong, seen = [], set()
    for role, route, client in cells(whole(ABROAD)):
        if not (opens(role, route) and names_an_object(route)):
            continue
        there, nowhere = address_of(route, places), address_of(route, places, nowhere=True)
        for method in sorted(route.methods & {"GET", "POST"}):
            form = None
            if method == "POST":
                form = {"csrf_token": token_of(client.get("/").text)} | FORMS.get(route.endpoint, {})
            answers = []
            for address, other in ((there, nowhere), (nowhere, there)):
                with client.open(address, method=method, data=form) as answer:
                    text = answer.data.decode(errors="replace")
                    answers.append((answer.status_code, _without_names(text, address, other)))
            # 409: refused before anything is looked up, whatever the address names, e.g. without a call under way.
            if answers[0][0] not in (404, 409) or answers[0] != answers[1]:
                wrong.append((role.value, method, there, *(status for status, _ in answers)))
        seen.add(route.endpoint)
    assert wrong == [], "\n".join(map(str, wrong))
    assert len(seen) > 20


def test_no_list_names_anything_of_another_caisse(whole: MakeApp, places: Mapping[str, Place], world: World) -> None:
    lot = world.lots(places["reference"].here)[0]
    secrets = [str(places["reference"].here), str(places["number"].here), "Secrète", "INTROUVABLE", lot.name or "lot"]
    for role, route, client in cells(whole(ABROAD)):
        if opens(role, route) and "GET" in route.methods and not names_an_object(route):
            with client.get(address_of(route, places)) as answer:
                told = [secret for secret in secrets if secret.encode() in answer.data]
            assert told == [], (role, route.rule, told)


def _without_names(page: str, address: str, other: str) -> str:
    """What the page says, without the name that was asked for, which it may say again."""
    page = re.sub(r"<[^>]*>", " ", page[page.find("<main") :])
    for part, counterpart in zip(re.split(r"[/?=&]", address), re.split(r"[/?=&]", other), strict=True):
        if part != counterpart:
            page = re.sub(rf"\b{re.escape(part)}\b", "…", page)
    return page


def test_a_route_that_asks_for_a_thing_unknown_to_the_tests_is_noticed(app: Flask) -> None:
    route = next(route for route in access_table(app) if names_an_object(route) and "<" in route.rule)
    with pytest.raises(AssertionError, match=r"places\.py"):
        address_of(route, {})
