"""Changing where one-time codes go (RECORD section 4, row 15; ASVS 5.0, 7.5.1 and 6.3.7).

The password again, then a code by the channels there are, then one by the new contact; the old contacts are told. A
contact may be withdrawn as long as another one is left, by the same steps but the last.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from dmp_core.clock import Clock
from dmp_core.enrolment.contacts import mail_address, mobile_number
from dmp_core.enrolment.dossiers import Contacts
from dmp_core.errors import Invalid, WrongState
from dmp_core.holder.accounts import contacts_of
from dmp_core.holder.notices import Notices, Told
from dmp_core.holder.one_time import Channel, OneTime, Purpose, Sent, hint
from dmp_core.holder.sessions import SIGNED_IN, Session
from dmp_core.holder.signing_in import SigningIn
from dmp_core.holder.store import HolderStore

MAIL: Final = "mail"
MOBILE: Final = "mobile"
_GONE: Final = "Ce changement n’est plus en cours : recommencez depuis votre profil."


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that is under way in this session."""

    kind: str
    """`mail` or `mobile`."""
    hint: str
    """The new contact, masked; empty when the old one is withdrawn."""
    old_proved: bool
    """Whether what is awaited is the code sent to the new contact."""


class ContactChange:
    """The steps of a change, each of which must come after the one before, in one session."""

    def __init__(
        self, store: HolderStore, clock: Clock, one_time: OneTime, signing_in: SigningIn, notices: Notices
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._one_time = one_time
        self._signing_in = signing_in
        self._notices = notices

    def begin(
        self, session: Session, password: str, kind: str, value: str | None, by: Channel | None = None
    ) -> Sent:  # fmt: skip
        """Ask for a new e-mail address or mobile number, or for none (`value` None); sends a code by the old channels.

        Raises Invalid (the contact; nothing would be left), WrongState (the password), TooMany, Unavailable.
        """
        dossier = _open(session)
        new = "" if value is None else normal(kind, value)
        self._signing_in.confirm_password(session, password)
        row = {"dossier": dossier, "kind": kind, "value": new, "session": session.id, "now": self._clock()}
        with self._store.transaction(dossier) as connection:
            contacts = contacts_of(connection)
            if not new and None in (contacts.mail, contacts.mobile):
                raise Invalid("C’est votre seul moyen de recevoir un code : enregistrez-en d’abord un autre.")
            if new in (contacts.mail, contacts.mobile):
                raise Invalid("C’est déjà le contact enregistré dans votre compte : saisissez le nouveau.")
            connection.execute(_BEGIN, row)
        return self._one_time.send(session.id, dossier, Purpose.OLD_CONTACT, by=by)

    def pending(self, session: Session) -> Pending | None:
        """The change under way in this session, None without one."""
        dossier = _open(session)
        with self._store.transaction(dossier) as connection:
            row = connection.execute(_PENDING, {"dossier": dossier, "session": session.id}).first()
        return Pending(row.kind, hint(row.value) if row.value else "", row.old_proved_at is not None) if row else None

    def resend(self, session: Session, by: Channel | None = None) -> Sent:
        """Another code for the step that is awaited. Raises WrongState without a change, TooMany, Unavailable."""
        dossier, row = self._row(session)
        if row.old_proved_at is None:
            return self._one_time.send(session.id, dossier, Purpose.OLD_CONTACT, by=by)
        return self._send_to_new(session, dossier, row.kind, row.value)

    def prove_old(self, session: Session, typed: str) -> Sent | None:
        """The code of the old channels; sends one to the new contact. None: the old one is withdrawn, all is done.

        Raises WrongCode, TooMany, WrongState, Unavailable.
        """
        dossier, row = self._row(session)
        if row.old_proved_at is not None:
            raise WrongState(_GONE)
        self._one_time.prove(session, dossier, Purpose.OLD_CONTACT, typed)
        if not row.value:
            self._apply(session, dossier, row.kind, "")
            return None
        with self._store.transaction(dossier) as connection:
            connection.execute(_PROVED, {"dossier": dossier, "session": session.id, "now": self._clock()})
        return self._send_to_new(session, dossier, row.kind, row.value)

    def prove_new(self, session: Session, typed: str) -> None:
        """The code of the new contact: it takes the place of the old one, which is told.

        Raises WrongCode, TooMany, WrongState.
        """
        dossier, row = self._row(session)
        if row.old_proved_at is None:
            raise WrongState(_GONE)
        self._one_time.prove(session, dossier, Purpose.NEW_CONTACT, typed, sent_to_new=True)
        self._apply(session, dossier, row.kind, row.value)

    def _apply(self, session: Session, dossier: UUID, kind: str, value: str) -> None:
        now = self._clock()
        with self._store.transaction(dossier) as connection:
            done = connection.execute(
                _TAKE, {"dossier": dossier, "session": session.id, "kind": kind, "value": value}
            ).rowcount  # fmt: skip
            old = contacts_of(connection)
            if done:
                values = {MAIL: old.mail, MOBILE: old.mobile, kind: value}
                kept = {each: held for each, held in values.items() if held}
                # Two withdrawals in two tabs may each have left the other one.
                done = len(kept)
                if kept:
                    set_contacts(connection, dossier, kept, now)
        if not done:
            raise WrongState(_GONE)
        self._notices.tell(dossier, Told.CONTACT, to=old)

    def _send_to_new(self, session: Session, dossier: UUID, kind: str, value: str) -> Sent:
        to = Contacts(mail=value) if kind == MAIL else Contacts(mobile=value)
        return self._one_time.send(session.id, dossier, Purpose.NEW_CONTACT, to=to)

    def _row(self, session: Session) -> "tuple[UUID, _Row]":
        dossier = _open(session)
        with self._store.transaction(dossier) as connection:
            row = connection.execute(_PENDING, {"dossier": dossier, "session": session.id}).first()
        if row is None:
            raise WrongState(_GONE)
        return dossier, _Row(row.kind, row.value, row.old_proved_at)


@dataclass(frozen=True, slots=True)
class _Row:
    kind: str
    value: str
    old_proved_at: datetime | None


def normal(kind: str, value: str) -> str:
    """A contact of this kind as it is kept. Raises Invalid."""
    return mail_address(value) if kind == MAIL else mobile_number(value)


def normalised(contacts: Contacts) -> dict[str, str]:
    """Contacts as they are kept, by kind, at least one. Raises Invalid."""
    values = {kind: normal(kind, held) for kind, held in ((MAIL, contacts.mail), (MOBILE, contacts.mobile)) if held}
    if not values:
        raise Invalid("Indiquez une adresse électronique ou un numéro de téléphone mobile pour recevoir vos codes.")
    return values


def set_contacts(connection: Connection, dossier: UUID, values: dict[str, str], now: datetime) -> None:
    """Make these the contacts of the account: what is not among them ends, what was there already stays as it is."""
    row = {"dossier": dossier, "now": now, "kinds": list(values), "values": list(values.values())}
    connection.execute(_END, row)
    for kind, value in values.items():
        connection.execute(_SET, {**row, "id": uuid4(), "kind": kind, "value": value})


def _open(session: Session) -> UUID:
    if session.stage not in SIGNED_IN or session.dossier_id is None:
        raise WrongState("Connectez-vous pour modifier vos coordonnées.")
    return session.dossier_id


_BEGIN = text("""
WITH gone AS (DELETE FROM enrolment.contact_change WHERE dossier_id = :dossier AND kind <> :kind)
INSERT INTO enrolment.contact_change (dossier_id, kind, value, session_id, asked_at)
VALUES (:dossier, :kind, :value, :session, :now)
ON CONFLICT (dossier_id, kind) DO UPDATE SET value = EXCLUDED.value, session_id = EXCLUDED.session_id,
    asked_at = EXCLUDED.asked_at, old_proved_at = NULL
""")

_PENDING = text("""
SELECT kind, value, old_proved_at FROM enrolment.contact_change WHERE dossier_id = :dossier AND session_id = :session
""")

_PROVED = text("""
UPDATE enrolment.contact_change SET old_proved_at = :now WHERE dossier_id = :dossier AND session_id = :session
""")

_TAKE = text("""
DELETE FROM enrolment.contact_change
WHERE dossier_id = :dossier AND session_id = :session AND kind = :kind AND value = :value
""")

_END = text("""
UPDATE enrolment.contact c SET until = greatest(c.since, CAST(:now AS timestamptz))
WHERE c.dossier_id = :dossier AND c.until IS NULL AND NOT EXISTS (
    SELECT FROM unnest(CAST(:kinds AS text[]), CAST(:values AS text[])) AS n (kind, value)
    WHERE n.kind = c.kind AND n.value = c.value)
""")

_SET = text("""
INSERT INTO enrolment.contact (id, dossier_id, kind, value, since)
SELECT :id, :dossier, CAST(:kind AS text), CAST(:value AS text), :now WHERE NOT EXISTS (
    SELECT FROM enrolment.contact
    WHERE dossier_id = :dossier AND kind = CAST(:kind AS text) AND value = CAST(:value AS text) AND until IS NULL)
""")
