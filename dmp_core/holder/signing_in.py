"""Signing in: login and password, one-time code, and the first time a password of one's own (seed; DOMAIN 8.3).

The order of a first sign-in is: initial password, one-time code, forced choice of a new password, open. A stolen paper
alone changes nothing, and the initial password has served once the code was right. Each step rotates the token.
"""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from dmp_core.clock import Clock
from dmp_core.enrolment.credentials import hash_password
from dmp_core.enrolment.dossiers import DossierState
from dmp_core.errors import DmpError, Invalid, WrongState
from dmp_core.holder.accounts import NOBODY, dossier_of_login, holder_of
from dmp_core.holder.connections import Connections
from dmp_core.holder.devices import Devices
from dmp_core.holder.guard import Guard, Lane, strangers
from dmp_core.holder.limits import Limits
from dmp_core.holder.notices import CALL, Notices, Told
from dmp_core.holder.one_time import Channel, OneTime, Purpose, Sent, WrongCode
from dmp_core.holder.passwords import Verdict, check_new, check_password, set_password, spend_initial
from dmp_core.holder.representatives import Represented, represented_by
from dmp_core.holder.sessions import SIGNED_IN, Client, Ending, Session, Sessions, Stage
from dmp_core.holder.store import HolderStore

WRONG: Final = "Identifiant ou mot de passe incorrect : vérifiez-les, puis recommencez."
"""For a login nobody has as for a wrong password."""
SPENT: Final = (
    "Votre mot de passe initial a déjà servi ou a plus de sept jours : choisissez-en un avec « Mot de passe oublié »."
)
SHUT: Final = f"L’accès à ce DMP n’est pas possible pour le moment : appelez le {CALL}."
CLOSED: Final = f"Ce DMP est clôturé, plus personne ne peut le consulter. Pour le faire rouvrir, appelez le {CALL}."

NOBODY_LEFT: Final = (
    f"Vous ne représentez plus personne dans mon-dmp. Si c’est une erreur, présentez-vous à l’accueil de la caisse ou "
    f"appelez le {CALL}."
)
_NOT_NOW: Final = "Cette étape n’est pas possible maintenant : recommencez depuis la page de connexion."


@dataclass(frozen=True, slots=True)
class Step:
    """Where the visitor stands now."""

    token: str = field(repr=False)
    """Of the session, for its cookie; the one before is dead."""
    stage: Stage
    sent: Sent | None = None
    """Where the one-time code was sent."""
    problem: str | None = None
    """Why it could not be sent; the page lets the visitor ask again."""
    device_cookie: str | None = field(default=None, repr=False)
    """To be set for `Limits.device_life`, when not None."""


