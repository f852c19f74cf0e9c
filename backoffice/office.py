"""The parts a door works with, put together once a process: web, workers and command line share this composition."""

import uuid
from dataclasses import dataclass

from redis import Redis

from backoffice.adapters import environment, queue
from backoffice.adapters.db import Database
from backoffice.adapters.dmp import DmpGateway
from backoffice.core.clock import Clock, system_clock
from backoffice.core.errors import Unavailable
from backoffice.settings import Settings

JOBS = {
    "import": "backoffice.worker.import_population",
    "freeze": "backoffice.worker.freeze_campaign",
    "lot": "backoffice.worker.produce_lot",
    "bulk": "backoffice.worker.carry_out_bulk",
    "bounces": "backoffice.worker.bounces",
    "following": "backoffice.worker.count_letters",
}
"""Doorbells: the name an action rings, and the job that answers."""


@dataclass(frozen=True, slots=True)
class Office:
    """Settings, clock and adapters of one process."""

    settings: Settings
    clock: Clock
    db: Database
    dmp: DmpGateway
    redis: Redis

    @property
    def environment(self) -> uuid.UUID:
        """This environment's identity, held outside the database."""
        return environment.identity(self.settings.environment_id, self.settings.data)

    def close(self) -> None:
        """Give every connection back."""
        self.db.dispose()
        self.dmp.close()
        self.redis.close()


def open_office(
    settings: Settings, *, clock: Clock = system_clock, application: str = "backoffice", pooled: bool = True
) -> Office:
    """Compose the parts; no connection is made until one is needed.

    Raises Unavailable on a host that is given mon-dmp's addresses alone.
    """
    if not (settings.caisse_url and settings.dmp_caisse_url):
        raise Unavailable("Le back office n’est pas configuré ici : indiquez DATABASE_URL et DMP_DATABASE_URL.")
    redis = queue.connect(settings.redis_url)
    return Office(
        settings=settings,
        clock=clock,
        db=Database(settings.caisse_url, application=application, pooled=pooled, ring=queue.ringer(redis, JOBS)),
        dmp=DmpGateway.connect(settings.dmp_caisse_url, settings.code_keyring, clock, application=application),
        redis=redis,
    )
