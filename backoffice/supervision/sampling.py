"""Quality: each week chance picks some of the cases ended the week before, and a supervisor reads them with a list.

Nobody chooses which: the draw is made once a caisse and a week, by the system, from the operating system's randomness.
"""

import secrets
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CHAR, ForeignKey, Identity, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.audit.journal import record
from backoffice.cases.models import Case, CaseEntry
from backoffice.core.actor import Actor, Role, system_actor
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.clock import PARIS, paris_date
from backoffice.core.errors import Invalid, NotAllowed, NotFound
from backoffice.office import Office

PER_AGENT: Final = 2
"""Cases of one agent and one week at most."""
LONGEST: Final = 1000


class Answer(StrEnum):
    """What a supervisor found, point by point."""

    WELL = "oui"
    BADLY = "non"
    NOT_ASKED = "sans_objet"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return {Answer.WELL: "oui", Answer.BADLY: "non", Answer.NOT_ASKED: "sans objet"}[self]


POINTS: Final[Mapping[str, str]] = {
    "identite": "L’identité a été vérifiée avant tout acte.",
    "motif": "Les motifs et les notes disent ce qui a été fait, et pourquoi.",
    "reponse": "La personne a eu la réponse due, par le bon canal.",
    "delai": "L’échéance a été tenue, ou son dépassement s’explique.",
    "donnees": "Rien de médical ni d’inutile n’a été écrit ou joint.",
}


class QualitySample(Base):
    """One ended case that chance picked, and what its reader found."""

    __tablename__ = "quality_sample"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    caisse: Mapped[str] = mapped_column(CHAR(3))
    week: Mapped[date]
    """Its Monday."""
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"))
    agent: Mapped[str]
    """Who took the step that ended it."""
    drawn_at: Mapped[datetime]
    answers: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    note: Mapped[str | None]
    reviewed_by: Mapped[str | None]
    reviewed_at: Mapped[datetime | None]

    @property
    def faults(self) -> int:
        """Points answered no."""
        return sum(1 for answer in (self.answers or {}).values() if answer == Answer.BADLY)


class QualityDraw(Base):
    """That a week of a caisse was drawn: once, even when nothing had ended."""

    __tablename__ = "quality_draw"

    caisse: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    week: Mapped[date] = mapped_column(primary_key=True)
    drawn_at: Mapped[datetime]


def draw_last_week(office: Office) -> int:
    """Draw last week's cases of every caisse not drawn yet; return how many were picked."""
    now = office.clock()
    today = paris_date(now)
    monday = today - timedelta(days=today.weekday() + 7)
    picked = 0
    with office.db.unit_of_work() as session:
        done = set(session.scalars(select(QualityDraw.caisse).where(QualityDraw.week == monday)))
    for caisse in sorted(set(CAISSE_CODES) - done):
        with office.db.unit_of_work() as session:
            picked += _draw(session, caisse, monday, now)
    return picked


def _draw(session: Session, caisse: str, monday: date, now: datetime) -> int:
    claimed = session.scalar(
        insert(QualityDraw)
        .values(caisse=caisse, week=monday, drawn_at=now)
        .on_conflict_do_nothing()
        .returning(QualityDraw.caisse)
    )  # fmt: skip
    if claimed is None:
        return 0
    begins = datetime.combine(monday, time(), tzinfo=PARIS)
    last_step = (
        select(CaseEntry.actor)
        .where(CaseEntry.case_id == Case.id, CaseEntry.what == "step")
        .order_by(CaseEntry.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    ended = session.execute(
        select(Case.id, last_step.label("agent"))
        .where(
            Case.caisse == caisse, Case.ended_at >= begins, Case.ended_at < begins + timedelta(days=7),
            Case.merged_into.is_(None),
        )
        .order_by(Case.id)
    )  # fmt: skip
    by_agent: dict[str, list[int]] = {}
    for case_id, agent in ended:
        if agent != system_actor().login:
            by_agent.setdefault(agent, []).append(case_id)
    chance, picked = secrets.SystemRandom(), 0
    for agent, cases in by_agent.items():
        for case_id in chance.sample(cases, min(PER_AGENT, len(cases))):
            session.add(QualitySample(caisse=caisse, week=monday, case_id=case_id, agent=agent, drawn_at=now))
            picked += 1
    session.flush()
    record(
        session, system_actor(), "qualite.tirer", f"semaine du {monday:%d/%m/%Y}", at=now, caisse=caisse,
        detail={"demandes": picked},
    )  # fmt: skip
    return picked


def review(
    session: Session, office: Office, actor: Actor, sample_id: int, answers: Mapping[str, str], note: str
) -> QualitySample:
    """Keep what was found, once. Raises NotFound, Invalid for a point left out, NotAllowed for one's own case."""
    actor.require(Role.SUPERVISOR)
    sample, _ = access_sample(session, actor, sample_id, lock=True)
    if sample.agent == actor.login:
        raise NotAllowed("On ne relit pas ses propres demandes : laissez celle-ci à un autre superviseur.")
    if sample.reviewed_at is not None:
        raise Invalid(f"Cette demande a déjà été relue, par {sample.reviewed_by}.")
    found = {point: answers.get(point, "") for point in POINTS}
    if any(answer not in set(Answer) for answer in found.values()):
        raise Invalid("Répondez à chaque point : oui, non ou sans objet.")
    note = note.strip()
    if len(note) > LONGEST:
        raise Invalid(f"La remarque dépasse {LONGEST} caractères : raccourcissez-la.")
    if Answer.BADLY in found.values() and not note:
        raise Invalid("Un « non » s’explique : écrivez ce qui manque, pour l’agent.")
    sample.answers, sample.note = found, note or None
    sample.reviewed_by, sample.reviewed_at = actor.login, office.clock()
    record(
        session, actor, "qualite.relire", f"relecture {sample.id}", at=office.clock(), caisse=sample.caisse,
        detail={"non": sample.faults},
    )  # fmt: skip
    return sample


def access_sample(session: Session, actor: Actor, sample_id: int, *, lock: bool = False) -> tuple[QualitySample, Case]:
    """A case that was picked within the actor's caisses, or not found."""
    found = session.get(QualitySample, sample_id, with_for_update=lock)
    if found is None or found.caisse not in actor.caisses:
        raise NotFound("Cette relecture n’existe pas dans votre périmètre.")
    return found, session.get_one(Case, found.case_id)


def samples(
    session: Session, actor: Actor, *, reviewed: bool, size: int, offset: int
) -> list[tuple[QualitySample, Case]]:
    """What chance picked: what is left to read, the oldest week first; or what was read, the latest first."""
    query = select(QualitySample, Case).join(Case, Case.id == QualitySample.case_id)
    order: tuple[Any, ...] = (QualitySample.reviewed_at.desc(),) if reviewed else (QualitySample.week, QualitySample.id)
    rows = session.execute(query.where(*_asked(actor, reviewed)).order_by(*order).limit(size).offset(offset))
    return [(row.QualitySample, row.Case) for row in rows]


def count_samples(session: Session, actor: Actor, *, reviewed: bool) -> int:
    """How many there are."""
    return session.scalar(select(func.count()).select_from(QualitySample).where(*_asked(actor, reviewed))) or 0


def _asked(actor: Actor, reviewed: bool) -> list[Any]:
    read = QualitySample.reviewed_at.is_not(None) if reviewed else QualitySample.reviewed_at.is_(None)
    return [QualitySample.caisse.in_(sorted(actor.caisses)), read]
