"""Counting attempts: who may still try, and from when again. Subjects before addresses (RECORD section 4, rows 2-4, 27).

A lane is one counter: what is attacked (a NIR, a login), or where it comes from. Each attempt is counted as a failure in
every lane of its own before anything is compared, in a transaction of its own, and given back when it succeeds: a crash,
or a hundred attempts at once, never make one more try than the rule allows. Subjects are stored only as keyed hashes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from itertools import count
from typing import NoReturn

from sqlalchemy import Connection, text

from dmp_core.clock import PARIS, Clock
from dmp_core.errors import DmpError, WrongState
from dmp_core.holder.limits import Budget, Limits, Lockout, Rule
from dmp_core.holder.store import HolderStore
from dmp_core.storage.keyring import Keyring

_PURPOSE = b"dmp/attempt/1"
_TIDY_EVERY = 500
_ORDER = ("total", "address")
"""Taken last, in the reverse of this order: the lane that everybody shares is held for the shortest time."""


class TooMany(WrongState):
    """Too many attempts; `retry_at` (UTC) is when the next one will be looked at."""

    def __init__(
        self, retry_at: datetime, now: datetime, what: str = "Trop d’essais ont échoué : par sécurité, réessayez"
    ) -> None:
        super().__init__(f"{what} {_moment(retry_at, now)}.")
        self.retry_at = retry_at


@dataclass(frozen=True, slots=True)
class Fresh:
    """The lane of whoever holds a code issued after the attack on their NIR began (nobody can lock them out)."""

    issue: str
    """The issue of the person's live code; any constant when there is none, so that both do the same work."""
    issued_at: datetime | None
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lane:
    """One counter."""

    scope: str
    """A key of `Limits.rules`."""
    subject: str = field(repr=False)
    fresh: Fresh | None = None
    """When given, a block of this lane does not stop the attempt: it goes on in lanes of its own, see `Attempt`."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one lane."""

    failures: int
    blocks: int
    """Blocks since the last success."""
    began_at: datetime
    """First failure (Lockout), or beginning of the window (Budget)."""
    attacked_at: datetime | None
    """When the first of these blocks began."""
    blocked_until: datetime | None
    forget_at: datetime

    @classmethod
    def new(cls, now: datetime) -> "State":
        """Of a lane in which nothing has happened."""
        return cls(0, 0, now, None, None, now)

    def retry_at(self, now: datetime) -> datetime | None:
        """When the lane opens again; None when it is open."""
        return self.blocked_until if self.blocked_until is not None and self.blocked_until > now else None


def failed(state: State, rule: Rule, now: datetime) -> State:
    """The lane after one more failure, counted while it is open."""
    if state.forget_at <= now:
        state = State.new(now)
    failures = state.failures + 1
    if isinstance(rule, Budget):
        end = state.began_at + rule.window
        return replace(state, failures=failures, forget_at=end, blocked_until=end if failures >= rule.tries else None)
    if failures < rule.tries:
        return replace(state, failures=failures, blocked_until=None, forget_at=now + rule.forget)
    until = now + min(rule.block * 2 ** min(state.blocks, 16), rule.longest)
    return State(0, state.blocks + 1, state.began_at, state.attacked_at or now, until, until + rule.forget)


