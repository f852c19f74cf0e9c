"""The holder's side over the real database `dmp`, with a clock that tests set."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from dmp_core.holder.store import HolderStore
from dmp_core.storage.engine import engine_for
from dmp_core.storage.keyring import Keyring

from .world import SetClock


@pytest.fixture(scope="session")
def owner(dmp_owner_url: str) -> Iterator[Engine]:
    engine = engine_for(dmp_owner_url, application="tests")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def store(cluster: "Cluster", dmp_owner_url: str) -> Iterator[HolderStore]:  # type: ignore[name-defined]  # noqa: F821
    store = HolderStore(cluster.url("titulaire", "dmp"), application="tests")
    yield store
    store.close()


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create_if_missing(Path(tmp_path_factory.mktemp("clés")) / "titulaire.json")


@pytest.fixture
def clock() -> SetClock:
    return SetClock()
