"""One-time codes: six digits by e-mail or SMS, or from the authenticator application (RECORD section 4, rows 12 and 13).

A code lives ten minutes, serves once, for one purpose of one session; a new one kills the one before. Tries are counted
by session and by account, before anything is compared, and asking for another code gives none back. It is sent at once
and stored as a keyed hash alone.
"""

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import text

from dmp_core.clock import Clock
from dmp_core.enrolment.dossiers import Contacts
from dmp_core.errors import Invalid, Unavailable, WrongState
from dmp_core.holder.accounts import NOBODY, contacts_of
from dmp_core.holder.authenticator import Authenticator
from dmp_core.holder.guard import Guard, Lane, TooMany
from dmp_core.holder.limits import Limits
from dmp_core.holder.messages import Messenger, Notice
from dmp_core.holder.sessions import Session
from dmp_core.holder.store import HolderStore
from dmp_core.storage.keyring import Keyring

_PURPOSE: Final = b"dmp/one-time-code/1"
_NOT_SENT: Final = "Le code n’a pas pu être envoyé : attendez une minute, puis demandez un nouveau code."


class Purpose(StrEnum):
    """What a one-time code lets its holder do; a code for one does nothing else."""

    SIGN_IN = "sign_in"
    RECOVERY = "recovery"
    OLD_CONTACT = "old_contact"
    """Change of a contact: the proof by the channels there are."""
    NEW_CONTACT = "new_contact"
    """Change of a contact: the proof that the new one is read."""
    CLOSING = "closing"
    AUTHENTICATOR = "authenticator"


