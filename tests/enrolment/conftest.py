"""An enrolment over the real database `dmp`, with a clock that tests set."""

import itertools
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from enrolment_clock import SetClock
from sqlalchemy import Engine

from dmp_core.enrolment.api import Enrolment
from dmp_core.storage.engine import engine_for
from dmp_core.storage.keyring import Keyring


@pytest.fixture(scope="session")
def caisse_engine(dmp_caisse_url: str) -> Iterator[Engine]:
    engine = engine_for(dmp_caisse_url, application="tests")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def holder_engine(cluster: Any, dmp_owner_url: str) -> Iterator[Engine]:
    """The portal's login."""
    engine = engine_for(cluster.url("titulaire", "dmp"), application="tests", pool_size=8)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def owner_engine(dmp_owner_url: str) -> Iterator[Engine]:
    engine = engine_for(dmp_owner_url, application="tests")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create_if_missing(tmp_path_factory.mktemp("clés") / "codes.json")


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def enrolment(caisse_engine: Engine, ring: Keyring, clock: SetClock) -> Enrolment:
    return Enrolment(caisse_engine, ring, clock)


_numbers = itertools.count(1_000, 1_000)


@pytest.fixture
def persons() -> range:
    """Six hundred persons whom no other test knows: codes are committed for real and cannot be deleted."""
    start = next(_numbers)
    return range(start, start + 600)


@pytest.fixture
def request_id() -> UUID:
    return uuid4()
