"""Rules of campaigns, pure: states and steps, drafts, names of lots."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.kinds import kind_of
from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import caisse_of
from backoffice.core.errors import Invalid, NotAllowed, WrongState
from backoffice.letters.marks import PLAIN, Finishing


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "brouillon"
    SUBMITTED = "soumise"
    APPROVED = "approuvee"
    SCHEDULED = "programmee"
    """Its waves have their days; none has started."""
    RUNNING = "en_cours"
    PAUSED = "suspendue"
    FINISHED = "terminee"
    CANCELLED = "annulee"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _STATE_LABELS[self]


_STATE_LABELS = {
    CampaignState.DRAFT: "brouillon",
    CampaignState.SUBMITTED: "à approuver",
    CampaignState.APPROVED: "approuvée",
    CampaignState.SCHEDULED: "programmée",
    CampaignState.RUNNING: "en cours",
    CampaignState.PAUSED: "suspendue",
    CampaignState.FINISHED: "terminée",
    CampaignState.CANCELLED: "annulée",
}


class LotState(StrEnum):
    """Where a lot stands; a sealed lot never changes."""

    SCHEDULED = "programme"
    """Waits for the day of its wave: no worker may take it before."""
    PLANNED = "prevu"
    SEALED = "scelle"
    SENT = "envoye"
    """A lot of e-mails, all handed to the mail server."""
    QUARANTINED = "quarantaine"
    CANCELLED = "annule"
    EMPTY = "vide"
    """Nobody was left to write to when its turn came."""

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LOT_LABELS[self]


_LOT_LABELS = {
    LotState.SCHEDULED: "programmé",
    LotState.PLANNED: "à produire",
    LotState.SEALED: "scellé",
    LotState.SENT: "envoyé",
    LotState.QUARANTINED: "en quarantaine",
    LotState.CANCELLED: "annulé",
    LotState.EMPTY: "sans courrier",
}


OPEN_LOTS = (LotState.SCHEDULED, LotState.PLANNED, LotState.QUARANTINED)
"""Lots that something must still become of: a campaign with one of them is not over."""

UNMADE_LOTS = (LotState.SCHEDULED, LotState.PLANNED)
"""Lots of which nothing exists yet."""


class WaveState(StrEnum):
    """Where a wave stands; what became of its letters is its lots' to say."""

    PLANNED = "prevue"
    LATE = "a_confirmer"
    """Its slot went by, or it cannot be told whether it left already: a person decides."""
    STARTED = "demarree"
    CANCELLED = "annulee"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _WAVE_LABELS[self]


_WAVE_LABELS = {
    WaveState.PLANNED: "programmée",
    WaveState.LATE: "à confirmer",
    WaveState.STARTED: "démarrée",
    WaveState.CANCELLED: "abandonnée",
}

PENDING_WAVES = (WaveState.PLANNED, WaveState.LATE)
"""Waves that have not started and still may."""


class LetterState(StrEnum):
    """Where one letter stands."""

    PLANNED = "prevue"
    SEALED = "scellee"
    SENDING = "envoi"
    """Being handed to the mail server; after a crash nobody can tell whether it left."""
    SENT = "envoyee"
    EXCEPTION = "exception"
    EXCLUDED = "exclue"
    CANCELLED = "annulee"


class Channel(StrEnum):
    """How a letter travels."""

    POST = "courrier"
    MAIL = "mail"


class ChannelRule(StrEnum):
    """Whether the registered channel decides, or everybody gets a page."""

    REGISTERED = "registered"
    POST = "courrier"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a campaign's life: who may take it, from which states, to which."""

    name: str
    label: str
    sources: frozenset[CampaignState]
    target: CampaignState
    roles: frozenset[Role]
    needs_reason: bool = False
    not_author: bool = False
    of_answers: bool = True
    """Whether a campaign of answers may take it: what persons are owed is never cancelled."""


_S = CampaignState
_MANAGERS = frozenset({Role.CAMPAIGN_MANAGER, Role.SYSTEM})
_SYSTEM = frozenset({Role.SYSTEM})
STEPS: tuple[Step, ...] = (
    Step("submit", "Soumettre", frozenset({_S.DRAFT}), _S.SUBMITTED, _MANAGERS),
    Step("approve", "Approuver", frozenset({_S.SUBMITTED}), _S.APPROVED, _MANAGERS, not_author=True),
    Step("send_back", "Renvoyer en brouillon", frozenset({_S.SUBMITTED}), _S.DRAFT, _MANAGERS, needs_reason=True),
    Step("void", "Annuler l’approbation", frozenset({_S.SUBMITTED, _S.APPROVED, _S.SCHEDULED}), _S.DRAFT, _SYSTEM),
    Step("schedule", "Programmer", frozenset({_S.APPROVED}), _S.SCHEDULED, _MANAGERS),
    Step("unschedule", "Déprogrammer", frozenset({_S.SCHEDULED}), _S.APPROVED, _MANAGERS, needs_reason=True),
    Step("launch", "Lancer", frozenset({_S.APPROVED}), _S.RUNNING, _MANAGERS),
    Step("start", "Démarrer", frozenset({_S.SCHEDULED}), _S.RUNNING, _MANAGERS),
    Step("pause", "Suspendre", frozenset({_S.SCHEDULED, _S.RUNNING}), _S.PAUSED, _MANAGERS, needs_reason=True),
    Step("resume", "Reprendre", frozenset({_S.PAUSED}), _S.RUNNING, _MANAGERS),
    Step("finish", "Terminer", frozenset({_S.RUNNING}), _S.FINISHED, _SYSTEM),
    Step(
        "cancel", "Annuler",
        frozenset({_S.DRAFT, _S.SUBMITTED, _S.APPROVED, _S.SCHEDULED, _S.RUNNING, _S.PAUSED}), _S.CANCELLED,
        _MANAGERS, needs_reason=True, of_answers=False,
    ),
)  # fmt: skip


