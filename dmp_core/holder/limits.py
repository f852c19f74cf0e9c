"""How often, how long, how many: every limit of the holder's access, in one place (docs/security-of-access.md).

Sources: RECORD section 4, that is NIST SP 800-63B, OWASP ASVS 5.0 chapters 2, 6 and 7, CNIL 2017-012.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Lockout:
    """`tries` failures in a row close a lane for `block`; each further `tries` close it for twice as long.

    A success clears the lane. Without one, failures and blocks are forgotten `forget` after the last failure or the end
    of the last block: long enough that waiting for it never gives more tries than going on (docs, "Cost of guessing").
    """

    tries: int
    block: timedelta
    longest: timedelta
    forget: timedelta


@dataclass(frozen=True, slots=True)
class Budget:
    """`tries` failures in a window of fixed length, begun by the first of them; a success gives only its own back."""

    tries: int
    window: timedelta


Rule = Lockout | Budget

_SUBJECT = Lockout(
    tries=5, block=timedelta(minutes=30), longest=timedelta(hours=24), forget=timedelta(days=7)
)  # fmt: skip
_SECOND = Lockout(
    tries=5, block=timedelta(minutes=30), longest=timedelta(days=7), forget=timedelta(days=30)
)  # fmt: skip
"""A one-time code has 20 bits alone: fewer than a hundred tries in two months (NIST SP 800-63B, 100 in a row)."""
_SENDS = Lockout(tries=5, block=timedelta(minutes=15), longest=timedelta(minutes=15), forget=timedelta(minutes=15))

RULES: Mapping[str, Rule] = MappingProxyType({
    # Subjects: who is attacked, wherever the attack comes from.
    "nir": _SUBJECT,
    "code": _SUBJECT,
    "login": _SUBJECT,
    "recovery": _SUBJECT,
    "one-time": _SECOND,
    "password": _SUBJECT,
    # Lanes of their own, which an attack on the subject from elsewhere leaves open.
    "device": _SUBJECT,
    "one-time-device": _SECOND,
    "fresh-code": _SUBJECT,
    "issue": Budget(tries=100, window=timedelta(days=70)),
    # One session's tries of its one-time code, however often it is sent again.
    "session": Lockout(
        tries=3, block=timedelta(hours=1), longest=timedelta(hours=1), forget=timedelta(hours=1)
    ),
    # Whoever asks, whomever about.
    "address": Budget(tries=60, window=timedelta(hours=1)),
    "total": Budget(tries=20_000, window=timedelta(hours=1)),
    # Messages: each one sent counts, none is given back.
    "send-account": _SENDS,
    "send-contact": _SENDS,
})  # fmt: skip
"""By scope of a lane. Two windows of a Budget may meet: twice its tries can fall into one stretch of its length."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings of one portal; the defaults are those of the documentation."""

    rules: Mapping[str, Rule] = field(default_factory=lambda: RULES)
    session_idle: timedelta = timedelta(minutes=15)
    session_whole: timedelta = timedelta(hours=1)
    """Counted from the beginning, and again from the moment the holder has fully signed in."""
    device_life: timedelta = timedelta(days=395)
    """Thirteen months after the last sign-in (CNIL 2013-378, life of a cookie)."""
    devices_in_cookie: int = 5
    """Holders who may share one browser."""
    one_time_life: timedelta = timedelta(minutes=10)
    one_time_digits: int = 6
    resend_wait: timedelta = timedelta(seconds=30)
    connections_kept: timedelta = timedelta(days=365)
    app_code_life: timedelta = timedelta(minutes=1)
    """From the holder's consent to the application's first tokens (RFC 6749, 4.1.2: ten minutes at most)."""
    app_access_life: timedelta = timedelta(minutes=10)
    app_refresh_life: timedelta = timedelta(days=30)
    """Without being used: each use gives another, for as long."""
    app_seen_every: timedelta = timedelta(minutes=1)
    """How fresh "last used" is: not one write for each request."""
    password_shortest: int = 8
    password_longest: int = 128
