"""RQ on Valkey/Redis carries wake-ups, never truth: a bell rung twice, or lost, changes nothing (DESIGN 3).

Bells carry the key of a row and nothing else; jobs are JSON, never pickle.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from backoffice.adapters.db import Bell

log = structlog.get_logger(__name__)

QUEUE = "caisse"
FAILED_SECONDS = 5
"""A failed job keeps its bell from being rung again for as long: a pause between two attempts, and no more."""

JOB_SECONDS = 900
"""A batch takes seconds; a hung one is ended and found again by the sweep."""


def connect(url: str) -> Redis:
    """A connection pool to the queue's server; nothing is sent yet."""
    return Redis.from_url(url, socket_connect_timeout=3, socket_keepalive=True, health_check_interval=15)


def queue_of(redis: Redis, name: str = QUEUE) -> Queue:
    """The back office's queue."""
    return Queue(name, connection=redis, serializer=JSONSerializer, default_timeout=JOB_SECONDS)


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


def _known(queue: Queue) -> frozenset[str]:
    """Ids of the jobs that somebody will still come to: waiting, being taken, running with a heartbeat, just failed."""
    redis: Any = queue.connection
    running: list[bytes] = redis.zrangebyscore(queue.started_job_registry.key, time.time(), "+inf")
    return frozenset(
        (
            *queue.get_job_ids(),
            *queue.intermediate_queue.get_job_ids(),
            *(entry.decode().split(":", 1)[0] for entry in running),
            *queue.failed_job_registry.get_job_ids(cleanup=False),
        )
    )


def _bury(queue: Queue, job_id: str) -> None:
    """Remove what a dead job left under its id.

    A flush, or a kill between two commands, may leave a job's key in no list at all: RQ never looks at it again, and
    its id would be taken for ever.
    """
    redis: Any = queue.connection
    started = queue.started_job_registry.key
    entries: list[bytes] = redis.zrange(started, 0, -1)
    for entry in entries:
        if entry.decode().split(":", 1)[0] == job_id:
            redis.zrem(started, entry)
    redis.delete(queue.job_class.key_for(job_id))
