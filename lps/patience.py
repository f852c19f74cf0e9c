"""A call made again when the server is away, or asks for patience (429, 503): it waits twice as long each time, and at least as
long as it is asked to.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx

_WAIT: Final = frozenset({429, 503})
LONGEST: Final = 60.0
"""Seconds between two tries."""


class Away(Exception):
    """The server did not answer in the end; nobody can say whether it did what was asked last."""

    def __init__(self) -> None:
        super().__init__("Le DMP ne répond plus : relancez la même commande, elle reprend où elle en est.")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on."""

    tries: int = 1
    first: float = 0.5
    """Seconds before the second try."""
    sleep: Callable[[float], None] = field(default=time.sleep)

    def asked(self, call: Callable[[], httpx.Response]) -> httpx.Response:
        """The answer of `call`, which is made anew each time. Raises Away, and httpx.TransportError for one try alone."""
        wait = self.first
        for left in range(self.tries - 1, -1, -1):
            told = 0.0
            try:
                answer = call()
            except httpx.TransportError:
                if self.tries == 1:
                    raise
            else:
                if answer.status_code not in _WAIT or self.tries == 1:
                    return answer
                written = answer.headers.get("Retry-After", "")
                told = float(written) if written.isascii() and written.isdigit() else 0.0
            if left:
                self.sleep(min(max(wait, told), LONGEST))
                wait *= 2
        raise Away


IMPATIENT: Final = Patience()
STUBBORN: Final = Patience(tries=9)
"""About three minutes."""