class Channel(StrEnum):
    """How a code reaches the holder."""

    MAIL = "mail"
    SMS = "sms"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a code is to be looked for, in a form that may be shown."""

    channel: Channel
    hint: str
    """E.g. "j•••@exemple.fr" or "06 •• •• •• 12"; empty for the application."""


class WrongCode(WrongState):
    """The code typed is not the one awaited; `left` tries remain to this session."""

    def __init__(self, left: int) -> None:
        tries = "il vous reste un essai" if left == 1 else f"il vous reste {left} essais"
        super().__init__(
            f"Ce code n’est pas le bon ou n’est plus valable : vérifiez-le, {tries}."
            if left
            else "Ce code n’est pas le bon et vos essais sont épuisés : recommencez depuis le début."
        )
        self.left = left


class OneTime:
    """Sends codes and checks them."""

    def __init__(
        self, store: HolderStore, keyring: Keyring, clock: Clock, messenger: Messenger, guard: Guard,
        authenticator: Authenticator, limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._keyring = keyring
        self._clock = clock
        self._messenger = messenger
        self._guard = guard
        self._authenticator = authenticator
        self._limits = limits or Limits()
        self._digest = keyring.hasher(_PURPOSE)

    def channels(self, dossier: UUID) -> list[Channel]:
        """The channels among which the holder may choose: the application alone once it is set up."""
        if self._authenticator.is_active(dossier):
            return [Channel.APPLICATION]
        with self._store.transaction(dossier) as connection:
            contacts = contacts_of(connection)
        return [c for c, to in ((Channel.MAIL, contacts.mail), (Channel.SMS, contacts.mobile)) if to is not None]

    def send(
        self, session: UUID, dossier: UUID, purpose: Purpose, *, by: Channel | None = None, to: Contacts | None = None
    ) -> Sent:
        """Send a new code, for this session and purpose alone; the one before dies.

        `by` chooses among the account's channels (the first there is, by default); `to` sends to a contact that is not
        the account's yet, whatever application there is. Raises TooMany (resend too soon, more than 5 in 15 minutes)
        and Unavailable (not sent, said in one sentence).
        """
        if to is None and self._authenticator.is_active(dossier):
            return Sent(Channel.APPLICATION, "")
        now = self._clock()
        row = {"dossier": dossier, "purpose": purpose, "session": session, "now": now}
        with self._store.transaction(dossier) as connection:
            contacts = to or contacts_of(connection)
            last = connection.scalar(_LAST, row)
        if last is not None and (again := last + self._limits.resend_wait) > now:
            raise TooMany(again, now, "Un code vient de vous être envoyé : vous pourrez en demander un autre")
        channel, address = _choose(contacts, by)
        self.count_sending(dossier, address)
        code = f"{secrets.randbelow(10**self._limits.one_time_digits):0{self._limits.one_time_digits}}"
        row |= {
            "digest": self._digest(_message(dossier, purpose, session, code)), "key": self._keyring.current,
            "until": now + self._limits.one_time_life,
        }  # fmt: skip
        with self._store.transaction(dossier) as connection:
            connection.execute(_SEND, row)
        try:
            self._deliver(channel, address, code)
        except (Invalid, Unavailable):
            raise Unavailable(_NOT_SENT) from None  # not chained: it may tell the address
        return Sent(channel, hint(address))

    def prove(
        self, session: Session, dossier: UUID | None, purpose: Purpose, typed: str, *, device: UUID | None = None,
        sent_to_new: bool = False,
    ) -> None:  # fmt: skip
        """Return when `typed` is the code awaited, which is then used up.

        `dossier` None, somebody who is not there, takes the same work and is never right. `device`, known to the holder,
        is counted in a lane of its own. `sent_to_new`: the code went to a contact of the holder's choosing (`send(to=)`).
        Raises WrongCode, and TooMany when the tries of the session (3) or of the account (5) are spent.
        """
        where = dossier or NOBODY
        whole = (
            Lane("one-time-device", f"{where}/{device}")
            if device
            else Lane("one-time", f"{dossier or session.id}/{purpose}")
        )
        own = Lane("session", f"{session.id}/{purpose}")
        attempt = self._guard.attempt([own, whole])
        code = _digits(typed)
        application = not sent_to_new and self._authenticator.is_active(where)
        right = (
            self._authenticator.accepts(where, code)
            if application
            else self._use(where, purpose, session.id, code)
        )  # fmt: skip
        if not right:
            raise WrongCode(self._guard.left(own))
        attempt.succeeded()

    def _use(self, dossier: UUID, purpose: Purpose, session: UUID, code: str) -> bool:
        now = self._clock()
        row = {"dossier": dossier, "purpose": purpose, "now": now}
        with self._store.transaction(dossier) as connection:
            found = connection.execute(_LOCK, row).one_or_none()
            key, digest = (found.key_id, found.digest) if found else (self._keyring.current, bytes(32))
            message = _PURPOSE + _message(dossier, purpose, session, code)
            right = self._keyring.matches(key, message, digest)
            if not right or found is None or found.session_id != session or found.used_at or found.expires_at <= now:
                return False
            connection.execute(_USE, row)
        return True

    def count_sending(self, dossier: UUID, address: str) -> None:
        """One more message to this account and this contact. Raises TooMany beyond five in fifteen minutes."""
        now = self._clock()
        try:
            self._guard.attempt([Lane("send-account", str(dossier)), Lane("send-contact", address)])
        except TooMany as refusal:
            raise TooMany(
                refusal.retry_at, now, "Trop de codes ont été demandés : vous pourrez en demander un autre"
            ) from None

    def _deliver(self, channel: Channel, address: str, code: str) -> None:
        minutes = self._limits.one_time_life // timedelta(minutes=1)
        message = (
            f"{code} : votre code mon-dmp, valable {minutes} minutes. "
            "Si vous ne l'avez pas demandé, ne le donnez à personne et changez votre mot de passe."
        )
        notice = Notice(address, "Votre code de connexion à mon-dmp", message)
        if channel is Channel.MAIL:
            self._messenger.mail(notice)
        else:
            self._messenger.sms(notice)


def hint(address: str) -> str:
    """An address in a form that its owner recognises and nobody else learns anything from."""
    if "@" in address:
        name, _, domain = address.rpartition("@")
        return f"{name[:1]}•••@{domain}"
    return f"•• •• •• •• {address[-2:]}"


def _choose(contacts: Contacts, by: Channel | None) -> tuple[Channel, str]:
    there = [(c, to) for c, to in ((Channel.MAIL, contacts.mail), (Channel.SMS, contacts.mobile)) if to is not None]
    for channel, to in there:
        if by in (None, channel):
            return channel, to
    raise WrongState("Ce moyen de recevoir un code n’est pas enregistré dans votre compte : choisissez-en un autre.")


def _digits(typed: str) -> str:
    """What was typed, without the spaces that messages and hands put between the digits."""
    return "".join(c for c in unicodedata.normalize("NFKC", typed) if not c.isspace() and c != "-")[:16]


def _message(dossier: UUID, purpose: Purpose, session: UUID, code: str) -> bytes:
    return b"\0" + dossier.bytes + session.bytes + purpose.encode() + b"\0" + code.encode("utf-8", "replace")


_LAST = text("""
SELECT sent_at FROM enrolment.one_time_code
WHERE dossier_id = :dossier AND purpose = :purpose AND session_id = :session
""")

_SEND = text("""
INSERT INTO enrolment.one_time_code (dossier_id, purpose, session_id, digest, key_id, sent_at, expires_at)
VALUES (:dossier, :purpose, :session, :digest, :key, :now, :until)
ON CONFLICT (dossier_id, purpose) DO UPDATE SET session_id = EXCLUDED.session_id, digest = EXCLUDED.digest,
    key_id = EXCLUDED.key_id, sent_at = EXCLUDED.sent_at, expires_at = EXCLUDED.expires_at, used_at = NULL
""")

_LOCK = text("""
SELECT session_id, digest, key_id, expires_at, used_at FROM enrolment.one_time_code
WHERE dossier_id = :dossier AND purpose = :purpose FOR UPDATE
""")

_USE = text("UPDATE enrolment.one_time_code SET used_at = :now WHERE dossier_id = :dossier AND purpose = :purpose")
