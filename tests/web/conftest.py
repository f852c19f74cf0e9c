"""The frame on a small application, over a real Valkey, with a directory and a clock that tests can move."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Blueprint, Flask, request
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotAllowed, NotFound, Unavailable, WrongState
from backoffice.web.access import EVERY_ROLE, access, current_actor, public
from backoffice.web.shell import WebSettings, init_web

PASSWORD = "Demo-dmp-2016"
STAFF = {
    role: Actor(f"agent.{role}", f"Agent {role.label}", frozenset({role}), frozenset({"631"})) for role in EVERY_ROLE
}
REFUSALS = {
    "introuvable": NotFound,
    "interdit": NotAllowed,
    "etat": WrongState,
    "invalide": Invalid,
    "panne": Unavailable,
}


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2016, 11, 2, 8, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


class Staff:
    """A directory in memory: one person a role, by the login "agent.<role>"."""

    can_lookup = True

    def __init__(self) -> None:
        self.people = {actor.login: actor for actor in STAFF.values()}
        self.down = False
        self.lookups = 0

    def sign_in(self, login: str, password: str) -> Actor:
        if self.down:
            raise Unavailable("L’annuaire ne répond pas.")
        if password != PASSWORD or login not in self.people:
            raise NotAllowed("Identifiant ou mot de passe incorrect.")
        return self.people[login]

    def lookup(self, login: str) -> Actor:
        self.lookups += 1
        return self.sign_in(login, PASSWORD)


def sample_pages() -> Blueprint:
    pages = Blueprint("essai", __name__)

    @pages.get("/essai/campagne")
    @access(Role.CAMPAIGN_MANAGER)
    def campaign() -> str:
        return "campagne"

    @pages.get("/essai/tous")
    @access(*EVERY_ROLE)
    def everybody() -> str:
        return current_actor().login

    @pages.get("/essai/suivi")
    @access(*EVERY_ROLE, background=True)
    def progress() -> dict[str, str]:
        return {"login": current_actor().login}

    @pages.route("/essai/oubli", methods=["GET", "POST"])
    def forgotten() -> str:
        return "jamais"

    @pages.post("/essai/action")
    @access(Role.CAMPAIGN_MANAGER)
    def action() -> str:
        return "fait"

    @pages.get("/essai/refus/<kind>")
    @access(*EVERY_ROLE)
    def refuse(kind: str) -> str:
        raise REFUSALS[kind]("Une phrase : courte.")

    @pages.get("/essai/erreur")
    @access(*EVERY_ROLE)
    def crash() -> str:
        raise RuntimeError("1 85 05 78 006 084 36")

    @pages.get("/essai/adresse")
    @public
    def address() -> str:
        return f"{request.remote_addr} {request.scheme} {request.host}"

    return pages


@pytest.fixture
def redis(cluster: Any) -> Iterator["Redis[Any]"]:
    """An empty database of the Valkey of the suite."""
    client = Redis.from_url(cluster.redis_url.removesuffix("/0") + "/9")
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def staff() -> Staff:
    return Staff()


SETTINGS = WebSettings("une clé secrète pour les essais seulement")
MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(redis: "Redis[Any]", clock: Clock, staff: Staff) -> MakeApp:
    def make(
        *blueprints: Blueprint,
        redis: "Redis[Any]" = redis,
        journal: Any = None,
        rights: Any = lambda: 0,
        **changes: Any,
    ) -> Flask:
        app = Flask("essai", static_folder=None)
        init_web(
            app, settings=replace(SETTINGS, **changes), directory=staff, redis=redis, clock=clock, journal=journal,
            rights=rights,
        )  # fmt: skip
        for blueprint in blueprints or (sample_pages(),):
            app.register_blueprint(blueprint)
        return app

    return make


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def token(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def sign_in(
    client: FlaskClient, role: Role = Role.CAMPAIGN_MANAGER, password: str = PASSWORD, **options: Any
) -> TestResponse:
    """Fill in the sign-in page as this role's person."""
    login = options.pop("login", STAFF[role].login)
    suite = options.pop("suite", "/")
    page = client.get("/connexion", **options)
    form = {"csrf_token": token(page), "identifiant": login, "mot_de_passe": password, "suite": suite}
    return client.post("/connexion", data=form, **options)