def given_back(state: State, rule: Rule, now: datetime) -> State:
    """The lane after a success: a Lockout begins anew, a Budget takes back the one failure counted in advance."""
    if isinstance(rule, Lockout):
        return State.new(now)
    return replace(state, failures=max(0, state.failures - 1), blocked_until=None)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt already counted as failed; say `succeeded()`, or `refuse(...)`, and never both."""

    _guard: "Guard" = field(repr=False)
    _lanes: Sequence[Lane]
    hidden_block: TooMany | None = None
    """The block of a lane with a `Fresh`, which was passed by."""
    admits: bool = True
    """False when nothing given can be accepted: the lane is blocked and there is no code fresher than the attack."""

    def succeeded(self) -> None:
        """Give the attempt back, and clear the lanes of its subjects."""
        self._guard.give_back(self._lanes)

    def refuse(self, reason: DmpError) -> NoReturn:
        """Raise `reason`, or the block that was passed by: whoever attacks sees no difference but the block."""
        raise self.hidden_block or reason


class Guard:
    """Lets attempts through, or not yet."""

    def __init__(self, store: HolderStore, keyring: Keyring, clock: Clock, limits: Limits | None = None) -> None:
        self._store = store
        self._clock = clock
        self._rules = (limits or Limits()).rules
        self._digest = keyring.hasher(_PURPOSE)
        self._attempts = count(1)

    def attempt(self, lanes: Iterable[Lane]) -> Attempt:
        """Count one more attempt in every lane.

        Raises TooMany when one of them is closed; the attempt is then counted in none, so that nobody can keep a lane
        closed by knocking. A closed lane with a `Fresh` raises nothing: see `Attempt.admits` and `Attempt.refuse`.
        """
        ordinary = list(lanes)
        own = [lane for asked in ordinary if asked.fresh is not None for lane in _own_lanes(asked, asked.fresh)]
        with self._store.transaction() as connection:
            states = self._take(connection, [*ordinary, *own])
            # Read once the locks are held: whoever waited may now be late, or early no more.
            now = self._clock()
            passed = [x for x in ordinary if x.fresh is not None and states[x].retry_at(now) is not None]
            hidden, admits = None, True
            for lane in passed:
                hidden = TooMany(states[lane].blocked_until or now, now)
                admits = admits and _after(lane.fresh, states[lane].attacked_at)
            closed = [at for x in ordinary if x not in passed and (at := states[x].retry_at(now)) is not None]
            counted = [x for x in ordinary if x not in passed]
            if passed and all(states[x].retry_at(now) is None for x in own):
                counted += own
            elif passed:
                admits = False
            if not closed:
                self._put(connection, {x: failed(states[x], self._rules[x.scope], now) for x in counted})
        if next(self._attempts) % _TIDY_EVERY == 0:
            self.tidy()
        if closed:
            raise TooMany(max(closed), now)
        return Attempt(self, tuple(counted), hidden, admits)

    def give_back(self, lanes: Sequence[Lane]) -> None:
        """See `Attempt.succeeded`."""
        with self._store.transaction() as connection:
            states = self._take(connection, lanes)
            now = self._clock()
            self._put(connection, {x: given_back(states[x], self._rules[x.scope], now) for x in lanes})

    def left(self, lane: Lane) -> int:
        """How many tries a lane of a Lockout still gives before it closes; 0 while it is closed."""
        now = self._clock()
        with self._store.transaction() as connection:
            state = self._take(connection, [lane])[lane]
        return 0 if state.retry_at(now) else self._rules[lane.scope].tries - state.failures

    def tidy(self) -> int:
        """Delete at most a thousand lanes that no longer count; how many. Done by itself every 500 attempts."""
        with self._store.transaction() as connection:
            return connection.execute(_TIDY, {"now": self._clock()}).rowcount

    def _take(self, connection: Connection, lanes: Sequence[Lane]) -> dict[Lane, State]:
        """The lanes' states, locked until the transaction ends, always in one order."""
        now = self._clock()
        by_digest = {self._key(lane): lane for lane in sorted(lanes, key=self._rank)}
        rows = connection.execute(
            _TAKE,
            {"lanes": list(by_digest), "scopes": [x.scope for x in by_digest.values()], "now": now},
        )  # fmt: skip
        found = {}
        for row in rows:
            state = State(row.failures, row.blocks, row.began_at, row.attacked_at, row.blocked_until, row.forget_at)
            found[by_digest[row.lane]] = State.new(now) if state.forget_at <= now else state
        return found

    def _put(self, connection: Connection, states: dict[Lane, State]) -> None:
        if states:
            rows = [
                {
                    "lane": self._key(lane), "failures": s.failures, "blocks": s.blocks, "began": s.began_at,
                    "attacked": s.attacked_at, "until": s.blocked_until, "forget": s.forget_at,
                }
                for lane, s in states.items()
            ]  # fmt: skip
            connection.execute(_PUT, rows)

    def _key(self, lane: Lane) -> bytes:
        return self._digest(f"\0{lane.scope}\0{lane.subject}".encode())

    def _rank(self, lane: Lane) -> tuple[int, bytes]:
        return (-_ORDER.index(lane.scope) if lane.scope in _ORDER else -len(_ORDER), self._key(lane))


