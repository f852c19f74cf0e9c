"""The folder of a world: its services, its databases, its settings."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

from backoffice.core.clock import PARIS
from backoffice.embedded.services import Services
from backoffice.operations.bringup import prepare
from backoffice.settings import Settings

NOW = datetime(2016, 11, 2, 10, 0, tzinfo=PARIS)
"""The moment at which the world is looked at."""
ONLY = ("postgres", "valkey", "directory", "mail", "card_reader")


@contextmanager
def services(folder: Path) -> Iterator[Settings]:
    """The services of the folder, up and migrated within the block; what it holds stays."""
    os.environ["CAISSE_DATA"] = str(folder)
    parts = Services(folder, fast=True)
    started = parts.start(ONLY)
    try:
        yield prepare()
    finally:
        parts.stop(tuple(started))


def owners(settings: Settings) -> tuple[Engine, Engine]:
    """Both databases as their owners reach them, for loading: nothing waits for the disk."""
    quick = {"options": "-c synchronous_commit=off -c work_mem=128MB -c jit=off"}
    return (
        create_engine(settings.caisse_owner_url, connect_args=quick),
        create_engine(settings.dmp_owner_url, connect_args=quick),
    )
