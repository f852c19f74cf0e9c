"""Sessions of mon-dmp: kept here, known to the browser by a random token alone (RECORD section 4, rows 16 and 17).

Only the SHA-256 of a token is stored, and what a session remembers is sealed under a key derived from the token itself:
whoever reads the database, or has the portal's keys, reads neither.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, text

from dmp_core.clock import Clock
from dmp_core.errors import WrongState
from dmp_core.holder.accounts import NOBODY
from dmp_core.holder.client import Client
from dmp_core.holder.limits import Limits
from dmp_core.holder.store import HolderStore, bind

__all__ = ["SIGNED_IN", "Client", "Ending", "Session", "Sessions", "Stage"]

TOKEN_BYTES = 32
_TIDY_EVERY = 200
_SEAL = b"dmp/session/data/1"
_NONCE = 12


class Stage(StrEnum):
    """How far a visitor has come."""

    IDENTIFIED = "identified"
    """Step 1 of the creation passed: NIR, code and serial were right. No dossier yet."""
    CREATED = "created"
    """Step 3: the dossier was just opened."""
    CODE = "code"
    """Password given, one-time code awaited."""
    PASSWORD_CHANGE = "password_change"  # noqa: S105 - a stage
    """Signed in with an initial password: it must be replaced before anything else."""
    RECOVERY = "recovery"
    """On the way back in: password forgotten, or channel lost."""
    OPEN = "open"
    """Signed in."""
    CHOOSING = "choosing"
    """A representative who signed in, and has not chosen whose DMP to open."""
    REPRESENTING = "representing"
    """A representative, in the DMP of somebody they act for."""


SIGNED_IN = frozenset({Stage.OPEN, Stage.CHOOSING, Stage.REPRESENTING})
"""Stages of who proved everything that was asked of them."""


class Ending(StrEnum):
    """How a connection ended, as the holder reads it in "mes connexions"."""

    SIGNED_OUT = "signed_out"
    EXPIRED = "expired"
    ELSEWHERE = "signed_out_elsewhere"
    PASSWORD = "password_changed"  # noqa: S105 - an ending
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Session:
    """A live session. `data` is what its stage must remember; it may hold a secret (see the module)."""

    id: UUID
    stage: Stage
    dossier_id: UUID | None
    """Whose account it is: a holder's dossier, or a representative's own id (migration 0023)."""
    caisse: str | None
    person_id: int | None
    data: Mapping[str, Any] = field(repr=False)
    token: str = field(repr=False)
    began_at: datetime
    seen_at: datetime
    representing: UUID | None = None
    """The dossier that a representative chose; nobody else has one."""


class Sessions:
    """Begins, finds, moves on and ends sessions."""

    def __init__(self, store: HolderStore, clock: Clock, limits: Limits | None = None) -> None:
        self._store = store
        self._clock = clock
        limits = limits or Limits()
        self._begun = count(1)
        self._life = {"idle": limits.session_idle, "whole": limits.session_whole}

    def begin(
        self,
        stage: Stage,
        *,
        client: Client,
        dossier: UUID | None = None,
        person: tuple[str, int] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> str:
        """A new session; return its token, 256 bits in URL-safe base64, for the cookie alone.

        `person` is (caisse, person_id) while there is no dossier; `data` must be JSON.
        """
        token, id_ = secrets.token_urlsafe(TOKEN_BYTES), uuid4()
        caisse, person_id = person or (None, None)
        row = {
            "id": id_, "digest": _digest(token), "stage": stage, "dossier": dossier, "caisse": caisse,
            "person": person_id, "data": _seal(token, data or {}), "address": client.shortened_address,
            "label": client.label, "now": self._clock(),
        }  # fmt: skip
        # Bound to nobody's dossier without one: on the way back in, both take as long.
        with self._store.transaction(dossier or NOBODY) as connection:
            connection.execute(_BEGIN, row)
        if next(self._begun) % _TIDY_EVERY == 0:
            self.tidy()
        return token

    def find(self, token: str) -> Session | None:
        """The session of this token, seen now; None when there is none, or when it is over by time."""
        with self._store.transaction() as connection:
            row = connection.execute(
                _FIND, {"digest": _digest(token), "now": self._clock(), **self._life}
            ).one_or_none()
        if row is None:
            return None
        return Session(
            row.id, Stage(row.stage), row.dossier_id, row.caisse, row.person_id, _unseal(token, row.data), token,
            row.began_at, row.seen_at, row.representing,
        )  # fmt: skip

    def advance(
        self,
        session: Session,
        stage: Stage,
        *,
        dossier: UUID | None = None,
        data: Mapping[str, Any] | None = None,
        connection: Connection | None = None,
        representing: UUID | None = None,
    ) -> str:
        """Move the session on under a new token, which is returned; the old one is dead. `data` None keeps the data.

        With `connection` it happens in that transaction, or not at all. Raises WrongState when the session has ended or
        moved on meanwhile (a double click, a second tab), or when its representative does not act for `representing`.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        row = {
            "digest": _digest(session.token), "new": _digest(token), "stage": stage, "dossier": dossier,
            "data": _seal(token, session.data if data is None else data), "now": self._clock(),
            "anew": stage in SIGNED_IN and session.stage not in SIGNED_IN, "chosen": representing,
        }  # fmt: skip
        own: AbstractContextManager[Connection] = (
            self._store.transaction() if connection is None else nullcontext(connection)
        )
        with own as where:
            moved = where.scalar(_ADVANCE, row)
        if not moved:
            raise WrongState(
                "Cette étape a déjà été faite ou votre session est terminée : recommencez depuis le début."
            )
        return token

    def end(self, session: Session, ending: Ending = Ending.SIGNED_OUT) -> None:
        """End the session at once: its token finds nothing any more. Ending it twice is no error."""
        with self._store.transaction() as connection:
            connection.execute(_END, {"digest": _digest(session.token), "now": self._clock(), "how": ending})

    def end_all(
        self,
        dossier: UUID,
        *,
        but: Session | None = None,
        ending: Ending = Ending.ELSEWHERE,
        connection: Connection | None = None,
    ) -> int:
        """End every session of a dossier but one, at whatever stage, and every mobile application; how many were ended."""
        row = {"dossier": dossier, "but": but.id if but else None, "now": self._clock(), "how": ending, **self._life}
        own: AbstractContextManager[Connection] = (
            self._store.transaction(dossier) if connection is None else nullcontext(connection)
        )
        with own as where:
            bind(where, dossier)
            return int(where.scalar(_END_ALL, row) or 0)

    def tidy(self) -> int:
        """Delete at most a thousand sessions that are over by time; how many. Done by itself every 200 sessions."""
        with self._store.transaction() as connection:
            return int(connection.scalar(_TIDY, {"now": self._clock(), **self._life}) or 0)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _key(token: str) -> bytes:
    return hmac.digest(token.encode(), _SEAL, "sha256")


