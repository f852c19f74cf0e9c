"""Who else is on this case: a mark in Valkey that fades by itself. It tells, and keeps nobody from anything."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, cast

from redis import Redis
from redis.exceptions import RedisError

FADES: Final = timedelta(seconds=45)
"""After the last sign of life; the page gives one every fifteen seconds."""


def show_up(redis: "Redis", number: str, login: str, now: datetime) -> list[str]:
    """Say that `login` is on the case; return who else is, the latest to come last. Without Valkey: nobody."""
    key = f"caisse:presence:{number}"
    with suppress(RedisError):
        pipe = redis.pipeline()
        pipe.zremrangebyscore(key, "-inf", (now - FADES).timestamp())
        pipe.zadd(key, {login: now.timestamp()})
        pipe.expire(key, FADES)
        pipe.zrange(key, 0, -1)
        found = cast("list[bytes]", pipe.execute()[-1])
        return [one for one in (name.decode() for name in found) if one != login]
    return []
