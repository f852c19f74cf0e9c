"""mon-dmp for the tests: one database a session, one world a test."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from dmp_core.holder.store import HolderStore
from dmp_core.storage.engine import engine_for

from .world import Visitor, World


@pytest.fixture(scope="session")
def portal_store(cluster: Any, dmp_owner_url: str) -> Iterator[HolderStore]:
    store = HolderStore(cluster.url("titulaire", "dmp"), application="tests")
    yield store
    store.close()


@pytest.fixture(scope="session")
def portal_engines(dmp_owner_url: str, dmp_caisse_url: str) -> Iterator[tuple[Engine, Engine]]:
    engines = engine_for(dmp_owner_url, application="tests"), engine_for(dmp_caisse_url, application="tests")
    yield engines
    for engine in engines:
        engine.dispose()


@pytest.fixture
def world(portal_store: HolderStore, portal_engines: tuple[Engine, Engine]) -> World:
    return World(portal_store, *portal_engines)


@pytest.fixture
def app(world: World) -> Flask:
    return world.app()


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)
