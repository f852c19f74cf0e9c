"""A demonstration directory in its own process, as `./run` starts it, and adapters that talk to it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backoffice.adapters.directory import Directory, DirectorySettings
from backoffice.embedded.certificates import Certificates, ensure_certificates
from backoffice.embedded.directory import BASE_DN, SERVICE_DN
from backoffice.embedded.staff import DEMONSTRATION_PASSWORD


@dataclass(frozen=True)
class Running:
    """Addresses of the demonstration directory."""

    ldap: str
    ldaps: str
    certificates: Certificates
    process: subprocess.Popen[str]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("tls"))


def start(certificates: Certificates) -> Running:
    process = subprocess.Popen(
        [
            sys.executable, "-m", "backoffice.embedded.directory", "--port", "0", "--ldaps-port", "0",
            "--cert", str(certificates.certificate), "--key", str(certificates.key),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    word, port, secure = process.stdout.readline().split()
    assert word == "annuaire"
    return Running(f"ldap://127.0.0.1:{port}", f"ldaps://localhost:{secure}", certificates, process)


@pytest.fixture(scope="session")
def running(certificates: Certificates) -> Iterator[Running]:
    running = start(certificates)
    yield running
    running.process.terminate()
    running.process.wait(10)
    assert running.process.stdout is not None
    running.process.stdout.close()


@pytest.fixture(scope="session")
def directory(running: Running) -> Callable[..., Directory]:
    """Makes an adapter to the demonstration directory; keywords change the settings."""

    def make(**changes: Any) -> Directory:
        settings: dict[str, Any] = {
            "urls": (running.ldap,),
            "base_dn": BASE_DN,
            "ca_file": running.certificates.authority,
            "service_dn": SERVICE_DN,
            "service_password": DEMONSTRATION_PASSWORD,
            "connect_timeout": 1,
            "receive_timeout": 1,
        }
        return Directory(DirectorySettings(**(settings | changes)))

    return make


TEMPLATE = {"service_dn": None, "service_password": "", "bind_template": f"uid={{login}},ou=personnes,{BASE_DN}"}


@pytest.fixture(params=["search", "template"])
def either(request: pytest.FixtureRequest, directory: Callable[..., Directory]) -> Directory:
    """Both ways to sign in."""
    return directory(**(TEMPLATE if request.param == "template" else {}))


@pytest.fixture
def empty_folder(tmp_path: Path) -> Path:
    return tmp_path / "tls"
