"""RQ on Valkey/Redis carries wake-ups, never truth: a bell rung twice, or lost, changes nothing (DESIGN 3).

Bells carry the key of a row and nothing else; jobs are JSON, never pickle.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import DuplicateJobError
from rq.registry import BaseRegistry
from rq.serializers import JSONSerializer

from backoffice.adapters.db import Bell

log = structlog.get_logger(__name__)

QUEUE = "caisse"
FAILED_SECONDS = 5
"""A failed job keeps its bell from being rung again for as long: a pause between two attempts, and no more."""

_ROUND = "caisse:tournee"
JOB_SECONDS = 900
"""A batch takes seconds; a hung one is ended and found again by the sweep."""


def connect(url: str) -> Redis:
    """A connection pool to the queue's server; nothing is sent yet."""
    return Redis.from_url(url, socket_connect_timeout=3, socket_keepalive=True, health_check_interval=15)


def queue_of(redis: Redis, name: str = QUEUE) -> Queue:
    """The back office's queue."""
    return Queue(name, connection=redis, serializer=JSONSerializer, default_timeout=JOB_SECONDS)


def note_round(redis: Redis, at: datetime) -> None:
    """A round of the sweep has ended. Raises RedisError."""
    redis.set(_ROUND, at.timestamp())


@dataclass(frozen=True, slots=True)
class Bells:
    """The queue as it is now."""

    waiting: int
    oldest: datetime | None
    """When the job that has waited longest was rung."""
    running: tuple[tuple[str, datetime | None], ...]
    """Jobs under way, with when each was begun."""
    workers: tuple[str, ...]
    """Names of the hosts of the workers that are alive, one a worker."""
    round: datetime | None
    """When the sweep last ended a round."""


def bells(redis: Redis) -> Bells:
    """Look at the queue. Raises RedisError."""
    queue = queue_of(redis)
    first = next(iter(queue.get_jobs(0, 1)), None)
    connection: Any = redis
    begun = [(job_id, queue.fetch_job(job_id)) for job_id in _in_time(queue.started_job_registry)]
    last = connection.get(_ROUND)
    return Bells(
        waiting=queue.count,
        oldest=first.enqueued_at if first is not None else None,
        running=tuple((job_id, job.started_at if job else None) for job_id, job in begun),
        workers=tuple(sorted(one.hostname or "" for one in Worker.all(connection=redis))),
        round=datetime.fromtimestamp(float(last), UTC) if last else None,
    )


def free_stuck(redis: Redis, seen: frozenset[str]) -> frozenset[str]:
    """Forget the jobs that a worker took and died before starting; return those to look at next time.

    RQ leaves them aside for a minute, during which their bell cannot be rung again. `seen` is what the call before
    returned: a job still there a sweep later is stuck, and the next sweep rings for its row.
    """
    queue = queue_of(redis)
    waiting = frozenset(queue.intermediate_queue.get_job_ids())
    for job_id in waiting & seen:
        job = queue.fetch_job(job_id)
        if job is not None and job_id not in queue.started_job_registry:
            job.delete()
        queue.intermediate_queue.remove(job_id)
    return waiting - seen


def ringer(redis: Redis, jobs: dict[str, str]) -> Callable[[Iterable[Bell]], None]:
    """How a unit of work rings: `jobs` maps a job's name to its function's dotted path.

    A queue that does not answer is logged and forgotten: the sweep finds the rows again.
    """
    queue = queue_of(redis)

    def enqueue(job: str, key: str) -> None:
        queue.enqueue(
            jobs[job],
            key,
            job_id=f"{job}-{key}",
            unique=True,
            result_ttl=0,
            failure_ttl=FAILED_SECONDS,
            description=job,
        )

    def ring(bells: Iterable[Bell]) -> None:
        known: frozenset[str] | None = None
        try:
            for job, key in bells:
                try:
                    enqueue(job, key)
                except DuplicateJobError:
                    known = _known(queue) if known is None else known
                    if f"{job}-{key}" not in known:
                        _bury(queue, f"{job}-{key}")
                        with suppress(DuplicateJobError):
                            enqueue(job, key)
        except RedisError:
            log.warning("queue_unreachable", effect="the sweep will ring again")

    return ring


def ring_again(redis: Redis, jobs: dict[str, str], bell: Bell) -> None:
    """Ring now, without the pause that follows a failure. A queue that does not answer: the sweep will ring."""
    queue, job_id = queue_of(redis), "-".join(bell)
    with suppress(RedisError):
        if job_id in _in_time(queue.failed_job_registry):
            queue.failed_job_registry.remove(job_id)
            _bury(queue, job_id)
    ringer(redis, jobs)([bell])


def _known(queue: Queue) -> frozenset[str]:
    """Ids of the jobs that somebody will still come to: waiting, being taken, running with a heartbeat, just failed."""
    return frozenset(
        (
            *queue.get_job_ids(),
            *queue.intermediate_queue.get_job_ids(),
            *_in_time(queue.started_job_registry),
            *_in_time(queue.failed_job_registry),
        )
    )


def _in_time(registry: BaseRegistry) -> list[str]:
    """Ids of the jobs of a registry whose time there is not over.

    RQ's own lists also hold the others until somebody cleans them, which nobody does for a quarter of an hour after a
    worker was killed while cleaning.
    """
    redis: Any = registry.connection
    entries: list[bytes] = redis.zrangebyscore(registry.key, time.time(), "+inf")
    return [_job_of(entry) for entry in entries]


def _job_of(entry: bytes) -> str:
    """Id of the job of a registry's entry, which may go on with that of an execution."""
    return entry.decode().split(":", 1)[0]


def _bury(queue: Queue, job_id: str) -> None:
    """Remove what a dead job left under its id.

    A flush, or a kill between two commands, may leave a job's key in no list at all: RQ never looks at it again, and
    its id would be taken for ever.
    """
    redis: Any = queue.connection
    started = queue.started_job_registry.key
    entries: list[bytes] = redis.zrange(started, 0, -1)
    for entry in entries:
        if _job_of(entry) == job_id:
            redis.zrem(started, entry)
    redis.delete(queue.job_class.key_for(job_id))
