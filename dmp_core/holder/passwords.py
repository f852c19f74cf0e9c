"""The holder's password: which are refused, how one is set, and whether the one typed is right.

NIST SP 800-63B-4 and ASVS 5.0 chapter 6.2: at least 8 characters, long ones welcome, any character, no rule of
composition; refused is what everybody chooses and what is known of this very person. The one-time code that follows each
password is what CNIL 2017-012 calls additional information.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, text
from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]

from dmp_core.enrolment.credentials import hash_password, needs_rehash, verify_password
from dmp_core.errors import Invalid
from dmp_core.holder.accounts import NOBODY, Holder
from dmp_core.holder.limits import Limits
from dmp_core.holder.store import HolderStore

LONGEST_TYPED: Final = 1024
"""What is longer than this is nobody's password and is not hashed."""

_ROWS: Final = ("azertyuiopqsdfghjklmwxcvbn", "qwertyuiopasdfghjklzxcvbnm", "abcdefghijklmnopqrstuvwxyz", "01234567890")
_OURS: Final = (
    "mondossiermedicalpartage",
    "dossiermedicalpartage",
    "dossiermedical",
    "mondmp",
    "dmp",
    "ameli",
    "vitale",
)
_ENDS: Final = re.compile(r"^[^a-z]+|[^a-z]+$")


class Verdict(StrEnum):
    """What a typed password is."""

    RIGHT = "right"
    INITIAL = "initial"
    """The initial password, still good for its one sign-in."""
    SPENT = "spent"
    """The initial password, used or older than seven days."""
    WRONG = "wrong"


def check_new(password: str, holder: Holder, limits: Limits | None = None) -> str:
    """The password as it will be kept (NFKC). Raises Invalid with one French sentence that says what to change."""
    limits = limits or Limits()
    kept = unicodedata.normalize("NFKC", password)
    if len(kept) < limits.password_shortest:
        raise Invalid(
            f"Choisissez un mot de passe d’au moins {limits.password_shortest} caractères : une phrase courte convient."
        )
    if len(kept) > limits.password_longest:
        raise Invalid(f"Choisissez un mot de passe de {limits.password_longest} caractères au plus.")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in kept):
        raise Invalid("Le mot de passe contient un caractère qui ne peut pas être saisi au clavier : retirez-le.")
    plain = _plain(kept)
    if any(number and number in plain for number in _numbers(holder)):
        raise Invalid(
            "Le mot de passe contient votre identifiant ou un numéro qui vous désigne : choisissez-en un autre."
        )
    rest = plain
    for word in _words(holder):
        rest = rest.replace(word, "")
    if rest != plain and (len(rest) < limits.password_shortest or _common(rest)):
        raise Invalid(
            "Le mot de passe repose sur votre nom, votre date de naissance ou le nom de ce service : choisissez-en un "
            "que vos proches ne devineraient pas."
        )
    if _common(kept.casefold()) or _common(plain):
        raise Invalid("Ce mot de passe est trop courant, il serait vite deviné : choisissez-en un autre.")
    return kept


def check_password(store: HolderStore, dossier: UUID | None, typed: str, now: datetime) -> Verdict:
    """What `typed` is for this account; None, an account that is not there, takes the same work and is WRONG."""
    typed = typed[:LONGEST_TYPED].encode("utf-8", "replace").decode()
    where = dossier or NOBODY
    with store.transaction(where) as connection:
        row = connection.execute(_LIVE, {"dossier": where}).one_or_none()
    # Slow: outside of the transaction, whose connection others need.
    if not verify_password(row.hash if row else None, typed) or row is None:
        return Verdict.WRONG
    if row.initial:
        return Verdict.SPENT if row.used_at is not None or row.expires_at <= now else Verdict.INITIAL
    if needs_rehash(row.hash):
        again = hash_password(typed)
        with store.transaction(where) as connection:
            set_password(connection, where, again, now)
    return Verdict.RIGHT


def spend_initial(connection: Connection, dossier: UUID, now: datetime) -> bool:
    """The initial password has served for its one sign-in; False when it had already, or there is none."""
    return connection.execute(_SPEND, {"dossier": dossier, "now": now}).rowcount == 1


def set_password(connection: Connection, dossier: UUID, hashed: str, now: datetime) -> None:
    """End the live password, initial or not, and set another; `hashed` is of a password that `check_new` accepted."""
    connection.execute(_END, {"dossier": dossier, "now": now})
    connection.execute(_SET, {"id": uuid4(), "dossier": dossier, "hash": hashed, "now": now})


@cache
def _list() -> frozenset[str]:
    return frozenset(word.casefold() for words in FREQUENCY_LISTS.values() for word in words)


def _common(given: str) -> bool:
    core = _ENDS.sub("", given)
    known = _list()
    if given in known or (core in known and len(given) - len(core) <= 4):
        return True
    if len(set(given)) <= 2 or any(len(given) % n == 0 and given == given[:n] * (len(given) // n) for n in (2, 3, 4)):
        return True
    return any(given in run + run or given in (run + run)[::-1] for run in _ROWS)


def _plain(given: str) -> str:
    """Without case, accents nor anything but letters and digits: how a guesser tries names."""
    return "".join(c for c in unicodedata.normalize("NFKD", given.casefold()) if c.isalnum())


def _numbers(holder: Holder) -> Iterator[str]:
    yield _plain(holder.login)
    for value in holder.identifiers:
        yield _plain(value)
        yield _plain(value)[:13]


def _words(holder: Holder) -> Iterable[str]:
    """What is known of the person, the longest first so that no piece is left of one."""
    found = {_plain(part) for name in holder.names for part in (name, *re.split(r"[\s'’-]+", name))}
    year, month, day = holder.birth_date[:4], holder.birth_date[5:7], holder.birth_date[8:10]
    found |= {day + month + year, year + month + day, day + month + year[2:], year[2:] + month + day, year}
    return sorted((word for word in {*found, *_OURS} if len(word) > 2), key=lambda word: (-len(word), word))


_LIVE = text("""
SELECT hash, initial, expires_at, used_at FROM enrolment.password WHERE dossier_id = :dossier AND ended_at IS NULL
""")

_SPEND = text("""
UPDATE enrolment.password SET used_at = :now
WHERE dossier_id = :dossier AND ended_at IS NULL AND initial AND used_at IS NULL AND expires_at > :now
""")

_END = text("UPDATE enrolment.password SET ended_at = :now WHERE dossier_id = :dossier AND ended_at IS NULL")

_SET = text("""
INSERT INTO enrolment.password (id, dossier_id, hash, initial, created_at) VALUES (:id, :dossier, :hash, false, :now)
""")
