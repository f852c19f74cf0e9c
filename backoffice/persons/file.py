"""The file of a person: identity, ways to reach them, what was written to them, where their code and their DMP stand.

Administrative facts alone, read with the rights of a caisse: the code itself is nowhere to be read, and nothing of what a
DMP contains can be asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from backoffice.adapters.dmp import CodeState, CodeStatus, DossierFacts, DossierState
from backoffice.audit.journal import record
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.rules import LetterState
from backoffice.cases.models import Case, may_read
from backoffice.core.actor import Actor
from backoffice.core.caisse import caisse_of
from backoffice.core.clock import long_french_date, paris_date
from backoffice.core.errors import Unavailable
from backoffice.letters.reference import format_letter_id
from backoffice.office import Office
from backoffice.persons.access import object_of
from backoffice.population.insured import may_open, may_open_with_parents
from backoffice.population.models import Person
from backoffice.population.notices import Notice, NoticeKind, notices_of

LETTERS_SHOWN: Final = 30
CASES_SHOWN: Final = 30


class Weight(StrEnum):
    """How much an important notice weighs."""

    STOP = "stop"
    """Nothing is done for this person without a second thought."""
    WAIT = "wait"
    """Good to know before acting."""


@dataclass(frozen=True, slots=True)
class Important:
    """What must be read before anything else."""

    weight: Weight
    said: str
    since: date | None
    todo: str
    """What to do about it."""


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A letter to the person, as a line of the file."""

    letter_id: str
    number: int
    label: str
    campaign: str
    channel: str
    state: LetterState
    reason: str | None
    at: datetime | None
    letter_date: date


@dataclass(frozen=True, slots=True)
class PersonFile:
    """Everything that a caisse knows of a person."""

    person: Person
    caisse: str
    important: Sequence[Important]
    notices: Sequence[Notice]
    dmp_away: bool
    """The record did not answer: what follows is unknown, not absent."""
    dossier: DossierFacts | None
    code: CodeState | None
    code_label: str
    eligible: bool
    """By the population file and the record: may open a DMP with their caisse."""
    why_not: str
    """Why not, in one sentence; empty when eligible."""
    letters: Sequence[LetterLine]
    cases: Sequence[Case]


CODE_LABELS: Final = {
    CodeStatus.LIVE: "valable",
    CodeStatus.EXPIRED: "périmé",
    CodeStatus.USED: "utilisé",
    CodeStatus.REVOKED: "annulé",
}
DOSSIER_LABELS: Final = {
    DossierState.OPEN: "ouvert",
    DossierState.SUSPENDED: "accès suspendu",
    DossierState.CLOSED: "clôturé",
}


