"""The account pages over the real database: one world a test."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from dmp_core.holder.store import HolderStore
from dmp_core.storage.engine import engine_for

from .world import AccountWorld, Holder, settle


@pytest.fixture(scope="session")
def account_store(cluster: Any, dmp_owner_url: str) -> Iterator[HolderStore]:
    store = HolderStore(cluster.url("titulaire", "dmp"), application="tests")
    yield store
    store.close()


@pytest.fixture(scope="session")
def account_engines(dmp_owner_url: str, dmp_caisse_url: str) -> Iterator[tuple[Engine, Engine]]:
    engines = engine_for(dmp_owner_url, application="tests"), engine_for(dmp_caisse_url, application="tests")
    yield engines
    for engine in engines:
        engine.dispose()


@pytest.fixture
def world(account_store: HolderStore, account_engines: tuple[Engine, Engine]) -> AccountWorld:
    return AccountWorld(account_store, *account_engines)


@pytest.fixture
def app(world: AccountWorld) -> Iterator[Flask]:
    app = world.app()
    yield app
    settle(app)


@pytest.fixture
def holder(app: Flask, world: AccountWorld) -> Holder:
    """Nicolas Dupond, whose DMP was just opened, before he signs in."""
    return Holder(app, world, world.someone())
