"""Rules of a call, pure: who may be told what, when proving an identity has succeeded or failed, for how long it is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class Relation(StrEnum):
    """What the caller is to the person the call is about."""

    SELF = "titulaire"
    REPRESENTATIVE = "representant"
    RELATIVE = "proche"
    PROFESSIONAL = "professionnel"
    OTHER = "autre"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _RELATIONS[self][0]

    @property
    def limit(self) -> str:
        """What may be done for such a caller, said to the advisor."""
        return _RELATIONS[self][1]

    @property
    def may_prove(self) -> bool:
        """Whether answering the questions opens anything: for nobody but the person would it prove a right."""
        return self is Relation.SELF


_RELATIONS: Final = {
    Relation.SELF: (
        "La personne elle-même",
        "Posez les questions d’identité avant de parler de son dossier.",
    ),
    Relation.REPRESENTATIVE: (
        "Son représentant légal",
        "Le téléphone ne prouve pas un mandat : informations générales, puis l’accueil avec le jugement ou le livret.",
    ),
    Relation.RELATIVE: (
        "Un proche",
        "Informations générales seulement. Un proche peut signaler un décès ou une erreur d’adresse, sans rien apprendre.",
    ),
    Relation.PROFESSIONAL: (
        "Un professionnel de santé",
        "Informations générales seulement, jamais l’existence d’un DMP : il la lit avec sa carte CPS.",
    ),
    Relation.OTHER: (
        "Quelqu’un d’autre",
        "Informations générales seulement.",
    ),
}  # fmt: skip


class Identity(StrEnum):
    """Where the proof of an identity stands; the answers themselves are kept nowhere."""

    NONE = "aucune"
    RUNNING = "en_cours"
    PASSED = "prouvee"
    FAILED = "echouee"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _IDENTITIES[self]


_IDENTITIES: Final = {
    Identity.NONE: "non vérifiée",
    Identity.RUNNING: "questions en cours",
    Identity.PASSED: "vérifiée",
    Identity.FAILED: "échec des questions",
}


class Outcome(StrEnum):
    """How a call ended."""

    ANSWERED = "repondu"
    DONE = "demande_faite"
    CALLBACK = "rappel_prevu"
    COUNTER = "accueil"
    UNPROVED = "identite"
    CUT = "coupe"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _OUTCOMES[self]


_OUTCOMES: Final = {
    Outcome.ANSWERED: "Réponse donnée",
    Outcome.DONE: "Demande faite pendant l’appel",
    Outcome.CALLBACK: "Rappel prévu",
    Outcome.COUNTER: "Invité à passer à l’accueil",
    Outcome.UNPROVED: "Identité non prouvée",
    Outcome.CUT: "Appel coupé ou abandonné",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard it is to pass for somebody else."""

    right_answers: int = 3
    errors: int = 2
    """At this many the proof has failed."""
    cooling: timedelta = timedelta(hours=24)
    """How long nobody may try again for the same person, whoever rings and whoever answers."""
    shown_for: timedelta = timedelta(minutes=45)
    """How long after the proof the person's data stay on the page of a call left open."""


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one earlier call says about one person: when the last answer was given, how many were wrong, the result."""

    at: datetime
    errors: int
    identity: Identity


def errors_left(attempts: Sequence[Attempt], now: datetime, limits: Limits = LIMITS) -> int:
    """How many more wrong answers fail the proof; 0 while it may not be tried.

    Errors add up over calls, so that hanging up and ringing again gains nothing; a proof that succeeded clears them, and
    they are forgotten once the cooling time has gone by since the last one.
    """
    wrong, last = 0, None
    for attempt in sorted(attempts, key=lambda one: one.at):
        if last is not None and attempt.at - last >= limits.cooling:
            wrong = 0
        if attempt.identity is Identity.PASSED:
            wrong = 0
        elif attempt.errors:
            wrong, last = wrong + attempt.errors, attempt.at
    if last is not None and now - last >= limits.cooling:
        wrong = 0
    return max(0, limits.errors - wrong)


def tried_again_from(attempts: Sequence[Attempt], limits: Limits = LIMITS) -> datetime | None:
    """When the cooling time of the latest error is over; None when there was none."""
    wrong = [attempt.at for attempt in attempts if attempt.errors and attempt.identity is not Identity.PASSED]
    return max(wrong) + limits.cooling if wrong else None


def verdict(right: int, errors: int, left: int, limits: Limits = LIMITS) -> Identity:
    """Where the proof stands after an answer; `errors` of this call, of which `left` were allowed at its start."""
    if errors >= left:
        return Identity.FAILED
    return Identity.PASSED if right >= limits.right_answers else Identity.RUNNING
