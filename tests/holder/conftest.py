"""The holder's side over the real database `dmp`, with a clock that tests set."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from dmp_core.enrolment.api import Enrolment
from dmp_core.holder.store import HolderStore
from dmp_core.storage.engine import engine_for
from dmp_core.storage.keyring import Keyring

from .world import SetClock, World


@pytest.fixture(scope="session")
def owner(dmp_owner_url: str) -> Iterator[Engine]:
    engine = engine_for(dmp_owner_url, application="tests")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def store(cluster: Any, dmp_owner_url: str) -> Iterator[HolderStore]:
    store = HolderStore(cluster.url("titulaire", "dmp"), application="tests")
    yield store
    store.close()


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create_if_missing(tmp_path_factory.mktemp("clés") / "titulaire.json")


@pytest.fixture(scope="session")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create_if_missing(tmp_path_factory.mktemp("clés") / "codes.json")


@pytest.fixture(scope="session")
def caisse(dmp_caisse_url: str) -> Iterator[Engine]:
    engine = engine_for(dmp_caisse_url, application="tests")
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def no_attempts(owner: Engine) -> None:
    """Whatever was tried before by others is forgotten."""
    with owner.begin() as connection:
        connection.execute(text("DELETE FROM enrolment.attempt"))


@pytest.fixture
def world(
    store: HolderStore, keyring: Keyring, codes: Keyring, caisse: Engine, clock: SetClock, no_attempts: None
) -> Iterator[World]:
    world = World(store, keyring, codes, Enrolment(caisse, codes, clock), clock)
    yield world
    world.settle()
