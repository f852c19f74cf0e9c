"""The directory, and beside it the emergency account when an operator has opened it."""

from typing import Final

import structlog

from backoffice.adapters.directory import WRONG_LOGIN, SignInRefused
from backoffice.core.actor import EMERGENCY_LOGIN, Actor
from backoffice.core.errors import NotAllowed
from backoffice.office import Office
from backoffice.parameters.emergency import access_now, emergency_actor, is_its_password
from backoffice.web.sessions import StaffDirectory

CLOSED: Final = "Le compte de secours est fermé."
_log = structlog.get_logger(__name__)


class StaffOrEmergency:
    """What the web signs people in with."""

    def __init__(self, directory: StaffDirectory, office: Office) -> None:
        self._directory = directory
        self._office = office
        self.can_lookup = directory.can_lookup

    def sign_in(self, login: str, password: str) -> Actor:
        """As the directory does; the emergency login asks no directory while its account is open."""
        if login.strip().casefold() != EMERGENCY_LOGIN:
            return self._directory.sign_in(login, password)
        with self._office.db.unit_of_work() as session:
            access = access_now(session, self._office.clock())
        if access is None:
            return self._refuse_ours(self._directory.sign_in(login, password))
        _log.critical("emergency_account", result="asked for", opened_by=access.opened_by)
        if not is_its_password(access, password):
            raise SignInRefused(WRONG_LOGIN)
        return emergency_actor()

    def lookup(self, login: str) -> Actor:
        """As the directory does; the emergency account lives until it expires or is closed."""
        if login != EMERGENCY_LOGIN:
            return self._directory.lookup(login)
        with self._office.db.unit_of_work() as session:
            if access_now(session, self._office.clock()) is None:
                raise NotAllowed(CLOSED)
        return emergency_actor()

    def _refuse_ours(self, actor: Actor) -> Actor:
        """Nobody of the directory is called like the emergency account: its lines of the journal must be its own."""
        if actor.login == EMERGENCY_LOGIN:
            raise SignInRefused(WRONG_LOGIN)
        return actor