class SigningIn:
    """The steps of signing in, and what a signed-in holder does with their password and sessions."""

    def __init__(
        self, store: HolderStore, clock: Clock, guard: Guard, sessions: Sessions, devices: Devices, one_time: OneTime,
        connections: Connections, notices: Notices, limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._guard = guard
        self._sessions = sessions
        self._devices = devices
        self._one_time = one_time
        self._connections = connections
        self._notices = notices
        self._limits = limits or Limits()

    def give_password(
        self, login: str, password: str, client: Client, device_cookie: str = "", held: Session | None = None
    ) -> Step:
        """First step: a session at stage CODE, the one-time code on its way. The session `held` ends.

        The same work is done for a login that nobody has. Raises WrongState (wrong; initial password spent) and TooMany.
        """
        login = "".join(login.split()).lower()
        with self._store.transaction() as connection:
            dossier = dossier_of_login(connection, login)
        device = self._devices.known(dossier or NOBODY, device_cookie)
        lanes = (
            [Lane("device", f"{login}/{device.id}")]
            if device
            else [Lane("login", login), *strangers(client.address, "sign-in")]
        )
        attempt = self._guard.attempt(lanes)
        verdict = check_password(self._store, dossier, password, self._clock())
        if dossier is None or verdict is Verdict.WRONG:
            attempt.refuse(WrongState(WRONG))
        attempt.succeeded()
        if verdict is Verdict.SPENT:
            raise WrongState(SPENT)
        if held is not None:
            self._sessions.end(held)
        data = {"initial": verdict is Verdict.INITIAL}
        token = self._sessions.begin(Stage.CODE, client=client, dossier=dossier, data=data)
        session = self._sessions.find(token)
        assert session is not None
        try:
            return Step(token, Stage.CODE, sent=self._one_time.send(session.id, dossier, Purpose.SIGN_IN))
        except DmpError as refusal:
            return Step(token, Stage.CODE, problem=str(refusal))

    def resend_code(self, session: Session, by: Channel | None = None) -> Sent:
        """Send another one-time code, by the channel chosen. Raises TooMany and Unavailable, see `OneTime.send`."""
        return self._one_time.send(session.id, _dossier(session, Stage.CODE), Purpose.SIGN_IN, by=by)

    def give_code(self, session: Session, typed: str, client: Client, device_cookie: str = "") -> Step:
        """Second step: open, or PASSWORD_CHANGE after an initial password.

        Raises WrongCode, and TooMany. The session has ended when no try is left, and after the WrongState of a dossier
        that is closed or suspended, which nobody learns of before.
        """
        dossier = _dossier(session, Stage.CODE)
        device = self._devices.known(dossier, device_cookie)
        try:
            self._one_time.prove(session, dossier, Purpose.SIGN_IN, typed, device=device.id if device else None)
        except WrongCode as refusal:
            if not refusal.left:
                self._sessions.end(session)
            raise
        with self._store.transaction(dossier) as connection:
            holder = holder_of(connection)
        if holder is None or holder.state is not DossierState.OPEN:
            self._sessions.end(session)
            raise WrongState(CLOSED if holder and holder.state is DossierState.CLOSED else SHUT)
        if holder.representative and not self.represented(session):
            self._sessions.end(session)
            raise WrongState(NOBODY_LEFT)
        if not session.data["initial"]:
            return self._open(session, dossier, client, device_cookie)
        with self._store.transaction(dossier) as connection:
            spent = spend_initial(connection, dossier, self._clock())
            if spent:
                token = self._sessions.advance(session, Stage.PASSWORD_CHANGE, data={}, connection=connection)
        if not spent:
            self._sessions.end(session)
            raise WrongState(SPENT)
        return Step(token, Stage.PASSWORD_CHANGE)

    def choose_password(
        self, session: Session, new: str, again: str, client: Client, device_cookie: str = ""
    ) -> Step:  # fmt: skip
        """Third step of a first sign-in: a password of one's own; open. Raises Invalid, in one sentence."""
        dossier = _dossier(session, Stage.PASSWORD_CHANGE)
        self.set_new_password(dossier, new, again, but=session)
        return self._open(session, dossier, client, device_cookie)

    def change_password(self, session: Session, old: str, new: str, again: str) -> None:
        """A signed-in holder changes their password; their other sessions end, and they are told on every channel.

        Raises Invalid (the new one), WrongState (the old one), TooMany.
        """
        dossier = account_of(session)
        self.confirm_password(session, old)
        self.set_new_password(dossier, new, again, but=session)
        self._notices.tell(dossier, Told.PASSWORD)

    def confirm_password(self, session: Session, typed: str) -> None:
        """Before anything that matters (ASVS 5.0, 7.5.1): the password again. Raises WrongState and TooMany."""
        dossier = account_of(session)
        attempt = self._guard.attempt([Lane("password", str(dossier))])
        if check_password(self._store, dossier, typed, self._clock()) is Verdict.WRONG:
            attempt.refuse(WrongState("Ce n’est pas votre mot de passe actuel : vérifiez-le, puis recommencez."))
        attempt.succeeded()

    def represented(self, session: Session) -> list[Represented]:
        """For whom the representative of this session may act now; nobody for a holder."""
        with self._store.transaction(session.dossier_id) as connection:
            return represented_by(connection, self._clock())

    def choose(self, session: Session, dossier: UUID) -> str:
        """Open the DMP of one of them; the session's new token. Raises WrongState when it is not theirs to open."""
        account_of(session)
        if session.stage is Stage.OPEN:
            raise WrongState(_NOT_NOW)
        return self._sessions.advance(session, Stage.REPRESENTING, data={}, representing=dossier)

    def sign_out(self, session: Session) -> None:
        """End this session."""
        self._sessions.end(session)

    def sign_out_everywhere(self, session: Session) -> int:
        """End the holder's other sessions; how many there were."""
        return self._sessions.end_all(account_of(session), but=session)

    def set_new_password(self, dossier: UUID, new: str, again: str, but: Session | None) -> None:
        """Set an accepted password and end every session but one, in one transaction. Raises Invalid."""
        with self._store.transaction(dossier) as connection:
            holder = holder_of(connection)
        if holder is None:
            raise WrongState(SHUT)
        kept = check_new(new, holder, self._limits)
        if new != again:
            raise Invalid("Les deux saisies du nouveau mot de passe diffèrent : saisissez-le deux fois à l’identique.")
        now = self._clock()
        if check_password(self._store, dossier, kept, now) is not Verdict.WRONG:
            raise Invalid("Ce mot de passe est celui que vous remplacez : choisissez-en un autre.")
        hashed = hash_password(kept)
        with self._store.transaction(dossier) as connection:
            set_password(connection, dossier, hashed, now)
            self._sessions.end_all(dossier, but=but, ending=Ending.PASSWORD, connection=connection)

    def _open(self, session: Session, dossier: UUID, client: Client, cookie: str) -> Step:
        device_id, device_cookie, new = self._devices.signed_in(dossier, cookie, client)
        with self._store.transaction(dossier) as connection:
            holder = holder_of(connection)
            whom = represented_by(connection, self._clock()) if holder and holder.representative else None
            (stage, only) = _opened(whom)
            token = self._sessions.advance(session, stage, data={}, connection=connection, representing=only)
            self._connections.record(connection, session, device_id)
        if new:
            self._notices.tell(dossier, Told.NEW_DEVICE, detail=client.label)
        return Step(token, stage, device_cookie=device_cookie)


def account_of(session: Session) -> UUID:
    """The account of who is signed in, holder or representative. Raises WrongState for anybody else."""
    if session.stage not in SIGNED_IN or session.dossier_id is None:
        raise WrongState(_NOT_NOW)
    return session.dossier_id


def _dossier(session: Session, stage: Stage) -> UUID:
    if session.stage is not stage or session.dossier_id is None:
        raise WrongState(_NOT_NOW)
    return session.dossier_id


def _opened(whom: list[Represented] | None) -> tuple[Stage, UUID | None]:
    """Where a sign-in ends: one's own DMP, that of the one person represented, or the choice among several."""
    if whom is None:
        return Stage.OPEN, None
    return (Stage.REPRESENTING, whom[0].dossier) if len(whom) == 1 else (Stage.CHOOSING, None)
