"""The whole back office in a browser without a screen: real databases, queue and demonstration directory."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from campaigns.world import SetClock, World, databases_of, settings_of
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backoffice.app import create_app
from backoffice.embedded.certificates import ensure_certificates
from backoffice.embedded.staff import BASE_DN, DEMONSTRATION_PASSWORD, SERVICE_DN
from backoffice.office import open_office
from backoffice.settings import Settings

MANAGER, OTHER_MANAGER, SUPERVISOR = "damien.faure", "helene.vidal", "patrick.ollier"
ADMINISTRATOR, AGENT, ADVISOR = "vincent.lemaire", "sandrine.chabrol", "karim.haddad"
FOREIGN_MANAGER, NATIONAL_MANAGER = "peio.larralde", "claire.delaunay"
OTHER_SUPERVISOR = "nathalie.besse"
FOREIGN_AGENT = "maite.etcheverry"


@pytest.fixture(scope="session")
def directory_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The demonstration directory in its own process, and the authority of its certificate."""
    made = ensure_certificates(tmp_path_factory.mktemp("tls pages"))
    command = [sys.executable, "-m", "backoffice.embedded.directory", "--cert", str(made.certificate)]
    process = subprocess.Popen([*command, "--key", str(made.key)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = process.stdout.readline().split()[1]
    yield f"ldap://127.0.0.1:{port}", made.authority
    process.terminate()
    process.communicate(timeout=10)


@pytest.fixture(scope="session")
def settings(cluster: Any, directory_url: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    ldap, authority = directory_url
    # One folder for every package that takes this fixture: they share the databases, and the keys with them.
    data = tmp_path_factory.getbasetemp() / "pages"
    data.mkdir(exist_ok=True)
    return replace(
        settings_of(databases_of(cluster, "pages"), data, cluster.redis_url.removesuffix("/0") + "/8"),
        ldap_url=ldap, ldap_base=BASE_DN, ldap_ca_file=authority, ldap_service_dn=SERVICE_DN,
        ldap_service_password=DEMONSTRATION_PASSWORD, secret_key="une clé secrète pour les essais seulement",
    )  # fmt: skip


@pytest.fixture(scope="session")
def shared_clock() -> SetClock:
    return SetClock()


@pytest.fixture(scope="session")
def app(settings: Settings, shared_clock: SetClock) -> Iterator[Flask]:
    made = create_app(settings, clock=shared_clock)
    made.testing = True
    yield made
    made.extensions["office"].close()


@pytest.fixture
def world(cluster: Any, settings: Settings, shared_clock: SetClock, tmp_path: Path) -> Iterator[World]:
    """An empty back office under the pages, with their clock."""
    made = World(databases_of(cluster, "pages"), settings, tmp_path)
    made.office.close()
    shared_clock.now = made.clock.now
    made.clock = shared_clock
    made.office = open_office(settings, clock=shared_clock, application="essai")
    made.empty()
    yield made
    made.close()


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


class Browser:
    """A signed-in person: gets pages, fills in their forms."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, address: str, **options: Any) -> TestResponse:
        return self.client.get(address, buffered=True, **options)

    def send(self, address: str, form_at: str | None = None, **typed: Any) -> TestResponse:
        """Post `typed` with the token (and the hidden fields) of the form at `form_at`."""
        page = self.get(form_at or address).text
        hidden = dict(re.findall(r'<input[^>]*name="(demande|type|caisses)"[^>]*type="hidden" value="([^"]*)"', page))
        hidden |= dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="(demande|type|caisses)" value="([^"]*)"', page))
        return self.client.post(address, data={"csrf_token": token_of(page)} | hidden | typed)


SignIn = Callable[[str], Browser]


@pytest.fixture
def sign_in(app: Flask, world: World) -> SignIn:
    def make(login: str) -> Browser:
        client = app.test_client()
        form = {
            "csrf_token": token_of(client.get("/connexion").text),
            "identifiant": login,
            "mot_de_passe": DEMONSTRATION_PASSWORD,
        }
        assert client.post("/connexion", data=form).status_code == 303
        return Browser(client)

    return make


@pytest.fixture
def manager(sign_in: SignIn) -> Browser:
    return sign_in(MANAGER)


def journal(world: World, action: str) -> list[tuple[str, str]]:
    """(who, about what) of every entry of this action."""
    return [
        tuple(row) for row in world.sql("SELECT actor, object FROM audit_entry WHERE action = :a ORDER BY id", a=action)
    ]
