"""Professionals in front of the real database `dmp`, under its role `ps`."""

from collections.abc import Iterator
from typing import Any

import pytest
from portal_account.conftest import account_engines, account_store, app, holder
from sqlalchemy import Engine

from dmp_core.access.professional import ProfessionalGate
from dmp_core.holder.store import HolderStore
from dmp_core.professionals.authority import TestAuthority
from dmp_core.professionals.store import ProfessionalStore

from .served import Served
from .world import RecordWorld

__all__ = ["account_engines", "account_store", "app", "holder"]


@pytest.fixture(scope="session")
def professional_store(cluster: Any, dmp_owner_url: str) -> Iterator[ProfessionalStore]:
    store = ProfessionalStore(cluster.url("ps", "dmp"), application="tests")
    yield store
    store.close()


@pytest.fixture(scope="session")
def without_walls(dmp_owner_url: str) -> Iterator[ProfessionalStore]:
    """As the owner of the tables, whom row-level security lets through: what the gate decides by itself."""
    store = ProfessionalStore(dmp_owner_url, application="tests")
    yield store
    store.close()


@pytest.fixture
def world(
    professional_store: ProfessionalStore, account_store: HolderStore, account_engines: tuple[Engine, Engine]
) -> RecordWorld:
    return RecordWorld(professional_store, account_store, *account_engines)


@pytest.fixture
def gate(world: RecordWorld) -> ProfessionalGate:
    return world.gate()


@pytest.fixture
def authority(world: RecordWorld) -> TestAuthority:
    return TestAuthority(world.clock())


@pytest.fixture(scope="module")
def served(
    cluster: Any, caisse_owner_url: str, professional_store: ProfessionalStore, account_store: HolderStore,
    account_engines: tuple[Engine, Engine], tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:  # fmt: skip
    """One server for the tests of a module."""
    world = RecordWorld(professional_store, account_store, *account_engines)
    folder = tmp_path_factory.mktemp("professionnels")
    served = Served(world, cluster.url("ps", "dmp"), folder, CAISSE_PS_URL=cluster.url("ps", "caisse"))
    yield served
    served.stop()
