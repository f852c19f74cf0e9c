"""Ways back in: password forgotten, login forgotten, e-mail and mobile lost (ASVS 5.0, 6.4.3).

Nobody gets in with a NIR, or with NIR and card alone: a one-time code goes to the contact of the account, or a code comes
by post to the address that the insurance knows. Each request gets one same answer after the same work, whoever it is
about: what is sent to somebody who exists is sent after the answer.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import text

from dmp_core.clock import Clock
from dmp_core.enrolment.checking import CodeCheck, consume
from dmp_core.enrolment.credentials import hash_password
from dmp_core.enrolment.dossiers import Contacts
from dmp_core.enrolment.insured import InsuredBase, handle_of
from dmp_core.errors import Invalid, WrongState
from dmp_core.holder.accounts import (
    NOBODY,
    contacts_of,
    dossier_of_login,
    dossier_of_person,
    holder_of,
    nir_of,
)
from dmp_core.holder.afterwards import Afterwards
from dmp_core.holder.authenticator import Authenticator
from dmp_core.holder.contact_change import normalised, set_contacts
from dmp_core.holder.devices import Devices
from dmp_core.holder.guard import Guard, Lane, TooMany, strangers
from dmp_core.holder.identification import prove_identity, same_serial
from dmp_core.holder.limits import Limits
from dmp_core.holder.messages import Messenger, Notice
from dmp_core.holder.notices import Notices, Told
from dmp_core.holder.one_time import Channel, OneTime, Purpose, WrongCode
from dmp_core.holder.passwords import check_new, set_password
from dmp_core.holder.sessions import Client, Ending, Session, Sessions, Stage
from dmp_core.holder.signing_in import SHUT, SigningIn
from dmp_core.holder.store import HolderStore
from dmp_core.storage.keyring import Keyring

REFUSED: Final = (
    "Les informations saisies ne permettent pas de vous identifier : vérifiez votre numéro de sécurité sociale, le code "
    "reçu par courrier et le numéro de série de votre carte Vitale."
)
_OVER: Final = {
    CodeCheck.EXPIRED: "Votre code n’est plus valable : ses deux mois sont passés. Demandez-en un nouveau.",
    CodeCheck.REVOKED: "Votre code a été remplacé ou annulé : utilisez le dernier reçu, ou demandez-en un nouveau.",
    CodeCheck.USED: "Votre code a déjà servi : demandez-en un nouveau.",
}
_NOT_NOW: Final = "Cette étape n’est pas possible maintenant : recommencez depuis l’aide à la connexion."
_NO_NIR: Final = "100000000000000"
"""Nobody's: looked up in the place of the NIR of a login that nobody has."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody says they are: a login, or a NIR and a birth date, and in both cases the serial of their card."""

    serial: str
    login: str = ""
    nir: str = ""
    """15 characters, normalised."""
    birth_date: str = ""
    """AAAA-MM-JJ."""

    def __repr__(self) -> str:
        return "Claim(...)"

    @property
    def subject(self) -> str:
        """What is counted."""
        return self.login or self.nir


