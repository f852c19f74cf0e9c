"""Bringing up what a command needs: embedded services where no address is given, migrations, the environment's identity."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backoffice.adapters import environment
from backoffice.core.clock import system_clock
from backoffice.core.errors import WrongState
from backoffice.embedded.services import EVERYTHING, Services
from backoffice.migrations import migrate as migrate_caisse
from backoffice.settings import Settings, data_folder
from dmp_core.migrations import migrate as migrate_dmp

RESTORING = ".restauration"
"""Folder in the data folder while a backup is being restored into it."""
ESSENTIAL = ("postgres", "valkey")


def external() -> bool:
    """Whether an operator gives the databases' addresses: nothing embedded is started then."""
    return "DATABASE_URL" in os.environ


def services(say: Callable[[str], None] = lambda _: None) -> Services:
    """The embedded services of the data folder; CAISSE_FAST=1 trades power-cut durability for speed, for tests.

    Raises WrongState when a restore into this folder was interrupted.
    """
    if (data_folder() / RESTORING).exists():
        raise WrongState("Une restauration a été interrompue dans ce dossier de données : relancez « caisse restore ».")
    return Services(data_folder(), fast=os.environ.get("CAISSE_FAST") == "1", say=say)


def prepare() -> Settings:
    """Migrate both databases and give a new one its identity; return the settings."""
    settings = Settings.from_env()
    settings.require_owners()
    # Lots hold codes in clear and uploads hold NIRs: nobody else on the machine may enter.
    settings.files.mkdir(parents=True, exist_ok=True, mode=0o700)
    migrate_caisse(settings.caisse_owner_url)
    migrate_dmp(settings.dmp_owner_url)
    environment.adopt(
        settings.caisse_owner_url,
        environment.identity(settings.environment_id, settings.data),
        system_clock(),
        only_if_none=True,
    )
    return settings


@contextmanager
def running(only: tuple[str, ...] = ESSENTIAL, say: Callable[[str], None] = lambda _: None) -> Iterator[Settings]:
    """What `only` names is up and migrated within the block; what this call started is stopped after it."""
    if external():
        yield prepare()
        return
    parts = services(say)
    started = parts.start(only)
    try:
        yield prepare()
    finally:
        if started:
            parts.stop(tuple(name for name in EVERYTHING if name in started))
