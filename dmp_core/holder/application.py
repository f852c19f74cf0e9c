"""Setting up and withdrawing the authenticator application, by a holder who is signed in.

Once it is set up, it replaces e-mail and SMS at each sign-in: whoever holds the mailbox alone does not get in.
"""

from uuid import UUID

from dmp_core.errors import WrongState
from dmp_core.holder.accounts import holder_of
from dmp_core.holder.authenticator import Authenticator, Enrolment
from dmp_core.holder.notices import Notices, Told
from dmp_core.holder.one_time import OneTime, Purpose
from dmp_core.holder.sessions import SIGNED_IN, Session
from dmp_core.holder.signing_in import SigningIn
from dmp_core.holder.store import HolderStore


class Application:
    """The holder's application."""

    def __init__(
        self, store: HolderStore, authenticator: Authenticator, one_time: OneTime, signing_in: SigningIn, notices: Notices
    ) -> None:  # fmt: skip
        self._store = store
        self._authenticator = authenticator
        self._one_time = one_time
        self._signing_in = signing_in
        self._notices = notices

    def is_set_up(self, session: Session) -> bool:
        """Whether codes come from an application."""
        return self._authenticator.is_active(_open(session))

    def offer(self, session: Session, password: str) -> Enrolment:
        """What the application must learn; nothing changes before `confirm`.

        Raises WrongState (the password; there is an application already) and TooMany.
        """
        dossier = _open(session)
        self._signing_in.confirm_password(session, password)
        with self._store.transaction(dossier) as connection:
            holder = holder_of(connection)
        assert holder is not None
        return self._authenticator.offer(dossier, holder.login)

    def confirm(self, session: Session, typed: str) -> None:
        """The application's first code puts it in force. Raises WrongState when it is not right."""
        dossier = _open(session)
        if not self._authenticator.accepts(dossier, "".join(typed.split()), confirming=True):
            raise WrongState(
                "Ce code n’est pas celui de l’application : vérifiez l’heure de votre téléphone, puis saisissez le code "
                "affiché maintenant."
            )
        self._notices.tell(dossier, Told.APPLICATION)

    def withdraw(self, session: Session, password: str, typed: str) -> None:
        """Codes by e-mail or SMS again: the password and a code of the application. Raises WrongState, TooMany."""
        dossier = _open(session)
        self._signing_in.confirm_password(session, password)
        self._one_time.prove(session, dossier, Purpose.AUTHENTICATOR, typed)
        with self._store.transaction(dossier) as connection:
            self._authenticator.remove(connection, dossier)
        self._notices.tell(dossier, Told.NO_APPLICATION)


def _open(session: Session) -> UUID:
    if session.stage not in SIGNED_IN or session.dossier_id is None:
        raise WrongState("Connectez-vous pour gérer votre application d’authentification.")
    return session.dossier_id