class Recovery:
    """The ways back in."""

    def __init__(
        self, store: HolderStore, codes: Keyring, insured: InsuredBase, clock: Clock, messenger: Messenger, guard: Guard,
        sessions: Sessions, devices: Devices, one_time: OneTime, authenticator: Authenticator, signing_in: SigningIn,
        notices: Notices, afterwards: Afterwards, limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._codes = codes
        self._insured = insured
        self._clock = clock
        self._messenger = messenger
        self._guard = guard
        self._sessions = sessions
        self._devices = devices
        self._one_time = one_time
        self._authenticator = authenticator
        self._signing_in = signing_in
        self._notices = notices
        self._afterwards = afterwards
        self._limits = limits or Limits()

    def forgotten_password(self, claim: Claim, client: Client, held: Session | None = None) -> str:
        """Begin: the token of a session at stage RECOVERY, for anybody. Who is known receives a one-time code.

        Raises TooMany, and Unavailable when the insurance's base does not answer.
        """
        dossier = self._counted(claim, client)
        if held is not None:
            self._sessions.end(held)
        data = {"way": "password", "subject": claim.subject, "sent_at": self._clock().isoformat()}
        token = self._sessions.begin(Stage.RECOVERY, client=client, dossier=dossier, data=data)
        session = self._sessions.find(token)
        assert session is not None
        self._afterwards.run(partial(self._send_code, session.id, dossier, None))
        return token

    def resend_code(self, session: Session, by: Channel | None = None) -> str:
        """Another one-time code, the same answer for all; return the session's new token. Raises TooMany too soon."""
        _require(session, "password", proved=False)
        now = self._clock()
        again = datetime.fromisoformat(session.data["sent_at"]) + self._limits.resend_wait
        if again > now:
            raise TooMany(again, now, "Un code vient d’être demandé : vous pourrez en demander un autre")
        token = self._sessions.advance(session, Stage.RECOVERY, data={**session.data, "sent_at": now.isoformat()})
        self._afterwards.run(partial(self._send_code, session.id, session.dossier_id, by))
        return token

    def give_code(self, session: Session, typed: str) -> str:
        """The one-time code; return the session's new token, with which a password may be chosen.

        Raises WrongCode (the session has ended when no try is left) and TooMany.
        """
        _require(session, "password", proved=False)
        try:
            self._one_time.prove(session, session.dossier_id, Purpose.RECOVERY, typed)
        except WrongCode as refusal:
            if not refusal.left:
                self._sessions.end(session)
            raise
        return self._sessions.advance(session, Stage.RECOVERY, data={**session.data, "proved": True})

    def choose_password(
        self, session: Session, new: str, again: str, client: Client, device_cookie: str = ""
    ) -> str:  # fmt: skip
        """Set the new password; every session ends, this one too, and the holder is told on every channel.

        Returns the device cookie: this browser has proved as much as a sign-in does, and nobody's attack on the login
        keeps it out. Raises Invalid.
        """
        dossier = _require(session, "password", proved=True)
        self._signing_in.set_new_password(dossier, new, again, but=None)
        self._guard.give_back([Lane("recovery", session.data["subject"])])
        self._notices.tell(dossier, Told.PASSWORD)
        return self._devices.signed_in(dossier, device_cookie, client)[1]

    def forgotten_login(self, claim: Claim, client: Client) -> None:
        """Send the login to the contact of the account, if NIR, birth date and serial are right; one answer for all."""
        dossier = self._counted(claim, client)
        self._afterwards.run(partial(self._send_login, dossier))

    def enter_code(self, nir: str, code: str, serial: str, client: Client, held: Session | None = None) -> str:
        """Channel lost: NIR, serial and the code sent by post; the token of a session that may set new contacts.

        All normalised. Raises Invalid (one answer for every wrong combination), WrongState (the person's own code,
        expired, used or replaced; no DMP), TooMany, Unavailable.
        """
        now = self._clock()
        proof = prove_identity(self._store, self._codes, self._insured, self._guard, nir, code, serial, client, now)
        if proof.person is None:
            proof.attempt.refuse(Invalid(REFUSED))
        if proof.check is not CodeCheck.LIVE:
            # Not given back: an old code must not buy new guesses.
            proof.attempt.refuse(WrongState(_OVER[proof.check]))
        with self._store.transaction() as connection:
            dossier = dossier_of_person(connection, proof.person.caisse, proof.person.person_id)
        proof.attempt.succeeded()
        if dossier is None:
            raise WrongState("Vous n’avez pas encore de DMP : ce code vous permet de le créer, depuis l’accueil.")
        if held is not None:
            self._sessions.end(held)
        data = {"way": "post", "nir": nir, "code": code, "proved": True}
        return self._sessions.begin(Stage.RECOVERY, client=client, dossier=dossier, data=data)

    def set_contacts(
        self, session: Session, contacts: Contacts, new: str, again: str, client: Client, device_cookie: str = ""
    ) -> str:
        """New contacts and a new password, by the code sent by post, which is consumed with them or not at all.

        What the account had ends: contacts, password, application, devices, sessions; the old contacts are told. Returns
        the device cookie, as `choose_password`. Raises Invalid, WrongState (the code was used meanwhile), Unavailable.
        """
        dossier = _require(session, "post", proved=True)
        values = normalised(contacts)
        person = self._insured.by_nir(session.data["nir"])
        with self._store.transaction(dossier) as connection:
            holder, old = holder_of(connection), contacts_of(connection)
        if person is None or holder is None:
            raise WrongState(SHUT)
        kept = check_new(new, holder, self._limits)
        if new != again:
            raise Invalid("Les deux saisies du nouveau mot de passe diffèrent : saisissez-le deux fois à l’identique.")
        hashed, now = hash_password(kept), self._clock()
        with self._store.transaction(dossier) as connection:
            used = consume(connection, self._codes, person, session.data["code"], now)
            if used:
                set_contacts(connection, dossier, values, now)
                self._authenticator.remove(connection, dossier)
                set_password(connection, dossier, hashed, now)
                connection.execute(_FORGET_DEVICES, {"dossier": dossier})
                self._sessions.end_all(dossier, ending=Ending.PASSWORD, connection=connection)
        if not used:
            self._sessions.end(session)
            raise WrongState(_OVER[CodeCheck.USED])
        self._notices.tell(dossier, Told.RESTORED, to=old)
        return self._devices.signed_in(dossier, device_cookie, client)[1]

    def _counted(self, claim: Claim, client: Client) -> UUID | None:
        """The dossier of the claim, None when it is not right; counted as a failure either way, for `succeeded` would
        take a time of its own."""
        self._guard.attempt([Lane("recovery", claim.subject), *strangers(client.address, "recovery")])
        with self._store.transaction() as connection:
            of_login = dossier_of_login(connection, claim.login)
        with self._store.transaction(of_login or NOBODY) as connection:
            nir = nir_of(connection)
        person = self._insured.by_nir(claim.nir or nir or _NO_NIR)
        right = same_serial(person, claim.serial)
        if not claim.login:
            birth = person.birth_date if person else ""
            right &= hmac.compare_digest(birth.encode(), claim.birth_date.encode())
        caisse, person_id = handle_of(person)
        with self._store.transaction() as connection:
            dossier = dossier_of_person(connection, caisse, person_id)
        return dossier if right and (not claim.login or dossier == of_login) else None

    def _send_code(self, session: UUID, dossier: UUID | None, by: Channel | None) -> None:
        if dossier is not None:
            self._one_time.send(session, dossier, Purpose.RECOVERY, by=by)

    def _send_login(self, dossier: UUID | None) -> None:
        if dossier is None:
            return
        with self._store.transaction(dossier) as connection:
            holder, contacts = holder_of(connection), contacts_of(connection)
        assert holder is not None
        text_ = (
            f"Votre identifiant de connexion à mon-dmp : {holder.login}. "
            "Si vous ne l'avez pas demandé, vous n'avez rien à faire."
        )
        if contacts.mail is not None:
            self._one_time.count_sending(dossier, contacts.mail)
            self._messenger.mail(Notice(contacts.mail, "Votre identifiant de connexion à mon-dmp", text_))
        elif contacts.mobile is not None:
            self._one_time.count_sending(dossier, contacts.mobile)
            self._messenger.sms(Notice(contacts.mobile, "", text_))


def _require(session: Session, way: str, *, proved: bool) -> UUID:
    """The session's dossier, at the right step of the right way; NOBODY for somebody who is not there."""
    done = bool(session.data.get("proved"))
    if session.stage is not Stage.RECOVERY or session.data.get("way") != way or done is not proved:
        raise WrongState(_NOT_NOW)
    return session.dossier_id or NOBODY


_FORGET_DEVICES = text("DELETE FROM enrolment.device WHERE dossier_id = :dossier")
