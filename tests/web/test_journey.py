"""From the demonstration directory to a page: nothing is replaced."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from backoffice.adapters.directory import WRONG_LOGIN, Directory, DirectorySettings
from backoffice.embedded.certificates import ensure_certificates
from backoffice.embedded.directory import BASE_DN, SERVICE_DN
from backoffice.embedded.staff import DEMONSTRATION_PASSWORD
from backoffice.web.shell import init_web

from .conftest import SETTINGS, sample_pages, sign_in


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    made = ensure_certificates(tmp_path / "tls")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "backoffice.embedded.directory",
            "--cert",
            str(made.certificate),
            "--key",
            str(made.key),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = process.stdout.readline().split()[1]
    settings = DirectorySettings(
        (f"ldap://127.0.0.1:{port}",),
        BASE_DN,
        ca_file=made.authority,
        service_dn=SERVICE_DN,
        service_password=DEMONSTRATION_PASSWORD,
    )
    yield Directory(settings)
    process.terminate()
    process.communicate(timeout=10)


def test_a_campaign_manager_signs_in_and_an_outsider_does_not(directory: Directory, redis: "Redis[Any]") -> None:
    app = Flask("parcours", static_folder=None)
    init_web(app, settings=SETTINGS, directory=directory, redis=redis)
    app.register_blueprint(sample_pages())
    client = app.test_client()
    assert sign_in(client, login="damien.faure", password=DEMONSTRATION_PASSWORD).location == "/"
    home = client.get("/").text
    assert "Damien Faure" in home
    assert "Responsable de campagne" in home
    assert "CPAM du Puy-de-Dôme" in home
    assert client.get("/essai/campagne").text == "campagne"
    for login in ("jean-noel.prudhomme", "*)(uid=*"):
        refused = sign_in(app.test_client(), login=login, password=DEMONSTRATION_PASSWORD)
        assert refused.status_code == 403
        assert WRONG_LOGIN in refused.text
