"""What a notice says. Never a name, a profession, an establishment, a document, a NIR (RECORD section 4, row 30)."""

from datetime import datetime
from enum import Enum

from dmp_core.clock import PARIS

CALL = "0 810 331 133"


class Kind(Enum):
    """What is told of: the subject of the e-mail, and the sentence, with a place for the moment."""

    CREATED = ("Votre DMP est créé", "mon-dmp : votre DMP a été créé le {when}.")
    FIRST_ACCESS = (
        "Un professionnel a ouvert votre DMP",
        "mon-dmp : un professionnel de santé a ouvert votre DMP pour la première fois le {when}. Pour voir qui, "
        "connectez-vous à mon-dmp.",
    )
    EMERGENCY = (
        "Votre DMP a été ouvert en urgence",
        "mon-dmp : un professionnel de santé a ouvert votre DMP en urgence le {when}. Pour voir qui et pourquoi, et le "
        "contester, connectez-vous à mon-dmp.",
    )
    ANSWER = (
        "Une réponse à votre contestation",
        "mon-dmp : il a été répondu à votre contestation le {when}. Pour lire la réponse, connectez-vous à mon-dmp.",
    )
    ANNOUNCEMENT = (
        "Un document vous attend dans votre DMP",
        "mon-dmp : un document vous attend dans votre DMP. Prenez rendez-vous avec votre professionnel de santé, qui vous "
        "le présentera.",
    )
    REPRESENTED = (
        "Un représentant légal est déclaré pour votre DMP",
        "mon-dmp : un représentant légal a été déclaré pour votre DMP le {when}. Pour voir qui, connectez-vous à mon-dmp.",
    )
    SECRETS = (
        "Un nouveau mot de passe de votre DMP vous a été remis",
        "mon-dmp : un professionnel de santé vous a remis un nouveau mot de passe le {when}, à votre demande ; l’ancien ne "
        "sert plus. Pour voir qui, connectez-vous à mon-dmp.",
    )
    CLOSED = ("Votre DMP est clôturé", "mon-dmp : votre DMP a été clôturé le {when}.")


def subject_of(kind: Kind) -> str:
    """The subject of the e-mail."""
    return kind.value[0]


def text_of(kind: Kind, at: datetime) -> str:
    """What the e-mail and the SMS say of something that happened `at`."""
    there = at.astimezone(PARIS)
    when = f"{there:%d/%m/%Y} à {there.hour} h {there.minute:02}"
    doubt = "" if kind in (Kind.ANSWER, Kind.ANNOUNCEMENT) else f" Si quelque chose vous étonne, appelez le {CALL}."
    return kind.value[1].format(when=when) + doubt
