"""An emergency access that its holder contests, and the answer that its professional owes; each with its line in the trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, text

from dmp_core.access import trace
from dmp_core.access.trace import HOLDER, Action, ActorKind, Mode, Who
from dmp_core.clock import Clock
from dmp_core.errors import Invalid, NotFound, WrongState
from dmp_core.holder.store import HolderStore
from dmp_core.professionals.certificates import Professional
from dmp_core.professionals.professions import label_of
from dmp_core.professionals.store import ProfessionalStore
from dmp_core.record import documents

LONGEST_CONTEST: Final = 500
LONGEST_ANSWER: Final = 1000
_CLOSED: Final = "Ce DMP n’est plus ouvert : reconnectez-vous."
_NO_EMERGENCY: Final = "Cet accès en urgence n’est pas dans votre DMP : revenez à la liste."
_NO_CONTEST: Final = "Cette contestation n’attend pas de réponse de vous : revenez à la liste."
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Contest:
    """What the holder said, and what was answered."""

    words: str = field(repr=False)
    at: datetime
    answer: str | None = field(repr=False)
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Emergency:
    """One emergency access, as its holder may contest it."""

    id: UUID
    professional: str
    """PS_IdNat."""
    name: str = field(repr=False)
    profession: str
    """In words."""
    mode: Mode
    reason: str = field(repr=False)
    at: datetime
    signer: str | None = field(repr=False)
    """Whose card signed the reason; None when none did."""
    contest: Contest | None


@dataclass(frozen=True, slots=True)
class ToAnswer:
    """A contest, as the professional reads it."""

    id: UUID
    dossier: UUID
    civility: str
    patient: str = field(repr=False)
    birth_date: str = field(repr=False)
    """AAAA-MM-JJ."""
    mode: Mode
    reason: str = field(repr=False)
    """The professional's own, at the time."""
    began_at: datetime
    words: str = field(repr=False)
    at: datetime


