"""Devices: the browser someone uses now, and those on which a holder has signed in before.

A known device has counters of its own (`dmp_core.holder.limits`), so that an attack on a login from elsewhere does not
keep its holder out, and a sign-in from an unknown one is told to the holder. It opens nothing by itself.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import text

from dmp_core.clock import Clock
from dmp_core.errors import NotFound
from dmp_core.holder.client import Client
from dmp_core.holder.limits import Limits
from dmp_core.holder.store import HolderStore

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_SEPARATOR = "."


@dataclass(frozen=True, slots=True)
class Device:
    """A browser on which the holder has signed in."""

    id: UUID
    label: str
    first_at: datetime
    last_at: datetime


class Devices:
    """The known devices of the holders."""

    def __init__(self, store: HolderStore, clock: Clock, limits: Limits | None = None) -> None:
        self._store = store
        self._clock = clock
        limits = limits or Limits()
        self._life = limits.device_life
        self._most = limits.devices_in_cookie

    def known(self, dossier: UUID, cookie: str) -> Device | None:
        """The device this cookie stands for in this dossier; None when the holder never signed in there.

        The work done does not depend on whether the dossier exists.
        """
        row = {"dossier": dossier, "digests": self._digests(cookie), "since": self._clock() - self._life}
        with self._store.transaction(dossier) as connection:
            found = connection.execute(_KNOWN, row).first()
        return Device(*found) if found else None

    def signed_in(self, dossier: UUID, cookie: str, client: Client) -> tuple[UUID, str, bool]:
        """The holder has fully signed in: (the device, the cookie to set, whether the device is new).

        A new device gets a new token, never one that the browser came with: who planted it there would own it too. The
        tokens of other holders who share the browser stay in the cookie.
        """
        now = self._clock()
        known = self.known(dossier, cookie)
        token, device_id = secrets.token_urlsafe(32), known.id if known else uuid4()
        row = {
            "id": device_id, "dossier": dossier, "digest": _digest(token), "label": client.label, "now": now,
            "old": now - self._life,
        }  # fmt: skip
        with self._store.transaction(dossier) as connection:
            connection.execute(_FORGET_OLD, row)
            connection.execute(_TOUCH if known else _ADD, row)
        if known:
            return device_id, cookie, False
        return device_id, _SEPARATOR.join([token, *_tokens(cookie)][: self._most]), True

    def all_of(self, dossier: UUID) -> list[Device]:
        """The holder's devices, the latest used first."""
        row = {"dossier": dossier, "since": self._clock() - self._life}
        with self._store.transaction(dossier) as connection:
            return [Device(*found) for found in connection.execute(_LIST, row)]

    def forget(self, dossier: UUID, device_id: UUID) -> None:
        """Forget one device of this holder. Raises NotFound when there is no such device."""
        with self._store.transaction(dossier) as connection:
            done = connection.execute(_FORGET, {"dossier": dossier, "id": device_id})
        if not done.rowcount:
            raise NotFound("Cet appareil n’est plus dans votre liste : actualisez la page.")

    def _digests(self, cookie: str) -> list[bytes]:
        return [_digest(token) for token in _tokens(cookie)[: self._most]]


def _tokens(cookie: str) -> list[str]:
    return [token for token in cookie.split(_SEPARATOR) if _TOKEN.fullmatch(token)]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


_KNOWN = text("""
SELECT id, label, first_at, last_at FROM enrolment.device
WHERE dossier_id = :dossier AND token_sha256 = ANY(CAST(:digests AS bytea[])) AND last_at > :since
ORDER BY last_at DESC
""")

_LIST = text("""
SELECT id, label, first_at, last_at FROM enrolment.device WHERE dossier_id = :dossier AND last_at > :since
ORDER BY last_at DESC
""")

_ADD = text("""
INSERT INTO enrolment.device (id, dossier_id, token_sha256, label, first_at, last_at)
VALUES (:id, :dossier, :digest, :label, :now, :now)
""")

_TOUCH = text("UPDATE enrolment.device SET last_at = :now, label = :label WHERE dossier_id = :dossier AND id = :id")

_FORGET = text("DELETE FROM enrolment.device WHERE dossier_id = :dossier AND id = :id")

_FORGET_OLD = text("DELETE FROM enrolment.device WHERE dossier_id = :dossier AND last_at <= :old")
