"""Fixtures for the whole suite: real PostgreSQL and Valkey from the wheels, one set a pytest-xdist worker.

Everything lives in a temporary folder and ends with the session, whatever happened in between.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import settings

from backoffice.embedded import services as embedded
from backoffice.settings import read_json

# A busy machine is no fault of the code: properties are tried without a stopwatch.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@dataclass(frozen=True)
class Cluster:
    """The databases of this test session; URLs are SQLAlchemy's, one a role."""

    data: Path
    port: int
    roles: dict[str, str]
    redis_url: str

    def url(self, role: str, database: str) -> str:
        password = quote(self.roles[role], safe="")
        return f"postgresql+psycopg://{role}:{password}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running PostgreSQL and Valkey with empty databases `caisse` and `dmp`, and their roles."""
    data = tmp_path_factory.mktemp("données d’essai")
    # PostgreSQL refuses root: the unprivileged user it runs as must be able to pass through pytest's own folders.
    for folder in (data, *data.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o711)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    services = embedded.Services(data, fast=True)
    base = 21000 + 200 * worker
    only = ("postgres", "valkey")
    try:
        services.start(only, {"postgres": base, "valkey": base + 50})
        secrets = read_json(data / "secrets.json")
        state = read_json(data / "run" / "services.json")
        yield Cluster(
            data=data,
            port=state["postgres"]["port"],
            roles=secrets["roles"],
            redis_url=f"redis://:{secrets['valkey']}@127.0.0.1:{state['valkey']['port']}/0",
        )
    finally:
        services.stop(only)


@pytest.fixture(scope="session")
def dmp_owner_url(cluster: Cluster) -> str:
    """Database `dmp`, role `dmp_owner`, migrated."""
    from dmp_core.migrations import migrate

    url = cluster.url("dmp_owner", "dmp")
    migrate(url)
    return url


@pytest.fixture(scope="session")
def dmp_caisse_url(cluster: Cluster, dmp_owner_url: str) -> str:
    """Database `dmp` as the back office reaches it."""
    return cluster.url("caisse", "dmp")


@pytest.fixture(scope="session")
def caisse_owner_url(cluster: Cluster) -> str:
    """Database `caisse`, role `caisse_owner`, migrated."""
    from backoffice.migrations import migrate

    url = cluster.url("caisse_owner", "caisse")
    migrate(url)
    return url


@pytest.fixture(scope="session")
def caisse_url(cluster: Cluster, caisse_owner_url: str) -> str:
    """Database `caisse` as the back office reaches it."""
    return cluster.url("caisse", "caisse")
