"""What a holder is told about their own account, on every channel it has (ASVS 5.0, 6.3.7; RECORD section 4, row 30).

Sent after the answer and never queued on disk. No name, no NIR, no login, nothing medical. What happened to the DMP itself
is told by `dmp_core.notices`.
"""

from datetime import datetime
from enum import Enum
from functools import partial
from uuid import UUID

from dmp_core.clock import PARIS, Clock
from dmp_core.enrolment.dossiers import Contacts
from dmp_core.holder.accounts import contacts_of
from dmp_core.holder.afterwards import Afterwards
from dmp_core.holder.messages import Messenger, Notice
from dmp_core.holder.store import HolderStore

CALL = "0 810 331 133"


class Told(Enum):
    """What happened: the subject of the e-mail, and the sentence, with a place for the moment and for a detail."""

    NEW_DEVICE = (
        "Connexion à mon-dmp depuis un nouvel appareil",
        "mon-dmp : connexion le {when} depuis un nouvel appareil ({detail}).",
    )
    PASSWORD = ("Votre mot de passe mon-dmp a changé", "mon-dmp : votre mot de passe a été changé le {when}.")
    RESTORED = (
        "Vos moyens d’accès à mon-dmp ont changé",
        "mon-dmp : le {when}, un code reçu par courrier a servi à changer votre mot de passe et vos coordonnées.",
    )
    CONTACT = (
        "Vos coordonnées mon-dmp ont changé",
        "mon-dmp : les coordonnées qui reçoivent vos codes ont été changées le {when}.",
    )
    APPLICATION = (
        "Votre application d’authentification mon-dmp",
        "mon-dmp : une application d'authentification a été associée à votre compte le {when}.",
    )
    NO_APPLICATION = (
        "Votre application d’authentification mon-dmp",
        "mon-dmp : l'application d'authentification de votre compte a été retirée le {when}.",
    )
    MANDATE_ENDED = (
        "Votre accès au DMP d’une personne que vous représentez",
        "mon-dmp : le {when}, votre accès au DMP d'une personne que vous représentiez a pris fin.",
    )
    MOBILE = (
        "Une application peut ouvrir votre DMP",
        "mon-dmp : le {when}, vous avez autorisé l'application « {detail} » à ouvrir votre DMP.",
    )


class Notices:
    """Tells holders."""

    def __init__(self, store: HolderStore, messenger: Messenger, afterwards: Afterwards, clock: Clock) -> None:
        self._store = store
        self._messenger = messenger
        self._afterwards = afterwards
        self._clock = clock

    def tell(self, dossier: UUID, what: Told, *, detail: str = "", to: Contacts | None = None) -> None:
        """Tell the holder on every channel of the account, or on those of `to` (the old ones, after a change)."""
        if to is None:
            with self._store.transaction(dossier) as connection:
                to = contacts_of(connection)
        subject, sentence = what.value
        written = sentence.format(when=_moment(self._clock()), detail=detail)
        text = f"{written} Si ce n'est pas vous, appelez le {CALL}."
        if to.mail is not None:
            self._afterwards.run(partial(self._messenger.mail, Notice(to.mail, subject, text)))
        if to.mobile is not None:
            self._afterwards.run(partial(self._messenger.sms, Notice(to.mobile, subject, text)))


def _moment(at: datetime) -> str:
    there = at.astimezone(PARIS)
    return f"{there:%d/%m/%Y} à {there.hour} h {there.minute:02}"
