"""The session of a member of staff: on the server, in Valkey/Redis; the cookie holds a random name for it, no more.

Limits: 30 minutes without the person doing anything, 10 hours in all; every few minutes the directory is asked
whether the person still has their role (docs/decisions/0006-sign-in.md).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec
from flask import Flask, flash, session
from flask.sessions import SessionMixin
from flask.wrappers import Request, Response
from flask_session.base import Serializer, ServerSideSession
from flask_session.redis.redis import RedisSession, RedisSessionInterface
from redis import Redis
from redis.exceptions import RedisError

from backoffice.core.actor import EMERGENCY_LOGIN, Actor, Role
from backoffice.core.clock import Clock
from backoffice.core.errors import NotAllowed, Unavailable

COOKIE: Final = "caisse_session"
STORE_DOWN: Final = "Les sessions sont momentanément indisponibles. Réessayez dans quelques minutes."
EXPIRED: Final = "Votre session a expiré. Reconnectez-vous pour continuer."
WITHDRAWN: Final = (
    "Votre habilitation a changé dans l’annuaire. Reconnectez-vous, ou adressez-vous à votre superviseur."
)
STATIC_PREFIX: Final = "/statique"
_PERSON: Final = "personne"
_TOUCH: Final = timedelta(seconds=30)
_RETRY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts."""

    idle: timedelta = timedelta(minutes=30)
    """Without a request of the person's own; pages that refresh by themselves do not count."""
    absolute: timedelta = timedelta(hours=10)
    """Since the password was given: a working day."""
    recheck: timedelta = timedelta(minutes=5)
    """How long a role that the directory has withdrawn may still serve."""
    grace: timedelta = timedelta(minutes=30)
    """How long a session lives on while the directory cannot be asked."""


class Person(msgspec.Struct):
    """What a session knows; times are UNIX seconds."""

    login: str
    name: str
    roles: list[str]
    caisses: list[str]
    since: float
    seen: float
    checked: float
    tried: float
    rights: int = 0
    """Which state of the map of groups to roles gave these roles."""

    def actor(self) -> Actor:
        """The actor as the rules want one."""
        return Actor(self.login, self.name, frozenset(map(Role, self.roles)), frozenset(self.caisses))


class StaffDirectory(Protocol):
    """What the web asks of a directory; backoffice.adapters.directory.Directory is one."""

    can_lookup: bool

    def sign_in(self, login: str, password: str) -> Actor:
        """The person of this login and password; raises NotAllowed or Unavailable."""

    def lookup(self, login: str) -> Actor:
        """The person as the directory has them now; raises NotAllowed or Unavailable."""


Rights = Callable[[], int | None]
"""Numbers the state of the map of groups to roles: another number, and the directory is asked at once. None: unknown."""


class StaffSessions:
    """Begins, reads and ends the session of the request in hand."""

    def __init__(
        self, app: Flask, directory: StaffDirectory, limits: SessionLimits, clock: Clock, rights: Rights
    ) -> None:
        self._app = app
        self._directory = directory
        self._limits = limits
        self._clock = clock
        self._rights = rights

    def begin(self, actor: Actor) -> None:
        """Sign in: whatever the session was before, its name and content are new (no fixation)."""
        now, rights = self._clock().timestamp(), self._rights() or 0
        session.clear()
        _keep(Person(actor.login, actor.name, sorted(actor.roles), sorted(actor.caisses), now, now, now, now, rights))
        self._interface.regenerate(session)

    def end(self) -> None:
        """Sign out: the session is gone from the server, wherever its cookie may lie."""
        self._interface.forget(session)
        session.clear()

    def actor(self, *, background: bool) -> Actor | None:
        """Who is signed in and still may be, or None. Raises Unavailable when sessions cannot be read."""
        if isinstance(session, StaffSession) and session.unreadable:
            raise Unavailable(STORE_DOWN)
        kept = session.get(_PERSON)
        if kept is None:
            return None
        person = msgspec.convert(kept, Person)
        now = self._clock()
        if self._over(person, now):
            self._close(EXPIRED)
            return None
        # A page that refreshes by itself keeps nobody here, and shows a leaver nothing either.
        if not self._still_entitled(person, now):
            self._close(WITHDRAWN)
            return None
        if background:
            return person.actor()
        if now - _instant(person.seen, now) >= _TOUCH:
            person.seen = now.timestamp()
            _keep(person)
        return person.actor()

    def _close(self, why: str) -> None:
        self.end()
        flash(why, "wait")

    @property
    def _interface(self) -> "StaffSessionInterface":
        interface = self._app.session_interface
        assert isinstance(interface, StaffSessionInterface)
        return interface

    def _over(self, person: Person, now: datetime) -> bool:
        idle, life = now - _instant(person.seen, now), now - _instant(person.since, now)
        return not (timedelta() <= idle < self._limits.idle and timedelta() <= life < self._limits.absolute)

    def _still_entitled(self, person: Person, now: datetime) -> bool:
        rights = self._rights()
        if rights is not None and rights != person.rights:
            # Roles given under another map do not wait for the next look; who cannot be looked up signs in anew.
            return self._can_lookup(person) and self._recheck(person, now, rights)
        if person.login == EMERGENCY_LOGIN:
            return self._recheck(person, now, rights)  # closed means closed: at the next page
        return now - _instant(person.checked, now) < self._limits.recheck or self._recheck(person, now, rights)

    def _can_lookup(self, person: Person) -> bool:
        return self._directory.can_lookup or person.login == EMERGENCY_LOGIN

    def _recheck(self, person: Person, now: datetime, rights: int | None) -> bool:
        """Ask the directory again. False when the person is no longer entitled to anything."""
        if not self._can_lookup(person):
            return True
        checked = now - _instant(person.checked, now)
        if person.tried > person.checked and now - _instant(person.tried, now) < _RETRY:
            return True  # it was down a moment ago: nobody waits for it at every page
        try:
            actor = self._directory.lookup(person.login)
        except Unavailable:
            if checked >= self._limits.grace:
                raise
            person.tried = now.timestamp()
        except NotAllowed:
            return False
        else:
            person.name, person.roles, person.caisses = actor.name, sorted(actor.roles), sorted(actor.caisses)
            person.checked = person.tried = now.timestamp()
            person.rights = person.rights if rights is None else rights
        _keep(person)
        return True


