"""Opening one's own DMP online, in three steps (seed; DOMAIN 8.2): who you are, where to write to you, how to get in.

What a step must remember goes from one to the next in the session, sealed under a key that only the browser has
(`dmp_core.holder.sessions`): the NIR and the code after step 1, the initial password after step 3. The DMP, its account,
the proof of consent, the event that sends the receipt, the end of the code and the session's move to step 3 are one
transaction. Whoever lost that answer, in the same browser, proves step 1 again with the same code and gets a new initial
password, as long as nobody has used the first.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NoReturn
from uuid import UUID

from sqlalchemy import Connection, Row, text

from dmp_core.clock import PARIS, Clock
from dmp_core.enrolment.checking import CodeCheck, codes_of, consume
from dmp_core.enrolment.dossiers import Consent, Contacts, DossierState, Way, open_dossier, renew_initial_password
from dmp_core.enrolment.insured import Insured, InsuredBase
from dmp_core.enrolment.majority import is_minor
from dmp_core.errors import Invalid, WrongState
from dmp_core.holder.guard import Guard
from dmp_core.holder.identification import prove_identity
from dmp_core.holder.sessions import Client, Session, Sessions, Stage
from dmp_core.holder.store import HolderStore
from dmp_core.identity.identifiers import System
from dmp_core.storage.keyring import Keyring

SHOWN_FOR: Final = timedelta(minutes=15)
"""How long step 3 goes on showing the initial password to the browser that created the DMP."""

REFUSED: Final = (
    "Les informations saisies ne permettent pas de vous identifier. Vérifiez votre numéro de sécurité sociale, votre "
    "code et le numéro de série de votre carte Vitale, puis recommencez."
)
"""The one answer for an unknown person, a wrong serial, a wrong code, and every mixture of them."""


class Known(StrEnum):
    """What is said only to somebody who gave NIR, serial and a code of their own."""

    EXPIRED = "expired"
    REVOKED = "revoked"
    USED = "used"
    INELIGIBLE = "ineligible"
    MINOR = "minor"
    HAS_DMP = "has_dmp"
    SUSPENDED = "suspended"
    CLOSED = "closed"


_SENTENCES: Final = {
    Known.EXPIRED: "Votre code n’est plus valable : ses deux mois sont passés. Demandez-en un nouveau.",
    Known.REVOKED: "Votre code a été remplacé ou annulé : utilisez le dernier reçu, ou demandez-en un nouveau.",
    Known.USED: "Votre code a déjà servi. Demandez-en un nouveau.",
    Known.INELIGIBLE: "Votre situation ne permet pas d’ouvrir votre DMP en ligne : rapprochez-vous de votre caisse "
    "d’Assurance Maladie ou appelez le 0 810 331 133.",
    Known.MINOR: "Un DMP ne se crée en ligne qu’à partir de 18 ans : présentez-vous à l’accueil de votre caisse d’Assurance "
    "Maladie avec un titulaire de l’autorité parentale, qui consent avec vous.",
    Known.HAS_DMP: "Vous avez déjà un DMP : connectez-vous avec votre identifiant et votre mot de passe. Si vous ne les "
    "avez pas, l’aide à la connexion vous permet d’en retrouver l’usage.",
    Known.SUSPENDED: "Vous avez déjà un DMP, mais son accès est suspendu : appelez le 0 810 331 133.",
    Known.CLOSED: "Vous avez déjà eu un DMP, qui est clôturé : pour le faire rouvrir, appelez le 0 810 331 133.",
}
_BY_CHECK: Final = {
    CodeCheck.EXPIRED: Known.EXPIRED, CodeCheck.REVOKED: Known.REVOKED, CodeCheck.USED: Known.USED,
}  # fmt: skip
_BY_STATE: Final = {
    DossierState.OPEN: Known.HAS_DMP, DossierState.SUSPENDED: Known.SUSPENDED, DossierState.CLOSED: Known.CLOSED,
}  # fmt: skip


class NotIdentified(Invalid):
    """Step 1 is refused, with the one answer."""

    def __init__(self) -> None:
        super().__init__(REFUSED)


class Stopped(WrongState):
    """The person is known, and cannot go on for the reason `known`."""

    def __init__(self, known: Known) -> None:
        super().__init__(_SENTENCES[known])
        self.known = known


@dataclass(frozen=True, slots=True)
class Passed:
    """Step 1 is passed."""

    token: str = field(repr=False)
    """Of the new session."""
    browser: str = field(repr=False)
    """The secret by which this browser can prove that the creation was its own; kept by it alone."""
    created: bool
    """True when this browser had created the DMP already, and only lost the answer."""


@dataclass(frozen=True, slots=True)
class Created:
    """What step 3 shows."""

    civilite: str
    given_name: str
    name: str
    opened_at: datetime
    ins_c: str | None
    login: str
    password: str | None = field(repr=False)
    """None once it has been used, or is no longer shown."""
    renewable: bool
    """Whether a new initial password can be had: nobody has signed in yet."""


class Creation:
    """The three steps."""

    def __init__(
        self, store: HolderStore, codes: Keyring, insured: InsuredBase, guard: Guard, sessions: Sessions, clock: Clock,
    ) -> None:  # fmt: skip
        self._store = store
        self._codes = codes
        self._insured = insured
        self._guard = guard
        self._sessions = sessions
        self._clock = clock

    def identify(
        self, nir: str, code: str, serial: str, client: Client, *, browser: str = "", held: Session | None = None
    ) -> Passed:
        """Step 1: begin a session for who gave a NIR, their own live code and the serial of their carte Vitale.

        All three are normalised. `browser` is the secret of an earlier `Passed`; the session `held` ends.
        Raises NotIdentified, Stopped, TooMany, Unavailable.
        """
        proof = prove_identity(
            self._store, self._codes, self._insured, self._guard, nir, code, serial, client, self._clock()
        )  # fmt: skip
        person, attempt = proof.person, proof.attempt
        if person is None:
            attempt.refuse(NotIdentified())
        with self._store.transaction() as connection:
            dossier = _dossier_of(connection, person)
        stop = _stop(person, proof.check, dossier, self._today())
        ours = dossier is not None and dossier.request_id == _request_of(browser)
        if stop is Known.HAS_DMP and ours:
            assert dossier is not None
            attempt.succeeded()
            return self._begin(client, held, browser, dossier=dossier.id)
        if stop is not None:
            # Not given back: an old code must not buy new guesses.
            attempt.refuse(Stopped(stop))
        attempt.succeeded()
        return self._begin(client, held, secrets.token_urlsafe(32), person=person, code=code)

    def person(self, session: Session) -> Insured:
        """Whom step 2 is about, as the insurance's base knows them now.

        Raises Stopped when they may no longer open a DMP, and Unavailable when the base does not answer.
        """
        person = self._insured.by_nir(session.data["nir"])
        if person is None or (person.caisse, person.person_id) != (session.caisse, session.person_id):
            raise Stopped(Known.INELIGIBLE)
        if not person.may_open:
            raise Stopped(Known.MINOR if is_minor(person.birth_date, self._today()) else Known.INELIGIBLE)
        return person

    def _today(self) -> date:
        return self._clock().astimezone(PARIS).date()

    def open(self, session: Session, contacts: Contacts, consent: Consent) -> str:
        """Step 3: consume the code and open the dossier; return the token of the session, now at its last stage.

        Whatever else happens meanwhile, a code opens one dossier: whoever comes second is told by Stopped. Raises also
        Invalid for contacts that are not valid, and Unavailable; nothing is done then.
        """
        person = self.person(session)
        now = self._clock()
        code = session.data["code"]
        with self._store.transaction() as connection:
            if not consume(connection, self._codes, person, code, now):
                self._say_why(connection, person, code, now)
            opened = open_dossier(
                connection, now, UUID(session.data["request"]), person, contacts, consent, Way.ONLINE
            )  # fmt: skip
            shown = {"password": opened.password, "until": (now + SHOWN_FOR).isoformat()}
            return self._sessions.advance(
                session, Stage.CREATED, dossier=opened.dossier_id, data=shown, connection=connection
            )

    def created(self, session: Session) -> Created:
        """What step 3 shows to the browser that created the DMP; the password as long as it is unused, 15 minutes."""
        assert session.dossier_id is not None
        with self._store.transaction(session.dossier_id) as connection:
            row = connection.execute(
                _CREATED, {"id": session.dossier_id, "ins_c": System.INS_C.value}
            ).one()  # fmt: skip
        unused = bool(row.initial and row.used_at is None)
        until = session.data.get("until")
        shown = unused and until is not None and self._clock() < datetime.fromisoformat(until)
        return Created(
            row.civilite, row.prenom, row.nom_usage or row.nom_naissance, row.opened_at, row.ins_c, row.login,
            session.data["password"] if shown else None, unused and row.state == DossierState.OPEN,
        )  # fmt: skip

    def renew(self, session: Session) -> str:
        """A new initial password, the one before being dead; return the session's new token, which shows it.

        Raises WrongState when somebody has signed in since, or the dossier is no longer open.
        """
        assert session.dossier_id is not None
        now = self._clock()
        with self._store.transaction(session.dossier_id) as connection:
            password = renew_initial_password(connection, now, session.dossier_id)
            # Read under the lock that the renewal took: a sign-in meanwhile rolls it back.
            if connection.scalar(_WAS_USED, {"id": session.dossier_id}):
                raise WrongState(
                    "Votre mot de passe initial a déjà servi : connectez-vous avec le mot de passe que vous avez choisi, "
                    "ou utilisez l’aide à la connexion."
                )
            shown = {"password": password, "until": (now + SHOWN_FOR).isoformat()}
            return self._sessions.advance(session, Stage.CREATED, data=shown, connection=connection)

    def _begin(
        self, client: Client, held: Session | None, browser: str, *, person: Insured | None = None, code: str = "",
        dossier: UUID | None = None,
    ) -> Passed:  # fmt: skip
        if held is not None:
            self._sessions.end(held)
        if person is None:
            token = self._sessions.begin(Stage.CREATED, client=client, dossier=dossier)
            return Passed(token, browser, created=True)
        remembered = {"nir": person.nir, "code": code, "request": str(_request_of(browser))}
        token = self._sessions.begin(
            Stage.IDENTIFIED, client=client, person=(person.caisse, person.person_id), data=remembered
        )
        return Passed(token, browser, created=False)

    def _say_why(self, connection: Connection, person: Insured, code: str, now: datetime) -> NoReturn:
        """The code was live at step 1 and no longer is."""
        check = codes_of(connection, self._codes, person, code, now)
        stop = _stop(person, check, _dossier_of(connection, person), now.astimezone(PARIS).date())
        raise Stopped(stop or Known.REVOKED)


def _dossier_of(connection: Connection, person: Insured) -> "Row[tuple[UUID, str, UUID]] | None":
    return connection.execute(_DOSSIER, {"caisse": person.caisse, "person": person.person_id}).first()


def _stop(
    person: Insured, check: CodeCheck, dossier: "Row[tuple[UUID, str, UUID]] | None", today: date
) -> Known | None:  # fmt: skip
    """Why a known person cannot go on; None when they can."""
    if dossier is not None:
        return _BY_STATE[DossierState(dossier.state)]
    if not person.may_open:
        return Known.MINOR if is_minor(person.birth_date, today) else Known.INELIGIBLE
    return _BY_CHECK.get(check)


def _request_of(browser: str) -> UUID:
    """The request id of the creation begun by this browser: who reads it in the database cannot be that browser."""
    return UUID(bytes=hashlib.sha256(b"mondmp/creation/1\0" + browser.encode()).digest()[:16])


_DOSSIER = text("SELECT id, state, request_id FROM enrolment.dossier_of_person(:caisse, :person)")
_CREATED = text("""
SELECT d.civilite, d.prenom, d.nom_usage, d.nom_naissance, d.opened_at, d.state, a.login, i.value AS ins_c,
    p.initial, p.used_at
FROM enrolment.dossier d
JOIN enrolment.account a ON a.dossier_id = d.id
JOIN enrolment.password p ON p.dossier_id = d.id AND p.ended_at IS NULL
LEFT JOIN enrolment.identifier i ON i.dossier_id = d.id AND i.system = :ins_c AND i.valid_to IS NULL
WHERE d.id = :id
""")
_WAS_USED = text("""
SELECT EXISTS (SELECT FROM enrolment.password WHERE dossier_id = :id AND (used_at IS NOT NULL OR NOT initial))
""")