def file_of(session: Session, office: Office, actor: Actor, person: Person) -> PersonFile:
    """The file of a person held by `access_person`. What the record does not answer is said to be unknown."""
    try:
        dossier = office.dmp.dossier_states(person.caisse, [person.id]).get(person.id)
        code = office.dmp.code_states(person.caisse, [person.id]).get(person.id)
        away = False
    except Unavailable:
        dossier, code, away = None, None, True
    notices = notices_of(session, person.caisse, [person.id]).get(person.id, [])
    why_not = why_not_eligible(person, notices, dossier, paris_date(office.clock()))
    return PersonFile(
        person=person, caisse=caisse_of(person.caisse).label, important=_important(person, notices, dossier),
        notices=notices, dmp_away=away, dossier=dossier, code=code,
        code_label=CODE_LABELS[code.status] if code else "", eligible=not why_not and not away, why_not=why_not,
        letters=letters_of_person(session, person), cases=_cases(session, actor, person),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why no DMP may be opened for a person, and what may be done for them instead."""

    said: str
    """One sentence."""
    todo: str


_DECEASED: Final = Obstacle(
    "La personne est signalée décédée.",
    "Si elle est bien devant vous : un signalement se lève dans sa demande « Décès signalé », une date venue du fichier se "
    "corrige dans le fichier de la caisse.",
)
_STANDING: Final = {
    DossierState.OPEN: Obstacle(
        "La personne a déjà un DMP.",
        "Elle n’arrive plus à y entrer : renvoyez-lui un code depuis sa fiche. Elle ne l’a pas voulu : signalez, depuis sa "
        "fiche, une création contestée.",
    ),
    DossierState.SUSPENDED: Obstacle(
        "La personne a déjà un DMP, dont l’accès est suspendu : sa création est contestée.",
        "Notez ce qu’elle apporte dans sa demande « Création contestée » : un superviseur décide.",
    ),
    DossierState.CLOSED: Obstacle(
        "La personne a eu un DMP, clôturé : il se rouvre, il ne s’en crée pas un second.",
        "Demandez-en la réouverture depuis sa fiche, si elle le souhaite.",
    ),
}
_TOLD_BY_THE_FILE: Final = Obstacle(
    "Le fichier de la caisse dit qu’elle a déjà un DMP.",
    "Ce DMP n’est pas connu ici : parlez-en à votre superviseur avant toute chose.",
)
_DEPENDANT: Final = Obstacle(
    "Elle est ayant droit : le DMP se crée pour l’ouvrant droit dans la pré-série.",
    "Proposez à l’ouvrant droit de créer le sien.",
)
_MINOR: Final = Obstacle(
    "Elle est mineure, de moins de 16 ans : dans la pré-série le DMP demande une carte Vitale à soi.",
    "Proposez à ses parents de créer le leur.",
)


def why_not_eligible(person: Person, notices: Sequence[Notice], dossier: DossierFacts | None, today: date) -> str:
    """Why no DMP may be opened for this person today, in one sentence; empty when one may."""
    found = obstacle(person, notices, dossier, today)
    return found.said if found else ""


def obstacle(
    person: Person, notices: Sequence[Notice], dossier: DossierFacts | None, today: date
) -> Obstacle | None:  # fmt: skip
    """What keeps a DMP from being opened for this person today (DOMAIN 4.1); None when nothing does."""
    if person.date_deces is not None or _noted(notices, NoticeKind.DECEASED):
        return _DECEASED
    if dossier is not None:
        return _STANDING[dossier.state]
    if person.dmp:
        return _TOLD_BY_THE_FILE
    if person.regime != "01":
        return Obstacle(
            f"Elle relève d’un autre régime que le régime général (régime {person.regime}).",
            "La pré-série ne concerne que le régime général : son propre régime la renseignera.",
        )
    if person.qualite != "OD":
        return _DEPENDANT
    return None if may_open(person, today) or may_open_with_parents(person, today) else _MINOR


def letters_of_person(session: Session, person: Person) -> list[LetterLine]:
    """The latest letters to the person, newest first."""
    rows = session.execute(
        select(Letter, Campaign, Lot.letter_date)
        .join(Campaign, Campaign.id == Letter.campaign_id)
        .join(
            Lot,
            and_(
                Lot.campaign_id == Letter.campaign_id,
                Lot.caisse == Letter.caisse,
                Lot.channel == Letter.channel,
                Lot.sequence == Letter.lot_sequence,
            ),
        )
        .where(Letter.caisse == person.caisse, Letter.person_id == person.id)
        .order_by(Letter.number.desc())
        .limit(LETTERS_SHOWN)
    )
    return [
        LetterLine(
            format_letter_id(letter.caisse, letter.number), letter.number, kind_of(campaign.kind).label, campaign.reference,
            letter.channel, LetterState(letter.state), letter.reason, letter.at, letter_date,
        )
        for letter, campaign, letter_date in rows
    ]  # fmt: skip


def reveal_nir(session: Session, office: Office, actor: Actor, person: Person) -> str:
    """The whole NIR, and the line of the journal that says who asked for it."""
    record(session, actor, "personne.numero", object_of(person), at=office.clock(), caisse=person.caisse)
    return person.nir


def _cases(session: Session, actor: Actor, person: Person) -> list[Case]:
    query = select(Case).where(Case.caisse == person.caisse, Case.person_id == person.id)
    found = session.scalars(query.order_by(Case.ended_at.is_not(None), Case.id.desc()).limit(CASES_SHOWN))
    return [case for case in found if may_read(actor, case.workflow)]


def _important(person: Person, notices: Sequence[Notice], dossier: DossierFacts | None) -> list[Important]:
    """The facts that change what may be done, the gravest first."""
    found = []
    noted = {NoticeKind(notice.kind): paris_date(notice.since) for notice in notices}
    if person.date_deces is not None or NoticeKind.DECEASED in noted:
        since = person.date_deces or noted[NoticeKind.DECEASED]
        told = f"Personne décédée le {long_french_date(since)}." if person.date_deces else "Décès signalé."
        found.append(
            Important(
                Weight.STOP, told, since, "Aucun courrier, aucun code : seule la clôture pour décès est possible."
            )
        )
    if person.gone_at is not None:
        found.append(
            Important(
                Weight.WAIT, "Rattachée depuis à une autre caisse.", paris_date(person.gone_at),
                "L’adresse d’ici est ancienne : aucun courrier ne part d’ici, orientez-la vers sa nouvelle caisse.",
            )
        )  # fmt: skip
    if dossier is not None and dossier.state is DossierState.SUSPENDED:
        found.append(
            Important(
                Weight.STOP, "Création contestée : l’accès au DMP est suspendu.",
                paris_date(dossier.changed_at) if dossier.changed_at else None,
                "Ne délivrez ni code ni mot de passe : un superviseur instruit la contestation.",
            )
        )  # fmt: skip
    if dossier is not None and dossier.state is DossierState.CLOSED:
        kept = f" Il est conservé jusqu’au {long_french_date(dossier.keep_until)}." if dossier.keep_until else ""
        found.append(
            Important(
                Weight.WAIT, f"DMP clôturé.{kept}", paris_date(dossier.changed_at) if dossier.changed_at else None,
                "Il peut être rouvert à la demande de la personne.",
            )
        )  # fmt: skip
    if person.pnd or NoticeKind.UNDELIVERABLE in noted:
        found.append(
            Important(
                Weight.WAIT, "Son courrier est revenu : l’adresse n’est pas distribuable.",
                noted.get(NoticeKind.UNDELIVERABLE), "Vérifiez l’adresse avec elle et faites-la corriger avant tout envoi.",
            )
        )  # fmt: skip
    if NoticeKind.MAIL_REFUSED in noted:
        found.append(
            Important(
                Weight.WAIT, "Son adresse électronique refuse les courriels.", noted[NoticeKind.MAIL_REFUSED],
                "Ses réponses partent par La Poste tant que l’adresse n’a pas changé.",
            )
        )  # fmt: skip
    if person.opposition or NoticeKind.OPPOSITION in noted:
        found.append(
            Important(
                Weight.WAIT, "Elle refuse les envois d’information.", noted.get(NoticeKind.OPPOSITION),
                "Elle ne reçoit aucune campagne ; ce qu’elle demande lui est toujours envoyé.",
            )
        )  # fmt: skip
    return found


def _noted(notices: Sequence[Notice], kind: NoticeKind) -> bool:
    return any(notice.kind == kind for notice in notices)
