"""Closing one's own DMP: asked for here, confirmed by a one-time code, done at once (CSP L.1111-18, CNIL 2016-258)."""

from enum import StrEnum
from typing import Final

from dmp_core.clock import Clock
from dmp_core.enrolment.dossiers import ClosedBy, close
from dmp_core.errors import Invalid
from dmp_core.holder.one_time import Channel, OneTime, Purpose, Sent
from dmp_core.holder.sessions import Ending, Session, Sessions
from dmp_core.holder.store import HolderStore


class Reason(StrEnum):
    """Why a holder closes. A closed list, for the caisse reads the reason: nobody must tell it anything medical here."""

    USELESS = "inutile"
    CONFIDENTIALITY = "confidentialite"
    DIFFICULT = "difficile"
    NOT_ASKED = "non_demande"
    OTHER = "autre"


WORDS: Final = {
    Reason.USELESS: "Je n’en ai pas l’utilité",
    Reason.CONFIDENTIALITY: "Je m’inquiète pour la confidentialité de mes données",
    Reason.DIFFICULT: "Je le trouve trop difficile à utiliser",
    Reason.NOT_ASKED: "Je ne voulais pas de ce DMP",
    Reason.OTHER: "Une autre raison",
}
"""As the holder chooses them, and as the caisse reads them."""


class Closing:
    """The two steps of a closure."""

    def __init__(
        self, store: HolderStore, clock: Clock, one_time: OneTime, sessions: Sessions
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._one_time = one_time
        self._sessions = sessions

    def ask(self, session: Session, by: Channel | None = None) -> Sent:
        """Send the code that confirms. Raises TooMany and Unavailable as `OneTime.send` does; nothing is closed yet."""
        assert session.dossier_id is not None
        return self._one_time.send(session.id, session.dossier_id, Purpose.CLOSING, by=by)

    def confirm(self, session: Session, typed: str, reason: Reason | None) -> None:
        """Close the dossier and end its sessions, this one too, in one transaction with the event that tells the caisse.

        The same event has the holder told on every channel. Raises WrongCode, TooMany, and WrongState when the dossier is
        no longer open; nothing is closed then.
        """
        dossier = session.dossier_id
        assert dossier is not None
        self._one_time.prove(session, dossier, Purpose.CLOSING, typed)
        now = self._clock()
        with self._store.transaction(dossier) as connection:
            close(connection, now, dossier, ClosedBy.HOLDER, WORDS[reason] if reason else None)
            self._sessions.end_all(dossier, ending=Ending.CLOSED, connection=connection)


def reason_of(typed: str) -> Reason | None:
    """The reason chosen; None for none, since none is owed. Raises Invalid for what is not in the list."""
    if not typed:
        return None
    try:
        return Reason(typed)
    except ValueError:
        raise Invalid("Choisissez une raison dans la liste, ou aucune.") from None