class HolderContests:
    """The holder's side. Raises NotFound for what is not in the dossier, or a dossier that is not open."""

    def __init__(self, store: HolderStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def emergencies(self, dossier: UUID) -> list[Emergency]:
        """Every emergency access, the latest first; looking is an access like any other."""
        with self._bound(dossier) as (connection, now):
            found = [_emergency(row) for row in connection.execute(_OWN, {"dossier": dossier, "most": _MOST})]
            trace.write(connection, dossier, now, HOLDER, Action.SEE_CIRCLE)
        return found

    def emergency(self, dossier: UUID, emergency: UUID) -> Emergency:
        """One of them."""
        with self._bound(dossier) as (connection, _):
            return self._one(connection, dossier, emergency)

    def contest(self, dossier: UUID, emergency: UUID, words: str) -> None:
        """Ask the professional to account for it. Raises Invalid, and WrongState when it is contested already."""
        said = _sentence(words, LONGEST_CONTEST, "Dites en une phrase pourquoi vous contestez cet accès")
        with self._bound(dossier) as (connection, now):
            found = self._one(connection, dossier, emergency)
            row = {
                "id": uuid4(), "dossier": dossier, "emergency": emergency, "who": found.professional, "words": said,
                "now": now,
            }  # fmt: skip
            if not connection.execute(_CONTEST, row).rowcount:
                raise WrongState("Vous avez déjà contesté cet accès : la réponse s’affichera ici.")
            trace.write(
                connection, dossier, now, HOLDER, Action.CONTEST, reason=f"{found.name} ({found.professional}) : {said}"
            )

    def _one(self, connection: Connection, dossier: UUID, emergency: UUID) -> Emergency:
        row = connection.execute(_ONE, {"dossier": dossier, "id": emergency}).one_or_none()
        if row is None:
            raise NotFound(_NO_EMERGENCY)
        return _emergency(row)

    @contextmanager
    def _bound(self, dossier: UUID) -> Iterator[tuple[Connection, datetime]]:
        with self._store.transaction(dossier) as connection:
            if not documents.is_within_reach(connection, dossier):
                raise NotFound(_CLOSED)
            yield connection, self._clock()


class ProfessionalContests:
    """The professional's side: blocked or not, they owe an answer."""

    def __init__(self, store: ProfessionalStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def waiting(self, who: Professional) -> list[ToAnswer]:
        """The contests that this professional has not answered, the oldest first."""
        return [_to_answer(row) for row in self._store.ask(_WAITING, {"me": str(who.id), "most": _MOST})]

    def answer(self, who: Professional, contest: UUID, words: str) -> None:
        """Answer one, once; the holder reads it and is told. Raises Invalid, NotFound when it waits no more."""
        said = _sentence(words, LONGEST_ANSWER, "Répondez en quelques mots")
        found = next((each for each in self.waiting(who) if each.id == contest), None)
        if found is None:
            raise NotFound(_NO_CONTEST)
        now = self._clock()
        with self._store.transaction(who.id, now, found.dossier) as connection:
            row = {"id": contest, "dossier": found.dossier, "words": said, "now": now}
            if not connection.execute(_ANSWER, row).rowcount:
                raise NotFound(_NO_CONTEST)
            profession = label_of((who.speciality or who.profession).code)
            actor = Who(ActorKind.PROFESSIONAL, str(who.id), who.name, profession)
            trace.write(connection, found.dossier, now, actor, Action.ANSWER, reason=said)


def _sentence(typed: str, longest: int, asked: str) -> str:
    """What was typed, its spaces tidied. Raises Invalid when it is empty, too long, or holds what nobody can read."""
    said = " ".join(typed.split())
    if not said:
        raise Invalid(f"{asked}.")
    if len(said) > longest or not said.isprintable():
        raise Invalid(f"{asked}, en {longest} caractères au plus.")
    return said


def _emergency(row: Row[Any]) -> Emergency:
    contest = Contest(row.words, row.at, row.answer, row.answered_at) if row.words is not None else None
    return Emergency(
        row.id, row.professional_id, row.name, label_of(row.profession), Mode(row.mode), row.reason, row.began_at,
        row.signer, contest,
    )  # fmt: skip


def _to_answer(row: Row[Any]) -> ToAnswer:
    return ToAnswer(
        row.id, row.dossier_id, row.civilite, f"{row.prenom} {row.nom_usage or row.nom_naissance}", row.date_naissance,
        Mode(row.mode), row.reason, row.began_at, row.words, row.at,
    )  # fmt: skip


_EMERGENCY: Final = (
    "SELECT e.id, e.professional_id, e.name, e.profession, e.mode, e.reason, e.began_at, p.signer, c.words, c.at, "
    "c.answer, c.answered_at FROM medical.emergency e LEFT JOIN medical.contest c ON c.emergency_id = e.id "
    "LEFT JOIN medical.emergency_proof p ON p.emergency_id = e.id "
    "WHERE e.dossier_id = :dossier"
)
_OWN: Final = text(f"{_EMERGENCY} ORDER BY e.began_at DESC, e.id LIMIT :most")
_ONE: Final = text(f"{_EMERGENCY} AND e.id = :id")
_CONTEST: Final = text(
    "INSERT INTO medical.contest (id, dossier_id, emergency_id, professional_id, words, at) "
    "VALUES (:id, :dossier, :emergency, :who, :words, :now) ON CONFLICT DO NOTHING"
)
# Asked before every call of software: bound and answered at once, the second by what the first gives.
_WAITING: Final = (
    b"SELECT c.* FROM (SELECT set_config('dmp.professional', %(me)s, true) AS id) me "
    b"CROSS JOIN LATERAL medical.contests_to_answer(CASE WHEN me.id <> '' THEN CAST(%(most)s AS integer) END) c"
)
_ANSWER: Final = text(
    "UPDATE medical.contest SET answer = :words, answered_at = :now "
    "WHERE id = :id AND dossier_id = :dossier AND answered_at IS NULL"
)
