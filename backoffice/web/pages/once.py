"""Something asked for twice by the same form (a double click, the back button) is done once."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, cast

from redis import Redis

_LIFE: Final = 24 * 3600
_NAME: Final = 32


def new_request() -> str:
    """A name for one filling-in of a form."""
    return secrets.token_urlsafe(16)


@dataclass(slots=True)
class Once:
    """Whether this filling-in is the first, and what came of it."""

    first: bool
    outcome: str | None


@contextmanager
def once(redis: "Redis", login: str, name: str) -> Iterator[Once]:
    """Claim the filling-in `name` of `login`; set `outcome` in the block to have later ones find it.

    Given back when the block raises or leaves no outcome: the person may try again.
    """
    if not name:
        yield Once(True, None)
        return
    key = f"caisse:formulaire:{login}:{name[:_NAME]}"
    if not redis.set(key, "", nx=True, ex=_LIFE):
        found = cast("bytes | None", redis.get(key))
        yield Once(False, found.decode() if found else None)
        return
    claim = Once(True, None)
    try:
        yield claim
    finally:
        if claim.outcome is None:
            redis.delete(key)
        else:
            redis.set(key, claim.outcome, ex=_LIFE)
