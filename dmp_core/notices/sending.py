"""Sends the notices that are due, each at most once a channel, under the login role `avis`.

A notice is marked before it is handed over, and that is committed. What is found marked after a crash is doubtful: told in
the log by its id, which the message bears, and never sent again by itself (docs/decisions/0036).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, text

from dmp_core.clock import Clock
from dmp_core.errors import Invalid, Unavailable
from dmp_core.notices.words import Kind, subject_of, text_of
from dmp_core.storage.engine import answering, engine_for

DOUBTFUL_AFTER: Final = timedelta(minutes=2)
"""Longer than any handing over takes."""
GIVEN_UP_AFTER: Final = timedelta(days=3)
LONGEST_WAIT: Final = timedelta(hours=1)
LONGEST_WAIT_URGENT: Final = timedelta(minutes=1)
_FIRST_WAIT: Final = timedelta(seconds=30)
_log = structlog.get_logger(__name__)


class Doubtful(Unavailable):
    """The connection was lost while the message was on its way: it may have left."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is handed over; its id goes with it, so that it can be found in the server's log."""

    id: UUID
    to: str = field(repr=False)
    subject: str
    """Of the e-mail; an SMS has none."""
    text: str = field(repr=False)


class Outlet(Protocol):
    """Hands a message over, or says why not: Invalid (refused for good), Doubtful, Unavailable (nothing has left)."""

    def mail(self, message: Message) -> None:
        """By e-mail."""
        ...

    def sms(self, message: Message) -> None:
        """By SMS."""
        ...


@dataclass(slots=True)
class Done:
    """What a round did."""

    sent: int = 0
    later: int = 0
    refused: int = 0
    doubtful: int = 0


class NoticeSender:
    """Any number of them may run: each claims a notice that no other has."""

    def __init__(self, url: str, outlet: Outlet, clock: Clock, *, application: str = "avis") -> None:
        self._engine = engine_for(url, application=application, pool_size=1)
        self._outlet = outlet
        self._clock = clock

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def round(self, limit: int = 500) -> Done:
        """Send what is due, emergencies first; a channel that is away ends the round. Raises Unavailable."""
        done = Done()
        self._tell_doubts(done)
        for _ in range(limit):
            with self._transaction() as connection:
                claimed = connection.execute(_CLAIM, {"now": self._clock()}).one_or_none()
            if claimed is None or not self._send(claimed, done):
                break
        return done

    def _send(self, claimed: Row[Any], done: Done) -> bool:
        """Hand one notice over and say what became of it; False when the next one had better wait."""
        kind = Kind[claimed.kind.upper()]
        message = Message(claimed.id, claimed.address, subject_of(kind), text_of(kind, claimed.at))
        try:
            (self._outlet.mail if claimed.channel == "mail" else self._outlet.sms)(message)
        except Invalid:
            self._settle(claimed.id, "refused")
            done.refused += 1
        except Doubtful:
            self._settle(claimed.id, "doubtful")
            self._doubt(claimed)
            done.doubtful += 1
            return False
        except Unavailable:
            now = self._clock()
            if now - claimed.at > GIVEN_UP_AFTER:
                self._settle(claimed.id, "refused")
                done.refused += 1
            else:
                self._settle(claimed.id, "waiting", now + _wait(kind, claimed.attempts))
                done.later += 1
            return False
        else:
            self._settle(claimed.id, "sent")
            done.sent += 1
        return True

    def _tell_doubts(self, done: Done) -> None:
        now = self._clock()
        with self._transaction() as connection:
            found = connection.execute(_DOUBTS, {"now": now, "before": now - DOUBTFUL_AFTER}).all()
        for row in found:
            self._doubt(row)
            done.doubtful += 1

    def _doubt(self, row: Row[Any]) -> None:
        _log.error("notice_doubtful", notice=str(row.id), kind=row.kind, channel=row.channel)

    def _settle(self, notice: UUID, outcome: str, again: datetime | None = None) -> None:
        with self._transaction() as connection:
            connection.execute(_SETTLE, {"id": notice, "outcome": outcome, "now": self._clock(), "again": again})

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with (
            answering("La base du DMP ne répond pas : les avis reprendront d’eux-mêmes."),
            self._engine.begin() as connection,
        ):
            yield connection


def _wait(kind: Kind, attempts: int) -> timedelta:
    """Twice as long each time; an emergency never waits more than a minute."""
    longest = LONGEST_WAIT_URGENT if kind is Kind.EMERGENCY else LONGEST_WAIT
    return min(_FIRST_WAIT * (1 << min(attempts - 1, 10)), longest)


_CLAIM: Final = text("SELECT * FROM medical.claim_notice(:now)")
_SETTLE: Final = text(
    "SELECT medical.settle_notice(CAST(:id AS uuid), :outcome, CAST(:now AS timestamptz), CAST(:again AS timestamptz))"
)
_DOUBTS: Final = text("SELECT * FROM medical.doubtful_notices(CAST(:now AS timestamptz), CAST(:before AS timestamptz))")
