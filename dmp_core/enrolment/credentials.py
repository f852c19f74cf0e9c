"""Login ids, initial passwords, and how every password is hashed: drawing and hashing alone, no database.

The parameters of the hash are here and nowhere else (docs/decisions/0013).
"""

import secrets
import unicodedata
from datetime import timedelta
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dmp_core.enrolment.codes import AVOIDED

INITIAL_PASSWORD_LIFE: Final = timedelta(days=7)
"""An initial password dies at its first use, or after this (RECORD 4, row 10)."""

LOGIN_LETTERS: Final = "bcdfghjkmnprstvxz"
"""No vowel, so that no word appears; of l, q and w, which eyes take for 1, g and vv, none. 835 million ids."""

_DIGITS: Final = "0123456789"

_UPPER: Final = "CDFHJKMNPRTVWX"
_LOWER: Final = "dfhjnrt"
_FIGURES: Final = "346789"
PASSWORD_CHARACTERS: Final = _UPPER + _LOWER + _FIGURES
"""No vowel; of each pair that eyes confuse one or none: 0/O, 1/I/l, 2/Z, 5/S, 6/b/G, 8/B, 9/g/q, and letters that
differ by their size alone (c, k, p, v, w, x). 8 of these with all three kinds: 37.7 bits."""

PASSWORD_LENGTH: Final = 8
"""Seed: « HEd2bMiG »."""

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id, 2 passes over 19 MiB: OWASP's choice for one lane; 18 ms where it was measured (RECORD 4, row 11)."""

_NOBODY: Final = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""The hash that no password has, to spend the same time on an account that is not there."""


def draw_login() -> str:
    """Four letters and four digits; that it is nobody else's, the database says."""
    while True:
        letters = _draw(LOGIN_LETTERS, 4)
        if not any(avoided.lower() in letters for avoided in AVOIDED):
            return letters + _draw(_DIGITS, 4)


def draw_password() -> str:
    """An initial password: eight letters and digits, with a capital, a small letter and a digit at least."""
    while True:
        drawn = _draw(PASSWORD_CHARACTERS, PASSWORD_LENGTH)
        if all(set(drawn) & set(kind) for kind in (_UPPER, _LOWER, _FIGURES)) and not any(
            avoided in drawn.upper() for avoided in AVOIDED
        ):
            return drawn


def hash_password(password: str) -> str:
    """The salted slow hash to keep, in argon2's own notation; parameters and salt stand in it."""
    return _HASHER.hash(_normal(password))


def verify_password(hashed: str | None, password: str) -> bool:
    """Whether `hashed` was made of `password`; None, for an account that is not there, takes as long and is never it."""
    try:
        return _HASHER.verify(_NOBODY if hashed is None else hashed, _normal(password)) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(hashed: str) -> bool:
    """Whether `hashed` was made under other parameters than today's: hash again while the password is at hand."""
    return _HASHER.check_needs_rehash(hashed)


def _normal(password: str) -> str:
    # One keyboard writes é as one character, another as two (NIST 800-63B: normalise before hashing).
    return unicodedata.normalize("NFKC", password)


def _draw(characters: str, count: int) -> str:
    return "".join(secrets.choice(characters) for _ in range(count))
