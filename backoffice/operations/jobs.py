"""What the workers have to do, do and fail at; a failed job asked for again by an administrator.

The queue says what is under way, the database what is left to do: the sweep rings for it again whatever becomes of the
queue, so asking again only spares the pause after a failure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from redis.exceptions import RedisError
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from backoffice.adapters import failures
from backoffice.adapters.failures import DUTY, Failure
from backoffice.adapters.queue import Bells, bells, ring_again
from backoffice.audit.journal import record
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.rules import CampaignState, LotState
from backoffice.cases.bulk import BulkRun
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import NotFound, Unavailable, WrongState
from backoffice.letters.requests import LetterRequest, RequestState
from backoffice.office import JOBS, Office
from backoffice.population.models import ImportState, PopulationImport

_T = TypeVar("_T")
QUEUE_AWAY: Final = "La file des travaux ne répond pas : rien n’est perdu, les travaux reprendront avec elle."

NAMES: Final[Mapping[str, str]] = {
    "import": "Import n° {}", "freeze": "Préparation de la campagne n° {}", "lot": "Fabrication du lot n° {}",
    "bulk": "Demandes traitées ensemble, n° {}", "bounces": "Lecture des courriels revenus",
    "following": "Décompte du suivi des envois",
}  # fmt: skip
DUTIES: Final[Mapping[str, str]] = {
    "answer_events": "Réponses aux événements de mon-dmp", "relay_emails": "Relais postal des courriels non remis",
    "escalate": "Alerte avant échéance", "destroy_withdrawn": "Destruction des pièces retirées",
    "clear_unnamed": "Effacement des pièces sans demande", "forget_late": "Rappels abandonnés et effacés",
    "end_forgotten": "Visites oubliées",
    "hand_over_absent": "Relais des absents", "draw_last_week": "Tirage de la qualité",
    "void_stale": "Approbations devenues caduques", "start_due_waves": "Départ des vagues",
    "close_due": "Clôtures au terme du délai", "sweep": "Réveil des travaux en attente",
    "ring_for_bounces": "Réveil de la lecture des courriels revenus", "apply_returns": "Suites des courriers revenus",
    "retain": "Durées de conservation", "ring_for_following": "Réveil du suivi des envois",
}  # fmt: skip
CAUSES: Final[Mapping[str, str]] = {
    "Unavailable": "Une partie dont ce travail dépend ne répondait pas",
    "OperationalError": "La base de données ne répondait pas, ou a refusé d’attendre",
    "IntegrityError": "La base de données a refusé une ligne",
    "JobTimeoutException": "Interrompu : plus de quinze minutes de travail",
    failures.INTERRUPTED: "Son processus a été arrêté en cours de route",
    "MemoryError": "Mémoire insuffisante",
    "OSError": "Le disque ou le réseau a refusé", "PermissionError": "Droits insuffisants sur un fichier",
    "FileNotFoundError": "Un fichier manque",
}  # fmt: skip
OTHER_CAUSE: Final = "Erreur du programme, à signaler avec l’endroit indiqué"


@dataclass(frozen=True, slots=True)
class Left:
    """Work of one nature that the database holds."""

    label: str
    count: int


def label_of(job: str, key: str) -> str:
    """A job, or a duty of the sweep, in French."""
    if job == DUTY:
        return DUTIES.get(key, key)
    return NAMES.get(job, "{}").format(key)


def cause_of(failure: Failure) -> str:
    """What happened, in French, without a word of the error's message."""
    return CAUSES.get(failure.cause, OTHER_CAUSE)


def queue_now(office: Office) -> tuple[Bells, list[Failure]]:
    """The queue, and what fails. Raises Unavailable when it does not answer."""
    return _asked(lambda: (bells(office.redis), failures.failures(office.redis)))


def left_to_do(session: Session) -> list[Left]:
    """What is waiting, by nature."""
    running = Lot.campaign_id.in_(select(Campaign.id).where(Campaign.state == CampaignState.RUNNING))
    waiting: list[tuple[str, Select[int]]] = [
        ("Fichiers à importer", _count(PopulationImport).where(PopulationImport.state == ImportState.QUEUED)),
        ("Lots à fabriquer", _count(Lot).where(Lot.state == LotState.PLANNED, running)),
        ("Lots en quarantaine", _count(Lot).where(Lot.state == LotState.QUARANTINED)),
        ("Courriers demandés à rassembler", _count(LetterRequest).where(LetterRequest.state == RequestState.WAITING)),
        ("Lots de demandes à traiter", _count(BulkRun).where(BulkRun.finished_at.is_(None))),
    ]
    return [Left(label, session.scalar(query) or 0) for label, query in waiting]


def may_run_again(failure: Failure) -> bool:
    """Whether somebody must be asked for it: what the sweep does comes back by itself."""
    return failure.job in JOBS


def run_again(office: Office, actor: Actor, name: str) -> Failure:
    """Ask for a failed job now; journalled.

    Raises NotAllowed, NotFound when it is not among the failures, WrongState for what the sweep takes up by itself,
    Unavailable.
    """
    actor.require(Role.ADMINISTRATOR)
    failure = _asked(lambda: failures.failure_named(office.redis, name))
    if failure is None:
        raise NotFound("Ce travail n’est plus en échec : il a été refait depuis.")
    if not may_run_again(failure):
        raise WrongState("Cette tâche est reprise d’elle-même toutes les quatre secondes : il n’y a rien à relancer.")
    with office.db.unit_of_work() as session:
        record(
            session, actor, "travail.relancer", name, at=office.clock(),
            detail={"cause": failure.cause, "endroit": failure.place, "echecs": failure.times},
        )  # fmt: skip
    ring_again(office.redis, JOBS, (failure.job, failure.key))
    return failure


def _count(table: type) -> Select[int]:
    return select(func.count()).select_from(table)


def _asked(ask: Callable[[], _T]) -> _T:
    try:
        return ask()
    except RedisError as error:
        raise Unavailable(QUEUE_AWAY) from error
