"""Work that failed, for an administrator to see: which, how often, where in the program; never with what message.

A message may repeat a name or a NIR, so the class of the error and its place are all that is kept. It lies beside the
queue, as most of what fails does so because the database is away; losing it loses what the next failure writes again.
"""

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final

from redis import Redis

DUTY: Final = "tournee"
"""Stands for the job of what the sweep does by itself, the duty's name being its key."""
INTERRUPTED: Final = "Interrupted"
"""Cause of a job whose process was killed."""
KEPT_SECONDS: Final = 7 * 24 * 3600
MOST: Final = 500

_INDEX: Final = "caisse:echecs"
_OURS: Final = ("backoffice", "dmp_core")


@dataclass(frozen=True, slots=True)
class Failure:
    """A job, or a duty of the sweep, that failed the last time it ran."""

    job: str
    key: str
    cause: str
    """Class of the error, e.g. "OperationalError"."""
    place: str
    """Where in our own code, e.g. "campaigns/work.py:120"; empty when unknown."""
    first: datetime
    last: datetime
    times: int
    """How often in a row."""

    @property
    def name(self) -> str:
        """What the queue calls it, e.g. "lot-7"."""
        return f"{self.job}-{self.key}"


def note_failure(redis: Redis, name: str, error: BaseException | None, at: datetime) -> None:
    """Keep that the job `name` failed; without an error, its process was killed. Raises RedisError."""
    stamp = at.timestamp()
    cause, place = (type(error).__name__, _place(error)) if error is not None else (INTERRUPTED, "")
    with redis.pipeline() as pipe:
        pipe.hsetnx(_hash(name), "first", stamp)
        pipe.hset(_hash(name), mapping={"cause": cause, "place": place, "last": stamp})
        pipe.hincrby(_hash(name), "times", 1)
        pipe.expire(_hash(name), KEPT_SECONDS)
        pipe.zadd(_INDEX, {name: stamp})
        pipe.zremrangebyscore(_INDEX, "-inf", stamp - KEPT_SECONDS)
        pipe.execute()


def forget_failures(redis: Redis, names: Iterable[str]) -> None:
    """These did their work. Raises RedisError."""
    gone = list(names)
    if gone:
        with redis.pipeline() as pipe:
            pipe.delete(*map(_hash, gone))
            pipe.zrem(_INDEX, *gone)
            pipe.execute()


def failures(redis: Redis) -> list[Failure]:
    """What fails now, the latest first. Raises RedisError."""
    connection: Any = redis
    names = [name.decode() for name in connection.zrevrange(_INDEX, 0, MOST - 1)]
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hgetall(_hash(name))
        kept = pipe.execute()
    return [_read(name, fields) for name, fields in zip(names, kept, strict=True) if fields]


def failure_named(redis: Redis, name: str) -> Failure | None:
    """The failure of this job, if its last run was one. Raises RedisError."""
    connection: Any = redis
    fields = connection.hgetall(_hash(name))
    return _read(name, fields) if fields else None


def _read(name: str, fields: dict[bytes, bytes]) -> Failure:
    job, _, key = name.partition("-")
    first, last = (datetime.fromtimestamp(float(fields[field]), UTC) for field in (b"first", b"last"))
    return Failure(job, key, fields[b"cause"].decode(), fields[b"place"].decode(), first, last, int(fields[b"times"]))


def _place(error: BaseException) -> str:
    """The deepest line of our own packages."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        parts = PurePath(frame.filename).parts
        for package in _OURS:
            if package in parts:
                inside = parts[len(parts) - parts[::-1].index(package) :]
                return f"{'/'.join(inside)}:{frame.lineno}"
    return ""


def _hash(name: str) -> str:
    return f"caisse:echec:{name}"