def _seal(token: str, data: Mapping[str, Any]) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(_key(token)).encrypt(nonce, json.dumps(dict(data)).encode(), None)


def _unseal(token: str, sealed: bytes) -> dict[str, Any]:
    data = json.loads(AESGCM(_key(token)).decrypt(sealed[:_NONCE], sealed[_NONCE:], None))
    assert isinstance(data, dict)
    return data


_BEGIN = text("""
INSERT INTO enrolment.session (id, token_sha256, stage, dossier_id, caisse, person_id, data, address, device_label,
    began_at, seen_at)
VALUES (:id, :digest, :stage, :dossier, :caisse, :person, :data, :address, :label, :now, :now)
""")

_FIND = text("SELECT * FROM enrolment.session_of_token(:digest, :now, :idle, :whole)")

_ADVANCE = text("SELECT enrolment.advance_session(:digest, :new, :stage, :dossier, :data, :now, :anew, :chosen)")

_END = text("SELECT enrolment.end_session(:digest, :now, :how)")

# What was over by time is told so, not as ended now.
_END_ALL = text("""
WITH gone AS (
    DELETE FROM enrolment.session WHERE dossier_id = :dossier AND (CAST(:but AS uuid) IS NULL OR id <> :but)
    RETURNING id, least(seen_at + :idle, began_at + :whole) AS over
), told AS (
    UPDATE enrolment.connection c SET ended_at = greatest(c.began_at, least(gone.over, :now)),
        ending = CASE WHEN gone.over <= :now THEN 'expired' ELSE :how END
    FROM gone WHERE c.session_id = gone.id AND c.ended_at IS NULL
), apps AS (
    UPDATE enrolment.app_grant g SET ended_at = :now, ending = :how WHERE g.dossier_id = :dossier AND g.ended_at IS NULL
    RETURNING EXISTS (SELECT FROM enrolment.app_token t
        WHERE t.grant_id = g.id AND t.until > :now AND t.used_at IS NULL) AS live
)
SELECT (SELECT count(*) FROM gone WHERE over > :now) + (SELECT count(*) FROM apps WHERE live)
""")

_TIDY = text("SELECT enrolment.end_old_sessions(:now, :idle, :whole)")
