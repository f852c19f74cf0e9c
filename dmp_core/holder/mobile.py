"""Mobile applications of a holder: let in once with PKCE, kept by tokens that turn, put out in one gesture (RFC 6749, 7636,
8252, 9700; docs/decisions/0033).

A code and a refresh token serve once. One that is given a second time was stolen, or its thief was first: everything that
came from the same consent ends at once.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, text

from dmp_core.clock import Clock
from dmp_core.errors import NotFound
from dmp_core.holder.limits import Limits
from dmp_core.holder.notices import Notices, Told
from dmp_core.holder.profile import Profile, profile_in
from dmp_core.holder.store import HolderStore, bind

READ: Final = "patient/*.read"
WRITE: Final = "patient/*.write"
OFFLINE: Final = "offline_access"
"""Stay let in without the holder: what refresh tokens are given for."""
SCOPES: Final = (READ, WRITE, OFFLINE)
"""What an application may ask for (SMART on FHIR's words)."""
_SECRET_BYTES: Final = 32


class Kind(StrEnum):
    """What a token is good for."""

    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Application:
    """An application that the house knows: without a secret, since a telephone keeps none (RFC 8252)."""

    client_id: str
    name: str
    """As the holder reads it."""
    redirect_uris: tuple[str, ...]
    """Compared as a whole; of a loopback address the port is free (RFC 8252, 7.3)."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a holder granted."""

    id: UUID
    dossier: UUID
    client_id: str
    scope: str
    redirect_uri: str
    challenge: str
    """SHA-256 of the verifier, base64url (RFC 7636, S256)."""
    granted_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A token that is good now."""

    consent: Consent
    scope: str
    digest: bytes = field(repr=False)
    holder: Profile | None = None
    """Of an access token: whose record it opens."""


class Mobile:
    """Lets applications in, and puts them out."""

    def __init__(self, store: HolderStore, clock: Clock, notices: Notices, limits: Limits | None = None) -> None:
        self._store = store
        self._clock = clock
        self._notices = notices
        self._limits = limits or Limits()

    def grant(self, dossier: UUID, application: Application, scope: str, redirect_uri: str, challenge: str) -> str:
        """The holder agrees: a code for the application, good once and for a minute. They are told on every channel."""
        code, now = secrets.token_urlsafe(_SECRET_BYTES), self._clock()
        with self._store.transaction(dossier) as connection:
            connection.execute(
                _GRANT,
                {
                    "id": uuid4(), "dossier": dossier, "client": application.client_id, "scope": scope,
                    "redirect": redirect_uri, "challenge": challenge, "digest": _digest(code),
                    "until": now + self._limits.app_code_life, "now": now,
                },
            )  # fmt: skip
            connection.execute(_FORGET_OLD, {"dossier": dossier, "old": now - self._limits.connections_kept})
        self._notices.tell(dossier, Told.MOBILE, detail=application.name)
        return code

    def take_code(self, code: str, client_id: str) -> Consent | None:
        """The consent of this code, which has served now whatever comes after; None when it is not good.

        A code that served already ends everything that came from it (RFC 6749, 4.1.2).
        """
        digest, now = _digest(code), self._clock()
        with self._store.transaction() as connection:
            if not _bind(connection, digest):
                return None
            row = connection.execute(_CODE, {"digest": digest}).one_or_none()
            if row is None or row.client_id != client_id or row.ended_at is not None:
                return None
            if row.code_used_at is not None:
                _end(connection, row.id, now, "replayed")
                return None
            connection.execute(_CODE_USED, {"id": row.id, "now": now})
            return _consent(row) if now < row.code_until else None

    def keep(self, consent: Consent, kind: Kind, token: str, scope: str) -> None:
        """A token that was drawn for this consent. Raises NotFound when the consent has ended meanwhile."""
        now = self._clock()
        life = self._limits.app_access_life if kind is Kind.ACCESS else self._limits.app_refresh_life
        with self._store.transaction(consent.dossier) as connection:
            kept = connection.execute(
                _KEEP,
                {"digest": _digest(token), "grant": consent.id, "kind": kind, "scope": scope, "now": now,
                 "until": now + life},
            ).rowcount  # fmt: skip
            connection.execute(_TIDY, {"grant": consent.id, "now": now})
        if not kept:
            raise NotFound("Cette application n’a plus accès à ce DMP.")

    def take_refresh(self, token: str, client_id: str) -> Held | None:
        """The refresh token, which has served now; None when it is not good. One that served already ends everything."""
        digest, now = _digest(token), self._clock()
        with self._store.transaction() as connection:
            row = _token(connection, digest, Kind.REFRESH, lock=True)
            if row is None or row.client_id != client_id:
                return None
            if row.used_at is not None:
                _end(connection, row.id, now, "replayed")
                return None
            connection.execute(_USED, {"digest": digest, "now": now})
            return Held(_consent(row), row.token_scope, digest) if now < row.until else None

    def bearer(self, token: str) -> Held | None:
        """The access token of a request; None when it is unknown, over or put out, or the dossier is not open."""
        digest, now = _digest(token), self._clock()
        row = self._store.ask(_BEARER, {"digest": digest, "now": now})
        if row is None:
            return None
        if now - row.seen_at >= self._limits.app_seen_every:
            with self._store.transaction(row.id) as connection:
                connection.execute(_SEEN, {"id": row.grant_id, "now": now})
        consent = Consent(
            row.grant_id, row.id, row.client_id, row.scope, row.redirect_uri, row.challenge, row.granted_at, row.seen_at
        )
        return Held(consent, row.token_scope, digest, profile_in(row))

    def of(self, dossier: UUID) -> list[Consent]:
        """The applications that are let in, the latest first."""
        with self._store.transaction(dossier) as connection:
            return [_consent(row) for row in connection.execute(_ALL, {"now": self._clock()})]

    def put_out(self, dossier: UUID, consent: UUID) -> None:
        """The holder puts an application out; its tokens are dead. Raises NotFound for one that is not there."""
        with self._store.transaction(dossier) as connection:
            if not _end(connection, consent, self._clock(), "revoked"):
                raise NotFound("Cette application n’est plus dans votre liste : actualisez la page.")

    def give_up(self, token: str, client_id: str) -> None:
        """The application ends its own access (RFC 7009); a token that nobody has is no error."""
        with self._store.transaction() as connection:
            digest = _digest(token)
            row = _token(connection, digest, Kind.REFRESH) or _token(connection, digest, Kind.ACCESS)
            if row is not None and row.client_id == client_id:
                _end(connection, row.id, self._clock(), "application")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _bind(connection: Connection, digest: bytes) -> bool:
    """Bind to the dossier of this code or token, which is open; False when there is none."""
    dossier = connection.scalar(_DOSSIER, {"digest": digest})
    if dossier is None:
        return False
    bind(connection, dossier)
    return True


def _token(connection: Connection, digest: bytes, kind: Kind, *, lock: bool = False) -> Row[tuple[object, ...]] | None:
    if not _bind(connection, digest):
        return None
    return connection.execute(_TOKEN_LOCKED if lock else _TOKEN, {"digest": digest, "kind": kind}).one_or_none()


def _end(connection: Connection, consent: UUID, now: datetime, how: str) -> bool:
    connection.execute(_FORGET, {"grant": consent})
    return bool(connection.execute(_ENDED, {"id": consent, "now": now, "how": how}).rowcount)


def _consent(row: Row[tuple[object, ...]]) -> Consent:
    return Consent(
        row.id, row.dossier_id, row.client_id, row.scope, row.redirect_uri, row.challenge, row.granted_at, row.seen_at
    )


_COLUMNS: Final = (
    "g.id, g.dossier_id, g.client_id, g.scope, g.redirect_uri, g.challenge, g.granted_at, g.seen_at, g.ended_at"
)
_BEARER: Final = b"SELECT * FROM enrolment.bearer(%(digest)s, %(now)s)"
_DOSSIER: Final = text("SELECT enrolment.dossier_of_application(:digest)")
_GRANT: Final = text(
    "INSERT INTO enrolment.app_grant (id, dossier_id, client_id, scope, redirect_uri, challenge, code_sha256, "
    "code_until, granted_at, seen_at) "
    "VALUES (:id, :dossier, :client, :scope, :redirect, :challenge, :digest, :until, :now, :now)"
)
_CODE: Final = text(
    f"SELECT {_COLUMNS}, g.code_used_at, g.code_until FROM enrolment.app_grant g "  # noqa: S608 - constants of ours
    "WHERE g.code_sha256 = :digest FOR UPDATE"
)
_CODE_USED: Final = text("UPDATE enrolment.app_grant SET code_used_at = :now WHERE id = :id")
# The grant is locked: a consent that ends meanwhile leaves no token behind.
_KEEP: Final = text(
    "INSERT INTO enrolment.app_token (token_sha256, grant_id, dossier_id, kind, scope, issued_at, until) "
    "SELECT :digest, g.id, g.dossier_id, :kind, :scope, :now, :until FROM enrolment.app_grant g "
    "WHERE g.id = :grant AND g.ended_at IS NULL FOR UPDATE"
)
# A refresh token that served is kept until it would have been over anyway, to be known if it comes back.
_TIDY: Final = text("DELETE FROM enrolment.app_token WHERE grant_id = :grant AND until <= :now")
_TOKEN: Final = text(
    f"SELECT {_COLUMNS}, t.until, t.used_at, t.scope AS token_scope FROM enrolment.app_token t "  # noqa: S608
    "JOIN enrolment.app_grant g ON g.id = t.grant_id "
    "WHERE t.token_sha256 = :digest AND t.kind = :kind AND g.ended_at IS NULL"
)
_TOKEN_LOCKED: Final = text(_TOKEN.text + " FOR UPDATE OF t, g")
_USED: Final = text("UPDATE enrolment.app_token SET used_at = :now WHERE token_sha256 = :digest")
_SEEN: Final = text("UPDATE enrolment.app_grant SET seen_at = :now WHERE id = :id")
_ALL: Final = text(
    f"SELECT {_COLUMNS} FROM enrolment.app_grant g WHERE g.ended_at IS NULL AND EXISTS "  # noqa: S608
    "(SELECT FROM enrolment.app_token t WHERE t.grant_id = g.id AND t.until > :now AND t.used_at IS NULL) "
    "ORDER BY g.granted_at DESC"
)
_FORGET: Final = text("DELETE FROM enrolment.app_token WHERE grant_id = :grant AND used_at IS NULL")
_FORGET_OLD: Final = text(
    "DELETE FROM enrolment.app_grant WHERE dossier_id = :dossier AND coalesce(ended_at, seen_at) <= :old"
)
_ENDED: Final = text(
    "UPDATE enrolment.app_grant SET ended_at = :now, ending = :how WHERE id = :id AND ended_at IS NULL"
)