def network(address: str) -> str:
    """What an address counts as: an IPv4 address itself, an IPv6 address its /64, which one subscriber holds whole."""
    try:
        read = ip_address(address)
    except ValueError:
        return "inconnue"
    if isinstance(read, IPv6Address):
        if read.ipv4_mapped is not None:
            return str(read.ipv4_mapped)
        return f"{IPv6Address(int(read) >> 64 << 64)}/64"
    return str(read)


def strangers(address: str, door: str) -> list[Lane]:
    """The lanes of whoever is not known yet: where they come from, and all that is tried at this door."""
    return [Lane("address", f"{door}/{network(address)}"), Lane("total", door)]


def code_lanes(nir: str, code: str, address: str, issue: str, issued_at: datetime | None) -> list[Lane]:
    """The lanes of NIR + serial + code (creation, and access by a code sent by post), the same for both.

    `nir` and `code` normalised; `issue` and `issued_at` of the person's live code, "none" and None without one.
    """
    fresh = Fresh(issue, issued_at, network(address))
    return [Lane("nir", nir, fresh), Lane("code", code), *strangers(address, "code")]


def _own_lanes(lane: Lane, fresh: Fresh) -> list[Lane]:
    return [
        Lane("fresh-code", f"{lane.subject}/{fresh.issue}/{fresh.address}"),
        Lane("issue", f"{lane.subject}/{fresh.issue}"),
    ]


def _after(fresh: Fresh | None, attacked_at: datetime | None) -> bool:
    return fresh is not None and fresh.issued_at is not None and (attacked_at is None or fresh.issued_at > attacked_at)


def _moment(at: datetime, now: datetime) -> str:
    """ "dans 12 minutes", "à partir de 14 h 05", "à partir du 3 mai à 14 h 05", in Paris."""
    minutes = -(-(at - now) // timedelta(minutes=1))
    if minutes <= 60:
        return "dans une minute" if minutes <= 1 else f"dans {minutes} minutes"
    there, here = at.astimezone(PARIS), now.astimezone(PARIS)
    hour = f"{there.hour} h {there.minute:02}"
    return f"à partir de {hour}" if there.date() == here.date() else f"à partir du {there:%d/%m} à {hour}"


_TAKE = text("""
INSERT INTO enrolment.attempt (lane, scope, began_at, forget_at)
SELECT w.lane, w.scope, :now, :now
FROM unnest(CAST(:lanes AS bytea[]), CAST(:scopes AS text[])) WITH ORDINALITY AS w (lane, scope, rank) ORDER BY w.rank
ON CONFLICT (lane) DO UPDATE SET scope = EXCLUDED.scope
RETURNING lane, failures, blocks, began_at, attacked_at, blocked_until, forget_at
""")

_PUT = text("""
UPDATE enrolment.attempt SET failures = :failures, blocks = :blocks, began_at = :began, attacked_at = :attacked,
    blocked_until = :until, forget_at = :forget WHERE lane = :lane
""")

_TIDY = text("""
DELETE FROM enrolment.attempt WHERE lane IN (
    SELECT lane FROM enrolment.attempt WHERE forget_at <= :now LIMIT 1000 FOR UPDATE SKIP LOCKED)
""")