def step_named(name: str) -> Step:
    """The declared step of this name."""
    return next(step for step in STEPS if step.name == name)


def take(
    step_name: str,
    state: CampaignState,
    actor: Actor,
    authors: Collection[str],
    reason: str | None,
    *,
    answers: bool = False,
) -> Step:
    """The step, if it may be taken; `authors` are those who had a hand in the draft, `answers` for an on-demand kind.

    Raises WrongState, NotAllowed or Invalid, each saying why and what to do.
    """
    step = step_named(step_name)
    if actor.roles.isdisjoint(step.roles):
        raise NotAllowed(f"« {step.label} » demande le rôle de responsable de campagne.")
    if state not in step.sources:
        raise WrongState(
            f"« {step.label} » est impossible : la campagne est « {state.label} ». Rechargez la page pour voir où elle en est."
        )
    if answers and not step.of_answers:
        raise WrongState(
            "Ces courriers répondent à des demandes : ils ne s’annulent pas. Suspendez-les s’il faut les retenir."
        )
    # The command line acts as the system, on an operator's word; between persons, four eyes.
    if step.not_author and actor.login in authors and Role.SYSTEM not in actor.roles:
        raise NotAllowed(
            "L’auteur d’une campagne ne peut pas l’approuver : demandez à un autre responsable de campagne."
        )
    if step.needs_reason and not (reason or "").strip():
        raise Invalid(f"« {step.label} » demande un motif : écrivez-le en quelques mots.")
    return step


def possible_steps(
    state: CampaignState, actor: Actor, authors: Collection[str], *, answers: bool = False
) -> tuple[Step, ...]:
    """The steps this actor may take from here, in declared order."""
    return tuple(
        step
        for step in STEPS
        if state in step.sources
        and not actor.roles.isdisjoint(step.roles)
        and not (step.not_author and actor.login in authors and Role.SYSTEM not in actor.roles)
        and (step.of_answers or not answers)
    )


@dataclass(frozen=True, slots=True)
class Draft:
    """What a campaign manager decides; checked when made into a campaign."""

    name: str
    kind: str
    caisses: tuple[str, ...]
    letter_date: date
    channel_rule: ChannelRule = ChannelRule.REGISTERED
    criteria: Criteria = field(default_factory=Criteria)
    per_day: int | None = None
    segment_id: int | None = None
    """The segment whose criteria these are."""

    def lot_size(self, most: int) -> int:
        """Letters a lot at most: a lot carries one day, so a daily figure bounds it too."""
        return most if self.per_day is None else min(most, self.per_day)

    def check(self, today: date) -> None:
        """Raise Invalid, in one sentence, at the first thing that cannot be."""
        if not self.name.strip():
            raise Invalid("Donnez un nom à la campagne.")
        if len(self.name) > 120:
            raise Invalid("Le nom de la campagne dépasse 120 caractères : raccourcissez-le.")
        if kind_of(self.kind).on_demand:
            raise Invalid(
                f"Les courriers « {kind_of(self.kind).label} » partent d’eux-mêmes : ils ne se préparent pas en campagne."
            )
        if not self.caisses:
            raise Invalid("Choisissez au moins une caisse.")
        for code in self.caisses:
            caisse_of(code)
        if self.letter_date < today:
            raise Invalid(
                f"La date du courrier ({self.letter_date:%d/%m/%Y}) est passée : choisissez aujourd’hui ou une date à venir."
            )
        if self.letter_date.year > today.year + 2:
            raise Invalid(
                f"La date du courrier ({self.letter_date:%d/%m/%Y}) est à plus de deux ans : vérifiez l’année."
            )
        if self.per_day is not None and self.per_day < 1:
            raise Invalid("Le nombre de courriers par jour doit être d’au moins 1.")
        self.criteria.check()
        if kind_of(self.kind).needs_earlier and self.criteria.earlier is None and self.criteria.list_id is None:
            raise Invalid(
                f"« {kind_of(self.kind).label} » s’adresse aux personnes d’une campagne précédente ou d’une liste : indiquez-la."
            )


def lot_name(
    reference: str, caisse: str, sequence: int, letter_ids: Iterable[str], letter_date: date, template: str,
    finishing: Finishing = PLAIN,
) -> str:  # fmt: skip
    """A lot's name comes from its content, never from the clock, so that a second making cannot pass for another lot.

    `template` is the version of the letter's template; codes are no part of the name.
    """
    content = hashlib.sha256(f"{letter_date.isoformat()}\n{template}\n".encode())
    if finishing != PLAIN:
        content.update(f"recto verso {finishing.duplex}, repères {finishing.marks}\n".encode())
    for letter_id in letter_ids:
        content.update(letter_id.encode() + b"\n")
    return f"{reference}-{caisse}-{sequence:04d}-{content.hexdigest()[:10]}"