def _keep(person: Person) -> None:
    session[_PERSON] = msgspec.to_builtins(person)


def _instant(seconds: float, now: datetime) -> datetime:
    return datetime.fromtimestamp(seconds, now.tzinfo)


def install(app: Flask, redis: Redis, limits: SessionLimits, *, https: bool) -> None:
    """Give the application its sessions. Over https the cookie is a `__Host-` one: no other host can set it."""
    app.config.update(
        SESSION_COOKIE_NAME=f"__Host-{COOKIE}" if https else COOKIE,
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_DOMAIN=None,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=limits.idle + 2 * _TOUCH,
    )
    app.session_interface = StaffSessionInterface(app, redis)


class StaffSession(RedisSession):  # type: ignore[misc]  # Flask-Session is untyped
    """A session, and how it came about."""

    stored: bool = False
    """Read from the server, not made by this request."""
    unreadable: bool = False
    """The server did not answer."""
    sid: str


class StaffSessionInterface(RedisSessionInterface):  # type: ignore[misc]
    """Flask-Session's, with four things put right.

    Sessions are never unpickled: whoever writes to Valkey must not run code here. The server keeps a digest of the
    cookie's value, so that reading Valkey gives nobody a session. A session that was ended while another request
    still held it does not come back when that request ends. A server that is down is one clear page.
    """

    session_class = StaffSession

    def __init__(self, app: Flask, redis: Redis) -> None:
        super().__init__(app, redis, key_prefix="caisse:session:", permanent=False, sid_length=32)
        self.serializer = _Msgpack()

    def open_session(self, app: Flask, request: Request) -> ServerSideSession:  # noqa: D102
        if request.path.startswith(STATIC_PREFIX):
            return StaffSession(sid="")  # style sheets belong to nobody, and an error page needs them too
        try:
            found: StaffSession = super().open_session(app, request)
        except RedisError:
            found = StaffSession(sid="")
            found.unreadable = True
            return found
        found.stored = bool(found)
        return found

    def save_session(self, app: Flask, session: StaffSession, response: Response) -> None:  # noqa: D102
        if isinstance(session, StaffSession) and session.unreadable:
            return
        try:
            super().save_session(app, session, response)
        except RedisError:
            session.unreadable = True  # the page that says so must not try again
            raise

    def regenerate(self, session: SessionMixin) -> None:  # noqa: D102
        super().regenerate(session)
        if isinstance(session, StaffSession):
            session.stored = False

    def forget(self, session: SessionMixin) -> None:
        """Remove the session from the server at once; what the request says after that goes into a new one."""
        if isinstance(session, StaffSession) and not session.unreadable:
            self._delete_session(self._get_store_id(session.sid))
            session.sid = self._generate_sid(self.sid_length)
            session.stored = False

    def _get_store_id(self, sid: str) -> str:
        return f"{self.key_prefix}{hashlib.sha256(sid.encode()).hexdigest()}"

    def _upsert_session(self, session_lifetime: timedelta, session: StaffSession, store_id: str) -> None:
        content = self.serializer.encode(session)
        self.client.set(store_id, content, ex=int(session_lifetime.total_seconds()), xx=session.stored)


class _Msgpack(Serializer):  # type: ignore[misc]
    """MessagePack and nothing else; what cannot be read is no session."""

    def encode(self, session: ServerSideSession) -> bytes:
        return msgspec.msgpack.encode(dict(session))

    def decode(self, serialized_data: bytes) -> dict[str, Any] | None:
        try:
            return msgspec.msgpack.decode(serialized_data, type=dict[str, Any])
        except msgspec.DecodeError:
            return None
